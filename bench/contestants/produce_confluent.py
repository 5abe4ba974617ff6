# SPDX-License-Identifier: MIT
"""confluent_kafka's producer: a call per message, the queue served now and then."""

from __future__ import annotations

import time

from confluent_kafka import Producer
from meter import FREE_CALLS, MESSAGES, TOPIC, VALUE, begin, finish, producer_config

producer = Producer(producer_config())
producer.produce(TOPIC, VALUE)  # what an idempotent producer does at first takes up to half a second
assert producer.flush(10) == 0
begin()
start = time.perf_counter()
for _ in range(FREE_CALLS):
    producer.produce(TOPIC, VALUE)
call = (time.perf_counter() - start) / FREE_CALLS
for number in range(FREE_CALLS, MESSAGES):
    while True:
        try:
            producer.produce(TOPIC, VALUE)
            break
        except BufferError:
            producer.poll(0.1)
    if number % 1000 == 0:
        producer.poll(0)
assert producer.flush(60) == 0
finish(MESSAGES, call=call)
