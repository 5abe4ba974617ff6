# SPDX-License-Identifier: MIT
"""What kind of cluster a consumer has: Kafka, or librdkafka's mock cluster, which is the embedded broker."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaException

from django_kafka import events
from django_kafka.utils.backoff import doubled
from django_kafka.utils.mock_cluster import is_mock

ASK_TIMEOUT = 1.0  # seconds; the loop stands still meanwhile
DEFAULT_SESSION_TIMEOUT_MS = 45000
# What kafka_broker and the documentation recommend; a real Kafka takes no less.
SHORT_SESSION_TIMEOUT_MS = 6000


class MockNotice:
    """Warns once when the cluster is a mock. Owned by the thread that runs the consumer."""

    def __init__(self, client: Any, topics: Sequence[str], name: str, config: Mapping[str, Any]) -> None:
        """topics: names and patterns that are subscribed to. name: of the consumer, for the log."""
        self._client = client
        # One of them is asked for, not thousands of others.
        self._topic = next((topic for topic in topics if not topic.startswith("^")), None)
        self._name = name
        self._session_timeout = int(config.get("session.timeout.ms", DEFAULT_SESSION_TIMEOUT_MS))
        self._due = self._pause = 0.0
        self._told = False

    def look(self, logger: logging.Logger) -> float | None:
        """Ask the broker, if that has not been answered. Returns the seconds until it is to be tried again, None when
        all is said."""
        if self._told:
            return None
        if (left := self._due - time.monotonic()) > 0:
            return left
        try:
            cluster = self._client.list_topics(self._topic, ASK_TIMEOUT).cluster_id
        except KafkaException:  # the client says so
            self._pause = doubled(self._pause)
            self._due = time.monotonic() + self._pause
            return self._pause
        self._told = True
        if is_mock(cluster):
            events.CLUSTER_IS_MOCK.tell(logger, consumer=self._name, advice=self._advice())
        return None

    def _advice(self) -> str:
        if self._session_timeout <= SHORT_SESSION_TIMEOUT_MS:
            return ""
        wait = self._session_timeout / 1000 - 1
        return (
            f" After a restart a group waits {wait:g} s for its partitions there: set 'session.timeout.ms' to "
            f"{SHORT_SESSION_TIMEOUT_MS} in DJANGO_KAFKA['CONSUMER_CONFIG']."
        )
