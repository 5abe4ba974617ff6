# SPDX-License-Identifier: MIT
"""A consumer whose handler deserializes each value (BENCH_KEYS: and key): one file for this library and its peer."""

from __future__ import annotations

import os
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "benchsettings"
django.setup()

from confluent_kafka.serialization import MessageField  # noqa: E402
from django.conf import settings  # noqa: E402
from meter import EXTRA, GROUP, TOPIC, mark  # noqa: E402
from orders import MARK_ID, REGISTRY  # noqa: E402

settings.DJANGO_KAFKA["SCHEMA_REGISTRY"] = {"url": REGISTRY}

from django_kafka.consumer import Consumer, Topics  # noqa: E402
from django_kafka.topic.avro import AvroTopic  # noqa: E402


class OrderTopic(AvroTopic):
    name = TOPIC

    def consume(self, msg: Any) -> None:
        order = self.deserialize(msg.value(), MessageField.VALUE)
        if order["id"] == MARK_ID:
            mark()


class KeyedOrderTopic(OrderTopic):
    def consume(self, msg: Any) -> None:
        key = self.deserialize(msg.key(), MessageField.KEY)
        order = self.deserialize(msg.value(), MessageField.VALUE)
        if order["id"] == MARK_ID or key["id"] == MARK_ID:
            mark()


class OrderConsumer(Consumer):
    topics = Topics(KeyedOrderTopic() if os.environ.get("BENCH_KEYS") else OrderTopic())
    config = {"group.id": GROUP, "auto.offset.reset": "earliest", "enable.auto.offset.store": False, **EXTRA}


consumer = OrderConsumer()
if hasattr(consumer, "run"):
    consumer.run()
else:
    consumer.start()
