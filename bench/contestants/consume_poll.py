# SPDX-License-Identifier: MIT
"""confluent_kafka's poll loop, as its documentation shows it."""

from __future__ import annotations

from confluent_kafka import Consumer
from meter import TOPIC, consumer_config, handle

consumer = Consumer(consumer_config())
consumer.subscribe([TOPIC])
while True:
    msg = consumer.poll(1.0)
    if msg is None:
        continue
    if msg.error():
        raise SystemExit(msg.error())
    handle(msg)
