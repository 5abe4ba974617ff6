# SPDX-License-Identifier: MIT
"""Schemas and values of every kind, and what two decoders have to agree on."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import math
import uuid
from typing import Any

AT = dt.datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=dt.UTC)


def everything(name: str) -> str:
    """A record with every type and logical type."""
    logical = [
        ("day", "int", "date"),
        ("hour", "int", "time-millis"),
        ("moment", "long", "time-micros"),
        ("at", "long", "timestamp-millis"),
        ("at_micros", "long", "timestamp-micros"),
        ("local", "long", "local-timestamp-millis"),
        ("local_micros", "long", "local-timestamp-micros"),
        ("ref", "string", "uuid"),
        ("odd", "string", "nobody-knows-this"),
    ]
    tree = {"name": "next", "type": ["null", "Tree"], "default": None}
    fields = [
        {"name": "nothing", "type": "null"},
        {"name": "yes", "type": "boolean"},
        {"name": "small", "type": "int"},
        {"name": "big", "type": "long"},
        {"name": "single", "type": "float"},
        {"name": "double", "type": "double"},
        {"name": "raw", "type": "bytes"},
        {"name": "text", "type": "string"},
        *({"name": field, "type": {"type": base, "logicalType": kind}} for field, base, kind in logical),
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 4}},
        {
            "name": "rate",
            "type": {
                "type": "fixed", "name": "Rate", "size": 8, "logicalType": "decimal", "precision": 12, "scale": 6,
            },
        },
        {"name": "mark", "type": {"type": "fixed", "name": "Mark", "size": 3}},
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID", "GONE"]}},
        {"name": "maybe", "type": ["null", "long"], "default": None},
        {"name": "several", "type": ["null", "string", "double", {"type": "array", "items": "int"}]},
        {
            "name": "shape",
            "type": [
                {"type": "record", "name": "Circle", "fields": [{"name": "radius", "type": "double"}]},
                {"type": "record", "name": "Box", "fields": [{"name": n, "type": "int"} for n in "ab"]},
            ],
        },
        {"name": "tags", "type": {"type": "array", "items": "string"}},
        {"name": "lots", "type": {"type": "map", "values": {"type": "array", "items": ["null", "long"]}}},
        {
            "name": "tree",
            "type": {"type": "record", "name": "Tree", "fields": [{"name": "n", "type": "int"}, tree]},
        },
    ]  # fmt: skip
    return json.dumps({"type": "record", "name": name, "namespace": "live", "fields": fields})


def value(i: int) -> dict[str, Any]:
    """A value of everything(), another one for each number."""
    at = AT + dt.timedelta(hours=i, milliseconds=i)
    tree: dict[str, Any] = {"n": 0, "next": None}
    for n in range(1, i % 6):
        tree = {"n": n, "next": tree}
    return {
        "nothing": None,
        "yes": i % 2 == 0,
        "small": (-1) ** i * i * 1_000_003 % 2**31,
        "big": (-1) ** i * (2**62 + i),
        "single": i / 4,
        "double": -(10.0 ** (i - 20)),
        "raw": bytes(range(i)),
        "text": "grüße ✓ 😀 " * i,
        "day": dt.date(1, 1, 1) + dt.timedelta(days=i * 40_000),
        "hour": dt.time(i % 24, 59, 59, 999000),
        "moment": dt.time(i % 24, 0, 0, i),
        "at": at.replace(microsecond=i * 1000),
        "at_micros": dt.datetime(1900, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=i * 1234, microseconds=i),
        "local": at.replace(microsecond=0, tzinfo=None),
        "local_micros": at.replace(tzinfo=None),
        "ref": uuid.UUID(int=i << 100 | i),
        "odd": "as it is",
        "price": decimal.Decimal(i * 12345 - 700_000).scaleb(-4),
        "rate": decimal.Decimal(i - 10).scaleb(-6),
        "mark": bytes([i, 0, 255]),
        "state": ["NEW", "PAID", "GONE"][i % 3],
        "maybe": None if i % 3 else i,
        "several": [None, "x" * i, i / 8, [i, -i]][i % 4],
        "shape": {"radius": i / 2} if i % 2 else {"a": i, "b": -i},
        "tags": [str(n) for n in range(i % 5)],
        "lots": {f"k{n}": [n, None] for n in range(i % 4)},
        "tree": tree,
    }


def same(a: Any, b: Any) -> bool:
    """Equal, of the same types, fields in the same order, NaN equal to itself, -0.0 not equal to 0.0."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return math.copysign(1, a) == math.copysign(1, b) and (a == b or (math.isnan(a) and math.isnan(b)))
    if isinstance(a, dt.datetime):
        return a == b and a.tzinfo == b.tzinfo
    if isinstance(a, decimal.Decimal):
        return a.as_tuple() == b.as_tuple()
    return bool(a == b)
