# SPDX-License-Identifier: MIT
"""Consumers that do what their messages say, and write down what they do."""

import json
import logging
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from confluent_kafka.serialization import MessageField
from django.db import connection

from crew.apps import early
from django_kafka import kafka
from django_kafka.consumer import Consumer, Topics
from django_kafka.topic import Topic

SETS = os.environ.get("CREW_CONSUMERS", "work").split(",")


def event(job: str, what: str, **more: Any) -> None:
    line = json.dumps({"job": job, "what": what, "pid": os.getpid(), "time": time.monotonic(), **more})
    with Path(os.environ["CREW_EVENTS"]).open("a") as file:
        file.write(line + "\n")


class Work(Topic):
    """Values are JSON: what to do, and with what."""

    name = "work"

    def consume(self, msg: Any) -> None:
        order = json.loads(self.deserialize(msg.value(), MessageField.VALUE, msg.headers()))
        place = {"partition": msg.partition(), "offset": msg.offset()}
        event(self.name, "begin", **place)
        for what, argument in order.items():
            getattr(self, what)(argument)
        event(self.name, "end", **place)

    def log(self, text: str) -> None:
        logging.getLogger("crew.orders").info("%s", text)

    def sleep(self, seconds: float) -> None:
        if os.environ.get("CREW_IN_A_HURRY"):
            return
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(left)

    def sleep_once(self, seconds: float) -> None:
        """Long the first time, nothing when the message is redelivered."""
        if Path(os.environ["CREW_EVENTS"]).read_text().count('"begin"') == 1:
            self.sleep(seconds)

    def die_once(self, signum: int) -> None:
        if Path(os.environ["CREW_EVENTS"]).read_text().count('"begin"') == 1:
            os.kill(os.getpid(), signum)
            signal.pause()

    def leave(self, code: int) -> None:
        sys.exit(code)

    def produce_to(self, topic: str) -> None:
        kafka.producer.produce(topic, b"from a child")

    def use_database(self, _: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        database = os.environ["CREW_DATABASE"]
        links = [os.readlink(path) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
        event(
            self.name,
            "database",
            own=connection.connection is not early.get("connection"),
            descriptors=sum(link == database for link in links),
            early=early.get("pid"),
        )


class Other(Work):
    name = "other"


if "work" in SETS:

    @kafka.consumers()
    class WorkConsumer(Consumer):
        topics = Topics(Work())
        config = {"group.id": "work"}


if "other" in SETS:

    @kafka.consumers()
    class OtherConsumer(Consumer):
        topics = Topics(Other())
        config = {"group.id": "other"}


if "groupless" in SETS:

    @kafka.consumers()
    class GrouplessConsumer(Consumer):
        topics = Topics(Other())


if "empty" in SETS:

    @kafka.consumers()
    class EmptyConsumer(Consumer):
        topics = Topics()
        config = {"group.id": "empty"}
