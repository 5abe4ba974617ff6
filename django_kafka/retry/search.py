# SPDX-License-Identifier: MIT
"""Finds topics soon after they were created.

librdkafka looks for topics that are missing, or match a pattern, every `topic.metadata.refresh.interval.ms`: five
minutes by default, ten seconds for retry consumers, whose first message would be retried that much too late. But when
an application asks for the list of all topics, librdkafka updates the subscription at once. So this asks for the list
every second or some where it is short, and less often the longer it is, down to librdkafka's own pace.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container
from typing import Any

from confluent_kafka import KafkaException

from django_kafka.utils.backoff import doubled

SHORTEST = 1.0  # seconds between two questions
TOPICS_PER_SECOND = 100  # that are worth asking for
ASK_TIMEOUT = 1.0  # the loop stands still meanwhile


class TopicSearch:
    """Owned by the thread that runs the consumer."""

    def __init__(
        self,
        client: Any,
        interval: float,
        shortest: float = SHORTEST,
        is_complete: Callable[[Container[str]], bool] = lambda _names: False,
    ) -> None:
        """interval: seconds after which the client looks for topics by itself. Asking less often is no use.
        shortest: seconds between two questions. is_complete: says whether these topics are all that is wanted."""
        self._client = client
        self._interval = interval
        self._shortest = shortest
        self._is_complete = is_complete
        self._found_all = False
        self._pause = SHORTEST
        self._due = time.monotonic() + SHORTEST

    def look(self) -> float | None:
        """Ask for the topics if it is time. Returns the seconds until it is time again, None for never."""
        if self._found_all or self._pause >= self._interval:
            return None
        if (left := self._due - time.monotonic()) > 0:
            return left
        try:
            topics = self._client.list_topics(timeout=ASK_TIMEOUT).topics
            self._found_all = self._is_complete(topics)
            self._pause = max(self._shortest, len(topics) / TOPICS_PER_SECOND)
        except KafkaException:  # the broker is unavailable: the client says so, and there is nothing to find
            self._pause = min(self._interval / 2, doubled(self._pause))
        self._due = time.monotonic() + self._pause
        return None if self._found_all else self._pause


def refresh_interval(config: dict[str, Any]) -> float:
    """Seconds after which a client with this configuration looks for new topics by itself."""
    try:
        milliseconds = float(config.get("topic.metadata.refresh.interval.ms", 300_000))
    except (TypeError, ValueError):
        return 0.0  # the client will say what is wrong with it
    return milliseconds / 1000 if milliseconds >= 0 else float("inf")  # -1: never
