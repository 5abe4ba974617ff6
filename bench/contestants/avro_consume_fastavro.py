# SPDX-License-Identifier: MIT
"""confluent_kafka's consumer in batches, its values decoded by hand with fastavro."""

from __future__ import annotations

import io

import fastavro
from confluent_kafka import Consumer
from meter import TOPIC, consumer_config, mark
from orders import MARK_ID, ORDER

schema = fastavro.parse_schema(ORDER)
consumer = Consumer(consumer_config())
consumer.subscribe([TOPIC])
while True:
    for msg in consumer.consume(500, 1.0):
        if msg.error():
            raise SystemExit(msg.error())
        order = fastavro.schemaless_reader(io.BytesIO(msg.value()[5:]), schema, None)
        if order["id"] == MARK_ID:
            mark()
