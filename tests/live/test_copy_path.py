# SPDX-License-Identifier: MIT
"""The copy path on a real PostgreSQL: the same table as on the other paths, and what it does to the server."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from unittest import mock

import fastavro
import pytest
from django.db import IntegrityError, connections, models, transaction
from hypothesis import given
from hypothesis import strategies as st

import tests.django_project  # noqa: F401
from django_kafka.exceptions import ModelSyncError
from django_kafka.schema.registry import WriterSchema
from django_kafka.sync import batch, bulk
from django_kafka.sync.copying import copying_of
from django_kafka.topic.avro import AvroTopicConsumer
from django_kafka.topic.model import ModelTopicConsumer
from django_kafka.utils.message import Message
from tests.live.model_tables import own_database
from tests.live.servers import PostgresServer
from tests.py.sync.helpers import message, topic_of
from tests.py.sync.histories import EXACT
from tests.py.sync.test_equivalence import LIMITS
from tests.synced.models import Base, Customer, Line, Order, Renamed, contents, empty_tables, make_tables

pytestmark = pytest.mark.usefixtures("copy_form")


class Everything(Base):
    """A column of each kind that the engine writes, none of which can be left out."""

    id = models.BigIntegerField(primary_key=True)
    flag = models.BooleanField()
    small = models.SmallIntegerField()
    number = models.IntegerField(null=True)
    big = models.BigIntegerField()
    real = models.FloatField(null=True)
    price = models.DecimalField(max_digits=12, decimal_places=3, null=True)
    name = models.CharField(max_length=12)
    note = models.TextField(null=True)
    blob = models.BinaryField(null=True)
    day = models.DateField(null=True)
    hour = models.TimeField(null=True)
    at = models.DateTimeField()
    took = models.DurationField(null=True)
    ref = models.UUIDField(null=True)
    data = models.JSONField()


def _connect(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "connect.name": name, "connect.version": 1, **more}


def _optional(kind: Any) -> dict[str, Any]:
    return {"type": ["null", kind], "default": None}


FIELDS: dict[str, Any] = {
    "id": {"type": "long"},
    "flag": {"type": "boolean"},
    "small": {"type": _connect("int", "int16")},
    "number": _optional("int"),
    "big": {"type": "long"},
    "real": _optional("double"),
    "price": _optional(
        {
            **_connect("bytes", "org.apache.kafka.connect.data.Decimal"),
            "logicalType": "decimal",
            "scale": 3,
            "precision": 12,
        }
    ),
    "name": {"type": "string"},
    "note": _optional("string"),
    "blob": _optional("bytes"),
    "day": _optional(_connect("int", "io.debezium.time.Date")),
    "hour": _optional(_connect("long", "io.debezium.time.MicroTime")),
    "at": {"type": _connect("string", "io.debezium.time.ZonedTimestamp")},
    "took": _optional(_connect("long", "io.debezium.time.MicroDuration")),
    "ref": _optional(_connect("string", "io.debezium.data.Uuid")),
    "data": {"type": _connect("string", "io.debezium.data.Json")},
    "__deleted": _optional("string"),
}
KEY = {"type": "record", "name": "Key", "fields": [{"name": "id", "type": "long"}]}


def schema_of(*without: str, **more: Any) -> dict[str, Any]:
    names = {name: kind for name, kind in {**FIELDS, **more}.items() if name not in without}
    return {"type": "record", "name": "Value", "fields": [{"name": name, **kind} for name, kind in names.items()]}


class Written:
    """Schemas with their ids, and messages that were written with them."""

    def __init__(self) -> None:
        self.schemas: list[Any] = []

    def id_of(self, schema: Any) -> int:
        if schema not in self.schemas:
            self.schemas.append(schema)
        return self.schemas.index(schema)

    def bytes_of(self, schema: Any, value: Any) -> bytes:
        out = io.BytesIO()
        out.write(b"\0" + self.id_of(schema).to_bytes(4, "big"))
        fastavro.schemaless_writer(out, fastavro.parse_schema(json.loads(json.dumps(schema))), value)
        return out.getvalue()

    def message(self, schema: Any, value: Any, offset: int = 0, key: Any = None) -> Message:
        key = {"id": value["id"]} if key is None else key
        data = None if value is None else self.bytes_of(schema, value)
        return Message("orders", self.bytes_of(KEY, key), data, None, offset=offset, partition=0)


WRITTEN = Written()


class AvroModelTopic(AvroTopicConsumer, ModelTopicConsumer):
    """Schemas come from WRITTEN instead of a registry; the engine is given those, so nothing else differs."""

    name = "orders"

    def find_copy_source(self) -> str | None:
        return "avro"

    def written_schema(self, data: Any, field: Any, headers: Any = None) -> WriterSchema | None:
        known = self.__dict__.setdefault("_known", {})
        number = int.from_bytes(data[1:5], "big")
        if number not in known:
            known[number] = WriterSchema(json.dumps(WRITTEN.schemas[number]), {})
        found: WriterSchema = known[number]
        return found

    def deserialize(self, value: Any, field: Any, headers: Any = None, **kwargs: Any) -> Any:
        if value is None:
            return None
        schema = json.loads(json.dumps(WRITTEN.schemas[int.from_bytes(value[1:5], "big")]))
        return fastavro.schemaless_reader(io.BytesIO(value[5:]), fastavro.parse_schema(schema), None)


@pytest.fixture(scope="module")
def pg(shared_postgres: PostgresServer) -> Iterator[str]:
    with own_database(shared_postgres, "copy_path", alias="copied") as alias:
        make_tables(alias)
        with connections[alias].schema_editor() as editor:
            editor.create_model(Everything)
        yield alias


@pytest.fixture
def alias(pg: str) -> Iterator[str]:
    yield pg
    connections[pg].close()
    empty_tables(pg)
    Everything.objects.using(pg).all().delete()


def rows(alias: str) -> list[dict[str, Any]]:
    return sorted(Everything.objects.using(alias).values(), key=lambda row: row["id"])


# ---- one of each kind ----------------------------------------------------------------------------------------------

_texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
_moments = st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30)).map(lambda at: at.isoformat() + "Z")
_values = {
    "flag": st.booleans(),
    "small": st.integers(-(2**15), 2**15 - 1),
    "number": st.none() | st.integers(-(2**31), 2**31 - 1),
    "big": st.integers(-(2**63), 2**63 - 1),
    "real": st.none() | st.floats(allow_nan=False),
    "price": st.none() | st.decimals("-999999999.999", "999999999.999", places=3),
    "name": _texts,
    "note": st.none() | _texts,
    "blob": st.none() | st.binary(max_size=20),
    "day": st.none() | st.integers(-719162, 2932896),
    "hour": st.none() | st.integers(0, 86_399_999_999),
    "at": _moments,
    "took": st.none() | st.integers(-(10**15), 10**15),
    "ref": st.none() | st.uuids().map(str),
    "data": st.recursive(
        st.none() | st.booleans() | st.integers(-(2**60), 2**60) | _texts,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    )
    .filter(lambda value: value is not None)
    .map(json.dumps)
    | st.sampled_from(EXACT),
}
# Some are what Python's types do not have: such a message fails, on each path.
_BEYOND: dict[str, Any] = {
    "day": st.sampled_from([-719163, 2932897]),
    "hour": st.just(86_400_000_000),
    "at": st.sampled_from(["infinity", "-0043-03-15T00:00:00Z", "+12345-06-07T00:00:00Z", "2024-02-29T24:00:00Z"]),
    "data": st.sampled_from(["[NaN]", "[1,]"]),
}


def _message(draw: Callable[[Any], Any]) -> Any:
    value = draw(st.fixed_dictionaries({**_values, "__deleted": st.sampled_from([None, "false", "true"])}))
    if draw(st.integers(0, 40)) == 0:
        name = draw(st.sampled_from(list(_BEYOND)))
        value[name] = draw(_BEYOND[name])
    return value


def _history(draw: Callable[[Any], Any]) -> list[tuple[int, Any]]:
    return draw(
        st.lists(
            st.tuples(
                st.integers(1, 4),
                st.none() | st.composite(_message)(),
            ),
            min_size=2,
            max_size=12,
        )
    )


histories = st.composite(_history)()


def test_a_column_of_each_kind_is_the_same_on_all_paths(alias: str) -> None:
    schema = schema_of()

    def table(mode: str, history: list[tuple[int, Any]]) -> Any:
        topic = type("Topic", (AvroModelTopic,), {"model": Everything, "using": alias, "sync_mode": mode})()
        messages = [
            WRITTEN.message(schema, value and {**value, "id": number}, offset, {"id": number})
            for offset, (number, value) in enumerate(history)
        ]
        try:
            with transaction.atomic(using=alias):
                topic.consume_batch(messages)
                with connections[alias].cursor() as cursor:
                    cursor.execute("SELECT id, data::text FROM synced_everything ORDER BY id")
                    found = rows(alias), cursor.fetchall()
                transaction.set_rollback(True, using=alias)
        except ModelSyncError as error:
            return str(error)
        return found

    @LIMITS
    @given(histories)
    def check(history: list[tuple[int, Any]]) -> None:
        assert table("copy", history) == table("instances", history) == table("bulk", history)

    check()


# ---- which messages the engine writes ------------------------------------------------------------------------------

FULL: dict[str, Any] = {
    **dict.fromkeys(FIELDS),
    "flag": True,
    "small": 1,
    "big": 1,
    "real": 0.5,
    "price": Decimal("1.500"),
    "name": "a",
    "blob": b"\0",
    "day": 1,
    "hour": 1,
    "at": "2024-01-01T00:00:00Z",
    "took": 1,
    "data": "{}",
    "__deleted": "false",
}


def avro_topic(alias: str, **members: Any) -> Any:
    return type("Topic", (AvroModelTopic,), {"model": Everything, "using": alias, "sync_mode": "copy", **members})()


def test_no_message_comes_to_python(alias: str) -> None:
    topic = avro_topic(alias)
    messages = [WRITTEN.message(schema_of(), {**FULL, "id": n, "name": str(n)}, n) for n in range(100)]
    messages += [WRITTEN.message(schema_of(), None, 100 + n, {"id": n}) for n in range(50)]
    messages += [WRITTEN.message(schema_of(), {**FULL, "id": n, "__deleted": "true"}, 150 + n) for n in range(50, 60)]
    with mock.patch.object(bulk, "write", side_effect=AssertionError):
        topic.consume_batch(messages)
    assert [row["id"] for row in rows(alias)] == list(range(60, 100))


def test_a_column_that_is_added_in_mid_stream(alias: str) -> None:
    """Messages of the old schema leave the column alone; those that come behind have it."""
    topic = avro_topic(alias)
    old, new = schema_of("note"), schema_of()
    older = {name: value for name, value in FULL.items() if name != "note"}
    topic.consume_batch([WRITTEN.message(new, {**FULL, "id": n, "note": "kept"}, n) for n in range(4)])
    with mock.patch.object(bulk, "write", side_effect=AssertionError):
        topic.consume_batch(
            [
                *(WRITTEN.message(old, {**older, "id": n, "name": "old"}, n) for n in range(3)),
                *(WRITTEN.message(new, {**FULL, "id": n, "name": "new", "note": "set"}, n) for n in range(2, 5)),
            ]
        )
    assert [(row["name"], row["note"]) for row in rows(alias)] == [
        ("old", "kept"), ("old", "kept"), ("new", "set"), ("new", "set"), ("new", "set"),
    ]  # fmt: skip


def test_values_that_were_not_sent_stay_and_order_is_kept(alias: str) -> None:
    topic = avro_topic(alias)
    values = ["first", "__debezium_unavailable_value", "last"]
    messages = [
        WRITTEN.message(schema_of(), {**FULL, "id": 1, "note": note, "small": n}, n) for n, note in enumerate(values)
    ]
    topic.consume_batch([*messages[:2], WRITTEN.message(schema_of(), {**FULL, "id": 2}, 9)])
    assert [(row["note"], row["small"]) for row in rows(alias)] == [("first", 1), (None, 1)]
    topic.consume_batch(messages)
    assert [(row["note"], row["small"]) for row in rows(alias)] == [("last", 2), (None, 1)]


@pytest.mark.parametrize("mode", ["copy", "bulk", "instances"])
def test_no_row_is_made_without_a_value_that_was_not_sent(alias: str, mode: str) -> None:
    topic = avro_topic(alias, sync_mode=mode)
    unsent = {**FULL, "note": "__debezium_unavailable_value"}

    def write(*changes: tuple[int, Any]) -> None:
        topic.consume_batch([WRITTEN.message(schema_of(), v and {**v, "id": pk}, 0, {"id": pk}) for pk, v in changes])

    write((1, {**FULL, "note": "kept"}), (1, unsent), (2, unsent), (2, None))
    for key_changed in ([(4, FULL), (1, None), (3, unsent)], [(1, None), (3, unsent), (3, unsent)]):
        with pytest.raises(ModelSyncError, match=r"Everything\.note: .* REPLICA IDENTITY FULL") as caught:
            write(*key_changed)
        assert key_changed[caught.value.index] == (3, unsent)
    assert [(row["id"], row["note"]) for row in rows(alias)] == [(1, "kept")]


def test_a_message_that_does_not_fit_is_named_and_none_is_written(alias: str) -> None:
    topic = avro_topic(alias)
    messages = [
        WRITTEN.message(schema_of(), {**FULL, "id": n, "name": "x" * (30 if n == 7 else 3)}, n) for n in range(10)
    ]
    with pytest.raises(Exception, match=r"Topic orders, partition 0, offset 7: Everything\.name: 'x+") as caught:
        topic.consume_batch(messages)
    assert caught.value.index == 7  # type: ignore[attr-defined]
    assert rows(alias) == []


def test_rows_that_exist_take_messages_that_no_row_could_be_made_of(alias: str) -> None:
    """PostgreSQL looks at NOT NULL before it looks for a conflict."""
    topic = avro_topic(alias)
    part = schema_of("at", "flag")
    partial = {name: value for name, value in FULL.items() if name not in ("at", "flag")}
    topic.consume_batch([WRITTEN.message(schema_of(), {**FULL, "id": n}, n) for n in range(3)])
    with mock.patch.object(bulk, "write", side_effect=AssertionError):
        topic.consume_batch([WRITTEN.message(part, {**partial, "id": n, "name": "b"}, n) for n in range(3)])
    assert {row["name"] for row in rows(alias)} == {"b"}
    with pytest.raises(IntegrityError):
        topic.consume_batch([WRITTEN.message(part, {**partial, "id": n}, n) for n in (1, 9)])


def test_rows_that_others_refer_to_go_as_django_deletes_them(alias: str) -> None:
    topic = topic_of(Customer, using=alias, sync_mode="copy")
    topic.consume_batch([message({"id": n}, {"id": n, "name": str(n)}) for n in range(1, 4)])
    Order.objects.using(alias).create(id=1, customer_id=1)
    topic.consume_batch([message({"id": 1}), message({"id": 2}, {"id": 2, "name": "b"})])
    assert [row["id"] for row in contents(Customer, alias)] == [2, 3]
    assert contents(Order, alias) == []


def test_automatic_fields_and_reasons(alias: str) -> None:
    assert [reason.path for reason in topic_of(Line, using=alias, exclude_fields=["id"]).plan().reasons] == []
    topic = topic_of(Renamed, using=alias)
    assert topic.plan().path == "copy"
    with mock.patch.object(bulk, "write", side_effect=AssertionError):
        topic.consume_batch([message({"id": n}, {"id": n, "version": n}) for n in range(3)])
    before = {row["number"]: row for row in contents(Renamed, alias)}
    topic.consume_batch([message({"id": n}, {"id": n, "version": n}) for n in range(3)])
    after = {row["number"]: row for row in contents(Renamed, alias)}
    assert all(after[n]["changed"] > before[n]["changed"] for n in range(3))
    assert all(after[n]["created"] == before[n]["created"] for n in range(3))


# ---- the server ----------------------------------------------------------------------------------------------------


def test_a_pooler_gives_another_connection_to_each_transaction(alias: str) -> None:
    """PgBouncer in transaction mode: what a transaction has made for later ones may not be there."""
    topic = avro_topic(alias)
    for turn in range(3):
        with connections[alias].cursor() as cursor:
            cursor.execute("DISCARD TEMP")
        topic.consume_batch([WRITTEN.message(schema_of(), {**FULL, "id": n, "small": turn}, n) for n in range(5)])
        topic.consume_batch([WRITTEN.message(schema_of(), None, n, {"id": n}) for n in range(2)])
    assert [row["small"] for row in rows(alias)] == [2, 2, 2]


def test_the_catalog_does_not_grow(alias: str) -> None:
    topic = avro_topic(alias)

    def turn(number: int) -> None:
        topic.consume_batch([WRITTEN.message(schema_of(), {**FULL, "id": n, "small": number}, n) for n in range(5)])
        topic.consume_batch([WRITTEN.message(schema_of(), None, n, {"id": n}) for n in range(5)])

    def written() -> list[Any]:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT pg_stat_force_next_flush()")
            cursor.execute(
                "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_sys_tables WHERE relname IN "
                "('pg_class', 'pg_attribute', 'pg_type', 'pg_depend', 'pg_index')"
            )
            return list(cursor.fetchone())

    turn(0)
    before = written()
    for number in range(50):
        turn(number)
    assert written() == before


def test_a_large_table_is_not_read_whole(alias: str) -> None:
    topic = avro_topic(alias)
    topic.consume_batch([WRITTEN.message(schema_of(), {**FULL, "id": n}, n) for n in range(2000)])
    copying = copying_of(topic, Everything, alias)
    (copied,) = copying.layouts.values()
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        cursor.execute("ANALYZE synced_everything")
        copied.writer.prepare()
        sql = copied.writer.through_tables
        cursor.execute(f"INSERT INTO {sql.source.keys} SELECT generate_series(1, 20)")
        cursor.execute("EXPLAIN " + sql.delete)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Seq Scan on synced_everything" not in plan


def test_inside_of_a_transaction_around_it(alias: str) -> None:
    topic = avro_topic(alias)
    with transaction.atomic(using=alias):
        for turn in range(3):
            topic.consume_batch([WRITTEN.message(schema_of(), {**FULL, "id": n, "small": turn}, n) for n in range(4)])
    assert [row["small"] for row in rows(alias)] == [2] * 4


def test_the_path_is_used_by_consume_batch() -> None:
    assert batch.WRITERS["copy"] is bulk.write  # what the engine leaves to Python
