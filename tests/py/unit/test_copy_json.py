# SPDX-License-Identifier: MIT
"""CopyPlan with JSON: rows of objects, envelopes and Connect's schemas; and values as Python's json reads them."""

from __future__ import annotations

import base64
import json
import math
import random
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from django_kafka._native import CopyPlan, CopyResult

NULLABLE = {"nullable": True}
COLUMNS: list[Any] = [("name", "varchar(5)", NULLABLE), ("id", "int8")]


def make(**options: Any) -> CopyPlan:
    plan = CopyPlan(COLUMNS, ["id"])
    plan.add_json("key")
    plan.add_json("value", **options)
    return plan


def dump(value: Any) -> bytes:
    return json.dumps(value).encode()


def message(id: int, name: str | None, **more: Any) -> tuple[bytes, bytes]:
    return dump({"id": id}), dump({"id": id, "name": name, **more})


def fields(stream: memoryview) -> Iterator[list[bytes | None]]:
    """The rows of a stream of COPY."""
    data = bytes(stream)
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
    return [
        (int.from_bytes(id or b"", "big"), None if name is None else name.decode())
        for id, name in fields(result.block)
    ]


def deleted(result: CopyResult) -> list[int]:
    return [int.from_bytes(row[0] or b"", "big") for row in fields(result.deleted)]


def test_rows_and_deletions() -> None:
    messages = [
        message(1, "a"),
        message(2, "b", __deleted="false", __op="c"),
        message(1, "c"),
        (dump({"id": 3}), None),
        (dump({"id": 4}), b"null"),
        message(5, "", __deleted="true"),
        message(2, "x", __deleted=True),
    ]
    result = make().run(messages)
    assert (rows(result), deleted(result)) == ([(1, "c")], [3, 4, 5, 2])
    assert (result.errors, result.odd, result.stopped_at) == ([], [], None)


def test_what_does_not_fit_is_named() -> None:
    messages = [
        message(1, "too long"),
        message(2, "b"),
        (dump({"id": 3}), b'{"id": 3, "name": }'),
        (dump({"id": "x"}), b"null"),
        message(4, "d", extra=1),
    ]
    result = make().run(messages)
    assert rows(result) == [(2, "b")]
    assert [(index, field, status) for index, field, text, status in result.errors] == [
        (0, "name", "ECOLUMN"),
        (2, "", "EJSON"),
        (3, "id", "ECOLUMN"),
    ]
    assert "at byte 18" in result.errors[1][2]
    assert result.odd == [(4, "extra", "a field that no column takes")]


def test_other_fields() -> None:
    messages = [message(1, "a", extra=1, more={})]
    assert rows(make(ignored=["extra", "more"]).run(messages)) == [(1, "a")]
    assert rows(make(ignore_others=True).run(messages)) == [(1, "a")]
    assert make(ignore_others=True, refused=("more",)).run(messages).odd[0][1] == "more"


def test_framed() -> None:
    plan = CopyPlan(COLUMNS, ["id"], key_in_value=True)
    plan.add_json("value", 7)
    prefix = b"\0\0\0\0"
    result = plan.run([(None, prefix + b"\7" + message(1, "a")[1]), (None, prefix + b"\x08{}")])
    assert (rows(result), result.unknown) == ([(1, "a")], ("value", 8))


def test_arguments() -> None:
    plan = make()
    for wrong in ({"ignored": "extra"}, {"ignored": 1}, {"refused": [1]}, {"id": "x"}, {"side": "middle"}):
        with pytest.raises((TypeError, ValueError)):
            plan.add_json(**{"side": "value", **wrong})  # type: ignore[arg-type]
    assert rows(plan.run([message(1, "a")])) == [(1, "a")]


def schema(*fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "struct", "fields": list(fields), "optional": False, **more}


ID = {"type": "int64", "field": "id"}
NAME = {"type": "string", "optional": True, "field": "name"}
ROW = schema(ID, NAME)


@pytest.mark.parametrize("connect", [None, True])
def test_connect(connect: bool | None) -> None:
    envelope = schema(
        {**ROW, "field": "before"},
        {**ROW, "field": "after"},
        {"type": "string", "field": "op"},
    )
    row = {"id": 2, "name": "b"}
    values = [
        {"schema": ROW, "payload": {"id": 1, "name": "a"}},
        {"schema": envelope, "payload": {"before": None, "after": row, "op": "c"}},
        {"schema": ROW, "payload": {"name": None, "id": 3}},
        {"schema": None, "payload": None},
        {"payload": {"before": row, "after": None, "op": "d"}, "schema": envelope},
    ]
    keys = [{"schema": schema(ID), "payload": {"id": id}} for id in (1, 2, 3, 4)] + [
        {"schema": {"type": "int64"}, "payload": 2}
    ]
    result = make(connect=connect).run([(dump(key), dump(value)) for key, value in zip(keys, values, strict=True)])
    assert (rows(result), deleted(result)) == ([(1, "a"), (3, None)], [4, 2])


