# SPDX-License-Identifier: MIT
"""Sees to it that retry and dead-letter topics exist before something is produced to them."""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException

from django_kafka.conf import settings
from django_kafka.exceptions import DjangoKafkaError

if TYPE_CHECKING:
    from django_kafka._native import Consumer

logger = logging.getLogger(__name__)

NAME_LIMIT = 249
ASK_TIMEOUT = 10.0


class FailureTopics:
    """Knows which topics exist, and makes those that do not, as the setting FAILURE_TOPICS says."""

    def __init__(self, client: Consumer | None) -> None:
        """client: a consumer to ask; without one the topics are left to the broker."""
        self._client = client
        self._exist: set[str] = set()

    def ensure(self, topic: str, source: str) -> None:
        """Make the topic unless it is there, with as many partitions and replicas as `source`.

        Errors: DjangoKafkaError when it is missing and must not be made, or the broker cannot be asked."""
        if topic in self._exist:
            return
        check_name(topic)
        if self._client is not None and not self._is_there(topic):
            if not settings.get_failure_topics()["create"]:
                raise DjangoKafkaError(
                    f"The topic '{topic}' does not exist: create it, "
                    "or switch on DJANGO_KAFKA['FAILURE_TOPICS']['create']."
                )
            self._create(topic, source)
        self._exist.add(topic)

    def create_missing(self, topic: str, source: str) -> bool:
        """The broker does not know the topic. Returns whether it was made, so that it is worth trying again."""
        self._exist.discard(topic)
        if self._client is None or self._is_there(topic):
            return False
        self.ensure(topic, source)
        return self._is_there(topic)

    def _is_there(self, topic: str) -> bool:
        metadata = self._metadata(topic).topics.get(topic)
        return metadata is not None and metadata.error is None

    def _metadata(self, topic: str) -> Any:
        try:
            return self._client.list_topics(topic, timeout=ASK_TIMEOUT)  # type: ignore[union-attr]
        except KafkaException as error:
            raise DjangoKafkaError(f"Cannot ask the broker about topic '{topic}': {error}") from error

    def _create(self, topic: str, source: str) -> None:
        """Ask the broker to make the topic. If it refuses, producing may still make it, or says what is wrong."""
        metadata = self._metadata(source)
        if metadata.controller_id not in metadata.brokers:
            return  # the embedded broker: it makes topics on first use, and not by request
        options = settings.get_failure_topics()
        admin = importlib.import_module("confluent_kafka.admin")
        partitions, replication = _shape(metadata.topics.get(source))
        wanted = admin.NewTopic(
            topic,
            num_partitions=options["partitions"] or partitions,
            replication_factor=options["replication"] or replication,
            config=options["config"],
        )
        client = admin.AdminClient(admin_config(), logger=logger)
        try:
            client.create_topics([wanted], operation_timeout=ASK_TIMEOUT, request_timeout=ASK_TIMEOUT)[topic].result(
                ASK_TIMEOUT + 5
            )
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                logger.warning("The topic '%s' does not exist and cannot be created: %s", topic, error)
            return
        logger.info("Created topic '%s' with %d partitions.", topic, wanted.num_partitions)


def _shape(topic: Any) -> tuple[int, int]:
    """Partitions and replication factor of a topic's metadata; -1 is the broker's default."""
    if topic is None or not topic.partitions:
        return -1, -1
    return len(topic.partitions), min(len(p.replicas) for p in topic.partitions.values()) or -1


def check_name(topic: str) -> None:
    """Errors: DjangoKafkaError when Kafka would not accept this name."""
    wrong = sorted({char for char in topic if not (char.isascii() and (char.isalnum() or char in "._-"))})
    if wrong:
        raise DjangoKafkaError(
            f"'{topic}' is no valid topic name: {wrong} are not allowed. Rename the group or the topic."
        )
    if len(topic) > NAME_LIMIT:
        raise DjangoKafkaError(
            f"'{topic}' is no valid topic name: it has {len(topic)} characters, {NAME_LIMIT} are allowed."
        )


def admin_config() -> dict[str, Any]:
    """What the project says about reaching the brokers."""
    config = {"client.id": settings.CLIENT_ID, **settings.GLOBAL_CONFIG, **settings.PRODUCER_CONFIG}
    return {
        key: value
        for key, value in config.items()
        if (not callable(value) or key == "oauth_cb") and key not in ("logger", "transactional.id")
    }
