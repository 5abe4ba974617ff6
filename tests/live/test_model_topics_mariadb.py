# SPDX-License-Identifier: MIT
"""Model topics on a real MariaDB: the bulk path, where it can be taken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pymysql
import pytest
from django.db import IntegrityError, connections
from hypothesis import given, settings

import tests.django_project  # noqa: F401
from django_kafka.exceptions import ModelSyncError
from tests.py.sync.helpers import message, topic_of
from tests.py.sync.histories import histories
from tests.py.sync.test_equivalence import LIMITS, compare
from tests.synced.models import Customer, Order, contents, empty_tables

pymysql.install_as_MySQLdb()


@pytest.fixture
def alias(maria: str) -> Iterator[str]:
    yield maria
    empty_tables(maria)


def row(n: int, **values: Any) -> Any:
    return message({"id": n}, {"id": n, **values}, offset=n)


def test_all_paths_are_equal(alias: str) -> None:
    @settings(LIMITS, max_examples=40)
    @given(histories())
    def check(history: Any) -> None:
        compare(history, alias)

    check()


def test_bulk_is_taken_for_a_table_with_a_primary_key_alone(alias: str) -> None:
    topic = topic_of(Order, using=alias)
    assert topic.plan().path == "bulk"
    topic.consume_batch([row(1, name="a"), row(2, note="b"), row(1, number=5), message({"id": 2})])
    topic.consume_batch([row(1, name="c"), row(3)])
    assert [(r["id"], r["name"], r["number"]) for r in contents(Order, alias)] == [(1, "c", 5), (3, "new", 7)]


def test_another_unique_constraint_does_not_overwrite_another_row(alias: str) -> None:
    """MySQL's upsert updates whatever row agrees in any unique constraint."""
    topic = topic_of(Customer, using=alias)
    assert topic.plan().path == "instances"
    assert "cannot upsert by one of several unique constraints" in topic.plan().explain()
    topic.consume_batch([row(1, code="a"), row(2, code="b")])
    with pytest.raises(IntegrityError):
        topic.consume_batch([row(3, code="a"), row(4, code="c")])
    assert [(r["id"], r["code"]) for r in contents(Customer, alias)] == [(1, "a"), (2, "b")]


@pytest.fixture
def any_case(alias: str) -> Iterator[None]:
    """Names of orders do not tell `a` from `A`."""
    table = Order._meta.db_table
    change = f"ALTER TABLE {table} MODIFY name varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_{{}} NOT NULL"
    with connections[alias].cursor() as cursor:
        cursor.execute(change.format("general_ci"))
        yield
        cursor.execute(change.format("bin"))


@pytest.mark.usefixtures("any_case")
def test_a_row_whose_key_differs_in_letter_case_is_there(alias: str) -> None:
    """Of one that is not, none is made without a large value that was not sent."""
    topic = topic_of(Order, using=alias, get_lookup_kwargs=lambda self, model, key, value: {"name": value["name"]})
    unsent = {"note": "__debezium_unavailable_value"}
    topic.consume_batch([row(1, name="a", note="known"), row(2, name="b", note="known")])
    topic.consume_batch([row(1, name="A", **unsent), row(2, name="b", **unsent)])
    with pytest.raises(ModelSyncError, match=r"Order\.note: .* REPLICA IDENTITY FULL"):
        topic.consume_batch([row(1, name="A", **unsent), row(3, name="c", **unsent)])
    found = [(r["id"], r["name"], r["note"]) for r in contents(Order, alias)]
    assert found == [(1, "A", "known"), (2, "b", "known")]
