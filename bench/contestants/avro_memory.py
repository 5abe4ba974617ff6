# SPDX-License-Identifier: MIT
"""Avro in memory, all in this one process: values to bytes and back, without a registry and a broker in between.

Prints a JSON line per round and contestant: calls per second of this thread's own time, which other processes do not
take away.
"""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Callable
from typing import Any

import django
import fastavro
from confluent_kafka.schema_registry import RegisteredSchema, Schema, topic_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

os.environ["DJANGO_SETTINGS_MODULE"] = "benchsettings"
django.setup()

from orders import ORDER, SCHEMA, VALUE  # noqa: E402

from django_kafka import kafka  # noqa: E402
from django_kafka._native import AvroReader, AvroSchema  # noqa: E402
from django_kafka.topic.avro import AvroTopic  # noqa: E402

CONF = {"subject.name.strategy": topic_subject_name_strategy}


class Registry:
    """A registry in memory: what is measured is the (de)serializer, not HTTP."""

    def config(self) -> dict[str, Any]:
        return {}

    def register_schema_full_response(self, subject: str, schema: Schema, **_: Any) -> RegisteredSchema:
        return RegisteredSchema(schema_id=1, guid=None, schema=schema, subject=subject, version=1)

    def get_schema(self, *_: Any, **__: Any) -> Schema:
        return Schema(SCHEMA, "AVRO")


class Orders(AvroTopic):
    name = "orders"
    value_schema = SCHEMA
    schema_config = CONF


class LazyOrders(Orders):
    lazy = True


def contestants() -> dict[str, dict[str, tuple[Callable[[Any], Any], Any]]]:
    """What -> who -> (call, its argument)."""
    registry: Any = Registry()
    kafka.schema_client = registry
    ours, parsed = AvroSchema(SCHEMA), fastavro.parse_schema(ORDER)
    context = SerializationContext("orders", MessageField.VALUE)
    their_serializer = AvroSerializer(registry, SCHEMA, conf=CONF)
    their_deserializer = AvroDeserializer(registry, conf=CONF)
    message = their_serializer(VALUE, context)
    payload, prefix = message[5:], message[:5]
    topic, lazy_topic, field = Orders(), LazyOrders(), MessageField.VALUE
    reader, views = AvroReader(), AvroReader(lazy=True)
    for made in (reader, views):
        made.add(1, ours)
    topic._serialize(VALUE, field, None, None)

    def read_fastavro(data: bytes) -> Any:
        return fastavro.schemaless_reader(io.BytesIO(data), parsed, None)

    def write_fastavro(value: Any) -> Any:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, parsed, value)
        return out.getvalue()

    def read_two_fields(data: bytes) -> Any:
        view = views.decode(data)
        return view["id"], view["status"]

    assert reader.decode(message) == read_fastavro(payload) == their_deserializer(message, context) == VALUE
    assert topic.deserialize(message, field) == VALUE == lazy_topic.deserialize(message, field)
    assert ours.encode(VALUE, prefix) == message == prefix + write_fastavro(VALUE)
    assert topic._serialize(VALUE, field, None, None) == message
    return {
        "decode": {
            "this library": (reader.decode, message),
            "this library, AvroTopic.deserialize": (lambda data: topic.deserialize(data, field), message),
            "this library, a lazy view": (views.decode, message),
            "this library, a view, 2 fields read": (read_two_fields, message),
            "fastavro": (read_fastavro, payload),
            "confluent": (lambda data: their_deserializer(data, context), message),
        },
        "encode": {
            "this library": (ours.encode, VALUE),
            "this library, for AvroTopic.produce": (lambda value: topic._serialize(value, field, None, None), VALUE),
            "fastavro": (write_fastavro, VALUE),
            "confluent": (lambda value: their_serializer(value, context), VALUE),
        },
    }


def rate(run: Callable[[Any], Any], argument: Any, seconds: float) -> float:
    calls, chunk, start = 0, 64, time.thread_time()
    while (passed := time.thread_time() - start) < seconds:
        for _ in range(chunk):
            run(argument)
        calls += chunk
        chunk = min(chunk * 2, 65536) if passed < seconds / 4 else chunk
    return calls / passed


def main() -> None:
    all_runs = contestants()
    for _ in range(int(os.environ["BENCH_ROUNDS"])):
        for what, runs in all_runs.items():
            for who, (run, argument) in runs.items():
                speed = rate(run, argument, float(os.environ["BENCH_SECONDS"]))
                print(json.dumps({"what": what, "who": who, "rate": speed}), flush=True)


main()
