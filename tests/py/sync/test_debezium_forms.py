# SPDX-License-Identifier: MIT
"""What Debezium writes, flat and in envelopes, in Avro and in JSON: real messages, and every way to say that a row is
gone."""

from __future__ import annotations

import datetime as dt
import json
import logging
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from django_kafka._native import wire_prefix
from django_kafka.exceptions import ModelSyncError
from django_kafka.topic.avro import AvroTopicConsumer
from django_kafka.topic.debezium import DbzModelTopicConsumer
from django_kafka.utils.message import Message
from tests.py.django.helpers import project_registry
from tests.py.schema_registry import SchemaRegistry
from tests.py.sync.debezium import as_json, captured
from tests.py.sync.helpers import DbzJSONTopic, message, topic_of
from tests.synced.models import Captured, Customer, Order, contents

CAPTURED = captured()
Maker = Callable[[str], Message]


class AvroTopic(AvroTopicConsumer, DbzModelTopicConsumer):
    name = "orders"
    model = Captured


@pytest.fixture
def registry() -> Iterator[SchemaRegistry]:
    with project_registry() as found:
        yield found


@pytest.fixture(params=["avro", "json with schemas", "json"])
def source(request: pytest.FixtureRequest, registry: SchemaRegistry) -> tuple[Any, Maker]:
    """A topic, and what makes a message for it of a captured key and value."""

    def framed(heading: str) -> bytes:
        avsc, data = CAPTURED[heading]
        text = json.dumps({"schema": avsc})
        known = next((n for n, old in enumerate(registry.schemas, 1) if old["schema"] == avsc), None)
        if known is None:
            registry.schemas.append(json.loads(text))
            known = len(registry.schemas)
        return wire_prefix(known) + data

    def made(heading: str) -> Message:
        if request.param == "avro":
            return Message("orders", None, framed(heading), offset=0, partition=0)
        return Message("orders", None, as_json(*CAPTURED[heading], request.param != "json"), offset=0, partition=0)

    return (AvroTopic() if request.param == "avro" else topic_of(Captured, DbzJSONTopic)), made


FULL = {
    "id": 1,
    "small": 32767,
    "number": -2147483648,
    "paid": True,
    "weight": 1.5,
    "length": -1e300,
    "price": Decimal("9999999999.99"),
    "exact": Decimal("123456789012345678901234567890.123456789"),
    "note": "grüße ✓ 😀",
    "code": "abc",
    "padded": "x    ",
    "day": dt.date(2024, 2, 29),
    "hour": dt.time(23, 59, 59, 999999),
    "millis": dt.datetime(2024, 2, 29, 12, 30, 15, 123000, dt.UTC),
    "micros": dt.datetime(1900, 1, 1, 0, 0, 0, 1, dt.UTC),
    "at": dt.datetime(2024, 2, 29, 21, 59, 59, 123456, dt.UTC),
    "took": dt.timedelta(microseconds=37091106789000),
    "ref": uuid.UUID("9b2e4f3a-0a4c-4f0e-8d55-6c1f0d1e2a3b"),
    "data": {"a": [1, {"b": None}]},
    "raw_data": {"z": 2},
    "blob": b"\x00\xff\x10",
    "tags": ["a", None, "c d"],
    "numbers": [1, None, -3],
    "address": "192.168.0.1/24",
    "feeling": "so so",
}


def test_a_row_with_all_columns(source: tuple[Any, Maker]) -> None:
    topic, made = source
    event = topic.reader.event(made("orders, value of message 0"))
    change = topic.reader.change(0, Captured, *event, "default")
    assert (change.lookup, change.delete) == ({"id": 1}, False)
    assert change.values == FULL
    topic.consume(made("orders, value of message 0"))
    row = Captured.objects.get()
    stored = {name: getattr(row, name) for name in FULL}
    stored["blob"] = bytes(stored["blob"])
    for name in ("price", "exact"):  # SQLite's numbers are not exact
        del stored[name]
    assert stored == {name: value for name, value in FULL.items() if name in stored}


@pytest.mark.parametrize("heading", [name for name in CAPTURED if "orders, value" in name])
def test_all_captured_rows_fit(source: tuple[Any, Maker], heading: str) -> None:
    topic, made = source
    event = topic.reader.event(made(heading))
    change = topic.reader.change(0, Captured, *event, "default")
    assert change.lookup["id"] in (1, 2, 3, 4)
    if not change.delete:
        topic.consume_batch([made(heading)] * 3)
        assert Captured.objects.get().pk == change.lookup["id"]


def test_schemas_are_read_once(registry: SchemaRegistry) -> None:
    topic = AvroTopic()
    avsc, data = CAPTURED["orders, value of message 0"]
    registry.schemas.append({"schema": avsc})
    msg = Message("orders", None, wire_prefix(1) + data, offset=0, partition=0)
    topic.consume_batch([msg] * 10)
    topic.consume_batch([msg] * 10)
    struct = topic.written_schema(msg.value(), "value").derived
    assert struct.structs["after"].fields["day"].name == "io.debezium.time.Date"
    assert len(registry.requests) <= 2


