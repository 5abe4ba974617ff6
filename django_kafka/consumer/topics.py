# SPDX-License-Identifier: MIT
"""The topics of a consumer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from django_kafka.exceptions import TopicNotRegisteredError
from django_kafka.retry.settings import RetrySettings

if TYPE_CHECKING:
    from django_kafka.topic import TopicConsumer


class Topics:
    """Topic objects (not classes), found by the name of a message's topic."""

    owner: type | None = None

    def __init__(self, *topic_consumers: TopicConsumer) -> None:
        self._topic_consumers = topic_consumers
        self._match: dict[str, TopicConsumer] = {}

    def __set_name__(self, owner: type, name: str) -> None:
        self.owner = owner

    def get(self, topic_name: str) -> TopicConsumer:
        """The first topic that matches the name. Errors: TopicNotRegisteredError."""
        known = self._match.get(topic_name)
        if known is None:
            known = self._find(topic_name)
            self._match[topic_name] = known
        return known

    def _find(self, topic_name: str) -> TopicConsumer:
        for topic in self:
            if topic.matches(topic_name):
                return topic
        raise TopicNotRegisteredError(f"No topic registered for `{topic_name}`")

    def get_retryable(self, blocking: bool = False) -> list[TopicConsumer]:
        """The topics with retry settings of this kind."""
        return [topic for topic in self if _has_retries(topic, blocking)]

    @property
    def names(self) -> list[str]:
        """Names and patterns, as they are subscribed to."""
        return [topic.name for topic in self]

    def __iter__(self) -> Iterator[TopicConsumer]:
        yield from self._topic_consumers

    def __bool__(self) -> bool:
        return bool(self.names)


def _has_retries(topic: TopicConsumer, blocking: bool) -> bool:
    """Not of what is no topic, or whose rules are none: the system checks say so, and an exception here would be one
    of the import of the project's module."""
    rules = getattr(topic, "retry_settings", None)
    return isinstance(rules, RetrySettings) and rules.blocking == blocking
