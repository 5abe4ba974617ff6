# SPDX-License-Identifier: MIT
"""Real messages of Debezium: what CopyPlan makes of their bytes is what they say when they are decoded."""

from __future__ import annotations

import datetime as dt
import json
import re
import struct
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from psycopg.adapt import Transformer
from psycopg.pq import Format

from django_kafka._native import AvroSchema, CopyPlan

VECTORS = (Path(__file__).parents[2] / "vectors" / "avro" / "debezium.md").read_text()
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)

# By the semantic type: the column's type, its OID, and what the field's value is in Python.
MEANT: dict[str, tuple[str, int, Any]] = {
    "io.debezium.time.Date": ("date", 1082, lambda v: (EPOCH + v * DAY).date()),
    "io.debezium.time.MicroTimestamp": ("timestamptz", 1184, lambda v: EPOCH + dt.timedelta(microseconds=v)),
    "io.debezium.time.Timestamp": ("timestamptz", 1184, lambda v: EPOCH + dt.timedelta(milliseconds=v)),
    "io.debezium.time.ZonedTimestamp": ("timestamptz", 1184, dt.datetime.fromisoformat),
    "io.debezium.time.MicroDuration": ("interval", 1186, lambda v: dt.timedelta(microseconds=v)),
    "io.debezium.data.Json": ("jsonb", 3802, json.loads),
    "io.debezium.data.Uuid": ("uuid", 2950, uuid.UUID),
    "org.apache.kafka.connect.data.Decimal": ("numeric", 1700, lambda v: v),
    "io.debezium.data.VariableScaleDecimal": (
        "numeric",
        1700,
        lambda v: Decimal(f"{int.from_bytes(v['value'], 'big', signed=True)}E{-v['scale']}"),
    ),
}
PLAIN: dict[str, tuple[str, int]] = {
    "boolean": ("bool", 16),
    "int": ("int4", 23),
    "long": ("int8", 20),
    "float": ("float4", 700),
    "double": ("float8", 701),
    "string": ("text", 25),
    "bytes": ("bytea", 17),
}


def same(value: Any) -> Any:
    return value


def column_of(schema: Any) -> tuple[str, int, Any] | None:
    """Type, OID and conversion of a field that is no container."""
    if isinstance(schema, list):
        return column_of(next(branch for branch in schema if branch != "null"))
    if isinstance(schema, dict):
        name = schema.get("connect.name", "")
        if name == "io.debezium.time.MicroTime":  # 24:00 is no time to Python
            return None
        return MEANT[name] if name in MEANT else column_of(schema["type"])
    return (*PLAIN[schema], same) if schema in PLAIN else None


def messages() -> list[Any]:
    found = []
    for section in VECTORS.split("\n## ")[1:]:
        title = section.splitlines()[0]
        blocks = dict(re.findall(r"^```([^\n]+)\n(.*?)\n?```$", section, re.MULTILINE | re.DOTALL))
        if "value of" in title:
            found.append(pytest.param(blocks["avsc"], bytes.fromhex(blocks["hex"]), id=title))
    return found


def fields(block: bytes, count: int) -> list[bytes | None]:
    at, row = 21, []
    for _ in range(count):
        size = struct.unpack_from(">i", block, at)[0]
        row.append(None if size < 0 else block[at + 4 : at + 4 + size])
        at += 4 + max(size, 0)
    return row


@pytest.mark.parametrize(("avsc", "data"), messages())
def test_row_is_what_the_message_says(avsc: str, data: bytes) -> None:
    schema, decoded = json.loads(avsc), AvroSchema(avsc).decode(data)
    envelope = {field["name"]: field["type"] for field in schema["fields"]}
    if "after" in envelope:
        before = next(branch for branch in envelope["before"] if branch != "null")
        schema, decoded = before, decoded["after"]
    columns = {f["name"]: found for f in schema["fields"] if (found := column_of(f["type"])) is not None}
    types = [(name, kind, {"nullable": True}) for name, (kind, _, _) in columns.items()]
    plan = CopyPlan(types, [next(iter(columns))], key_in_value=True)
    assert plan.add("value", None, AvroSchema(avsc)) is None

    result = plan.run([(None, data)], stop_at_error=True)

    assert result.errors == []
    if result.odd or result.stray:  # a value that the source has not sent
        assert decoded is None or "__debezium_unavailable_value" in decoded.values()
        return
    if decoded is None or decoded.get("__deleted") == "true":
        assert result.deletions == 1
        return
    assert result.rows == 1
    row = dict(zip(plan.columns, fields(bytes(result.block), len(columns)), strict=True))
    for name, (_, oid, convert) in columns.items():
        written = row[name]
        value = None if written is None else Transformer().get_loader(oid, Format.BINARY).load(written)
        expected = decoded[name] if decoded[name] is None else convert(decoded[name])
        assert value == expected, name
