# SPDX-License-Identifier: MIT
"""confluent_kafka's consumer, a message per call, with an AvroDeserializer that is kept (BENCH_KEYS: two)."""

from __future__ import annotations

import os

from confluent_kafka import Consumer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext
from meter import TOPIC, consumer_config, mark
from orders import MARK_ID, REGISTRY

client = SchemaRegistryClient({"url": REGISTRY})
deserialize, deserialize_key = AvroDeserializer(client), AvroDeserializer(client)
context = SerializationContext(TOPIC, MessageField.VALUE)
key_context = SerializationContext(TOPIC, MessageField.KEY)
keys_too = bool(os.environ.get("BENCH_KEYS"))
consumer = Consumer(consumer_config())
consumer.subscribe([TOPIC])
while True:
    msg = consumer.poll(1.0)
    if msg is None:
        continue
    if msg.error():
        raise SystemExit(msg.error())
    if keys_too:
        key = deserialize_key(msg.key(), key_context)
        assert key is not None
    order = deserialize(msg.value(), context)
    if order["id"] == MARK_ID:
        mark()
