# SPDX-License-Identifier: MIT
"""Retry topics: `<group>.<topic>.retry.<n>`, where a message waits for its n-th retry."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django_kafka.conf import settings
from django_kafka.copies import Copy, standalone
from django_kafka.exceptions import DjangoKafkaError
from django_kafka.retry.header import RetryHeader
from django_kafka.serialization import NoOpSerializer
from django_kafka.topic import TopicConsumer, TopicProducer

if TYPE_CHECKING:
    from django_kafka.copies import Slot
    from django_kafka.retry.settings import RetrySettings


class RetryTopicProducer(TopicProducer):
    """Puts one failed message into its next retry topic."""

    key_serializer = NoOpSerializer
    value_serializer = NoOpSerializer

    def __init__(self, retry_settings: RetrySettings, group_id: str, msg: Any, outbox: Slot | None = None) -> None:
        """group_id: of the consumer that handles the topic itself, also when the message is in a retry topic already.
        outbox: where the copy goes; without one retry() waits for the broker's confirmation.

        Errors: DjangoKafkaError when the settings are blocking."""
        if retry_settings.blocking:
            raise DjangoKafkaError("RetryTopicProducer requires non-blocking RetrySettings")
        self.settings = retry_settings
        self.group_id = group_id
        self.msg = msg
        self.retry_attempt = get_attempts(msg, group_id) + 1
        self._outbox = outbox
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
        topic: str = self.msg.topic()
        number = retry_number(topic, self.group_id)
        if number is None:
            return f"{self.group_id}.{topic}.{self.suffix()}.1"
        if self.settings.max_retries == -1:
            return topic
        return f"{strip_retry(topic)}.{self.suffix()}.{number + 1}"

    def retry(self, exc: BaseException) -> bool:
        """Produce the copy, if the rules allow another try. Returns whether they do.

        Errors: DjangoKafkaError when it cannot be produced (without an outbox: or is not confirmed)."""
        if not self.settings.should_retry(self.msg, self.retry_attempt, exc):
            return False
        due = self.settings.get_retry_time(self.retry_attempt)
        origin = get_origin(self.msg, self.group_id)
        added = {
            RetryHeader.MESSAGE: clip(str(exc)),
            RetryHeader.TIMESTAMP: str(due.timestamp()),
            RetryHeader.ATTEMPT: str(self.retry_attempt),
            RetryHeader.ORIGIN_TOPIC: origin[0],
            RetryHeader.ORIGIN_PARTITION: origin[1],
            RetryHeader.ORIGIN_OFFSET: origin[2],
            RetryHeader.ORIGIN_TIMESTAMP: origin[3],
        }
        headers = [(name, value) for name, value in self.msg.headers() or () if name not in _REPLACED]
        headers += [(name.value, value) for name, value in added.items() if value is not None]
        copy = Copy(self.msg, self.name, headers)
        (self._outbox or standalone()).send(copy)
        return True


class RetryTopicConsumer(TopicConsumer):
    """All retry topics of one topic; messages are handled by that topic's consume()."""

    def __init__(self, group_id: str, topic_consumer: TopicConsumer) -> None:
        """Errors: DjangoKafkaError when the topic has no non-blocking retry settings."""
        rules = topic_consumer.retry_settings
        if rules is None or rules.blocking:
            raise DjangoKafkaError(f"TopicConsumer {topic_consumer} is not marked for non-blocking retry")
        self.topic_consumer = topic_consumer
        self.group_id = group_id
        super().__init__()

    @property
    def retry_settings(self) -> RetrySettings:  # type: ignore[override]
        """Those of the topic. (Also when it gets others after this object was made.)"""
        rules: RetrySettings = self.topic_consumer.retry_settings  # type: ignore[assignment]
        return rules

    @property
    def name(self) -> str:
        topic = self.topic_consumer.name
        middle = re.escape(topic)
        if self.topic_consumer.is_regex():
            middle = f"({topic.removeprefix('^').removesuffix('$')})"
        return rf"^{re.escape(self.group_id)}\.{middle}\.{RetryTopicProducer.pattern()}"

    def consume(self, msg: Any) -> Any:
        return self.topic_consumer.consume(msg)

    def get_producer_for(self, msg: Any, outbox: Slot | None = None) -> RetryTopicProducer:
        """What puts this message into the next retry topic."""
        return RetryTopicProducer(retry_settings=self.retry_settings, group_id=self.group_id, msg=msg, outbox=outbox)

    producer_for = get_producer_for


_REPLACED = frozenset(header.value for header in RetryHeader)


def retry_number(topic: str, group_id: str) -> int | None:
    """The number of a retry topic of this group, None for any other topic, whatever it ends with."""
    if not topic.startswith(group_id):
        return None
    match = re.search(rf"^{re.escape(group_id)}\..+\.{RetryTopicProducer.pattern()}", topic)
    return int(match.group(1)) if match else None


def strip_retry(topic: str) -> str:
    """The name of a retry topic without its last two parts."""
    return re.sub(rf"\.{RetryTopicProducer.pattern()}", "", topic)


def get_attempts(msg: Any, group_id: str) -> int:
    """How many retries the message has had: the number in the topic's name, or in the header if that is greater."""
    number = retry_number(msg.topic(), group_id)
    if number is None:
        return 0
    try:
        return max(number, int(RetryHeader.get(msg.headers(), RetryHeader.ATTEMPT) or 0))
    except ValueError:
        return number


def get_origin(msg: Any, group_id: str) -> tuple[Any, Any, Any, Any]:
    """Topic, partition, offset and timestamp (ms) where the message was before it failed for the first time. What the
    original library has put into a retry topic does not tell: then the topic, taken from the name, and None."""
    headers = msg.headers()
    if retry_number(msg.topic(), group_id) is None:
        kind, milliseconds = msg.timestamp()
        return msg.topic(), str(msg.partition()), str(msg.offset()), str(milliseconds) if kind else None
    topic = RetryHeader.get(headers, RetryHeader.ORIGIN_TOPIC)
    return (
        strip_retry(msg.topic()).removeprefix(f"{group_id}.") if topic is None else topic,
        RetryHeader.get(headers, RetryHeader.ORIGIN_PARTITION),
        RetryHeader.get(headers, RetryHeader.ORIGIN_OFFSET),
        RetryHeader.get(headers, RetryHeader.ORIGIN_TIMESTAMP),
    )


def clip(text: str, limit: int = 2000) -> str:
    """Text for a header: without what UTF-8 cannot hold, and not longer than this."""
    text = text.encode(errors="replace").decode()
    return text if len(text) <= limit else f"{text[:limit]}…"
