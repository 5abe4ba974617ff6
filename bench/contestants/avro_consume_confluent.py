# SPDX-License-Identifier: MIT
"""confluent_kafka's consumer, a message per call, with one AvroDeserializer that is kept."""

from __future__ import annotations

from confluent_kafka import Consumer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext
from meter import TOPIC, consumer_config, mark
from orders import MARK_ID, REGISTRY

deserialize = AvroDeserializer(SchemaRegistryClient({"url": REGISTRY}))
context = SerializationContext(TOPIC, MessageField.VALUE)
consumer = Consumer(consumer_config())
consumer.subscribe([TOPIC])
while True:
    msg = consumer.poll(1.0)
    if msg is None:
        continue
    if msg.error():
        raise SystemExit(msg.error())
    order = deserialize(msg.value(), context)
    if order["id"] == MARK_ID:
        mark()
