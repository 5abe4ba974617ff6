# SPDX-License-Identifier: MIT
"""Consumers and messages as log lines name them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from confluent_kafka import TopicPartition

from django_kafka.failures.headers import RetryHeader
from django_kafka.logs.clean import in_one_line, key_of
from django_kafka.retry.topic import RetryTopicConsumer

LONGEST_NAME = 249  # of a topic


def name_of(cls: type) -> str:
    return f"{cls.__module__}.{cls.__name__}"


def place_of(msg: Any) -> str:
    return f"(topic={msg.topic()} partition={msg.partition()} offset={msg.offset()})"


def place_of_partition(partition: TopicPartition) -> str:
    return f"(topic={partition.topic} partition={partition.partition} offset={partition.offset})"


@dataclass(frozen=True, slots=True)
class Failed:
    """A consumer that has failed with a message: '<consumer> failed' on '<topic class>' (topic=… partition=…
    offset=…), with what of that is known; of a message in a retry topic also where it was at first."""

    consumer: str
    on: str
    place: str
    extra: dict[str, Any]

    def __str__(self) -> str:
        return f"'{self.consumer} failed'{self.on} {self.place}"

    @property
    def fields(self) -> dict[str, Any]:
        """Of the events of a message's failure."""
        return {"consumer": self.consumer, "on": self.on, "place": self.place, **self.extra}


def describe(consumer: Any, msg: Any) -> Failed:
    """For a line about this message. Whatever the project's get_topic() raises is not said."""
    topic, at_first = _topic_of(consumer, msg), (msg.topic(), msg.partition(), msg.offset())
    on, place = "", place_of(msg)
    if isinstance(topic, RetryTopicConsumer):
        topic, at_first = topic.topic_consumer, _origin_of(msg) or at_first
        place = f"{place}, at first (topic={at_first[0]} partition={at_first[1]} offset={at_first[2]})"
    if topic is not None:
        on = f" on '{name_of(type(topic))}'"
    extra = {
        "topic": msg.topic(),
        "partition": msg.partition(),
        "offset": msg.offset(),
        "key": key_of(msg),
        **dict(zip(("origin_topic", "origin_partition", "origin_offset"), at_first, strict=True)),
    }
    return Failed(name_of(type(consumer)), on, place, extra)


def _topic_of(consumer: Any, msg: Any) -> Any:
    try:
        return consumer.get_topic(msg)
    except Exception:  # an error event without a topic, or a topic of nobody: still worth a line
        return None


def _origin_of(msg: Any) -> tuple[str, Any, Any] | None:
    """Where a message in a retry topic was at first, as its headers have it; None if they do not."""
    names = (RetryHeader.ORIGIN_TOPIC, RetryHeader.ORIGIN_PARTITION, RetryHeader.ORIGIN_OFFSET)
    values = [RetryHeader.get(msg.headers(), name) for name in names]
    if any(value is None for value in values):
        return None
    topic, partition, offset = (in_one_line(_text(value), LONGEST_NAME) for value in values)
    return topic, _number(partition), _number(offset)


def _number(text: str) -> Any:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else text


def _text(header: Any) -> str:
    return header.decode(errors="backslashreplace") if isinstance(header, bytes) else str(header)


def with_place(text: str, msg: Any = None, partition: TopicPartition | None = None) -> str:
    """The text, and where the message or partition is, if there is one."""
    if msg is not None:
        return f"{text} {place_of(msg)}"
    return text if partition is None else f"{text} {place_of_partition(partition)}"
