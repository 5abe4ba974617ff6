# SPDX-License-Identifier: MIT
"""CopyPlan: which messages become rows and keys of COPY, and what is said of the others."""

from __future__ import annotations

import json
import struct
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from django_kafka._native import AvroSchema, CopyPlan, CopyResult, wire_prefix

NAMED = {"type": ["null", "string"], "name": "name", "default": None}


def record(name: str, *fields: dict[str, Any]) -> AvroSchema:
    return AvroSchema(json.dumps({"type": "record", "name": name, "fields": list(fields)}))


KEY = record("Key", {"name": "id", "type": "long"})
ROW = record(
    "Row",
    {"name": "id", "type": "long"},
    NAMED,
    {"name": "extra", "type": "int"},
    {"name": "__deleted", "type": ["null", "string"]},
)
COLUMNS: list[Any] = [("name", "varchar(5)", {"nullable": True}), ("id", "int8")]


def make(**options: Any) -> CopyPlan:
    plan = CopyPlan(COLUMNS, ["id"], **options)
    assert plan.add("key", 1, KEY) is None
    assert plan.add("value", 2, ROW) is None
    return plan


@pytest.fixture(params=[False, True], ids=["key", "key in value"])
def plan(request: pytest.FixtureRequest) -> CopyPlan:
    return make(key_in_value=request.param)


def key(id: int) -> bytes:
    return wire_prefix(1) + KEY.encode({"id": id})


def value(id: int, name: str | None, deleted: str | None = None) -> bytes:
    return wire_prefix(2) + ROW.encode({"id": id, "name": name, "extra": 7, "__deleted": deleted})


def message(id: int, name: str | None, deleted: str | None = None) -> tuple[bytes, bytes]:
    return key(id), value(id, name, deleted)


def fields(stream: memoryview) -> Iterator[list[bytes | None]]:
    """The rows of a stream of COPY."""
    data = bytes(stream)
    assert data.startswith(b"PGCOPY\n\xff\r\n\0" + bytes(8))
    at = 19
    while (n := struct.unpack_from(">h", data, at)[0]) >= 0:
        at += 2
        row: list[bytes | None] = []
        for _ in range(n):
            size = struct.unpack_from(">i", data, at)[0]
            row.append(None if size < 0 else data[at + 4 : at + 4 + size])
            at += 4 + max(size, 0)
        yield row
    assert data[at:] == b"\xff\xff"


def rows(result: CopyResult) -> list[tuple[int, str | None]]:
    found = []
    for id, name in fields(result.block):
        assert id is not None
        found.append((int.from_bytes(id, "big"), None if name is None else name.decode()))
    assert result.rows == len(found)
    return found


def deleted(result: CopyResult) -> list[int]:
    found = [int.from_bytes(id or b"", "big") for (id,) in fields(result.deleted)]
    assert result.deletions == len(found)
    return found


def test_columns_of_the_key_come_first(plan: CopyPlan) -> None:
    assert plan.columns == ("id", "name")


def test_nothing(plan: CopyPlan) -> None:
    result = plan.run([])
    assert (rows(result), deleted(result), result.errors, result.odd) == ([], [], [], [])
    assert (result.stopped_at, result.unknown, result.stray) == (None, None, None)


def test_last_row_of_a_key_counts(plan: CopyPlan) -> None:
    result = plan.run([message(1, "a"), message(2, "b"), message(1, "c"), message(3, None)])
    assert rows(result) == [(2, "b"), (1, "c"), (3, None)]
    assert deleted(result) == []


def items(array: bytes) -> tuple[int, list[bytes | None]]:
    """OID and items of a binary array."""
    dimensions, nulls, oid = struct.unpack_from(">iiI", array)
    if dimensions == 0:
        assert len(array) == 12
        return oid, []
    count, first = struct.unpack_from(">ii", array, 12)
    found: list[bytes | None] = []
    at = 20
    for _ in range(count):
        size = struct.unpack_from(">i", array, at)[0]
        found.append(None if size < 0 else array[at + 4 : at + 4 + size])
        at += 4 + max(size, 0)
    assert (dimensions, first, nulls, at) == (1, 1, None in found, len(array))
    return oid, found


