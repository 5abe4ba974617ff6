# SPDX-License-Identifier: MIT
"""The copy path with primary keys of several columns: the message's key says which row it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import django
import pytest
from django.db import connections, transaction
from hypothesis import given
from hypothesis import strategies as st

import tests.django_project  # noqa: F401
from django_kafka.sync import bulk
from django_kafka.sync.copying import copying_of
from django_kafka.utils.message import Message
from tests.live.model_tables import own_database
from tests.live.servers import PostgresServer
from tests.live.test_copy_path import WRITTEN, AvroModelTopic
from tests.py.sync.helpers import DbzJSONTopic, JSONModelTopic, message
from tests.py.sync.test_equivalence import LIMITS
from tests.synced import models
from tests.synced.models import contents, empty_tables, make_tables

pytestmark = pytest.mark.usefixtures("copy_form")

pytestmark = pytest.mark.skipif(django.VERSION < (5, 2), reason="Django has no composite primary keys")

NUMBER, TENANT = {"name": "number", "type": "int"}, {"name": "tenant", "type": "int"}
NAME = {"name": "name", "type": "string"}
DELETED = {"name": "__deleted", "type": ["null", "string"], "default": None}
# In another order than that of the model's.
KEY = {"type": "record", "name": "Key", "fields": [NUMBER, TENANT]}
LONG_KEY = {"type": "record", "name": "Key", "fields": [NUMBER, TENANT, NAME]}
VALUE = {"type": "record", "name": "Value", "fields": [NAME, NUMBER, TENANT, DELETED]}


@pytest.fixture(scope="module")
def pg(shared_postgres: PostgresServer) -> Iterator[str]:
    with own_database(shared_postgres, "copy_compound") as alias:
        make_tables(alias)
        yield alias


@pytest.fixture
def alias(pg: str) -> Iterator[str]:
    yield pg
    connections[pg].close()
    empty_tables(pg)


def avro(tenant: int, number: int, name: str | None, offset: int = 0, deleted: str | None = None) -> Message:
    key = WRITTEN.bytes_of(KEY, {"number": number, "tenant": tenant})
    row = {"name": name, "number": number, "tenant": tenant, "__deleted": deleted}
    data = None if name is None else WRITTEN.bytes_of(VALUE, row)
    return Message("orders", key, data, None, offset=offset, partition=0)


def as_json(tenant: int, number: int, name: str | None, offset: int = 0, deleted: str | None = None) -> Message:
    key = {"number": number, "tenant": tenant}
    return message(key, None if name is None else {"name": name, **key, "__deleted": deleted}, offset=offset)


FORMS: list[Any] = [(AvroModelTopic, avro), (JSONModelTopic, as_json), (DbzJSONTopic, as_json)]
in_each_form = pytest.mark.parametrize(("base", "make"), FORMS, ids=["avro", "json", "debezium"])


def topic_of(base: Any, alias: str, mode: str = "copy") -> Any:
    return type("Topic", (base,), {"model": models.Compound, "using": alias, "sync_mode": mode})()


def rows(alias: str) -> list[tuple[int, int, str]]:
    return [(row["tenant"], row["number"], row["name"]) for row in contents(models.Compound, alias)]


events = st.tuples(
    st.integers(1, 3),
    st.integers(1, 3),
    st.none() | st.text("abc", max_size=3),
    st.sampled_from([None, "false", "true"]),
)


@in_each_form
def test_the_table_is_the_same_on_all_paths(alias: str, base: Any, make: Callable[..., Message]) -> None:
    def table(mode: str, batches: list[list[Any]]) -> list[tuple[int, int, str]]:
        topic = topic_of(base, alias, mode)
        with transaction.atomic(using=alias):
            for batch in batches:
                topic.consume_batch(
                    [make(tenant, number, name, n, gone) for n, (tenant, number, name, gone) in enumerate(batch)]
                )
            found = rows(alias)
            transaction.set_rollback(True, using=alias)
        return found

    @LIMITS
    @given(st.lists(st.lists(events, min_size=1, max_size=8), min_size=1, max_size=3))
    def check(batches: list[list[Any]]) -> None:
        assert table("copy", batches) == table("instances", batches) == table("bulk", batches)

    check()


@in_each_form
def test_no_message_comes_to_python(alias: str, base: Any, make: Callable[..., Message]) -> None:
    topic = topic_of(base, alias, "auto")
    assert topic.plan().path == "copy"
    with mock.patch.object(bulk, "write", side_effect=AssertionError):
        topic.consume_batch([make(tenant, n, f"{tenant}/{n}") for tenant in (1, 2) for n in (1, 2, 3)])
        topic.consume_batch([make(1, 2, None), make(2, 1, "gone", deleted="true"), make(2, 3, "new")])
    assert rows(alias) == [(1, 1, "1/1"), (1, 3, "1/3"), (2, 2, "2/2"), (2, 3, "new")]


def test_keys_with_other_fields_find_rows_as_on_the_other_paths(alias: str) -> None:
    """What is looked up is the whole key: there is a row (1, 1), but none that is also called so."""

    def row(name: str, looked_up: str) -> Message:
        key = WRITTEN.bytes_of(LONG_KEY, {"number": 1, "tenant": 1, "name": looked_up})
        value = {"name": name, "number": 1, "tenant": 1, "__deleted": None}
        return Message("orders", key, WRITTEN.bytes_of(VALUE, value), None, offset=0, partition=0)

    def deleted(looked_up: str) -> Message:
        return Message("orders", row("", looked_up).key(), None, None, offset=1, partition=0)

    topic = topic_of(AvroModelTopic, alias)
    topic.consume_batch([avro(1, 1, "a"), avro(2, 2, "b")])
    topic.consume_batch([row("c", "a"), deleted("a")])
    assert rows(alias) == [(1, 1, "c"), (2, 2, "b")]
    topic.consume_batch([deleted("c"), avro(2, 2, "d")])
    assert rows(alias) == [(2, 2, "d")]


def test_a_large_table_is_not_read_whole(alias: str) -> None:
    topic = topic_of(AvroModelTopic, alias)
    topic.consume_batch([avro(0, 0, "a"), avro(9, 9, "a")])
    (copied,) = copying_of(topic, models.Compound, alias).layouts.values()
    sql = copied.writer.through_tables
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        cursor.execute("INSERT INTO synced_compound SELECT n % 5, n, 'a' FROM generate_series(1, 50000) AS n")
        cursor.execute("ANALYZE synced_compound")
        copied.writer.prepare()
        cursor.execute(f"INSERT INTO {sql.source.keys} SELECT n % 5, n FROM generate_series(1, 1000) AS n")
        cursor.execute("EXPLAIN " + sql.delete)
        plan = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute(sql.delete)
        assert cursor.rowcount == 1000
    assert "Seq Scan on synced_compound" not in plan
    assert len(rows(alias)) == 49_002
