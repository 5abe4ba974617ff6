# SPDX-License-Identifier: MIT
"""Run by tools/check_install.sh with the installed package: everything imports, and messages go through a broker."""

from __future__ import annotations

import sys
from pathlib import Path

import confluent_kafka
import django
from django.conf import settings
from django.core.management import call_command

settings.configure(INSTALLED_APPS=["django_kafka"], DATABASES={}, DJANGO_KAFKA={})
django.setup()
call_command("check")

from django_kafka import _native, kafka  # noqa: E402, F401

assert Path(_native.__file__).is_relative_to(sys.prefix), f"{_native.__file__} is not the installed one"
page = Path(sys.prefix, "share/doc/django-kafka-native/docs/settings.md")  # which errors name
assert page.is_file(), f"{page} is missing"
expected = confluent_kafka.libversion()[0]
assert _native.librdkafka_version() == expected, (_native.librdkafka_version(), expected)

with _native.Broker() as broker:
    broker.create_topic("smoke", 1)
    with _native.Producer({"bootstrap.servers": broker.bootstrap}) as producer:
        producer.produce_many("smoke", [b"%d" % i for i in range(1000)])
        assert producer.flush(10) == 0
    consumer = _native.Consumer(
        {
            "bootstrap.servers": broker.bootstrap,
            "group.id": "smoke",
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 10,
        }
    )
    consumer.subscribe(["smoke"])
    seen: list[bytes] = []
    while len(seen) < 1000:
        batch = consumer.fetch(20)
        assert batch is not None, f"{len(seen)} of 1000 messages, then nothing for 20 s"
        with batch:
            while batch.next_topic() is not None:
                seen += [message.value() for message in batch]
    consumer.close(10)
assert seen == [b"%d" % i for i in range(1000)]
print(f"django-kafka-native {_native.__version__} with librdkafka {expected}: 1000 messages there and back")