def test_arrays_have_what_streams_have(plan: CopyPlan) -> None:
    messages = [
        message(1, "a"),
        message(2, None),
        (key(7), None),
        message(1, "c"),
        message(3, "\xe9"),
        (key(8), None),
    ]
    result = plan.run(messages)
    streams = [*fields(result.block)], [*fields(result.deleted)]
    arrays = [items(array) for array in result.arrays()], [items(array) for array in result.deleted_arrays()]
    assert [oid for oid, _ in (*arrays[0], *arrays[1])] == [20, 25, 20]
    for rows_, columns in zip(streams, arrays, strict=True):
        assert [list(row) for row in zip(*(found for _, found in columns), strict=True)] == rows_
    assert [*fields(result.block)] == streams[0]
    result.clear()
    assert [items(array)[1] for array in (*result.arrays(), *result.deleted_arrays())] == [[], [], []]


def test_arrays_of_arrays_are_refused() -> None:
    result = CopyPlan([("id", "int4"), ("tags", "text[]")], ["id"]).run([])
    with pytest.raises(ValueError, match="the column tags is an array"):
        result.arrays()
    assert len(result.deleted_arrays()) == 1


def test_deleted_keys(plan: CopyPlan) -> None:
    messages = [
        message(1, "a"),
        (key(1), None),
        (key(2), None),
        message(2, "again"),
        message(3, "x" * 99, "true"),
        message(4, "kept", "false"),
        (key(1), None),
    ]
    result = plan.run(messages)
    assert rows(result) == [(2, "again"), (4, "kept")]
    assert deleted(result) == [1, 2, 3]
    assert result.errors == []


def test_errors_leave_no_bytes_and_others_are_written(plan: CopyPlan) -> None:
    cut = (key(4), value(4, "d")[:-1])
    result = plan.run([message(1, "a"), message(2, "too long"), message(3, "b\0"), cut, message(5, "e")])
    assert rows(result) == [(1, "a"), (5, "e")]
    assert [(index, field, status) for index, field, _, status in result.errors] == [
        (1, "name", "ECOLUMN"),
        (2, "name", "ECOLUMN"),
        (3, "__deleted", "EAVRO"),
    ]
    assert result.errors[0][2] == '"too long" does not fit character varying(5): too long'
    assert result.stopped_at is None


def test_stops_at_an_error_if_asked(plan: CopyPlan) -> None:
    messages = [message(1, "a"), message(2, "too long"), message(3, "c")]
    result = plan.run(messages, stop_at_error=True)
    assert (rows(result), result.stopped_at) == ([(1, "a")], 1)
    assert [index for index, *_ in result.errors] == [1]
    again = plan.run(messages, 2, result=result)
    assert again is result
    assert (rows(result), result.stopped_at) == ([(1, "a"), (3, "c")], None)


def test_all_of_a_key_are_odd_behind_one_that_is(plan: CopyPlan) -> None:
    odd = message(1, "__debezium_unavailable_value")
    result = plan.run([message(1, "a"), odd, message(1, "b"), (key(1), None), message(2, "c")])
    assert rows(result) == [(1, "a"), (2, "c")]
    assert [(index, field) for index, field, _ in result.odd] == [(1, "name"), (2, ""), (3, "")]
    assert result.odd[0][2] == "a value that the source has not sent"


def test_another_placeholder() -> None:
    plan = make(placeholder="N/A")
    result = plan.run([message(1, "N/A"), message(2, "__debezium_unavailable_value")])
    assert [index for index, *_ in result.odd] == [0]
    assert [index for index, *_ in result.errors] == [1]


def test_another_field_for_deletions() -> None:
    plan = make(deleted="name")
    assert deleted(plan.run([message(1, "TRUE"), message(2, "a")])) == [1]


def test_schema_without_a_column_makes_all_odd(plan: CopyPlan) -> None:
    other = record("Other", {"name": "id", "type": "long"})
    assert plan.add("value", 3, other) == "the schema Other has no field name"
    result = plan.run([message(1, "a"), (key(2), wire_prefix(3) + other.encode({"id": 2}))])
    assert rows(result) == [(1, "a")]
    assert result.odd == [(1, "", "the schema Other has no field name")]


