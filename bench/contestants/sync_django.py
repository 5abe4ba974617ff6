# SPDX-License-Identifier: MIT
"""A ModelTopicConsumer that keeps the table in step: one file for this library and its peer.

It ends when the table's last row is written: the last change of the topic, asked for by a connection of its own.
BENCH_FORM: json or connect (with Connect's schemas), else it is Avro; BENCH_SIGNALS: with a receiver of post_save.
"""

from __future__ import annotations

import os
import threading
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "syncsettings"
django.setup()

from django.db.models.signals import post_save  # noqa: E402
from meter import EXTRA, GROUP, TOPIC  # noqa: E402
from sync_watch import watch  # noqa: E402
from syncapp.models import Order  # noqa: E402

from django_kafka.consumer import Consumer, Topics  # noqa: E402
from django_kafka.topic.avro import AvroTopicConsumer  # noqa: E402
from django_kafka.topic.model import ModelTopicConsumer  # noqa: E402

FORM = os.environ.get("BENCH_FORM", "avro")
BASE: Any = AvroTopicConsumer
if FORM in ("json", "connect"):
    from django_kafka.topic.json import JSONTopicConsumer

    BASE = JSONTopicConsumer


class OrderTopic(ModelTopicConsumer, BASE):
    name = TOPIC
    model = Order
    sync_mode = os.environ.get("BENCH_MODE", "auto")


if os.environ.get("BENCH_SIGNALS"):
    seen: list[int] = []
    post_save.connect(lambda instance, **_: seen.append(instance.pk), sender=Order, weak=False)


class OrderConsumer(Consumer):
    topics = Topics(OrderTopic())
    config = {"group.id": GROUP, "auto.offset.reset": "earliest", "enable.auto.offset.store": False, **EXTRA}


if __name__ == "__main__":
    threading.Thread(target=watch, daemon=True).start()
    consumer = OrderConsumer()
    if hasattr(consumer, "run"):
        consumer.run()
    else:
        consumer.start()
