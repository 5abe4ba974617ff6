# SPDX-License-Identifier: MIT
"""A consumer whose handler fails for each message that begins with "poison": one file for this library and its peer.

The times of the first message and of the last good one go to the file BENCH_NOTES; when all is dead-lettered is seen
from outside. BENCH_WORK: seconds of CPU that the handler takes for a good message.
"""

from __future__ import annotations

import os
import time
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "benchsettings"
django.setup()

from meter import EXTRA, GROUP, TOPIC  # noqa: E402

from django_kafka.consumer import Consumer, Topics  # noqa: E402
from django_kafka.topic import Topic  # noqa: E402

GOOD = int(os.environ["BENCH_GOOD"])
WORK = float(os.environ["BENCH_WORK"])
NOTES = os.open(os.environ["BENCH_NOTES"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def note() -> None:
    os.write(NOTES, b"%.6f\n" % time.time())


class FailingTopic(Topic):
    name = TOPIC
    begun = False
    good = 0

    def consume(self, msg: Any) -> None:
        if not self.begun:
            self.begun = True
            note()
        if msg.value().startswith(b"poison"):
            raise ValueError("the order has no customer")
        if WORK:
            end = time.perf_counter() + WORK
            while time.perf_counter() < end:
                pass
        self.good += 1
        if self.good == GOOD:
            note()


class FailingConsumer(Consumer):
    topics = Topics(FailingTopic())
    config = {"group.id": GROUP, "auto.offset.reset": "earliest", "enable.auto.offset.store": False, **EXTRA}


consumer = FailingConsumer()
if hasattr(consumer, "run"):
    consumer.run()
else:
    consumer.start()
