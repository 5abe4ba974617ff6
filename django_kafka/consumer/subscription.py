# SPDX-License-Identifier: MIT
"""Subscribing to topics and patterns: as their readers need them, and what is said of those that do not work."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException

from django_kafka import events
from django_kafka.exceptions import ConfigurationError
from django_kafka.utils.backoff import doubled
from django_kafka.utils.dialects import as_subscribed, faults, is_consumer_protocol

if TYPE_CHECKING:
    from django_kafka.topic import TopicConsumer

ASK_TIMEOUT = 1.0  # seconds; the loop stands still meanwhile
_INVALID = KafkaError._INVALID_ARG  # noqa: SLF001
# Of brokers; librdkafka and confluent_kafka do not all know its name.
_NO_EXPRESSION = 128


def subscribe(client: Any, names: list[str], config: Mapping[str, Any], **callbacks: Any) -> None:
    """client.subscribe(), with patterns for whoever matches them. Errors: ConfigurationError names refused ones."""
    by_broker = is_consumer_protocol(config)
    try:
        client.subscribe(topics=[as_subscribed(name, by_broker=by_broker) for name in names], **callbacks)
    except KafkaException as error:
        if error.args[0].code() != _INVALID or not _patterns(names):
            raise
        raise ConfigurationError(
            f"The client refuses to subscribe: {_explain(names, by_broker=by_broker)}"
        ) from error


@contextlib.contextmanager
def patterns_named(names: Iterable[str]) -> Iterator[None]:
    """Inside, a broker's refusal of a pattern is a ConfigurationError that names the patterns."""
    try:
        yield
    except KafkaException as error:
        if error.args[0].code() != _NO_EXPRESSION:
            raise
        raise ConfigurationError(f"The broker refuses to subscribe: {_explain(names, by_broker=True)}") from error


def _patterns(names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith("^")]


def _explain(names: Iterable[str], *, by_broker: bool) -> str:
    """The patterns that are at fault, and why; all of them, where nothing is known against any."""
    patterns = _patterns(names)
    known = {pattern: found for pattern in patterns if (found := faults(pattern, by_broker=by_broker))}
    if not known:
        return f"of {', '.join(map(repr, patterns))} it cannot read a pattern."
    return f"{'; '.join(f'{pattern!r}: ' + ', '.join(found) for pattern, found in known.items())}."


class Unmatched:
    """Says once which patterns match no topic. Owned by the thread that runs the consumer."""

    def __init__(self, client: Any, topics: Iterable[TopicConsumer], name: str, config: Mapping[str, Any]) -> None:
        """name: of the consumer, for the log."""
        self._client = client
        self._patterns = [topic for topic in topics if topic.is_regex()]
        self._name = name
        self._config = config
        self._due = 0.0
        self._pause = 0.0

    def look(self, logger: logging.Logger) -> float | None:
        """Ask the broker for its topics, if that has not been answered. Returns the seconds until it is to be tried
        again, None when all is said."""
        if not self._patterns:
            return None
        if (left := self._due - time.monotonic()) > 0:
            return left
        try:
            existing = list(self._client.list_topics(timeout=ASK_TIMEOUT).topics)
        except KafkaException:  # the client says so
            self._pause = doubled(self._pause)
            self._due = time.monotonic() + self._pause
            return self._pause
        for topic in self._patterns:
            if not any(map(topic.matches, existing)):
                self._tell(logger, topic.name)
        self._patterns = []
        return None

    def _tell(self, logger: logging.Logger, pattern: str) -> None:
        group = self._config.get("group.id", "")
        events.PATTERN_WITHOUT_TOPIC.tell(logger, consumer=self._name, group=group, pattern=pattern)
