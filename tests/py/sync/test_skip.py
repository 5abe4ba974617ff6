# SPDX-License-Identifier: MIT
"""Rows of models with kafka_skip, on the paths that SQLite has: what a connector sees of each change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from django_kafka import producer
from tests.py.sync.helpers import message, topic_of
from tests.synced.models import Customer, Skipping, SkippingPart, contents


@pytest.fixture(params=["bulk", "instances"])
def path(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def deleted() -> Iterator[list[tuple[int, bool]]]:
    """The rows that were deleted, as they were before."""
    seen: list[tuple[int, bool]] = []

    def watch(execute: Any, sql: Any, *args: Any) -> Any:
        if not sql.startswith("DELETE"):
            return execute(sql, *args)
        before = {row["id"]: row["kafka_skip"] for row in contents(Skipping)}
        result = execute(sql, *args)
        left = {row["id"] for row in contents(Skipping)}
        seen.extend((pk, flag) for pk, flag in before.items() if pk not in left)
        return result

    with connection.execute_wrapper(watch):
        yield seen


def flags() -> dict[int, bool]:
    return {row["id"]: row["kafka_skip"] for row in contents(Skipping)}


def row(n: int, **values: Any) -> Any:
    return message({"id": n}, {"id": n, **values})


def test_both_paths_are_possible(path: str) -> None:
    """The methods of KafkaConnectSkipModel are none of the project's own."""
    assert topic_of(Skipping).plan().path == "bulk"
    assert topic_of(Skipping, sync_mode=path).plan().path == path
    assert "save() is the model's own" in topic_of(SkippingPart).plan().explain()


def test_synced_rows_are_marked(path: str) -> None:
    Skipping.objects.create(id=1)
    topic_of(Skipping, sync_mode=path).consume_batch([row(1, name="a"), row(2, kafka_skip=False), row(3)])
    assert flags() == {1: True, 2: True, 3: True}


@pytest.mark.parametrize("count", [1, 3])
def test_synced_deletions_are_marked(path: str, count: int, deleted: Any) -> None:
    for n in range(count):
        Skipping.objects.create(id=n)
    topic_of(Skipping, sync_mode=path).consume_batch([message({"id": n}) for n in range(count)])
    assert deleted == [(n, True) for n in range(count)]


def test_a_row_that_is_deleted_and_written_again(path: str, deleted: Any) -> None:
    Skipping.objects.create(id=1)
    topic_of(Skipping, sync_mode=path).consume_batch([message({"id": 1}), row(1, name="again")])
    assert (deleted, flags()) == ([(1, True)], {1: True})


def test_without_sync_kafka_skip_rows_are_the_projects_own(path: str, deleted: Any) -> None:
    """As since django-kafka 1.1, where suppression says what is left out."""
    topic = topic_of(Skipping, sync_mode=path, sync_kafka_skip=False)
    for n in (1, 2):
        Skipping.objects.create(id=n, kafka_skip=True)
    topic.consume_batch([row(1, name="a"), message({"id": 2})])
    assert (flags(), deleted) == ({1: False}, [(2, False)])
    Skipping.objects.create(id=2)
    with producer.suppress():
        topic.consume_batch([row(1, name="b"), row(3), message({"id": 2})])
    assert (flags(), deleted[1:]) == ({1: True, 3: True}, [(2, True)])


def test_one_message_at_a_time(deleted: Any) -> None:
    topic = topic_of(Skipping)
    topic.consume(row(1, name="a"))
    Skipping.objects.update(name="own")
    assert flags() == {1: False}
    topic.consume(message({"id": 1}))
    assert deleted == [(1, True)]


def test_rows_that_a_synced_deletion_takes_along() -> None:
    """Both sides do it themselves: it is no change to be sent."""
    seen = []

    def watch(execute: Any, sql: Any, *args: Any) -> Any:
        if sql.startswith("DELETE") and "skippingpart" in sql:
            seen.extend(item["kafka_skip"] for item in contents(SkippingPart))
        return execute(sql, *args)

    customer = Customer.objects.create()
    SkippingPart.objects.create(customer=customer)
    with connection.execute_wrapper(watch):
        topic_of(Customer).consume_batch([message({"id": customer.pk}), message({"id": 99})])
    assert seen == [False]  # of a model without the flag: nobody can say whose deletion it is
    assert contents(SkippingPart) == []
