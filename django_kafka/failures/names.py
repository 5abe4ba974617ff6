# SPDX-License-Identifier: MIT
"""Names of retry and dead-letter topics: `<group>.<topic>.retry.<n>` and `<group>.<topic>.dlt`, the suffixes as
set."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from django_kafka._native import Route
from django_kafka.conf import settings

if TYPE_CHECKING:
    from django_kafka.topic import TopicConsumer


def route_of(group_id: str) -> Route:
    """What names and headers the copies of a group's failed messages have: the engine's, with the set suffixes.

    group_id: of the consumer that handles the topics themselves, also for its retry topics."""
    return _route(group_id, settings.RETRY_TOPIC_SUFFIX, settings.DEAD_LETTER_TOPIC_SUFFIX)


_route = lru_cache(maxsize=256)(Route)


@dataclass(frozen=True)
class FailureTopic:
    """A group's retry or dead-letter topic, its name taken apart: `<before><suffix><behind>`."""

    group_id: str
    origin: str
    before: str
    suffix: str
    behind: str

    @classmethod
    def parse(cls, name: str, group_id: str) -> FailureTopic | None:
        """None for a topic that is neither, or another group's."""
        retry, dead = re.escape(settings.RETRY_TOPIC_SUFFIX), re.escape(settings.DEAD_LETTER_TOPIC_SUFFIX)
        ending = rf"(?P<retry>{retry})(?P<number>\.[0-9]+)|(?P<dead>{dead})"
        match = re.fullmatch(rf"(?P<before>{re.escape(group_id)}\.(?P<origin>.+)\.)(?:{ending})", name)
        if match is None:
            return None
        suffix = match["retry"] or match["dead"]
        return cls(group_id, match["origin"], match["before"], suffix, match["number"] or "")

    @property
    def name(self) -> str:
        return f"{self.before}{self.suffix}{self.behind}"

    @property
    def with_another_suffix(self) -> str:
        """The name with a word of the same shape for the suffix: `g.t.emu` for `g.t.dlt`."""
        return f"{self.before}{''.join(map(_next_letter, self.suffix))}{self.behind}"

    @property
    def dead_letters(self) -> str:
        """Where the failures of this topic would go, if the group handled it."""
        return f"{self.group_id}.{self.name}.{settings.DEAD_LETTER_TOPIC_SUFFIX}"


def _next_letter(char: str) -> str:
    if not (char.isascii() and char.isalpha()):
        return char
    return {"z": "a", "Z": "A"}.get(char, chr(ord(char) + 1))


def is_brought_in_by_accident(name: str, group_id: str, topics: Iterable[TopicConsumer]) -> bool:
    """Whether this is a retry or dead-letter topic of the very group that consumes these topics, and none of them is
    meant for it. A pattern such as `^.*` matches it too; its messages would fail, be copied to a topic that the
    pattern matches as well, and so on without end."""
    failed = FailureTopic.parse(name, group_id)
    if failed is None:
        return False
    matching = [topic for topic in topics if topic.matches(name)]
    return bool(matching) and not any(_is_meant_for(topic, failed) for topic in matching)


def _is_meant_for(topic: TopicConsumer, failed: FailureTopic) -> bool:
    """Whether a topic that matches the name of this failure topic was written for it.

    A plain name was. A pattern was if it names the suffix: then it does not match the name with another suffix. But a
    reader of everybody's dead letters, `^.*\\.dlt$`, means those of other groups: its own are the letters of letters,
    whose origin and whose own dead letters it matches."""
    if not topic.is_regex():
        return True
    if topic.matches(failed.with_another_suffix):
        return False
    return not (topic.matches(failed.origin) and topic.matches(failed.dead_letters))
