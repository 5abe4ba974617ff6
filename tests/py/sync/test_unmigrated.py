# SPDX-License-Identifier: MIT
"""A table that is not there, or lacks a column, is not a message's fault."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, models
from django.db.utils import IntegrityError

from django_kafka.exceptions import TableNotMigrated, UnavailableError
from tests.py.sync.helpers import message, topic_of
from tests.synced.models import Base, Customer


class Missing(Base):
    name = models.CharField(max_length=20)


class Grown(Base):
    """Its table lacks the second column."""

    name = models.CharField(max_length=20, default="")
    added = models.IntegerField(default=0)


@pytest.fixture(autouse=True)
def _grown() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {Grown._meta.db_table} (id integer PRIMARY KEY, name varchar(20))")
    yield
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {Grown._meta.db_table}")


@pytest.mark.parametrize("mode", ["auto", "bulk", "instances"])
@pytest.mark.parametrize("model", [Missing, Grown])
def test_messages_wait_until_the_table_is_migrated(model: Any, mode: str) -> None:
    topic = topic_of(model, sync_mode=mode)
    messages = [message({"id": n}, {"id": n, "name": "a"}) for n in range(3)]
    for call in (lambda: topic.consume_batch(messages), lambda: topic.consume(messages[0])):
        with pytest.raises(TableNotMigrated, match=rf"The table of synced\.{model.__name__} .*manage\.py migrate"):
            call()
    assert issubclass(TableNotMigrated, UnavailableError)  # which no message is to blame for


def test_other_errors_of_the_database_stay() -> None:
    Customer.objects.create(id=7, code="a")
    with pytest.raises(IntegrityError):
        topic_of(Customer).consume_batch([message({"id": n}, {"id": n, "code": "a"}) for n in (1, 2)])
