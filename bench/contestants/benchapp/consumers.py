# SPDX-License-Identifier: MIT
"""The consumer that both libraries run.

With BENCH_NOTES nothing is measured here: the times of the first message and of the last are written to that file,
for what is measured from outside.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from meter import EXTRA, GROUP, MARK, MESSAGES, TOPIC, mark

from django_kafka import kafka
from django_kafka.consumer import Consumer, Topics
from django_kafka.topic import Topic

NOTES = os.environ.get("BENCH_NOTES")


class BenchTopic(Topic):
    name = TOPIC

    def consume(self, msg: Any) -> None:
        if msg.value() == MARK:
            mark()


class NotingTopic(Topic):
    name = TOPIC
    seen = 0

    def consume(self, msg: Any) -> None:
        msg.value()
        self.seen += 1
        if self.seen in (1, MESSAGES):
            with Path(str(NOTES)).open("a") as notes:
                notes.write(f"{time.time()}\n")


@kafka.consumers()
class BenchConsumer(Consumer):
    topics = Topics(NotingTopic() if NOTES else BenchTopic())
    config = {"group.id": GROUP, "auto.offset.reset": "earliest", "enable.auto.offset.store": False, **EXTRA}
