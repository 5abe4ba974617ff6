# SPDX-License-Identifier: MIT
"""A topic class's produce(), bytes as they are: the same file serves this library and its peer."""

from __future__ import annotations

import os
import time

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "benchsettings"
django.setup()

from django.conf import settings  # noqa: E402
from meter import FREE_CALLS, MESSAGES, TOPIC, VALUE, begin, finish, producer_config  # noqa: E402

settings.DJANGO_KAFKA["PRODUCER_CONFIG"] = producer_config()

from django_kafka import kafka  # noqa: E402
from django_kafka.serialization import NoOpSerializer  # noqa: E402
from django_kafka.topic import TopicProducer  # noqa: E402


class BenchProducer(TopicProducer):
    name = TOPIC
    value_serializer = NoOpSerializer


topic = BenchProducer()
topic.produce(VALUE)  # what an idempotent producer does at first takes up to half a second
assert kafka.producer.flush(10) == 0
begin()
start = time.perf_counter()
for _ in range(FREE_CALLS):
    topic.produce(VALUE)
call = (time.perf_counter() - start) / FREE_CALLS
for _ in range(FREE_CALLS, MESSAGES):
    while True:
        try:
            topic.produce(VALUE)
            break
        except BufferError:
            kafka.producer.poll(0.1)
assert kafka.producer.flush(60) == 0
finish(MESSAGES, call=call)
