# SPDX-License-Identifier: MIT
"""Messages of Debezium: those captured in tests/vectors/avro/debezium.md, and the same in Connect's JSON."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

from django_kafka._native import AvroSchema

VECTORS = Path(__file__).parents[2] / "vectors" / "avro" / "debezium.md"


def captured() -> dict[str, tuple[str, bytes]]:
    """Schema and bytes, by the heading: `orders, value of message 0`."""
    found: dict[str, tuple[str, bytes]] = {}
    for section in VECTORS.read_text().split("\n## ")[1:]:
        blocks = dict(re.findall(r"^```([^\n]+)\n(.*?)\n?```$", section, re.MULTILINE | re.DOTALL))
        found[section.splitlines()[0]] = (blocks["avsc"], bytes.fromhex(blocks["hex"]))
    return found


_TYPES = {"int": "int32", "long": "int64", "float": "float", "double": "double", "boolean": "boolean"}


def connect_schema(avro: Any, names: dict[str, Any] | None = None, space: str = "") -> dict[str, Any]:
    """The schema that Connect's JSON has for what has this one in Avro."""
    names = {} if names is None else names
    if isinstance(avro, list):
        inner = next(branch for branch in avro if branch != "null")
        return {**connect_schema(inner, names, space), "optional": True}
    if isinstance(avro, str):
        known = names.get(avro) or names.get(f"{space}.{avro}")
        return dict(known) if known else {"type": _TYPES.get(avro, avro), "optional": False}
    kind = avro["type"]
    schema: dict[str, Any] = {"type": _TYPES.get(kind, kind), "optional": False}
    if "connect.name" in avro:
        schema.update(name=avro["connect.name"], version=avro.get("connect.version", 1))
    if "connect.parameters" in avro:
        schema["parameters"] = avro["connect.parameters"]
    if kind == "array":
        schema["items"] = connect_schema(avro["items"], names, space)
    if kind == "record":
        space = avro.get("namespace", space)
        schema["type"] = "struct"
        schema["fields"] = [
            {**connect_schema(field["type"], names, space), "field": field["name"]} for field in avro["fields"]
        ]
        names[f"{space}.{avro['name']}"] = schema
    return schema


def connect_value(value: Any, schema: dict[str, Any]) -> Any:
    """The value as Connect's JSON has it."""
    if value is None:
        return None
    if schema["type"] == "struct":
        return {field["field"]: connect_value(value[field["field"]], field) for field in schema["fields"]}
    if schema["type"] == "array":
        return [connect_value(item, schema["items"]) for item in value]
    if schema["type"] == "bytes":
        if not isinstance(value, bytes):  # a decimal
            number = int(value.scaleb(int(schema["parameters"]["scale"])))
            value = number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)
        return base64.b64encode(value).decode()
    return value


def as_json(avsc: str, data: bytes, schemas: bool) -> bytes:
    """A captured message in Connect's JSON, with its schema or without."""
    schema = connect_schema(json.loads(avsc))
    payload = connect_value(AvroSchema(avsc).decode(data), schema)
    return json.dumps({"schema": schema, "payload": payload} if schemas else payload).encode()
