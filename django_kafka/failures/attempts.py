# SPDX-License-Identifier: MIT
"""How often the message at the head of a partition has failed: counted here, and noted with its offset."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import TopicPartition

Place = tuple[str, int]


def place_of(partition: TopicPartition) -> Place:
    return partition.topic, partition.partition


@dataclass(frozen=True)
class Note:
    """What is committed with the offset of a message that is being retried: another process goes on from there."""

    attempts: int
    due: datetime

    def __str__(self) -> str:
        return f"attempts={self.attempts} due={self.due.timestamp():.3f}"

    @classmethod
    def read(cls, text: str | None) -> Note | None:
        """The note in a commit's metadata; None if there is none, or one of somebody else."""
        match = re.fullmatch(r"attempts=([0-9]{1,9}) due=([0-9]{1,11}\.[0-9]{3})", text or "")
        if match is None:
            return None
        return cls(int(match[1]), datetime.fromtimestamp(float(match[2]), UTC))


class RetryManager:
    """How often the message at the head of each partition has failed."""

    def __init__(self) -> None:
        self._attempts: dict[Place, tuple[int, int]] = {}

    @staticmethod
    def get_msg_partition(msg: Any) -> TopicPartition:
        return TopicPartition(msg.topic(), msg.partition(), msg.offset())

    def next(self, msg: Any) -> int:
        """Count a failure of this message and give its number, from 1; another message starts over."""
        partition = self.get_msg_partition(msg)
        offset, attempts = self._attempts.get(place_of(partition), (None, 0))
        attempts = attempts + 1 if offset == partition.offset else 1
        self._attempts[place_of(partition)] = (partition.offset, attempts)
        return attempts

    def set(self, msg: Any, attempts: int) -> None:
        """Say how often this message has failed before, as another process has found out."""
        self.remember(self.get_msg_partition(msg), attempts)

    def remember(self, partition: TopicPartition, attempts: int) -> None:
        """As set(), of the message at this place."""
        self._attempts[place_of(partition)] = (partition.offset, attempts)

    def known(self, msg: Any) -> bool:
        """Whether this very message has failed here before."""
        partition = self.get_msg_partition(msg)
        return self._attempts.get(place_of(partition), (None, 0))[0] == partition.offset

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """Forget partitions that were taken away."""
        for partition in partitions:
            self._attempts.pop(place_of(partition), None)

    def reset(self) -> None:
        self._attempts = {}
