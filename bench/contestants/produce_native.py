# SPDX-License-Identifier: MIT
"""This library's producer, a call per message."""

from __future__ import annotations

import time

from meter import FREE_CALLS, MESSAGES, TOPIC, VALUE, begin, finish, producer_config

from django_kafka._native import Producer

producer = Producer(producer_config())
producer.produce(TOPIC, VALUE)  # what an idempotent producer does at first takes up to half a second
assert producer.flush(10) == 0
begin()
start = time.perf_counter()
for _ in range(FREE_CALLS):
    producer.produce(TOPIC, VALUE)
call = (time.perf_counter() - start) / FREE_CALLS
for _ in range(FREE_CALLS, MESSAGES):
    producer.produce(TOPIC, VALUE)
assert producer.flush(60) == 0
finish(MESSAGES, call=call)
