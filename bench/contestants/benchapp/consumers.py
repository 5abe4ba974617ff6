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

from meter import EXTRA, GROUP, MESSAGES, TOPIC, make_handler

from django_kafka import kafka
from django_kafka.consumer import Consumer, Topics
from django_kafka.topic import Topic

NOTES = os.environ.get("BENCH_NOTES")


def make_noting_handler() -> Any:
    seen = 0

    def handle(msg: Any) -> None:
        nonlocal seen
        msg.value()
        seen += 1
        if seen == 1 or seen == MESSAGES:
            with Path(str(NOTES)).open("a") as notes:
                notes.write(f"{time.time()}\n")

    return handle


class BenchTopic(Topic):
    name = TOPIC
    handle = staticmethod(make_noting_handler() if NOTES else make_handler())

    def consume(self, msg: Any) -> None:
        self.handle(msg)


@kafka.consumers()
class BenchConsumer(Consumer):
    topics = Topics(BenchTopic())
    config = {"group.id": GROUP, "auto.offset.reset": "earliest", "enable.auto.offset.store": False, **EXTRA}