def envelope(op: str, before: Any = None, after: Any = None, **more: Any) -> dict[str, Any]:
    return {"op": op, "before": before, "after": after, "source": {"lsn": 5, "table": "orders"}, "ts_ms": 17, **more}


def rows() -> list[Any]:
    return [(row["id"], row["name"], row["note"]) for row in contents(Order)]


@pytest.mark.parametrize("op", ["c", "r", "u"])
def test_envelopes_write_what_is_after(op: str) -> None:
    topic_of(Order, DbzJSONTopic).consume(
        message({"id": 1}, envelope(op, {"id": 1, "name": "a"}, {"id": 1, "name": "b", "note": "c"}))
    )
    assert rows() == [(1, "b", "c")]


NULL = Message("orders", b'{"id": 1}', b"null", offset=0, partition=0)
WITH_SCHEMA = Message(
    "orders",
    b'{"schema":{"type":"struct","fields":[{"field":"id","type":"int64"}]},"payload":{"id":1}}',
    b'{"schema":null,"payload":null}',
    offset=0,
    partition=0,
)
MADE_UP = {"id": 1, "name": "new", "note": "", "number": 0, "price": "AA==", "day": 0, "data": "{}"}
DELETES = {
    "tombstone": message({"id": 1}),
    "four bytes": NULL,
    "null payload": WITH_SCHEMA,
    "text": message({"id": 1}, {**MADE_UP, "__deleted": "true"}),
    "boolean": message({"id": 1}, {**MADE_UP, "__deleted": True}),
    "only the operation": message({"id": 1}, {**MADE_UP, "__op": "d"}),
    "no key": message(None, {**MADE_UP, "__deleted": "true"}),
    "envelope": message({"id": 1}, envelope("d", {"id": 1, "name": "x"})),
    "envelope without before": message({"id": 1}, envelope("d")),
    "envelope without key": message(None, envelope("d", {"id": 1, "name": "x"})),
    "key change": message({"id": 1}, envelope("d", {"id": 1}), [("__debezium.newkey", b'{"id": 2}')]),
}


@pytest.mark.parametrize("name", DELETES)
def test_every_form_of_a_deletion(name: str) -> None:
    Order.objects.create(id=1)
    Order.objects.create(id=2)
    topic = topic_of(Order, DbzJSONTopic)
    topic.consume(DELETES[name])
    assert [row["id"] for row in contents(Order)] == [2]
    Order.objects.create(id=1)
    topic.consume_batch([message({"id": 3}, {"id": 3}), DELETES[name], DELETES[name]])
    assert [row["id"] for row in contents(Order)] == [2, 3]


def test_key_changes_are_a_delete_and_a_create_in_any_order() -> None:
    Order.objects.create(id=1, name="a")
    gone = message({"id": 1}, envelope("d", {"id": 1, "name": "a"}), [("__debezium.newkey", b'{"id":2}')])
    there = message({"id": 2}, envelope("c", None, {"id": 2, "name": "a"}), [("__debezium.oldkey", b'{"id":1}')])
    topic = topic_of(Order, DbzJSONTopic)
    for batch in ([gone, message({"id": 1}), there], [there, gone, message({"id": 1})]):
        topic.consume_batch(batch)
        assert rows() == [(2, "a", None)]
        Order.objects.update(id=1)


def test_unavailable_values_leave_the_column_alone() -> None:
    Order.objects.create(id=1, name="a", note="large", data={"large": 1}, blob=b"large")
    unavailable = "__debezium_unavailable_value"
    value = {
        "id": 1,
        "name": "b",
        "note": unavailable,
        "data": unavailable,
        "blob": "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==",
    }
    topic = topic_of(Order, DbzJSONTopic)
    topic.consume(message({"id": 1}, envelope("u", None, value)))
    topic.consume_batch([message({"id": 1}, {**value, "name": name}) for name in ("b", "c")])
    (first,) = Order.objects.all()
    assert (first.name, first.note, first.data, bytes(first.blob)) == ("c", "large", {"large": 1}, b"large")


def test_hooks_do_not_see_unavailable_values() -> None:
    class Topic(DbzJSONTopic):
        model = Order

        def transform_note(self, model: Any, name: str, value: str) -> Any:
            return name, value.upper()

    Order.objects.create(id=1, note="large")
    Topic().consume(message({"id": 1}, {"id": 1, "name": "b", "note": "__debezium_unavailable_value"}))
    assert rows() == [(1, "b", "large")]


def test_truncate_is_passed_over_and_told_or_an_error(caplog: pytest.LogCaptureFixture) -> None:
    Order.objects.create(id=1)
    truncate = message(None, envelope("t"), offset=7)
    with caplog.at_level(logging.DEBUG, logger="django_kafka.topic.model"):
        topic_of(Order, DbzJSONTopic).consume(truncate)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert caplog.messages == ["Topic orders, partition 0, offset 7 changes no row: the table was truncated."]
    assert len(rows()) == 1
    with pytest.raises(ModelSyncError, match="truncated"):
        topic_of(Order, DbzJSONTopic, on_truncate="error").consume(truncate)


