# SPDX-License-Identifier: MIT
"""Choosing among dead letters: by place, key, age and exception."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from confluent_kafka.serialization import MessageField

from django_kafka.exceptions import DjangoKafkaError

if TYPE_CHECKING:
    from django_kafka.dead_letter.tool.browse import Letter
    from django_kafka.topic import TopicConsumer

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class Selection:
    """All conditions that are given have to hold; without any, every letter is meant."""

    def __init__(
        self,
        places: Iterable[tuple[int, int]] = (),
        key: str | None = None,
        older_than: float | None = None,
        newer_than: float | None = None,
        exception: str | None = None,
        now: float | None = None,
    ) -> None:
        """places: (partition, offset) in the dead-letter topic. key: its text, compared with the bytes and with what
        the topic's deserializer makes of them. older_than, newer_than: seconds since the message was produced at
        first. exception: name of the class, with or without its module."""
        self.places = frozenset(places)
        self.key = key
        self.older_than = older_than
        self.newer_than = newer_than
        self.exception = exception
        self._now = time.time() if now is None else now
        self._met: set[tuple[int, int]] = set()

    def takes(self, letter: Letter, handler: TopicConsumer | None = None) -> bool:
        """Whether the letter is meant. handler: the origin's topic object, if there is one."""
        if self.places:
            if letter.place not in self.places:
                return False
            self._met.add(letter.place)
        return self._of_age(letter) and self._of_class(letter) and self._of_key(letter, handler)

    def check_places(self, topic: str) -> None:
        """After the last letter. Errors: DjangoKafkaError when there was none at a place."""
        missing = sorted(self.places - self._met)
        if missing:
            names = ", ".join(f"{partition}:{offset}" for partition, offset in missing)
            raise DjangoKafkaError(f"No dead letter in '{topic}' at {names}; `show` names the places.")

    def _of_age(self, letter: Letter) -> bool:
        if self.older_than is None and self.newer_than is None:
            return True
        if letter.timestamp is None:
            return False
        age = self._now - letter.timestamp / 1000
        return (self.older_than is None or age >= self.older_than) and (
            self.newer_than is None or age <= self.newer_than
        )

    def _of_class(self, letter: Letter) -> bool:
        if self.exception is None:
            return True
        name = letter.exception
        return name is not None and (name == self.exception or name.rpartition(".")[2] == self.exception)

    def _of_key(self, letter: Letter, handler: TopicConsumer | None) -> bool:
        if self.key is None:
            return True
        key = letter.msg.key()
        return key == self.key.encode() or (
            key is not None and handler is not None and self._decodes(letter, handler)
        )

    def _decodes(self, letter: Letter, handler: TopicConsumer) -> bool:
        try:
            key: Any = handler.deserialize(letter.msg.key(), MessageField.KEY, letter.headers)
        except Exception:  # whatever the project's deserializer raises: then it is not this key
            return False
        return str(key) == self.key


def parse_place(text: str) -> tuple[int, int]:
    """ "partition:offset". Errors: ValueError."""
    match = re.fullmatch(r"([0-9]{1,9}):([0-9]{1,18})", text)
    if match is None:
        raise ValueError(f"{text!r} is not the place of a dead letter: write partition:offset, as `show` does (0:17)")
    return int(match[1]), int(match[2])


def parse_age(text: str) -> float:
    """Seconds of an age such as 90, 90s, 15m, 2h, 3d, 1w. Errors: ValueError."""
    match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]+)?)([smhdw]?)", text)
    if match is None:
        raise ValueError(f"{text!r} is not an age: write seconds, or a unit as in 90s, 15m, 2h, 3d, 1w")
    return float(match[1]) * _UNITS[match[2] or "s"]
