# SPDX-License-Identifier: MIT
"""The batch loop of django_kafka._native, without Django."""

from __future__ import annotations

from meter import TOPIC, consumer_config, handle

from django_kafka._native import Consumer

consumer = Consumer(consumer_config())
consumer.subscribe([TOPIC])
while True:
    batch = consumer.fetch(1.0)
    if batch is None:
        continue
    while batch.next_topic() is not None:
        for msg in batch:
            handle(msg)
