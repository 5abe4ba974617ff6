# SPDX-License-Identifier: MIT
"""This library's producer, a thousand messages a call."""

from __future__ import annotations

import time

from meter import FREE_CALLS, MESSAGES, TOPIC, VALUE, begin, finish, producer_config

from django_kafka._native import Producer

producer = Producer(producer_config())
producer.produce(TOPIC, VALUE)  # what an idempotent producer does at first takes up to half a second
assert producer.flush(10) == 0
values = [VALUE] * 1000
begin()
start = time.perf_counter()
for _ in range(FREE_CALLS // 1000):
    assert producer.produce_many(TOPIC, values) == 1000
call = (time.perf_counter() - start) / (FREE_CALLS // 1000 * 1000)
for _ in range(FREE_CALLS // 1000, MESSAGES // 1000):
    assert producer.produce_many(TOPIC, values) == 1000
assert producer.flush(60) == 0
finish(MESSAGES // 1000 * 1000, call=call)
