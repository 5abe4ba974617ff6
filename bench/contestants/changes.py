# SPDX-License-Identifier: MIT
"""Changes of a table as Debezium's flattened records: 70 % inserts, 25 % updates, 5 % deletes, the same each time."""

from __future__ import annotations

import io
import json
import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import fastavro

CHANGE: dict[str, Any] = {
    "type": "record",
    "name": "Value",
    "namespace": "bench.public.orders",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "customer", "type": "string"},
        {"name": "email", "type": ["null", "string"], "default": None},
        {"name": "total", "type": "double"},
        {"name": "paid", "type": "boolean"},
        {"name": "status", "type": "string"},
        {"name": "note", "type": "string"},
        {"name": "created", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "__deleted", "type": ["null", "string"], "default": None},
    ],
}
CHANGE_KEY: dict[str, Any] = {
    "type": "record",
    "name": "Key",
    "namespace": "bench.public.orders",
    "fields": [{"name": "id", "type": "long"}],
}


class Shape(NamedTuple):
    """What the changes of a topic are: the share of inserts, and columns."""

    inserts: float = 0.7
    columns: int = 8


EIGHT = Shape()


def schema_of(columns: int = 8, *, tombstones: bool = False) -> dict[str, Any]:
    """The schema of as many columns: longs and texts by turns behind the eight. tombstones: a deletion is one, so the
    record does not tell it."""
    more = [{"name": f"more{n}", "type": ("long", "string")[n % 2]} for n in range(columns - 8)]
    return {**CHANGE, "fields": [*CHANGE["fields"][:-1], *more, *([] if tombstones else CHANGE["fields"][-1:])]}


# The same for JsonConverter with schemas.enable=true.
_TYPES = {"long": "int64", "string": "string", "double": "double", "boolean": "boolean"}
JSON_SCHEMA: dict[str, Any] = {
    "type": "struct",
    "fields": [
        {"type": "int64", "optional": False, "field": "id"},
        {"type": "string", "optional": False, "field": "customer"},
        {"type": "string", "optional": True, "field": "email"},
        {"type": "double", "optional": False, "field": "total"},
        {"type": "boolean", "optional": False, "field": "paid"},
        {"type": "string", "optional": False, "field": "status"},
        {"type": "string", "optional": False, "field": "note"},
        {
            "type": "string",
            "optional": False,
            "name": "io.debezium.time.ZonedTimestamp",
            "version": 1,
            "field": "created",
        },
        {"type": "string", "optional": True, "field": "__deleted"},
    ],
    "optional": False,
    "name": "bench.public.orders.Value",
}
JSON_KEY_SCHEMA: dict[str, Any] = {
    "type": "struct",
    "fields": [{"type": "int64", "optional": False, "field": "id"}],
    "optional": False,
    "name": "bench.public.orders.Key",
}
PARTITIONS = int(os.environ.get("BENCH_PARTITIONS", "4"))
_BEGIN = datetime(2024, 1, 1, tzinfo=UTC)


def changes(count: int, shape: Shape) -> Iterator[dict[str, Any]]:
    """Rows in the order in which they change, and one more per partition at the end, whose id is negative. A deleted
    row carries what it was."""
    inserts, columns = shape
    draw = random.Random(count)
    row: dict[str, Any] = {}
    rows: dict[int, dict[str, Any]] = {}
    ids: list[int] = []
    for number in range(count):
        what = draw.random()
        if what < inserts or not ids:
            row = {
                "id": number,
                "customer": f"Jane Customer-{number}",
                "email": None if number % 5 == 0 else f"jane{number}@example.com",
                "total": number / 4,
                "paid": number % 2 == 0,
                "status": ("NEW", "PAID", "SENT")[number % 3],
                "note": "x" * (60 + number % 80),
                "created": _BEGIN + timedelta(seconds=number),
                **{f"more{n}": (number + n, f"text {number + n}")[n % 2] for n in range(columns - 8)},
            }
            ids.append(number)
        else:
            place = draw.randrange(len(ids))
            row = {**rows[ids[place]], "total": number / 2, "status": "SENT"}
            if what >= 0.95:
                ids[place] = ids[-1]
                ids.pop()
                yield {**row, "__deleted": "true"}
                continue
        rows[row["id"]] = row
        yield {**row, "__deleted": "false"}
    for partition in range(PARTITIONS):
        yield {**row, "id": -1 - partition, "__deleted": "false"}


def left_by(count: int, shape: Shape) -> tuple[int, float]:
    """How many rows the changes leave, and the sum of their totals; without the last of each partition."""
    totals: dict[int, float] = {}
    for row in changes(count, shape):
        if row["__deleted"] == "true":
            del totals[row["id"]]
        elif row["id"] >= 0:
            totals[row["id"]] = row["total"]
    return len(totals), sum(totals.values())


def partition_of(row: dict[str, Any]) -> int:
    """All changes of a row are in one partition; the last rows in one each."""
    return row["id"] % PARTITIONS if row["id"] >= 0 else -1 - row["id"]


def as_avro(
    number: int, key_number: int, count: int, shape: Shape, *, tombstones: bool = False
) -> Iterator[tuple[bytes | None, bytes, int]]:
    """Values and keys in Confluent's framing, and partitions. tombstones: deletions are these."""
    schema = fastavro.parse_schema(schema_of(shape.columns, tombstones=tombstones))
    key_schema = fastavro.parse_schema(CHANGE_KEY)

    def written(number: int, schema: Any, what: object) -> bytes:
        out = io.BytesIO(b"\0" + number.to_bytes(4, "big"))
        out.seek(0, io.SEEK_END)
        fastavro.schemaless_writer(out, schema, what)
        return out.getvalue()

    for row in changes(count, shape):
        gone = tombstones and row["__deleted"] == "true"
        value = None if gone else written(number, schema, row)
        yield value, written(key_number, key_schema, {"id": row["id"]}), partition_of(row)


def as_json(count: int, *, schemas: bool) -> Iterator[tuple[bytes, bytes, int]]:
    """Values and keys as Kafka Connect's JsonConverter writes them, and partitions."""

    def written(schema: Any, what: dict[str, Any]) -> bytes:
        return json.dumps({"schema": schema, "payload": what} if schemas else what, separators=(",", ":")).encode()

    for row in changes(count, EIGHT):
        row = {**row, "created": row["created"].strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
        yield written(JSON_SCHEMA, row), written(JSON_KEY_SCHEMA, {"id": row["id"]}), partition_of(row)
