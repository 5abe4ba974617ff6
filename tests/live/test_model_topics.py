# SPDX-License-Identifier: MIT
"""Model topics on a real PostgreSQL."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.postgres.signals import register_type_handlers
from django.db import DataError, IntegrityError, connections, transaction
from django.db.backends.postgresql.psycopg_any import DateRange, NumericRange
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange as TimestamptzRange
from hypothesis import given

import tests.django_project  # noqa: F401
from django_kafka.exceptions import ModelSyncError
from tests.live.model_tables import QUOTED, Quoted, Special, own_database
from tests.live.servers import PostgresServer
from tests.py.sync.helpers import message, topic_of
from tests.py.sync.histories import histories
from tests.py.sync.test_equivalence import LIMITS, compare
from tests.synced.models import Customer, Order, contents, empty_tables, make_tables


@pytest.fixture(scope="module")
def pg(shared_postgres: PostgresServer) -> Iterator[str]:
    with own_database(shared_postgres, "models", f"CREATE EXTENSION hstore; {QUOTED}", alias="pg") as alias:
        register_type_handlers(connections[alias])  # as the app django.contrib.postgres does
        make_tables(alias)
        with connections[alias].schema_editor() as editor:
            editor.create_model(Special)
        yield alias


@pytest.fixture
def alias(pg: str) -> Iterator[str]:
    yield pg
    empty_tables(pg)
    Special.objects.using(pg).all().delete()
    Quoted.objects.using(pg).all().delete()


@pytest.fixture(params=["copy", "bulk", "instances"])
def path(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def row(n: int, **values: Any) -> Any:
    return message({"id": n}, {"id": n, **values}, offset=n)


@pytest.mark.usefixtures("copy_form")
def test_all_paths_are_equal(alias: str) -> None:
    @LIMITS
    @given(histories())
    def check(history: Any) -> None:
        compare(history, alias)

    check()


def test_columns_of_postgresql(alias: str, path: str) -> None:
    topic = topic_of(Special, sync_mode=path, using=alias)
    unavailable = "__debezium_unavailable_value"
    full = row(
        1,
        tags=["a", None, "c d"],
        days=[0, None, 19782],
        numbers=[1, None],
        pairs='{"a": "1", "b": null}',
        ages="[1,10)",
        prices="(,19.99]",
        dates="empty",
        moments='["2024-02-29 12:00:00+00",)',
        address="192.168.0.1",
    )
    untouched = row(
        1,
        tags=[unavailable],
        days=None,
        numbers=list(unavailable.encode()),
        pairs={unavailable: unavailable},
        short="abc",
    )
    topic.consume_batch([full, row(2, pairs={"x": "y"}, dates="[2024-01-01,2024-02-01)")])
    topic.consume_batch([untouched, row(3)])
    first, second, third = Special.objects.using(alias).order_by("pk")
    assert (first.tags, first.days, first.numbers) == (["a", None, "c d"], None, [1, None])
    assert (first.pairs, first.short, first.address) == ({"a": "1", "b": None}, "abc", "192.168.0.1")
    assert (first.ages, first.prices) == (NumericRange(1, 10), NumericRange(None, Decimal("19.99"), "(]"))
    assert first.dates == DateRange(empty=True)
    assert first.moments == TimestamptzRange(dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC), None, "[)")
    assert (second.pairs, second.dates) == ({"x": "y"}, DateRange(dt.date(2024, 1, 1), dt.date(2024, 2, 1)))
    assert third.numbers == []


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"short": "abcd"}, r"Special\.short: 'abcd' is not a text of at most 3 characters"),
        ({"tiny": 40000}, r"Special\.tiny: 40000 is not an integer of -32768 to 32767"),
        ({"price": "1000.5"}, r"Special\.price: '1000.5' is not a decimal number with at most 3 digits before"),
        ({"tags": "a"}, r"Special\.tags: 'a' is not a list"),
        ({"numbers": ["x"]}, r"Special\.numbers: list of 1 is not an integer"),
        ({"ages": "many"}, r"Special\.ages: 'many' is not a range"),
        ({"pairs": "x"}, r"Special\.pairs: 'x' is not a map"),
        ({"numbers": None}, r"Special\.numbers: None is not a value, as the field may not be null"),
    ],
)
def test_values_that_do_not_fit_are_named(alias: str, values: Any, text: str) -> None:
    with pytest.raises(ModelSyncError, match=rf"^Topic orders, partition 0, offset 5: {text}"):
        topic_of(Special, using=alias).consume_batch([row(1), row(5, **values)])


def test_a_missing_parent_is_found_inside_of_a_transaction_around_it(alias: str, path: str) -> None:
    """PostgreSQL checks Django's foreign keys when the transaction ends: too late to tell whose fault it was."""
    topic = topic_of(Order, sync_mode=path, using=alias)
    with pytest.raises(IntegrityError), transaction.atomic(using=alias):
        with transaction.atomic(using=alias):
            topic.consume_batch([row(1), row(2, customer_id=9)])
        pytest.fail("the batch was taken for written")
    with pytest.raises(IntegrityError):
        topic.consume_batch([row(1), row(2, customer_id=9)])
    assert contents(Order, alias) == []
    topic_of(Customer, using=alias).consume(row(9))
    topic.consume_batch([row(1), row(2, customer_id=9)])
    assert len(contents(Order, alias)) == 2


def test_what_only_the_database_refuses_names_the_messages(alias: str, path: str) -> None:
    topic = topic_of(Customer, sync_mode=path, using=alias)
    with pytest.raises(IntegrityError) as caught:
        topic.consume_batch([row(1, code="a"), row(2, code="a")])
    assert any("orders, partition 0, offset 2" in note for note in caught.value.__notes__)
    with pytest.raises((DataError, ValueError)):
        topic.consume_batch([row(3, name="\0")])


def test_schemas_quoted_names_and_partitions(alias: str, path: str) -> None:
    topic = topic_of(Quoted, sync_mode=path, using=alias)
    topic.consume_batch([row(1, what="a"), row(200, what="b"), row(1, **{"The What": "c"})])
    topic.consume_batch([message({"id": 200}), row(300, what="d")])
    topic.consume(row(300, what="e"))
    assert [(r["id"], r["what"]) for r in contents(Quoted, alias)] == [(1, "c"), (300, "e")]
