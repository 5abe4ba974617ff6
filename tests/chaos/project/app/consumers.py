# SPDX-License-Identifier: MIT
"""Handlers that fail by the plan each message carries, in three consumers: one per way through the loop."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Sequence
from typing import Any

from django.db import DatabaseError, transaction

from django_kafka import kafka
from django_kafka.consumer import Consumer, Topics
from django_kafka.retry.settings import RetrySettings
from django_kafka.topic import TopicConsumer
from tests.chaos.project.app.models import Handled
from tests.chaos.project.app.notes import count_failure, failures, note
from tests.chaos.rules import RULES, Rule

_SEED = os.environ["CHAOS_SEED"]
_CONFIG: dict[str, dict[str, Any]] = json.loads(os.environ["CHAOS_CONFIG"])


class PlannedFailure(Exception):
    """The plan wants it."""


class PlannedTopic(TopicConsumer):
    """Handles messages of one topic; `fail` of a message's plan says how often that goes wrong (-1 always, -2 by
    chance), `db` whether a row is stored, `ms` how long it takes."""

    name = ""

    def __init__(self, rule: Rule) -> None:
        self.name = rule.topic
        if rule.kind != "none":
            self.retry_settings = RetrySettings(
                rule.max_retries, rule.delay, backoff=rule.backoff, blocking=rule.kind == "blocking"
            )

    def consume(self, msg: Any) -> None:
        plan = json.loads(next(value for name, value in msg.headers() if name == "plan"))
        place = [msg.topic(), msg.partition(), msg.offset()]
        number = plan["id"]
        note("try", id=number, p=place)
        time.sleep(plan["ms"] / 1000)
        before = failures(number)
        if wants_failure(plan["fail"], number, before):
            count_failure(number)
            note("fail", id=number, p=place, n=before + 1)
            raise PlannedFailure(f"failure {before + 1} of message {number}")
        if plan["db"]:
            try:
                if plan["db"] == "atomic":
                    with transaction.atomic():
                        Handled.objects.create(message=number, pid=os.getpid())
                else:
                    Handled.objects.create(message=number, pid=os.getpid())
            except DatabaseError:
                note("outage", id=number, p=place)
                raise
        note("ok", id=number, p=place)


def wants_failure(fail: int, number: int, before: int) -> bool:
    if fail == -2:
        return random.Random(f"{_SEED}/{number}/{before}").random() < 0.5
    return fail == -1 or before < fail


class Noted(Consumer):
    """Writes down which partitions come and go."""

    def subscribe(self, topics: Sequence[str] | None = None, **kwargs: Any) -> None:
        for event in ("assign", "revoke", "lost"):
            kwargs[f"on_{event}"] = self._noting(event, kwargs.get(f"on_{event}"))
        super().subscribe(topics, **kwargs)

    def _noting(self, event: str, inner: Any) -> Any:
        def callback(client: Any, partitions: list[Any]) -> Any:
            note(event, group=self.group_id, p=[[p.topic, p.partition, p.offset] for p in partitions])
            return inner(client, partitions) if inner else None

        return callback


def _of(group: str) -> dict[str, Any]:
    """What the consumer class of a group has."""
    return {
        "topics": Topics(*(PlannedTopic(rule) for rule in RULES if rule.group == group)),
        "config": {"group.id": group, **_CONFIG[group]},
    }


@kafka.consumers()
class Direct(Noted):
    topics, config = _of("direct").values()


@kafka.consumers()
class Hooks(Noted):
    topics, config = _of("hooks").values()

    def consume(self, msg: Any) -> bool | None:
        return super().consume(msg)


@kafka.consumers()
class Poll(Noted):
    topics, config = _of("poll").values()

    def process_message(self, msg: Any) -> None:
        super().process_message(msg)


note("start")
