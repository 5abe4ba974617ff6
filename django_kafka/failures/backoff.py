# SPDX-License-Identifier: MIT
"""How long partitions and topics wait after a failure that no message is to blame for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from confluent_kafka import TopicPartition

from django_kafka.failures.attempts import RetryManager
from django_kafka.utils.backoff import FIRST, LONGEST, doubled


class Backoff:
    """How long a partition waits before the message at its head is tried again. It doubles with each failure."""

    def __init__(self, first: float = FIRST, longest: float = LONGEST) -> None:
        self.first = first
        self.longest = longest
        self._failures = RetryManager()

    def next(self, msg: Any) -> float:
        """Seconds to wait. Another message of the partition starts over."""
        failures: int = self._failures.next(msg)
        return float(min(self.longest, self.first * 2 ** min(failures - 1, 16)))

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """Forget partitions that were taken away."""
        self._failures.forget(partitions)


class Refusals:
    """Topics that did not take a copy, and until when they are not asked again."""

    def __init__(self) -> None:
        self._topics: dict[str, Refusal] = {}

    def of(self, topic: str) -> Refusal | None:
        return self._topics.get(topic)

    def add(self, topic: str, now: float) -> tuple[float, bool]:
        """As Refusal.again(), of this topic."""
        return self._topics.setdefault(topic, Refusal()).again(now)


class Refusal:
    """Of one topic."""

    __slots__ = ("delay", "until")

    def __init__(self) -> None:
        self.delay = 0.0
        self.until = 0.0

    def again(self, now: float) -> tuple[float, bool]:
        """Another refusal. Returns the seconds to wait, and whether it is the first since the last wait: those that
        were on their way together count as one. A topic that has done well for some time starts over."""
        is_new = now >= self.until
        if is_new:
            self.delay = doubled(0.0 if now > self.until + LONGEST else self.delay)
            self.until = now + self.delay
        return self.until - now, is_new
