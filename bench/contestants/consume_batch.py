# SPDX-License-Identifier: MIT
"""confluent_kafka's consume(500) loop."""

from __future__ import annotations

from confluent_kafka import Consumer
from meter import TOPIC, consumer_config, handle

consumer = Consumer(consumer_config())
consumer.subscribe([TOPIC])
while True:
    for msg in consumer.consume(500, 1.0):
        if msg.error():
            raise SystemExit(msg.error())
        handle(msg)
