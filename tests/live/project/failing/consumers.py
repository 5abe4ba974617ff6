# SPDX-License-Identifier: MIT
"""Handlers that fail as often as a message's header `fail` says (-1: always), and note each try.

A message's header `id` names it; its header `row` makes the handler store a row. LIVE_RETRY holds the arguments of
the topics' retry settings, or nothing. With LIVE_POLLED the consumer overrides process_message().
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

from django.db import connection

from django_kafka import kafka
from django_kafka.consumer import Consumer, Topics
from django_kafka.retry.settings import RetrySettings
from django_kafka.topic import TopicConsumer
from tests.live.project.notes import failures, note

_SLEEP = float(os.environ.get("LIVE_SLEEP", "0"))
_RETRY: dict[str, Any] | None = json.loads(os.environ.get("LIVE_RETRY", "null"))


class Boom(Exception):
    """What a failing handler raises."""


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
