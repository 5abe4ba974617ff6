# SPDX-License-Identifier: MIT
"""Makes sure that retry and dead-letter topics exist before something is produced to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaException

from django_kafka import events
from django_kafka.conf import settings
from django_kafka.exceptions import DjangoKafkaError
from django_kafka.logs.loggers import FAILURE_TOPICS

if TYPE_CHECKING:
    from django_kafka._native import Producer

ASK_TIMEOUT = 10.0


class FailureTopics:
    """Remembers which topics exist, and creates those that do not, as the setting FAILURE_TOPICS says."""

    def __init__(self, producer: Producer) -> None:
        """producer: whose connection is used to look topics up and to create them."""
        self._producer = producer
        self._exist: set[str] = set()

    def ensure(self, topic: str, msg: Any) -> None:
        """Create the topic if it does not exist, with as many partitions and replicas as the message's topic has.

        Errors: DjangoKafkaError when it is missing and must not be created, or the broker cannot be asked."""
        if topic not in self._exist:
            self._find_or_create(topic, msg.topic())

    def create_missing(self, topic: str, source: str) -> bool:
        """The broker does not know the topic. Returns whether it was created, so that another try is worth it."""
        self._exist.discard(topic)
        if self._shape(topic) is not None:
            return False
        self._find_or_create(topic, source)
        return self._shape(topic) is not None

    def _find_or_create(self, topic: str, source: str) -> None:
        if self._shape(topic) is None:
            if not settings.get_failure_topics()["create"]:
                raise DjangoKafkaError(
                    f"The topic '{topic}' does not exist: create it, "
                    "or set DJANGO_KAFKA['FAILURE_TOPICS']['create'] to True."
                )
            self._create(topic, source)
        self._exist.add(topic)

    def _shape(self, topic: str) -> tuple[int, int] | None:
        """Partitions and replicas of a topic, None if it does not exist."""
        try:
            return self._producer.describe_topic(topic, ASK_TIMEOUT)
        except KafkaException as error:
            raise DjangoKafkaError(f"Cannot ask the broker about topic '{topic}': {error}") from error

    def _create(self, topic: str, source: str) -> None:
        """Ask the broker to create the topic. If it refuses, producing may still create it, or says what is wrong."""
        options = settings.get_failure_topics()
        partitions, replication = self._shape(source) or (-1, -1)  # the broker's defaults
        try:
            created = self._producer.create_topic(
                topic,
                options["partitions"] or partitions,
                options["replication"] or replication,
                {name: str(value) for name, value in options["config"].items()},
                ASK_TIMEOUT,
            )
        except KafkaException as error:
            events.FAILURE_TOPIC_NOT_CREATED.tell(FAILURE_TOPICS, topic=topic, reason=error)
            return
        except ValueError as error:
            raise DjangoKafkaError(f"The topic '{topic}' cannot be created: {error}") from error
        if created:
            events.FAILURE_TOPIC_CREATED.tell(FAILURE_TOPICS, topic=topic)
