# SPDX-License-Identifier: MIT
"""Partitions that a topic gets while it is consumed.

Between the moment that a partition is added and the one that the group takes notice of it lie minutes, in which
producers use it. With `auto.offset.reset` at `latest` the messages of these minutes would be passed over. So a
partition with a number that the topic did not have when this process saw it first, and of which the group has no
offset, is read from its beginning."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, KafkaException, TopicPartition

from django_kafka import events
from django_kafka.utils.backoff import doubled

ASK_TIMEOUT = 1.0  # the loop stands still meanwhile
LATEST = ("latest", "end", "largest")


def begins_at_end(config: dict[str, Any]) -> bool:
    """Whether a consumer with this configuration reads what comes after its start only, where it has no offset."""
    value = config.get("auto.offset.reset") or config.get("topic.auto.offset.reset") or LATEST[0]
    return str(value).lower() in LATEST


class NewPartitions:
    """Of one consumer. Owned by the thread that runs it."""

    def __init__(
        self, client: Any, name: str, logger: logging.Logger, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """name: of the consumer."""
        self._client = client
        self._name = name
        self._logger = logger
        self._clock = clock
        self._counts: dict[str, int] = {}  # partitions of topics, when they were seen first
        self._unseen: set[str] = set()
        self._pause = 0.0
        self._due = 0.0

    def begin(self, client: Any, partitions: Iterable[TopicPartition]) -> None:
        """Inside of on_assign: these are assigned, with the group's offsets."""
        for one in partitions:
            count = self._counts.get(one.topic)
            if count is None:
                self._unseen.add(one.topic)
            elif one.partition >= count and one.offset < 0:
                client.seek(TopicPartition(one.topic, one.partition, OFFSET_BEGINNING))
                events.PARTITION_IS_NEW.tell(
                    self._logger, consumer=self._name, topic=one.topic, partition=one.partition
                )

    def look(self) -> float | None:
        """A chore of the consumer: see how many partitions topics have that were assigned first."""
        if not self._unseen:
            return None
        now = self._clock()
        if now < self._due:
            return self._due - now
        try:
            while self._unseen:
                topic = next(iter(self._unseen))
                self._counts[topic] = len(self._client.list_topics(topic, ASK_TIMEOUT).topics[topic].partitions)
                self._unseen.discard(topic)
        except (KafkaException, KeyError):  # no broker, which the client says
            self._pause = doubled(self._pause)
            self._due = now + self._pause
            return self._pause
        self._pause = 0.0
        return None