def test_stops_at_an_unknown_schema_and_goes_on(plan: CopyPlan) -> None:
    guid = uuid.uuid4().bytes
    messages = [message(1, "a"), (key(2), wire_prefix(guid) + value(2, "b")[5:]), message(3, "c")]
    result = plan.run(messages)
    assert (rows(result), result.stopped_at, result.unknown) == ([(1, "a")], 1, ("value", guid))
    plan.add("value", guid, ROW)
    plan.run(messages, 1, result=result)
    assert (rows(result), result.stopped_at, result.unknown) == ([(1, "a"), (2, "b"), (3, "c")], None, None)


def test_unknown_schema_of_a_key(plan: CopyPlan) -> None:
    result = plan.run([(wire_prefix(9) + key(1)[5:], value(1, "a"))])
    assert (result.stopped_at, result.unknown) == (0, ("key", 9))


def test_message_without_a_key_is_a_stray(plan: CopyPlan) -> None:
    messages = [message(1, "a"), (None, None), message(2, "b")]
    result = plan.run(messages)
    assert (rows(result), result.stopped_at, result.stray) == ([(1, "a")], 1, "a message without a key")
    assert rows(plan.run(messages, 2, 3)) == [(2, "b")]


def test_key_of_the_value_needs_no_other() -> None:
    plan = make(key_in_value=True)
    result = plan.run([(None, value(1, "a")), (b"no Avro", value(2, "b", "true"))])
    assert (rows(result), deleted(result)) == ([(1, "a")], [2])


def test_key_that_is_no_avro_is_an_error() -> None:
    result = make().run([(b"x", value(1, "a"))])
    assert [(index, status) for index, _, _, status in result.errors] == [(0, "EWIRE")]


def test_bare_bytes() -> None:
    plan = CopyPlan([("id", "int4"), ("name", "text")], ["id"])
    plan.add("key", None, AvroSchema('"int"'))
    plan.add("value", None, record("R", {"name": "name", "type": "string"}))
    result = plan.run([(b"\x02", b"\x02a"), (b"\x04", None)])
    assert [*fields(result.block)] == [[b"\0\0\0\1", b"a"]]
    assert [*fields(result.deleted)] == [[b"\0\0\0\2"]]


def test_envelopes() -> None:
    row = {"type": "record", "name": "Value", "fields": [{"name": "id", "type": "long"}, NAMED]}
    envelope = record(
        "Envelope",
        {"name": "before", "type": ["null", row]},
        {"name": "after", "type": ["null", "Value"]},
        {"name": "source", "type": {"type": "record", "name": "Source", "fields": [{"name": "lsn", "type": "long"}]}},
        {"name": "op", "type": "string"},
    )

    def change(id: int, op: str, before: Any, after: Any) -> tuple[bytes, bytes]:
        images = [image and {"id": id, "name": image} for image in (before, after)]
        data = {"before": images[0], "after": images[1], "source": {"lsn": 5}, "op": op}
        return key(id), wire_prefix(2) + envelope.encode(data)

    for key_in_value in (False, True):
        plan = CopyPlan(COLUMNS, ["id"], key_in_value=key_in_value)
        plan.add("key", 1, KEY)
        assert plan.add("value", 2, envelope) is None
        result = plan.run(
            [
                change(1, "r", None, "a"),
                change(2, "c", None, "b"),
                change(1, "u", "a", "c"),
                change(2, "d", "b", None),
                change(3, "d", None, None),
                change(4, "c", None, None),
                change(5, "t", None, None),
            ]
        )
        assert (rows(result), deleted(result), result.errors) == ([(1, "c")], [2, 3], [])
        assert [index for index, *_ in result.odd] == [5, 6]


