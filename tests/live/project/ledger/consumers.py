# SPDX-License-Identifier: MIT
"""A consumer that writes down each message it handles, one JSON line with one write(2), so that a kill loses none."""

from __future__ import annotations

import base64
import json
import os
import time
from typing import Any

from django_kafka import kafka
from django_kafka.consumer import Consumer, Topics
from django_kafka.topic import Topic

_LEDGER = os.open(os.environ["LIVE_LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
_SLEEP = float(os.environ.get("LIVE_SLEEP", "0"))
_FAIL = os.environ.get("LIVE_FAIL", "").encode()  # messages whose value begins so fail


def _text(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()


def record(kind: str, **fields: Any) -> None:
    """Add a line to the ledger."""
    line = json.dumps({"kind": kind, "pid": os.getpid(), "time": time.time(), **fields})
    os.write(_LEDGER, line.encode() + b"\n")


class LedgerTopic(Topic):
    """The handler: notes that it begins, sleeps if told to, notes what it got."""

    name = ""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__()

    def consume(self, msg: Any) -> None:
        place = {"topic": msg.topic(), "partition": msg.partition(), "offset": msg.offset()}
        if _SLEEP:
            record("begin", **place)
            time.sleep(_SLEEP)
        if _FAIL and (msg.value() or b"").startswith(_FAIL):
            raise LookupError(f"no {msg.value()!r}") if msg.key() == b"lookup" else ValueError(f"no {msg.value()!r}")
        headers = [[key, _text(value)] for key, value in msg.headers() or []]
        record(
            "done",
            **place,
            key=_text(msg.key()),
            value=_text(msg.value()),
            headers=headers,
            timestamp=msg.timestamp()[1],
        )


@kafka.consumers()
class LedgerConsumer(Consumer):
    topics = Topics(*(LedgerTopic(name) for name in json.loads(os.environ["LIVE_TOPICS"])))
    config = {
        "group.id": os.environ["LIVE_GROUP"],
        "auto.offset.reset": "earliest",
        "enable.auto.offset.store": False,
        **json.loads(os.environ.get("LIVE_CONFIG", "{}")),
    }


record("loaded")
