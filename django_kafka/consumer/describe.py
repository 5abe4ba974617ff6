# SPDX-License-Identifier: MIT
"""Consumers and messages as log lines name them."""

from __future__ import annotations

from typing import Any

from confluent_kafka import TopicPartition

from django_kafka import events


def name_of(cls: type) -> str:
    return f"{cls.__module__}.{cls.__name__}"


def place_of(msg: Any) -> str:
    return f"(topic={msg.topic()} partition={msg.partition()} offset={msg.offset()})"


def place_of_partition(partition: TopicPartition) -> str:
    return f"(topic={partition.topic} partition={partition.partition} offset={partition.offset})"


def describe(consumer: Any, msg: Any) -> str:
    """'<consumer> failed' on '<topic class>' (topic=… partition=… offset=…), with what of that is known."""
    name, place = name_of(type(consumer)), place_of(msg)
    try:
        topic = name_of(type(consumer.get_topic(msg)))
    except Exception:  # an error event without a topic, or a topic of nobody: still worth a line
        return events.MESSAGE_FAILED.format(consumer=name, place=place)
    return events.MESSAGE_OF_TOPIC_FAILED.format(consumer=name, topic=topic, place=place)


def with_error(text: str, msg: Any) -> str:
    """The text, and the error if the message is one."""
    error = msg.error()
    return f"{text}\nMessage error: '{error}'" if error else text


def with_place(text: str, msg: Any = None, partition: TopicPartition | None = None) -> str:
    """The text, and where the message or partition is, if there is one."""
    if msg is not None:
        return f"{text} {place_of(msg)}"
    return text if partition is None else f"{text} {place_of_partition(partition)}"
