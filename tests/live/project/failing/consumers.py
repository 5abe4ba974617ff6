# SPDX-License-Identifier: MIT
"""Handlers that fail as often as a message's header `fail` says (-1: always), and note each try.

A message's header `id` names it; its header `row` makes the handler store a row. LIVE_RETRY holds the arguments of
the topics' retry settings, or nothing. With LIVE_POLLED the consumer overrides process_message().
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from django.db import connection

from django_kafka import kafka
from django_kafka.consumer import Consumer, Topics
from django_kafka.retry.settings import RetrySettings
from django_kafka.topic import TopicConsumer

_LEDGER = os.open(os.environ["LIVE_LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
_SLEEP = float(os.environ.get("LIVE_SLEEP", "0"))
_RETRY: dict[str, Any] | None = json.loads(os.environ.get("LIVE_RETRY", "null"))
_COUNTS = Path(os.environ["LIVE_LEDGER"] + ".counts")


class Boom(Exception):
    """What a failing handler raises."""


def note(kind: str, msg: Any, **fields: Any) -> None:
    """A line in the ledger, by one write(2)."""
    line = {"kind": kind, "time": time.time(), "pid": os.getpid(), "topic": msg.topic()}
    line |= {"partition": msg.partition(), "offset": msg.offset(), **fields}
    os.write(_LEDGER, json.dumps(line).encode() + b"\n")


def failures(name: str) -> int:
    """How often the message has failed before, in any process; counts one more."""
    _COUNTS.mkdir(exist_ok=True)
    fd = os.open(_COUNTS / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        before = os.fstat(fd).st_size
        os.write(fd, b".")
        return before
    finally:
        os.close(fd)


class FailingTopic(TopicConsumer):
    name = ""

    def __init__(self, name: str) -> None:
        self.name = name
        if _RETRY is not None:
            self.retry_settings = RetrySettings(**_RETRY)

    def consume(self, msg: Any) -> None:
        named = dict(msg.headers() or ())
        number = named["id"].decode()
        note("try", msg, id=number)
        time.sleep(_SLEEP)
        fail = int(named.get("fail") or 0)
        if fail and (fail < 0 or failures(number) < fail):
            note("fail", msg, id=number)
            raise Boom(f"message {number} fails" + "!" * int(named.get("noise") or 0))
        if "row" in named:
            with connection.cursor() as cursor:
                cursor.execute("INSERT INTO handled VALUES (%s)", [number])
        note("done", msg, id=number)


@kafka.consumers()
class Failing(Consumer):
    topics = Topics(*(FailingTopic(name) for name in json.loads(os.environ["LIVE_TOPICS"])))
    config = {
        "group.id": os.environ["LIVE_GROUP"],
        "auto.offset.reset": "earliest",
        "enable.auto.offset.store": False,
        **json.loads(os.environ.get("LIVE_CONFIG", "{}")),
    }

    if os.environ.get("LIVE_POLLED"):

        def process_message(self, msg: Any) -> None:
            super().process_message(msg)