def test_a_column_that_is_called_payload() -> None:
    plan = CopyPlan([("payload", "jsonb"), ("schema", "text")], ["schema"], key_in_value=True)
    plan.add_json("value")
    [row] = fields(plan.run([(None, b'{"schema": "public", "payload": {"a": 1}}')]).block)
    assert row == [b"public", b'\1{"a": 1}']


# ---- as Python's json reads it -------------------------------------------------------------------------------------


def one(type: str, text: str | bytes, **options: Any) -> bytes | None:
    """What a column of this type has of a value in JSON."""
    plan = CopyPlan([("id", "int4"), ("v", type, {"nullable": True, **options})], ["id"], key_in_value=True)
    plan.add_json("value")
    text = text.encode() if isinstance(text, str) else text
    result = plan.run([(None, b'{"id":1,"v":' + text + b"}")])
    if not result.rows:
        raise ValueError(result.errors or result.stray)
    [[_, value]] = fields(result.block)
    return value


CHARACTERS = 'ab"\\/\b\f\n\r\t\x1f\x7fé€\u2028\ud7ff\ue000\uffff😀\U0010ffff'


def random_text(source: random.Random) -> str:
    return "".join(source.choice(CHARACTERS) for _ in range(source.randrange(20)))


def test_texts() -> None:
    source = random.Random(3)
    for _ in range(2000):
        text = random_text(source)
        written = json.dumps(text, ensure_ascii=source.random() < 0.5)
        assert one("text", written) == text.encode()


def test_numbers() -> None:
    source = random.Random(4)
    for _ in range(2000):
        bits = struct.unpack(">d", source.randbytes(8))[0]
        number = source.choice([bits, source.randrange(-(2**70), 2**70), source.randrange(-99999, 99999) / 100])
        if math.isfinite(number):
            text = json.dumps(number).replace("e", source.choice("eE"))
            assert one("float8", text) == struct.pack(">d", json.loads(text)), text


SPECIAL = ["-0", "-0.0", "5e-324", "1e-400", "2.2250738585072011e-308", "0.1e1", "1E+2", "9007199254740993"]


@pytest.mark.parametrize("text", SPECIAL)
def test_special_numbers(text: str) -> None:
    assert one("float8", text) == struct.pack(">d", json.loads(text))


def random_value(source: random.Random, depth: int = 0) -> Any:
    kind = source.randrange(7 if depth < 4 else 5)
    if kind > 4:
        size = source.randrange(4)
        if kind == 5:
            return [random_value(source, depth + 1) for _ in range(size)]
        return {random_text(source): random_value(source, depth + 1) for _ in range(size)}
    return [None, True, source.randrange(-(2**40), 2**40), source.random(), random_text(source)][kind]


def test_documents() -> None:
    source = random.Random(5)
    for _ in range(1000):
        value = {"x": random_value(source)}
        text = json.dumps(value, ensure_ascii=source.random() < 0.5, indent=source.choice([None, 1]))
        assert one("json", text) == text.encode()
        assert one("jsonb", text) == b"\1" + text.encode()


def is_json(data: bytes) -> bool:
    """Whether Python takes it, without what only Python takes."""

    def refuse(word: str) -> None:
        raise ValueError(word)

    try:
        json.loads(data.decode(), parse_constant=refuse)
    except (ValueError, RecursionError):
        return False
    return True


def test_broken_texts() -> None:
    source = random.Random(6)
    plan = CopyPlan([("id", "int4"), ("v", "json", NULLABLE)], ["id"], key_in_value=True)
    plan.add_json("key")
    plan.add_json("value", connect=False, ignore_others=True)
    pieces = [b"", b'"', b"\\", b"{", b"]", b",", b"0", b"\x80", b"e"]
    seen = set()
    for _ in range(5000):
        text = bytearray(dump({"v": {"x": random_value(source)}, "id": 1}))
        for _ in range(source.randrange(1, 3)):
            at = source.randrange(5, len(text))
            text[at : at + source.randrange(2)] = source.choice(pieces)
        result = plan.run([(b"1", bytes(text))])
        said = result.errors[0][3] if result.errors else "a row" if result.rows else "odd"
        if said in {"EJSON", "a row"}:
            assert (said == "a row") == is_json(bytes(text)), bytes(text)
        seen.add(said)
    assert seen >= {"EJSON", "a row", "odd"}


def test_bytes_and_decimals() -> None:
    assert one("bytea", json.dumps(base64.b64encode(b"\0\xff\x10").decode())) == b"\0\xff\x10"
    assert one("bytea", '"00ff10"', form="hex") == b"\0\xff\x10"
    assert one("numeric(10,2)", '"B88="', form="base64") == one("numeric(10,2)", "19.99") != one("numeric", "19.990")