def test_claims_and_messages(make_producer: Any, assigned: Any, topic: str, plan: CopyPlan) -> None:
    guid = uuid.uuid4().bytes
    plan.add("value", guid, ROW)
    producer = make_producer({"linger.ms": 60000})
    for id, data, headers in (
        (1, value(1, "a"), [("x", b"y")]),
        (2, value(2, "b")[5:], [("x", b"y"), ("__value_schema_id", b"\1" + guid)]),
        (3, None, None),
        (4, value(4, "too long"), None),
        (5, value(5, "e"), None),
    ):
        producer.produce(topic, data, key(id), headers=headers)
    assert producer.flush(20) == 0
    batch = assigned(topic).fetch(10)
    batch.next_topic()
    claim = batch.claim(100)
    assert len(claim) == 5

    for messages in (claim, list(claim), tuple(claim)):
        result = plan.run(messages)
        assert (rows(result), deleted(result)) == ([(1, "a"), (2, "b"), (5, "e")], [3])
        assert [index for index, *_ in result.errors] == [3]
    assert rows(plan.run(claim[1:3])) == [(2, "b")]
    kept = claim[4]
    kept.set_value(value(5, "new"))
    assert rows(plan.run(claim, 4)) == rows(plan.run([kept])) == [(5, "new")]
    kept.set_value("something else")
    with pytest.raises(TypeError, match="not str"):
        plan.run(claim, 4)


def test_result_is_not_changed_under_a_stream(plan: CopyPlan) -> None:
    result = plan.run([message(1, "a")])
    with result.block as stream:
        before = bytes(stream)
        with pytest.raises(BufferError):
            plan.run([message(2, "b")], result=result)
        with pytest.raises(BufferError):
            result.clear()
        assert stream == before
    result.clear()
    assert (rows(result), result.errors, result.odd) == ([], [], [])
    plan.run([message(2, "b")], result=result)
    assert rows(result) == [(2, "b")]


def test_stream_outlives_result_and_plan() -> None:
    stream = make().run([message(1, "a")]).block
    assert [*fields(stream)] == [[struct.pack(">q", 1), b"a"]]


def test_messages_that_cannot_be_used(plan: CopyPlan) -> None:
    with pytest.raises(TypeError, match="bytes or None, not str"):
        plan.run([message(1, "a"), ("x", None)])
    with pytest.raises(AttributeError):
        plan.run([object()])
    with pytest.raises(IndexError, match="no messages 0 to 2: there are 1"):
        plan.run([message(1, "a")], 0, 2)
    assert rows(plan.run([message(1, "a")])) == [(1, "a")]


def test_what_is_given_is_left_alone_by_a_failed_run(plan: CopyPlan) -> None:
    result = plan.run([message(1, "a")])
    with pytest.raises(TypeError):
        plan.run([message(2, "b"), (1, 2)], result=result)
    assert rows(result) == [(1, "a")]


def test_many_messages_and_threads() -> None:
    plan, other = make(), make()
    messages = [message(i % 7000, str(i % 100)) for i in range(20000)]
    found = []
    thread = threading.Thread(target=lambda: found.append(rows(other.run(messages))))
    thread.start()
    mine = rows(plan.run(messages))
    thread.join()
    assert found == [mine]
    assert sorted(mine) == sorted({i % 7000: str(i % 100) for i in range(20000)}.items())


@pytest.mark.parametrize(
    ("columns", "key", "error"),
    [
        ([], ["id"], "names a column that is not there"),
        ([("id", "int8")], [], "0 of them the key"),
        ([("id", "int8"), ("id", "int4")], ["id"], "names a column that is not there, or one twice"),
        ([("id", "int8"), ("a", "text"), ("a", "text")], ["id"], "there twice"),
        ([("id", "int9")], ["id"], "no columns of type 'int9'"),
        ([("id", "int8(3)")], ["id"], "no columns of type"),
        ([("id", "varchar(0)")], ["id"], "no columns of type"),
        ([("id", "numeric(1001)")], ["id"], "no numeric"),
        ([("id", "bytea", {"form": "octal"})], ["id"], "form is not 'octal'"),
    ],
)
def test_plans_that_cannot_be(columns: list[Any], key: list[str], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        CopyPlan(columns, key)


def test_wrong_arguments() -> None:
    with pytest.raises(TypeError, match="no option 'size'"):
        CopyPlan([("id", "int8", {"size": 3})], ["id"])
    with pytest.raises(TypeError, match="a column is a tuple"):
        CopyPlan(["id"], ["id"])  # type: ignore[list-item]
    plan = make()
    with pytest.raises(ValueError, match='"key" or "value"'):
        plan.add("both", 1, KEY)
    with pytest.raises(TypeError, match="AvroSchema is wanted"):
        plan.add("key", 1, None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="of this plan"):
        plan.run([], result=make().run([]))
