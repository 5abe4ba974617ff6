# SPDX-License-Identifier: MIT
"""A topic class's produce() with dicts: the same file serves this library and its peer. BENCH_MANY: this library's
produce_many(), a thousand at a time."""

from __future__ import annotations

import os
import time
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "benchsettings"
django.setup()

from django.conf import settings  # noqa: E402
from meter import FREE_CALLS, MESSAGES, TOPIC, begin, finish, producer_config  # noqa: E402
from orders import REGISTRY, SCHEMA, VALUE, thousand  # noqa: E402

settings.DJANGO_KAFKA["PRODUCER_CONFIG"] = producer_config()
settings.DJANGO_KAFKA["SCHEMA_REGISTRY"] = {"url": REGISTRY}

from django_kafka import kafka  # noqa: E402
from django_kafka.topic.avro import AvroTopicProducer  # noqa: E402


class Orders(AvroTopicProducer):
    name = TOPIC
    value_schema = SCHEMA


def one_by_one(count: int) -> None:
    for start in range(0, count, 1000):
        for order in orders if count - start >= 1000 else orders[: count - start]:
            while True:
                try:
                    topic.produce(order)
                    break
                except BufferError:
                    kafka.producer.poll(0.1)


def many(count: int) -> None:
    for start in range(0, count, 1000):
        topic.produce_many(orders if count - start >= 1000 else orders[: count - start])


topic: Any = Orders()
topic.produce(VALUE)  # what an idempotent producer does at first takes up to half a second
assert kafka.producer.flush(10) == 0
orders = thousand()
produce = many if os.environ.get("BENCH_MANY") else one_by_one
begin()
start = time.perf_counter()
produce(FREE_CALLS)
call = (time.perf_counter() - start) / FREE_CALLS
produce(MESSAGES - FREE_CALLS)
assert kafka.producer.flush(60) == 0
finish(MESSAGES, call=call)
