# SPDX-License-Identifier: MIT
"""In which order the copy path writes the rows of a batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from django.db import connections

import tests.django_project  # noqa: F401
from django_kafka.sync import bulk
from tests.live.model_tables import own_database
from tests.live.servers import PostgresServer
from tests.py.sync.helpers import message, topic_of
from tests.synced.models import Customer, empty_tables, make_tables

pytestmark = pytest.mark.usefixtures("copy_form")


@pytest.fixture(scope="module")
def pg(shared_postgres: PostgresServer) -> Iterator[str]:
    with own_database(shared_postgres, "copy_order", alias="ordered") as alias:
        make_tables(alias)
        yield alias


@pytest.fixture
def alias(pg: str) -> Iterator[str]:
    yield pg
    connections[pg].close()
    empty_tables(pg)


def _in_place(alias: str, sql: str) -> list[Any]:
    with connections[alias].cursor() as cursor:
        cursor.execute(sql)
        return [value for (value,) in cursor.fetchall()]


def _copied(topic: Any, messages: list[Any]) -> None:
    with mock.patch.object(bulk, "write", side_effect=AssertionError):
        topic.consume_batch(messages)


def test_rows_are_written_by_key(alias: str) -> None:
    """Messages of several partitions come by turns, so neighbours would lie far apart in table and index."""
    numbers = [number for partition in range(3) for number in range(partition + 1, 60, 3)]
    topic = topic_of(Customer, using=alias, sync_mode="copy")
    _copied(topic, [message({"id": n}, {"id": n, "name": str(n), "code": f"c{n}"}) for n in numbers])
    assert _in_place(alias, "SELECT id FROM synced_customer ORDER BY ctid") == sorted(numbers)
