# SPDX-License-Identifier: MIT
"""The fields of the rows that messages of a registered schema have, for commands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django_kafka.schema.registry import WriterSchema
from django_kafka.sync.convert.semantic import (
    BITS,
    DATES,
    DEBEZIUM,
    DECIMALS,
    DURATIONS,
    JSON,
    TIMES,
    TIMESTAMPS,
    VARIABLE_DECIMAL,
    Semantic,
)
from django_kafka.sync.schemas import struct_of_writer


@dataclass(frozen=True)
class RecordField:
    """digits: precision of a decimal, if the schema tells."""

    name: str
    semantic: Semantic
    nullable: bool
    digits: int | None = None


@dataclass(frozen=True)
class Record:
    """name: in full. debezium: rows are in envelopes."""

    name: str
    fields: dict[str, RecordField]
    debezium: bool


def record_of(written: WriterSchema) -> Record | None:
    """None: the schema is of no record."""
    root = json.loads(written.text)
    texts = [root, *(json.loads(text) for text in written.names.values())]
    known = {str(node.get("name")).rpartition(".")[2]: node for text in texts for node in _records(text)}
    struct = struct_of_writer(written)
    if not isinstance(root, dict) or not struct.fields:
        return None
    debezium = {"op", "source"} <= struct.fields.keys() and "after" in struct.structs
    if debezium:
        struct = struct.structs["after"]
        after = next(field for field in root["fields"] if field["name"] == "after")
        root = next((found for branch in _branches(after["type"]) if (found := _resolve(branch, known))), {})
    raw = {field["name"]: field for field in root.get("fields", ())}
    fields = {
        name: RecordField(name, semantic, "null" in _branches(raw[name]["type"]), _digits(raw[name]))
        for name, semantic in struct.fields.items()
        if name in raw
    }
    return Record(struct.name, fields, debezium)


def _records(node: Any) -> Iterator[dict[str, Any]]:
    """All definitions of records, wherever they are."""
    if isinstance(node, list):
        for item in node:
            yield from _records(item)
    elif isinstance(node, dict):
        if node.get("type") in ("record", "error") and "fields" in node:
            yield node
            yield from _records([field.get("type") for field in node["fields"]])
        for key in ("type", "items", "values"):
            yield from _records(node.get(key))


def _branches(node: Any) -> list[Any]:
    return node if isinstance(node, list) else [node]


def _resolve(branch: Any, known: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    if isinstance(branch, str):
        return known.get(branch.rpartition(".")[2])
    return branch if isinstance(branch, dict) and "fields" in branch else None


def _digits(field: dict[str, Any]) -> int | None:
    for branch in _branches(field["type"]):
        if isinstance(branch, dict):
            said = branch.get("precision", (branch.get("connect.parameters") or {}).get("connect.decimal.precision"))
            if said is not None and str(said).isdecimal():
                return int(said)
    return None


# ---- what kind of values -------------------------------------------------------------------------------------------

_NAMED = {
    **dict.fromkeys([*DATES, f"{DEBEZIUM}time.IsoDate"], "date"),
    **dict.fromkeys([*TIMES, f"{DEBEZIUM}time.ZonedTime", f"{DEBEZIUM}time.IsoTime"], "time"),
    **dict.fromkeys(
        [*TIMESTAMPS, f"{DEBEZIUM}time.ZonedTimestamp", f"{DEBEZIUM}time.IsoTimestamp"],
        "timestamp",
    ),
    **dict.fromkeys([*DURATIONS, f"{DEBEZIUM}time.Interval"], "duration"),
    **dict.fromkeys([*DECIMALS, VARIABLE_DECIMAL], "decimal"),
    JSON: "json",
    BITS: "bytes",
    "uuid": "uuid",
    f"{DEBEZIUM}data.Uuid": "uuid",
}
_BASES = {
    "boolean": "boolean",
    "int": "int",
    "long": "long",
    "float": "float",
    "double": "float",
    "string": "text",
    "bytes": "bytes",
    "array": "array",
    "map": "map",
    "record": "map",
}


def family_of(semantic: Semantic) -> str:
    """What a field of this type is for people and models; "" for a union, which may be anything."""
    return _NAMED.get(semantic.name) or _BASES.get(semantic.base, "")
