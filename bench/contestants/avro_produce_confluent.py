# SPDX-License-Identifier: MIT
"""confluent_kafka's producer with one AvroSerializer that is kept, or (BENCH_FASTAVRO) with fastavro by hand."""

from __future__ import annotations

import io
import os
import time
from typing import Any

import fastavro
from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from meter import FREE_CALLS, MESSAGES, TOPIC, begin, finish, producer_config
from orders import ORDER, REGISTRY, SCHEMA, VALUE, thousand

serializer = AvroSerializer(SchemaRegistryClient({"url": REGISTRY}), SCHEMA)
context = SerializationContext(TOPIC, MessageField.VALUE)
prefix = serializer(VALUE, context)[:5]
schema = fastavro.parse_schema(ORDER)


def by_confluent(order: Any) -> bytes:
    return serializer(order, context)


def by_fastavro(order: Any) -> bytes:
    out = io.BytesIO()
    out.write(prefix)
    fastavro.schemaless_writer(out, schema, order)
    return out.getvalue()


serialize = by_fastavro if os.environ.get("BENCH_FASTAVRO") else by_confluent
producer = Producer(producer_config())
producer.produce(TOPIC, serialize(VALUE))  # what an idempotent producer does at first takes up to half a second
assert producer.flush(10) == 0
orders = thousand()


def produce(count: int) -> None:
    for start in range(0, count, 1000):
        for order in orders if count - start >= 1000 else orders[: count - start]:
            while True:
                try:
                    producer.produce(TOPIC, serialize(order))
                    break
                except BufferError:
                    producer.poll(0.1)
        producer.poll(0)


begin()
start = time.perf_counter()
produce(FREE_CALLS)
call = (time.perf_counter() - start) / FREE_CALLS
produce(MESSAGES - FREE_CALLS)
assert producer.flush(60) == 0
finish(MESSAGES, call=call)
