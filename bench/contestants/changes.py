# SPDX-License-Identifier: MIT
"""Changes of a table as Debezium's flattened records: 70 % inserts, 25 % updates, 5 % deletes, the same each time."""

from __future__ import annotations

import io
import json
import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

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


def changes(count: int) -> Iterator[dict[str, Any]]:
    """Rows in the order in which they change, and one more per partition at the end, whose id is negative. A deleted
    row carries what it was."""
    draw = random.Random(count)
    row: dict[str, Any] = {}
    rows: dict[int, dict[str, Any]] = {}
    ids: list[int] = []
    for number in range(count):
        what = draw.random()
        if what < 0.7 or not ids:
            row = {
                "id": number,
                "customer": f"Jane Customer-{number}",
                "email": None if number % 5 == 0 else f"jane{number}@example.com",
                "total": number / 4,
                "paid": number % 2 == 0,
                "status": ("NEW", "PAID", "SENT")[number % 3],
                "note": "x" * (60 + number % 80),
                "created": _BEGIN + timedelta(seconds=number),
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


def partition_of(row: dict[str, Any]) -> int:
    """All changes of a row are in one partition; the last rows in one each."""
    return row["id"] % PARTITIONS if row["id"] >= 0 else -1 - row["id"]


def as_avro(number: int, key_number: int, count: int) -> Iterator[tuple[bytes, bytes, int]]:
    """Values and keys in Confluent's framing, and partitions."""
    schema, key_schema = fastavro.parse_schema(CHANGE), fastavro.parse_schema(CHANGE_KEY)

    def written(number: int, schema: Any, what: object) -> bytes:
        out = io.BytesIO(b"\0" + number.to_bytes(4, "big"))
        out.seek(0, io.SEEK_END)
        fastavro.schemaless_writer(out, schema, what)
        return out.getvalue()

    for row in changes(count):
        yield written(number, schema, row), written(key_number, key_schema, {"id": row["id"]}), partition_of(row)


def as_json(count: int, *, schemas: bool) -> Iterator[tuple[bytes, bytes, int]]:
    """Values and keys as Kafka Connect's JsonConverter writes them, and partitions."""

    def written(schema: Any, what: dict[str, Any]) -> bytes:
        return json.dumps({"schema": schema, "payload": what} if schemas else what, separators=(",", ":")).encode()

    for row in changes(count):
        row = {**row, "created": row["created"].strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
        yield written(JSON_SCHEMA, row), written(JSON_KEY_SCHEMA, {"id": row["id"]}), partition_of(row)
