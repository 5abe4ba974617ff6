# SPDX-License-Identifier: MIT
"""Produces and consumes messages of two schemas with AvroTopic: one file for this library and its peer.

What the registry is asked for meanwhile is counted there.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "benchsettings"
django.setup()

from confluent_kafka.serialization import MessageField  # noqa: E402
from django.conf import settings  # noqa: E402
from meter import EXTRA, GROUP, MESSAGES, TOPIC, producer_config  # noqa: E402
from orders import ORDER, REGISTRY, thousand  # noqa: E402

settings.DJANGO_KAFKA["PRODUCER_CONFIG"] = producer_config()
settings.DJANGO_KAFKA["SCHEMA_REGISTRY"] = {"url": REGISTRY}

from django_kafka import kafka  # noqa: E402
from django_kafka.consumer import Consumer, Topics  # noqa: E402
from django_kafka.topic.avro import AvroTopic  # noqa: E402

handled = 0


class OrderTopic(AvroTopic):
    name = f"{TOPIC}-orders"
    value_schema = json.dumps(ORDER)

    def consume(self, msg: Any) -> None:
        global handled
        assert self.deserialize(msg.value(), MessageField.VALUE)["paid"] is True
        handled += 1
        if handled == MESSAGES:
            print(json.dumps({"messages": MESSAGES}), flush=True)
            sys.stdout.flush()
            os._exit(0)


class ReturnTopic(OrderTopic):
    name = f"{TOPIC}-returns"
    value_schema = json.dumps({**ORDER, "name": "Return"})


class BothConsumer(Consumer):
    topics = Topics(OrderTopic(), ReturnTopic())
    config = {"group.id": GROUP, "auto.offset.reset": "earliest", "enable.auto.offset.store": False, **EXTRA}


def produce(topic: Any, order: dict[str, Any]) -> None:
    while True:
        try:
            topic.produce(order)
            return
        except BufferError:
            kafka.producer.poll(0.1)


two = [OrderTopic(), ReturnTopic()]
orders = thousand()
for number in range(MESSAGES):
    produce(two[number % 2], orders[number % 1000])
assert kafka.producer.flush(60) == 0
consumer = BothConsumer()
if hasattr(consumer, "run"):
    consumer.run()
else:
    consumer.start()
