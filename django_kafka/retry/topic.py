# SPDX-License-Identifier: MIT
"""Retry topics: `<group>.<topic>.retry.<n>`, where a message waits for its n-th retry."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django_kafka.conf import settings
from django_kafka.exceptions import ConfigurationError, DjangoKafkaError
from django_kafka.failures.copies import standalone
from django_kafka.failures.copy import Copy
from django_kafka.failures.headers import clip
from django_kafka.failures.names import route_of
from django_kafka.failures.story import Story
from django_kafka.logs.tracebacks import text_of
from django_kafka.serialization import NoOpSerializer
from django_kafka.topic import TopicConsumer, TopicProducer
from django_kafka.utils.patterns import NotEmbeddable, embeddable

if TYPE_CHECKING:
    from django_kafka.failures.delivery import Delivery
    from django_kafka.retry.settings import RetrySettings


class RetryTopicProducer(TopicProducer):
    """Puts one failed message into its next retry topic."""

    key_serializer = NoOpSerializer
    value_serializer = NoOpSerializer

    # Who takes the copy; a consumer sets it. Without one retry() waits for the broker's confirmation.
    target: Delivery | None = None

    def __init__(self, retry_settings: RetrySettings, group_id: str, msg: Any) -> None:
        """group_id: of the consumer that handles the topic itself, also when the message is in a retry topic already.

        Errors: DjangoKafkaError when the settings are blocking."""
        if retry_settings.blocking:
            raise DjangoKafkaError("RetryTopicProducer requires non-blocking RetrySettings")
        self.settings = retry_settings
        self.group_id = group_id
        self.msg = msg
        self._route = route_of(group_id)
        self.retry_attempt = self._route.attempts(msg) + 1
        super().__init__()

    @classmethod
    def suffix(cls) -> str:
        suffix: str = settings.RETRY_TOPIC_SUFFIX
        return suffix

    @classmethod
    def pattern(cls) -> str:
        """Matches the end of a retry topic's name, with the number as its group."""
        return rf"{re.escape(cls.suffix())}\.([0-9]+)$"

    @classmethod
    def get_next_retry_attempt(cls, topic_name: str) -> int:
        """The number of the retry that follows on a failure in this topic."""
        match = re.search(rf"\.{cls.pattern()}", topic_name)
        return int(match.group(1)) + 1 if match else 1

    get_next_attempt = get_next_retry_attempt

    @property
    def attempt(self) -> int:
        """The name that retry_attempt had at first."""
        return self.retry_attempt

    @property
    def name(self) -> str:
        """Where the message goes. Retries without end use the last topic again instead of one more for each."""
        return self._route.retry_topic(self.msg.topic(), again=self.settings.max_retries == -1)

    def retry(self, exc: BaseException) -> bool:
        """Produce the copy, if the rules allow another try. Returns whether they do.

        Errors: DjangoKafkaError when it cannot be produced (without a target: or is not confirmed)."""
        story = self.target.story if self.target is not None else Story()
        story.failed(self.retry_attempt, self.settings.max_retries)
        if not self.settings.should_retry(self.msg, self.retry_attempt, exc):
            return False
        due = self.settings.get_retry_time(self.retry_attempt)
        headers = self._route.retry_headers(self.msg, clip(text_of(exc)), self.retry_attempt, due.timestamp())
        if (self.target or standalone()).forward(Copy(self.msg, self.name, headers)):
            story.retries(due, self.name)
        return True


class RetryTopicConsumer(TopicConsumer):
    """All retry topics of one topic; messages are handled by that topic's consume()."""

    def __init__(self, group_id: str, topic_consumer: TopicConsumer) -> None:
        """Errors: DjangoKafkaError when the topic has no non-blocking retry settings. ConfigurationError when no
        pattern could take the retry topics of its own pattern."""
        rules = topic_consumer.retry_settings
        if rules is None or rules.blocking:
            raise DjangoKafkaError(f"TopicConsumer {topic_consumer} is not marked for non-blocking retry")
        self.topic_consumer = topic_consumer
        self.group_id = group_id
        for option in ("batch_size", "batch_timeout", "atomic", "offsets_in_database"):
            setattr(self, option, getattr(topic_consumer, option))
        middle_of(topic_consumer)  # there is one
        super().__init__()

    @property
    def retry_settings(self) -> RetrySettings:  # type: ignore[override]
        """Those of the topic. (Also when it gets others after this object was made.)"""
        rules: RetrySettings = self.topic_consumer.retry_settings  # type: ignore[assignment]
        return rules

    @property
    def name(self) -> str:
        return rf"^{re.escape(self.group_id)}\.{middle_of(self.topic_consumer)}\.{RetryTopicProducer.pattern()}"

    @property
    def takes_batches(self) -> bool:
        return self.topic_consumer.takes_batches

    def get_using(self, model: Any = None) -> str:
        return self.topic_consumer.get_using(model)

    def consume(self, msg: Any) -> Any:
        return self.topic_consumer.consume(msg)

    def consume_batch(self, messages: Sequence[Any]) -> Any:
        return self.topic_consumer.consume_batch(messages)

    def get_producer_for(self, msg: Any) -> RetryTopicProducer:
        """What puts this message into the next retry topic."""
        return RetryTopicProducer(retry_settings=self.retry_settings, group_id=self.group_id, msg=msg)

    producer_for = get_producer_for


def middle_of(topic_consumer: TopicConsumer) -> str:
    """What the names of a topic's retry topics have in their middle: an expression for just what the topic takes.

    Errors: ConfigurationError when there is none, for a pattern that no other can hold."""
    name = topic_consumer.name
    if not topic_consumer.is_regex():
        return re.escape(name)
    try:
        return f"({embeddable(name)})"
    except NotEmbeddable as error:
        raise ConfigurationError(
            f"The pattern {name!r} cannot have non-blocking retries, as no pattern would find its retry topics: "
            f"{error}. Write it with ^ at its beginning and $ at its end alone, or use blocking retries."
        ) from error
