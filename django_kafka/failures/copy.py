# SPDX-License-Identifier: MIT
"""A copy of a failed message, as it will be produced."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from django_kafka._native import Message
from django_kafka.failures.headers import Headers

# A record that claims to be older may be deleted by the topic's retention before anybody has read it.
KEEP_TIMESTAMP_SECONDS = 12 * 3600


class Copy:
    """Key and value are the message's, headers and topic as given."""

    __slots__ = ("headers", "msg", "timestamp", "topic")

    def __init__(self, msg: Any, topic: str, headers: Headers) -> None:
        self.msg = msg
        self.topic = topic
        self.headers = headers
        self.timestamp = keep_timestamp(*msg.timestamp())

    @property
    def key(self) -> Any:
        return _received(self.msg).key()

    @property
    def value(self) -> Any:
        return _received(self.msg).value()

    def __str__(self) -> str:
        return str(CopyOf(self.msg.topic(), self.msg.partition(), self.msg.offset(), self.topic))


@dataclass(frozen=True, slots=True)
class CopyOf:
    """A copy of the message at this place, as log lines name it."""

    topic: str
    partition: int
    offset: int
    target: str

    def __str__(self) -> str:
        place = f"(topic={self.topic} partition={self.partition} offset={self.offset})"
        return f"copy of {place} to '{self.target}'"

    @property
    def extra(self) -> dict[str, Any]:
        return {"topic": self.topic, "partition": self.partition, "offset": self.offset}


def keep_timestamp(kind: int, milliseconds: int) -> int:
    """A message's own time for its copy; 0 (now) if it has none, or an old one, which is then in a header only."""
    if not kind or milliseconds <= 0 or not -60 < time.time() - milliseconds / 1000 < KEEP_TIMESTAMP_SECONDS:
        return 0
    return int(milliseconds)


def _received(msg: Any) -> Any:
    """The message without what its handler has set on it."""
    return msg.received() if isinstance(msg, Message) else msg
