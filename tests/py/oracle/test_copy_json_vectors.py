# SPDX-License-Identifier: MIT
"""Real messages of Debezium, written again in JSON, with Connect's schema and without one: CopyPlan makes the same
rows of them as of the Avro that they were."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

from django_kafka._native import AvroSchema, CopyPlan

VECTORS = (Path(__file__).parents[2] / "vectors" / "avro" / "debezium.md").read_text()
CONNECT = {"int": "int32", "long": "int64"}
# The column's type by the semantic type, and what a connector without schemas leaves to be told.
MEANT: dict[str, tuple[str, dict[str, Any]]] = {
    "io.debezium.time.Date": ("date", {}),
    "io.debezium.time.MicroTime": ("time", {"unit": "micros"}),
    "io.debezium.time.Timestamp": ("timestamp", {"unit": "millis"}),
    "io.debezium.time.MicroTimestamp": ("timestamp", {"unit": "micros"}),
    "io.debezium.time.ZonedTimestamp": ("timestamptz", {}),
    "io.debezium.time.MicroDuration": ("interval", {"unit": "micros"}),
    "io.debezium.data.Json": ("jsonb", {}),
    "io.debezium.data.Uuid": ("uuid", {}),
    "io.debezium.data.Enum": ("text", {}),
    "io.debezium.data.VariableScaleDecimal": ("numeric", {}),
}
PLAIN = {
    "boolean": "bool",
    "int": "int4",
    "long": "int8",
    "float": "float4",
    "double": "float8",
    "string": "text",
    "bytes": "bytea",
}


def without_logical_types(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {key: without_logical_types(value) for key, value in schema.items() if key != "logicalType"}
    return [without_logical_types(item) for item in schema] if isinstance(schema, list) else schema


class Writer:
    """JsonConverter, as far as Debezium needs it."""

    def __init__(self) -> None:
        self.named: dict[str, Any] = {}

    def inner(self, schema: Any) -> Any:
        """What a schema is when it is not null."""
        if isinstance(schema, list):
            schema = next(branch for branch in schema if branch != "null")
        if isinstance(schema, dict) and isinstance(schema["type"], dict | list):
            schema = {**schema, **self.inner(schema["type"])}
        if isinstance(schema, str) and schema in self.named:
            return self.named[schema]
        schema = {"type": schema} if isinstance(schema, str) else schema
        if schema["type"] == "record":
            self.named[schema["name"]] = schema
        return schema

    def schema(self, avro: Any) -> dict[str, Any]:
        inner = self.inner(avro)
        kind = inner["type"]
        found: dict[str, Any] = {"type": CONNECT.get(kind, kind), "optional": isinstance(avro, list)}
        if kind == "record":
            found["type"] = "struct"
            found["fields"] = [{**self.schema(field["type"]), "field": field["name"]} for field in inner["fields"]]
        if kind == "array":
            found["items"] = self.schema(inner["items"])
        if "connect.name" in inner:
            found["name"] = inner["connect.name"]
        if "connect.parameters" in inner:
            found["parameters"] = inner["connect.parameters"]
        return found

    def value(self, avro: Any, value: Any) -> Any:
        inner = self.inner(avro)
        if value is None:
            return None
        if inner["type"] == "record":
            return {field["name"]: self.value(field["type"], value[field["name"]]) for field in inner["fields"]}
        if inner["type"] == "array":
            return [self.value(inner["items"], item) for item in value]
        return base64.b64encode(value).decode() if inner["type"] == "bytes" else value

    def column(self, name: str, avro: Any) -> tuple[str, str, dict[str, Any]]:
        inner = self.inner(avro)
        meant, parameters = inner.get("connect.name"), inner.get("connect.parameters", {})
        options: dict[str, Any] = {}
        if inner["type"] == "array":
            kind = f"{PLAIN[self.inner(inner['items'])['type']]}[]"
        elif meant == "org.apache.kafka.connect.data.Decimal":
            kind = f"numeric({parameters['connect.decimal.precision']},{parameters['scale']})"
            options = {"form": "base64"}
        elif meant in MEANT:
            kind, options = MEANT[meant]
        else:
            kind = PLAIN[inner["type"]]
        return name, kind, {"nullable": True, **options}


def messages() -> list[Any]:
    found = []
    for section in VECTORS.split("\n## ")[1:]:
        title = section.splitlines()[0]
        blocks = dict(re.findall(r"^```([^\n]+)\n(.*?)\n?```$", section, re.MULTILINE | re.DOTALL))
        if "value of" in title:
            found.append(pytest.param(blocks["avsc"], bytes.fromhex(blocks["hex"]), id=title))
    return found


@pytest.mark.parametrize("wrapped", [True, False], ids=["schema", "no schema"])
@pytest.mark.parametrize(("avsc", "data"), messages())
def test_rows_are_those_of_avro(avsc: str, data: bytes, wrapped: bool) -> None:
    schema, writer = json.loads(avsc), Writer()
    decoded = AvroSchema(json.dumps(without_logical_types(schema))).decode(data)
    connect, payload = writer.schema(schema), writer.value(schema, decoded)
    row = next((writer.inner(field["type"]) for field in schema["fields"] if field["name"] == "before"), schema)
    columns = [writer.column(f["name"], f["type"]) for f in row["fields"] if not f["name"].startswith("__")]
    results = []
    for is_avro in (True, False):
        plan = CopyPlan(columns, [columns[0][0]], key_in_value=True)
        if is_avro:
            assert plan.add("value", None, AvroSchema(avsc)) is None
        else:
            plan.add_json("value", connect=wrapped)
        text = json.dumps({"schema": connect, "payload": payload} if wrapped else payload).encode()
        result = plan.run([(None, data if is_avro else text)], stop_at_error=True)
        odd = bool(result.odd or result.stray)
        assert result.rows + result.deletions + odd == 1
        results.append((bytes(result.block), bytes(result.deleted), result.rows, result.errors, odd))
    assert results[0] == results[1]
    assert results[0][3] == []
