# SPDX-License-Identifier: MIT
"""What a consumer remembers of partitions between messages: until when they are paused, how often the head failed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from confluent_kafka import TopicPartition

from django_kafka.utils.moments import seconds_until

_Place = tuple[str, int]


def _place(partition: TopicPartition) -> _Place:
    return partition.topic, partition.partition


def _left(until: datetime, deadline: float) -> float:
    return min(seconds_until(until), deadline - time.monotonic())


class PauseManager:
    """Partitions that are paused, and until when. A clock that is set back makes no pause longer."""

    def __init__(self) -> None:
        self._pauses: dict[_Place, tuple[TopicPartition, datetime, float]] = {}

    @staticmethod
    def get_msg_partition(msg: Any) -> TopicPartition:
        """The message's place: topic, partition and offset, so that seeking there comes back to this message."""
        return TopicPartition(msg.topic(), msg.partition(), msg.offset())

    def set(self, msg: Any, until: datetime) -> TopicPartition:
        """Remember that the message's partition is paused until then."""
        partition = self.get_msg_partition(msg)
        self.hold(partition, until)
        return partition

    def hold(self, partition: TopicPartition, until: datetime) -> None:
        """As set(), of a partition without a message."""
        self._pauses[_place(partition)] = (partition, until, time.monotonic() + seconds_until(until))

    def pop_ready(self) -> Iterator[TopicPartition]:
        """The partitions whose time has come; each is forgotten before it is given out."""
        for place, (partition, until, deadline) in list(self._pauses.items()):
            if _left(until, deadline) <= 0:
                del self._pauses[place]
                yield partition

    def holds(self, msg: Any) -> bool:
        """Whether the message's partition is paused."""
        return (msg.topic(), msg.partition()) in self._pauses

    def next_due(self) -> float | None:
        """Seconds until the next partition is ready (0 if one is), None if none is paused."""
        if not self._pauses:
            return None
        return max(0.0, min(_left(until, deadline) for _, until, deadline in self._pauses.values()))

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """Forget partitions that were taken away."""
        for partition in partitions:
            self._pauses.pop(_place(partition), None)

    def reset(self) -> None:
        self._pauses = {}

    def __len__(self) -> int:
        return len(self._pauses)


class RetryManager:
    """How often the message at the head of a partition has failed."""

    def __init__(self) -> None:
        self._attempts: dict[_Place, tuple[int, int]] = {}

    @staticmethod
    def get_msg_partition(msg: Any) -> TopicPartition:
        return TopicPartition(msg.topic(), msg.partition(), msg.offset())

    def next(self, msg: Any) -> int:
        """Count a failure of this message and give its number, from 1; another message starts over."""
        partition = self.get_msg_partition(msg)
        offset, attempts = self._attempts.get(_place(partition), (None, 0))
        attempts = attempts + 1 if offset == partition.offset else 1
        self._attempts[_place(partition)] = (partition.offset, attempts)
        return attempts

    def set(self, msg: Any, attempts: int) -> None:
        """Say how often this message has failed before, as another process has found out."""
        self.remember(self.get_msg_partition(msg), attempts)

    def remember(self, partition: TopicPartition, attempts: int) -> None:
        """As set(), of the message at this place."""
        self._attempts[_place(partition)] = (partition.offset, attempts)

    def known(self, msg: Any) -> bool:
        """Whether this very message has failed here before."""
        partition = self.get_msg_partition(msg)
        return self._attempts.get(_place(partition), (None, 0))[0] == partition.offset

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """Forget partitions that were taken away."""
        for partition in partitions:
            self._attempts.pop(_place(partition), None)

    def reset(self) -> None:
        self._attempts = {}


class Backoff:
    """The wait before something is tried again that the message is not to blame for: doubling per partition."""

    def __init__(self, first: float = 1.0, longest: float = 60.0) -> None:
        self.first = first
        self.longest = longest
        self._failures = RetryManager()

    def next(self, msg: Any) -> float:
        """Seconds to wait; starts over with another message of the partition."""
        failures: int = self._failures.next(msg)
        return float(min(self.longest, self.first * 2 ** min(failures - 1, 16)))

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        self._failures.forget(partitions)
