# SPDX-License-Identifier: MIT
"""Streams of Debezium, captured by tests/live/capture_streams.py, as messages for a topic of ours."""

from __future__ import annotations

import base64
import json
import lzma
from functools import cache
from pathlib import Path
from typing import Any

from django_kafka._native import wire_prefix
from django_kafka.topic.avro import AvroTopicConsumer
from django_kafka.topic.debezium import DbzModelTopicConsumer
from django_kafka.utils.message import Message
from tests.py.schema_registry import SchemaRegistry
from tests.py.sync.helpers import DbzJSONTopic

FOLDER = Path(__file__).parents[2] / "vectors" / "debezium"
NAMES = sorted(path.name.removesuffix(".json.xz") for path in FOLDER.glob("*.json.xz"))


class AvroTopic(AvroTopicConsumer, DbzModelTopicConsumer):
    name = "orders"


@cache
def stream(name: str) -> dict[str, Any]:
    whole: dict[str, Any] = json.loads(lzma.decompress((FOLDER / f"{name}.json.xz").read_bytes()))
    return whole


def messages(whole: dict[str, Any], table: str, registry: SchemaRegistry) -> list[Message]:
    """Those of one table. The registry gets the schemas of Avro; their numbers are its own."""
    numbers = {}
    known = [old["schema"] for old in registry.schemas]
    for number, text in whole["schemas"].items():
        if text not in known:
            registry.schemas.append({"schema": text})
            known.append(text)
        numbers[int(number)] = known.index(text) + 1

    def data(text: str | None) -> bytes | None:
        found = None if text is None else base64.b64decode(text)
        if found is not None and numbers:
            found = wire_prefix(numbers[int.from_bytes(found[1:5], "big")]) + found[5:]
        return found

    def pairs(headers: list[tuple[str, str | None]]) -> list[tuple[str, bytes]]:
        return [(name, base64.b64decode(text or "")) for name, text in headers]

    return [
        Message(table, data(key), data(value), pairs(headers), offset=offset, partition=0)
        for found, offset, key, value, headers in whole["messages"]
        if found == table
    ]


def topic(whole: dict[str, Any], model: Any, **members: Any) -> Any:
    base = AvroTopic if whole["format"] == "avro" else DbzJSONTopic
    return type("StreamTopic", (base,), {"model": model, "__module__": __name__, **whole["topic"], **members})()


def write(one: Any, found: list[Message]) -> dict[int, Exception]:
    """As a consumer does it: halved when it fails. Returns failures by offset."""
    try:
        one.consume_batch(found)
    except Exception as error:
        if len(found) == 1:
            return {found[0].offset(): error}
        middle = len(found) // 2
        return {**write(one, found[:middle]), **write(one, found[middle:])}
    return {}
