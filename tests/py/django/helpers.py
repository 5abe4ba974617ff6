# SPDX-License-Identifier: MIT
"""Making consumers and topics in a line, and the registry that they use."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.test import override_settings

from django_kafka.consumer import Consumer, Topics
from django_kafka.topic import TopicConsumer
from tests.py.schema_registry import SchemaRegistry

_numbers = itertools.count(1)


class Recorder(TopicConsumer):
    """Keeps (key, value) of what it is given; `act` may raise."""

    name = "events"

    def __init__(self, name: str = "events", act: Callable[[Any], Any] | None = None) -> None:
        self.name = name
        self.act = act
        self.seen: list[tuple[Any, Any]] = []
        self.calls: list[tuple[str, int, int]] = []

    def consume(self, msg: Any) -> Any:
        self.calls.append((msg.topic(), msg.partition(), msg.offset()))
        result = self.act(msg) if self.act else None
        self.seen.append((msg.key(), msg.value()))
        return result

    @property
    def values(self) -> list[Any]:
        return [value for _, value in self.seen]


def consumer_of(*topics: TopicConsumer, group: str | None = None, **members: Any) -> type[Consumer]:
    """A consumer class for these topics, in a group of its own."""
    config = {"group.id": group or f"group-{next(_numbers)}", **members.pop("config", {})}
    return type(
        "MyConsumer", (Consumer,), {"topics": Topics(*topics), "config": config, "__module__": __name__, **members}
    )


@contextlib.contextmanager
def project_registry() -> Iterator[SchemaRegistry]:
    """A registry that the project's settings name, besides what they say already; it is asked once."""
    with SchemaRegistry() as registry:
        client = {"url": registry.url, "max.retries": 0}
        with override_settings(DJANGO_KAFKA={**settings.DJANGO_KAFKA, "SCHEMA_REGISTRY": client}):
            yield registry


class FailTimes:
    """Raises on the first n calls for a value in `values` (any, if empty)."""

    def __init__(self, times: int, *values: bytes, error: type[Exception] = ValueError) -> None:
        self.times = times
        self.values = values
        self.error = error
        self.failed = 0

    def __call__(self, msg: Any) -> None:
        if (not self.values or msg.value() in self.values) and self.failed < self.times:
            self.failed += 1
            raise self.error(f"no {msg.value()!r}")
