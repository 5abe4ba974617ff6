# SPDX-License-Identifier: MIT
"""A consumer without partitions says what it waits for."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Container, Iterable
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaException, TopicPartition

from django_kafka import events
from django_kafka.failures.attempts import Place, place_of
from django_kafka.utils.backoff import doubled
from django_kafka.utils.partitions import in_short

if TYPE_CHECKING:
    from django_kafka.topic import TopicConsumer

FIRST = 10.0  # seconds without a partition until the first line
AGAIN, LONGEST = 60.0, 3600.0  # and between two of them
ASK_TIMEOUT = 2.0  # the loop has nothing to do meanwhile
NAMES_AT_MOST = 10


class Waiting:
    """Of one consumer. Owned by the thread that runs it."""

    def __init__(
        self,
        client: Any,
        name: str,
        group: str,
        topics: Iterable[TopicConsumer],
        logger: logging.Logger,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """name: of the consumer."""
        self._client = client
        self._name = name
        self._group = group
        self._topics = topics
        self._logger = logger
        self._clock = clock
        self._held: set[Place] = set()
        self._joined = False
        self._stands_by = False  # the group has answered, with nothing
        self._since: float | None = None
        self._due = 0.0
        self._again = AGAIN

    def rebalanced(self, what: str, partitions: list[TopicPartition]) -> None:
        """The group has given partitions, or taken some away."""
        places = set(map(place_of, partitions))
        if what != "assigned":
            self._held -= places
            self._since = None
            return
        self._held |= places
        self._since = None
        if not self._joined:
            self._joined = True
            events.GROUP_JOINED.tell(
                self._logger, consumer=self._name, group=self._group, member=self._client.memberid() or ""
            )
        stands_by, self._stands_by = self._stands_by, not self._held
        if partitions:
            words = in_short(partitions)
            events.PARTITIONS_ASSIGNED.tell(self._logger, consumer=self._name, group=self._group, partitions=words)
        elif self._stands_by and not stands_by:
            events.GROUP_HAS_NOTHING.tell(self._logger, consumer=self._name, group=self._group)

    def look(self) -> float | None:
        """A chore of the consumer. Returns the seconds until the next one is due, None for whenever."""
        if self._held or self._stands_by:
            return None
        now = self._clock()
        if self._since is None:
            self._since, self._due, self._again = now, now + FIRST, AGAIN
        if now < self._due:
            return self._due - now
        self._due, self._again = now + self._again, doubled(self._again, longest=LONGEST)
        events.PARTITIONS_AWAITED.tell(
            self._logger,
            consumer=self._name,
            group=self._group,
            seconds=now - self._since,
            reason=self._reason(),
        )
        return self._due - now

    def _reason(self) -> str:
        try:
            known = self._client.list_topics(timeout=ASK_TIMEOUT).topics
        except KafkaException:
            return "no broker answers: they are down, or 'bootstrap.servers' is wrong"
        missing = [topic.name for topic in self._topics if not _is_among(topic, known)]
        if missing and len(missing) == len(list(self._topics)):
            names = ", ".join(f"'{name}'" for name in missing[:NAMES_AT_MOST])
            more = f" and {len(missing) - NAMES_AT_MOST} more" if len(missing) > NAMES_AT_MOST else ""
            return f"there is no topic {names}{more} yet, or this user may not see it"
        if not self._client.memberid():
            return "the group's coordinator has not let it in yet, or this user may not read the group"
        return "the group is being rebalanced; other members finish what they have in hand first"


def _is_among(topic: TopicConsumer, names: Iterable[str]) -> bool:
    """Whether one of these topics is consumed as this one. What no pattern can be made of is said elsewhere."""
    if not topic.is_regex():
        return topic.name in names
    return any(topic.matches(name) for name in names)


def has_all(topics: Iterable[TopicConsumer], names: Container[str]) -> bool:
    """Whether there is nothing to look for: each of these topics exists, and none is a pattern."""
    return all(not topic.is_regex() and topic.name in names for topic in topics)
