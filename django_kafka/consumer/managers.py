# SPDX-License-Identifier: MIT
"""What a consumer remembers of partitions between messages: until when they are paused, how often the head failed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from confluent_kafka import TopicPartition

from django_kafka.failures.attempts import Place, RetryManager, place_of
from django_kafka.failures.backoff import Backoff
from django_kafka.utils.moments import seconds_until

__all__ = ["Backoff", "PauseManager", "RetryManager"]


def _left(until: datetime, deadline: float) -> float:
    return min(seconds_until(until), deadline - time.monotonic())


class PauseManager:
    """Partitions that are paused, and until when. A clock that is set back makes no pause longer."""

    def __init__(self) -> None:
        self._pauses: dict[Place, tuple[TopicPartition, datetime, float]] = {}

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
        self._pauses[place_of(partition)] = (partition, until, time.monotonic() + seconds_until(until))

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
            self._pauses.pop(place_of(partition), None)

    def reset(self) -> None:
        self._pauses = {}

    def __len__(self) -> int:
        return len(self._pauses)