def test_logical_messages_and_tombstones_without_key_change_nothing() -> None:
    Order.objects.create(id=1)
    topic = topic_of(Order, DbzJSONTopic)
    logical = {"op": "m", "ts_ms": 1, "source": {"lsn": 1}, "message": {"prefix": "p", "content": "eA=="}}
    for msg in (message({"prefix": "p"}, logical), message(None)):
        topic.consume(msg)
        topic.consume_batch([msg, msg])
    assert len(rows()) == 1


def test_tombstones_may_be_ignored() -> None:
    Order.objects.create(id=1)
    topic_of(Order, DbzJSONTopic, tombstones="ignore").consume(message({"id": 1}))
    assert len(rows()) == 1
    topic_of(Order, DbzJSONTopic, tombstones="ignore").consume(message({"id": 1}, {"id": 1, "__deleted": "true"}))
    assert rows() == []


def test_a_row_that_looks_a_little_like_an_envelope_is_a_row() -> None:
    for value in ({"id": 1, "op": "c"}, {"id": 1, "op": "c", "source": "web", "after": 3}, {"id": 1, "source": {}}):
        topic_of(Order, DbzJSONTopic).consume(message({"id": 1}, value))
    assert rows() == [(1, "new", None)]


def test_hooks_that_take_an_envelope_apart_themselves_still_can() -> None:
    class Topic(DbzJSONTopic):
        model = Order

        def transform(self, model: Any, value: Any) -> Any:
            assert value["op"] == value.get("op") == "u"
            return super().transform(model, value["after"])

    Topic().consume(message({"id": 1}, envelope("u", None, {"id": 1, "name": "b"})))
    assert rows() == [(1, "b", None)]
    seen = []

    class Whole(DbzJSONTopic):
        model = Order
        envelopes = False

        def transform(self, model: Any, value: Any) -> Any:
            seen.append(sorted(value))
            return value["after"]

    Whole().consume(message({"id": 2}, envelope("u", None, {"id": 2, "name": "c"})))
    assert seen == [["after", "before", "op", "source", "ts_ms"]]
    assert rows() == [(1, "b", None), (2, "c", None)]


def test_a_renamed_field_keeps_its_type() -> None:
    class Topic(AvroTopic):
        def transform_day(self, model: Any, name: str, value: Any) -> Any:
            return "micros", value

    schema = {
        "type": "record",
        "name": "Value",
        "fields": [
            {"name": "id", "type": "long"},
            {"name": "day", "type": {"type": "int", "connect.name": "io.debezium.time.Timestamp"}},
        ],
    }
    from django_kafka.sync.row import Row
    from django_kafka.sync.schemas import _Avro

    struct = _Avro({}).node(schema)[1]
    assert struct is not None
    topic = Topic()
    change = topic.reader.change(0, Captured, {"id": 1}, Row({"id": 1, "day": 1000}, struct.fields), "default")
    assert change.values["micros"] == dt.datetime(1970, 1, 1, 0, 0, 1, tzinfo=dt.UTC)


def test_errors_name_everything_but_not_all_of_the_value() -> None:
    topic = topic_of(Order, DbzJSONTopic)
    with pytest.raises(ModelSyncError) as caught:
        topic.consume(message({"id": 1}, {"id": 1, "number": "secret" * 1000}, offset=3))
    text = str(caught.value)
    assert text.startswith("Topic orders, partition 0, offset 3: Order.number: 'secretsecret")
    assert " is not an integer" in text
    assert len(text) < 250
    assert (caught.value.field, caught.value.index) == ("Order.number", 0)
    with pytest.raises(ModelSyncError, match=r"Order\.name: None is not a value, as the field may not be null"):
        topic.consume(message({"id": 1}, {"id": 1, "name": None}))
    assert rows() == []


def test_of_protobuf() -> None:
    pytest.importorskip("google.protobuf")
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

    from django_kafka.sync.forms import of_protobuf

    file = descriptor_pb2.FileDescriptorProto(name="t.proto", package="t", syntax="proto3")
    file.dependency.append("google/protobuf/timestamp.proto")
    kind = file.message_type.add(name="Row")
    kind.field.add(name="id", number=1, type=3, label=1)
    kind.field.add(name="name", number=2, type=9, label=1)
    kind.field.add(name="at", number=3, type=11, label=1, type_name=".google.protobuf.Timestamp")
    kind.field.add(name="tags", number=4, type=9, label=3)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    cls = message_factory.GetMessageClass(pool.FindMessageTypeByName("t.Row"))
    row = cls(id=5, tags=["a"])
    assert of_protobuf(row) == {"id": 5, "name": "", "at": None, "tags": ["a"]}
    row.at.FromJsonString("2024-02-29T12:30:15.123Z")
    assert of_protobuf(row)["at"] == dt.datetime(2024, 2, 29, 12, 30, 15, 123000)
    assert Customer.objects.count() == 0
