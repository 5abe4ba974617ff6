# SPDX-License-Identifier: MIT
"""Avro in memory: values to bytes and back, this library beside fastavro and confluent's (de)serializers.

    python -m bench.avro [--rounds N] [--seconds S]

One record of eight fields and about 200 bytes, in Confluent's framing. The rounds are interleaved, the best of each
counts, for the machine's other work only ever slows down. Ratios are to the bars the project set itself.
"""

from __future__ import annotations

import argparse
import io
import json
import time
from collections.abc import Callable
from typing import Any

import django
import fastavro
from confluent_kafka.schema_registry import RegisteredSchema, Schema, topic_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from django.conf import settings

from django_kafka._native import AvroReader, AvroSchema

ORDER = {
    "type": "record",
    "name": "Order",
    "namespace": "shop",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "customer", "type": "string"},
        {"name": "email", "type": ["null", "string"], "default": None},
        {"name": "total", "type": "double"},
        {"name": "paid", "type": "boolean"},
        {"name": "status", "type": {"type": "enum", "name": "Status", "symbols": ["NEW", "PAID", "SENT"]}},
        {"name": "note", "type": "string"},
        {"name": "created", "type": "long"},
    ],
}
VALUE: dict[str, Any] = {
    "id": 123456789,
    "customer": "Jane Customer-Smith",
    "email": "jane@example.com",
    "total": 99.25,
    "paid": True,
    "status": "PAID",
    "note": "x" * 130,
    "created": 1700000000123,
}


class Registry:
    """A registry in memory: what is measured is the (de)serializer, not HTTP."""

    def config(self) -> dict[str, Any]:
        return {}

    def register_schema_full_response(self, subject: str, schema: Schema, **_: Any) -> RegisteredSchema:
        return RegisteredSchema(schema_id=1, guid=None, schema=schema, subject=subject, version=1)

    def get_schema(self, *_: Any, **__: Any) -> Schema:
        return Schema(json.dumps(ORDER), "AVRO")


def contestants() -> dict[str, dict[str, tuple[Callable[[Any], Any], Any]]]:
    """What -> who -> (call, its argument)."""
    settings.configure(
        DJANGO_KAFKA={"SCHEMA_REGISTRY": {"url": "http://127.0.0.1:9"}}, INSTALLED_APPS=["django_kafka"]
    )
    django.setup()
    from django_kafka import kafka  # noqa: PLC0415  settings have to be there before
    from django_kafka.topic.avro import AvroTopic  # noqa: PLC0415

    class Orders(AvroTopic):
        name = "orders"
        value_schema = json.dumps(ORDER)
        schema_config = {"subject.name.strategy": topic_subject_name_strategy}

    class LazyOrders(Orders):
        lazy = True

    registry: Any = Registry()
    kafka.schema_client = registry
    ours, parsed = AvroSchema(json.dumps(ORDER)), fastavro.parse_schema(ORDER)
    conf = {"subject.name.strategy": topic_subject_name_strategy}
    context = SerializationContext("orders", MessageField.VALUE)
    their_serializer = AvroSerializer(registry, json.dumps(ORDER), conf=conf)
    their_deserializer = AvroDeserializer(registry, conf=conf)
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
            "AvroReader.decode": (reader.decode, message),
            "AvroTopic.deserialize": (lambda data: topic.deserialize(data, field), message),
            "a lazy view": (views.decode, message),
            "a lazy view, two fields read": (read_two_fields, message),
            "fastavro": (read_fastavro, payload),
            "confluent": (lambda data: their_deserializer(data, context), message),
        },
        "encode": {
            "AvroSchema.encode": (ours.encode, VALUE),
            "AvroTopic, as produce() does": (lambda value: topic._serialize(value, field, None, None), VALUE),
            "fastavro": (write_fastavro, VALUE),
            "confluent": (lambda value: their_serializer(value, context), VALUE),
        },
    }


# (what, who) -> at least so many times as fast as
BARS = {
    ("decode", "AvroReader.decode"): {"confluent": 40, "fastavro": 10},
    ("encode", "AvroSchema.encode"): {"confluent": 20, "fastavro": 12},
}


def rate(run: Callable[[Any], Any], argument: Any, seconds: float) -> float:
    """Calls per second of this thread's own time, which other processes do not take away."""
    calls, chunk, start = 0, 64, time.thread_time()
    while (passed := time.thread_time() - start) < seconds:
        for _ in range(chunk):
            run(argument)
        calls += chunk
        chunk = min(chunk * 2, 65536) if passed < seconds / 4 else chunk
    return calls / passed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each run")
    parser.add_argument("--json", action="store_true", help="one line of JSON per run instead of tables")
    options = parser.parse_args()
    all_runs = contestants()
    best: dict[tuple[str, str], float] = {}
    for number in range(options.rounds):
        for what, runs in all_runs.items():
            for who, (run, argument) in runs.items():
                speed = rate(run, argument, options.seconds)
                best[what, who] = max(best.get((what, who), 0.0), speed)
                if options.json:
                    print(
                        json.dumps({"bench": "avro", "what": what, "who": who, "round": number, "per_second": speed})
                    )
    if options.json:
        return
    for what, runs in all_runs.items():
        print(f"\n{what + ' in memory':32}{'million/s':>10}{'x fastavro':>12}{'x confluent':>13}")
        for who in runs:
            speed = best[what, who]
            ratios = [speed / best[what, other] for other in ("fastavro", "confluent")]
            missed = [
                f"bar {bar}x {other}"
                for other, bar in BARS.get((what, who), {}).items()
                if speed < bar * best[what, other]
            ]
            print(f"{who:32}{speed / 1e6:10.3f}{ratios[0]:12.1f}{ratios[1]:13.1f}  {', '.join(missed)}")


if __name__ == "__main__":
    main()
