# SPDX-License-Identifier: MIT
"""Few rows as arrays: when that is done, what the server sees of it, and that the types are kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest
from django.contrib.postgres.fields import ArrayField
from django.db import DataError, connections, models, transaction
from django.db.backends.postgresql.psycopg_any import is_psycopg3
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

import tests.django_project  # noqa: F401
from django_kafka.sync import bulk, copy, instances
from django_kafka.sync.copying import copying_of
from django_kafka.utils.message import Message
from tests.live.model_tables import database
from tests.live.servers import PostgresServer
from tests.py.sync.helpers import JSONModelTopic
from tests.py.sync.test_equivalence import LIMITS
from tests.synced.models import Base

pytestmark = pytest.mark.skipif(not is_psycopg3, reason="psycopg2 has no binary parameters")


class FewRows(Base):
    """Types that change what they are given."""

    id = models.IntegerField(primary_key=True)
    code = models.CharField(max_length=3, null=True)
    price = models.DecimalField(max_digits=7, decimal_places=2, null=True)
    at = models.DateTimeField(null=True)
    hour = models.TimeField(null=True)
    word = models.TextField(null=True)
    changed = models.DateTimeField(auto_now=True)
    note = models.TextField(default="none")

    class Meta(Base.Meta):
        abstract = False
        managed = False
        db_table = "narrow"


class Tagged(Base):
    id = models.IntegerField(primary_key=True)
    tags = ArrayField(models.TextField(), default=list)

    class Meta(Base.Meta):
        abstract = False
        managed = False
        db_table = "tagged"


DDL = """
CREATE TABLE narrow (
    id integer PRIMARY KEY, code varchar(3), price numeric(7, 2), at timestamp(0) with time zone,
    hour time(0), word text, changed timestamptz NOT NULL, note text NOT NULL
);
CREATE TABLE tagged (id integer PRIMARY KEY, tags text[] NOT NULL);
"""
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "binding": {"server_side_binding": True},
    "prepared": {"prepare_threshold": 2},
}


@pytest.fixture(scope="module")
def server(shared_postgres: PostgresServer) -> Iterator[dict[str, Any]]:
    shared_postgres.psql("CREATE DATABASE few_rows", database="postgres")
    shared_postgres.psql(DDL, database="few_rows")
    yield {**shared_postgres.django_settings(), "NAME": "few_rows"}
    shared_postgres.psql("DROP DATABASE few_rows WITH (FORCE)", database="postgres")


@pytest.fixture(params=OPTIONS)
def alias(request: pytest.FixtureRequest, server: dict[str, Any]) -> Iterator[str]:
    with database("few_rows", {**server, "OPTIONS": OPTIONS[request.param]}) as name:
        FewRows.objects.using(name).all().delete()
        Tagged.objects.using(name).all().delete()
        connections[name].close()  # the next one has no temporary table
        yield name


def topic_of(alias: str, model: Any = FewRows, **members: Any) -> Any:
    members = {"model": model, "using": alias, "sync_mode": "copy", **members}
    return type("Topic", (JSONModelTopic,), members)()


def row(number: int, **values: Any) -> Message:
    value = {"id": number, "code": None, "price": None, "at": None, "hour": None, "word": None, **values}
    return Message("orders", b'{"id":%d}' % number, json.dumps(value).encode(), None, offset=number, partition=0)


def tagged(number: int) -> Message:
    value = b'{"id":%d,"tags":["a","b"]}' % number
    return Message("orders", b'{"id":%d}' % number, value, None, offset=number, partition=0)


def gone(number: int) -> Message:
    return Message("orders", b'{"id":%d}' % number, None, None, offset=number, partition=0)


def asked(alias: str, sql: str) -> Any:
    with connections[alias].cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def tables(alias: str) -> int:
    """How many temporary tables the connection has."""
    count: int = asked(alias, "SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema()")
    return count


@pytest.fixture
def by_engine() -> Iterator[None]:
    with mock.patch.object(bulk, "write", side_effect=AssertionError):
        yield


# ---- when it is done -----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("by_engine")
def test_few_rows_need_no_table(alias: str) -> None:
    topic = topic_of(alias)
    topic.consume_batch([row(n, code="a") for n in range(copy.MOST_ROWS)])
    topic.consume_batch([*(gone(n) for n in range(2, copy.MOST_ROWS)), row(1, code="b")])
    assert list(FewRows.objects.using(alias).order_by("id").values_list("id", "code")) == [(0, "a"), (1, "b")]
    assert tables(alias) == 0


@pytest.mark.usefixtures("by_engine")
def test_a_message_that_is_alone(alias: str) -> None:
    """As it is in a quiet topic: on the copy path, too, unless that would be slower."""
    topic = topic_of(alias, sync_mode="auto")
    with mock.patch.object(instances, "write", side_effect=AssertionError):
        topic.consume_batch([row(1, code="a")])
        topic.consume_batch([row(2, code="b")])
        topic.consume_batch([gone(1)])
    assert list(FewRows.objects.using(alias).values_list("id", "code")) == [(2, "b")]
    topic_of(alias, Tagged, sync_mode="auto").consume_batch([tagged(1)])
    assert [one.tags for one in Tagged.objects.using(alias)] == [["a", "b"]]
    assert tables(alias) == 0


@pytest.mark.usefixtures("by_engine")
def test_many_rows_and_large_ones_go_through_a_table(alias: str) -> None:
    topic_of(alias).consume_batch([row(n) for n in range(copy.MOST_ROWS + 1)])
    assert tables(alias) > 0
    connections[alias].close()
    topic_of(alias).consume_batch([row(n, word="x" * copy.MOST_BYTES) for n in range(2)])
    assert tables(alias) > 0
    assert FewRows.objects.using(alias).count() == copy.MOST_ROWS + 1


@pytest.mark.usefixtures("by_engine")
def test_arrays_of_arrays_go_through_a_table(alias: str) -> None:
    topic_of(alias, Tagged).consume_batch([tagged(1), tagged(2)])
    assert tables(alias) > 0
    assert [one.tags for one in Tagged.objects.using(alias)] == [["a", "b"]] * 2


# ---- what the server sees ------------------------------------------------------------------------------------------


def test_statements_are_logged_and_wrapped(alias: str) -> None:
    topic, seen = topic_of(alias), []

    def wrapper(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        seen.append(sql)
        return execute(sql, *rest)

    topic.consume_batch([row(1), row(2)])
    connection = connections[alias]
    with CaptureQueriesContext(connection) as captured, connection.execute_wrapper(wrapper):
        topic.consume_batch([row(1, code="b"), row(3), gone(2)])
    for statement in ("INSERT INTO", "DELETE FROM"):
        assert [sql for sql in seen if sql.startswith(statement)], seen
        assert [query for query in captured if query["sql"].startswith(statement)], captured.captured_queries


def test_statements_are_prepared_as_the_connection_says(alias: str, request: pytest.FixtureRequest) -> None:
    """None of them is unless asked for: a pooler may give each transaction another connection."""
    topic = topic_of(alias)
    for turn in range(8):
        topic.consume_batch([row(1, code=str(turn)), row(2)])
    prepared = asked(alias, "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'INSERT%unnest%'")
    assert prepared == (request.node.callspec.params["alias"] == "prepared")


def test_a_large_table_is_not_read_whole(alias: str) -> None:
    topic = topic_of(alias)
    topic.consume_batch([row(1), row(2)])
    (copied,) = copying_of(topic, FewRows, alias).layouts.values()
    sql = copied.writer.through_arrays
    result = copied.plan.run([*(row(n) for n in range(20)), *(gone(n) for n in range(100, 120))])
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        cursor.execute("INSERT INTO narrow (id, changed, note) SELECT n, now(), '' FROM generate_series(3, 20000) n")
        cursor.execute("ANALYZE narrow")
        for use, statement in ((sql.source.with_keys, sql.delete), (sql.source.with_rows, sql.update)):
            with use(result, careful=True) as (few, given):
                few.execute(f"EXPLAIN {statement}", {**sql.parameters(), **given})
                plan = "\n".join(line for (line,) in few.fetchall())
            assert "Seq Scan on narrow" not in plan
        transaction.set_rollback(True, using=alias)


# ---- types ---------------------------------------------------------------------------------------------------------

_rows = st.fixed_dictionaries(
    {
        "code": st.none() | st.text("ab ", max_size=3),
        "price": st.none() | st.decimals("-99999.994", "99999.994", places=3).map(str),
        "at": st.none()
        | st.sampled_from(["2024-02-29T12:00:00.5Z", "2024-02-29T12:00:00.499999Z", "2024-03-01T00:00:00Z"]),
        "hour": st.none() | st.sampled_from(["12:00:00.5", "12:00:00.499999", "23:59:59"]),
    }
)
_histories = st.lists(st.tuples(st.integers(1, 4), st.none() | _rows), min_size=2, max_size=12)


def test_both_forms_write_the_same(alias: str) -> None:
    def table(most: int, first: list[Any], second: list[Any]) -> Any:
        with mock.patch.object(copy, "MOST_ROWS", most), transaction.atomic(using=alias):
            for history in (first, second):
                messages = [gone(n) if values is None else row(n, **values) for n, values in history]
                topic_of(alias).consume_batch(messages)
            with connections[alias].cursor() as cursor:
                cursor.execute("SELECT id, code, price, at, hour, note FROM narrow ORDER BY id")
                found = cursor.fetchall()
            transaction.set_rollback(True, using=alias)
        return found

    @LIMITS
    @given(_histories, _histories)
    def check(first: list[Any], second: list[Any]) -> None:
        assert table(500, first, second) == table(0, first, second)

    check()


def test_what_the_database_refuses(alias: str) -> None:
    """Its errors are Django's, and nothing is written."""
    with connections[alias].cursor() as cursor:
        cursor.execute("ALTER TABLE narrow ADD CONSTRAINT tidy CHECK (100 / (length(word) - 3) > 0)")
    try:
        with pytest.raises(DataError, match="division by zero"):
            topic_of(alias).consume_batch([row(1, word="long enough"), row(2, word="abc")])
        assert not FewRows.objects.using(alias).exists()
    finally:
        with connections[alias].cursor() as cursor:
            cursor.execute("ALTER TABLE narrow DROP CONSTRAINT tidy")


def test_what_no_message_has(alias: str) -> None:
    topic = topic_of(alias)
    topic.consume_batch([row(1), row(2)])
    before = FewRows.objects.using(alias).get(id=1)
    topic.consume_batch([row(1), row(3)])
    after = FewRows.objects.using(alias).get(id=1)
    assert (after.note, after.changed > before.changed) == ("none", True)
