# SPDX-License-Identifier: MIT
"""What C and Python both know is the same in both: names of headers, topics, attributes, loggers."""

from __future__ import annotations

import argparse
import contextlib
import logging
from typing import Any

import confluent_kafka
import pytest
from confluent_kafka import KafkaError, KafkaException

from django_kafka import _native
from django_kafka._native import AvroMethod, Message, Producer, Route
from django_kafka.conf.kinds import SUFFIX
from django_kafka.dead_letter.header import DeadLetterHeader, ReplayHeader
from django_kafka.logs.loggers import NATIVE
from django_kafka.management.commands import kafka_broker
from django_kafka.retry.header import RetryHeader
from django_kafka.retry.topic import RetryTopicProducer
from django_kafka.schema.serializers import HEADERS
from django_kafka.topic.avro import AvroTopic
from django_kafka.utils.message import Header

ROUTE = Route("group", "retry", "dlt")
BYTES = [chr(number) for number in range(1, 256)]
NAMES = ["", ".", "..", "...", "a", "a" * 249, "a" * 250, "a.b_c-D9", *(f"x{char}" for char in BYTES)]


def message(topic: str = "topic", headers: list[tuple[str, bytes]] | None = None) -> Message:
    return Message(topic=topic, partition=3, offset=5, timestamp=(1, 1700000000000), headers=headers)


def names_of(header: type[Header]) -> set[str]:
    return {value for name, value in vars(header).items() if name.isupper() and isinstance(value, str)}


def takes(function: Any, *args: Any) -> bool:
    """Whether it does not refuse what it is given."""
    try:
        function(*args)
    except (ValueError, argparse.ArgumentTypeError):
        return False
    return True


def test_headers_of_a_retry() -> None:
    written = {name for name, _ in ROUTE.retry_headers(message(), "summary", 1, 1700000000.0)}
    assert written == names_of(RetryHeader)


def test_headers_of_a_dead_letter() -> None:
    written = {name for name, _ in ROUTE.dead_headers(message(), "summary", "Error", "detail")}
    assert written == names_of(DeadLetterHeader)


def test_a_dead_letter_sheds_the_headers_of_retries_and_dead_letters() -> None:
    old = [(name, b"old") for name in sorted(names_of(RetryHeader) | names_of(DeadLetterHeader))]
    headers = ROUTE.dead_headers(message(headers=[*old, ("own", b"1")]), "summary", "Error", "detail")
    assert [value for name, value in headers if value == b"old"] == []
    assert ("own", b"1") in headers


def test_no_copy_carries_a_mark_of_the_tool() -> None:
    source = message(headers=[(ReplayHeader.MARK.value, b"0-9"), ("own", b"1")])
    retry = ROUTE.retry_headers(source, "summary", 1, 1700000000.0)
    dead = ROUTE.dead_headers(source, "summary", "Error", "detail")
    for headers in (retry, dead):
        assert ("own", b"1") in headers
        assert ReplayHeader.MARK not in dict(headers)


def test_the_attempt_is_read_where_it_is_written() -> None:
    topic = ROUTE.retry_topic("topic")
    assert ROUTE.attempts(message(topic, [(RetryHeader.ATTEMPT, b"7")])) == 7


def test_due_times_are_read_as_they_are_written() -> None:
    headers = ROUTE.retry_headers(message(), "summary", 1, 1700000000.125)
    due = RetryHeader.get_retry_time(headers)
    assert due is not None
    assert due.timestamp() == 1700000000.125


def test_names_of_topics() -> None:
    """The engine's grammar is that of kafka_broker, which writes a colon before the number of partitions."""
    with Producer({"bootstrap.servers": "127.0.0.1:1"}) as producer:

        def make(name: str) -> None:
            with contextlib.suppress(KafkaException):  # there is no broker to make it
                producer.create_topic(name, timeout=0.001)

        names = [name for name in NAMES if ":" not in name]
        assert [name for name in names if takes(kafka_broker.topic, name) != takes(make, name)] == []
        assert takes(make, "a" * 249)
        assert not takes(make, "a" * 250)


def test_suffixes_of_topics() -> None:
    def make(suffix: str) -> None:
        Route("group", "retry", suffix).dead_topic("topic")

    assert [char for char in BYTES if (SUFFIX.check(char) is None) != takes(make, char)] == []


@pytest.mark.parametrize("number", ["1", "2", "10", "007", "123456789"])
def test_numbers_of_retry_topics(number: str) -> None:
    topic = f"group.topic.retry.{number}"
    assert RetryTopicProducer.get_next_retry_attempt(topic) == ROUTE.attempts(message(topic)) + 1


@pytest.mark.parametrize("topic", ["group.topic.retry", "group.topic.retry.", "group.topic.retry.x1", "retry.1"])
def test_what_is_no_retry_topic(topic: str) -> None:
    assert ROUTE.attempts(message(topic)) == 0
    assert RetryTopicProducer.get_next_retry_attempt(topic) == 1


class Asked:
    """Remembers the attributes and headers that it is asked for."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.names.append(name)
        raise AttributeError(name)


def test_attributes_of_avro_topics() -> None:
    method = AvroMethod(lambda *_args: None, "key", "value")
    asked = Asked()
    for field in ("key", "value"):
        with pytest.raises(AttributeError):
            method(asked, b"", field)
    assert len(asked.names) == 2
    assert all(hasattr(AvroTopic, name) for name in asked.names)


def test_headers_that_name_a_schema() -> None:
    method = AvroMethod(lambda *_args: "the function's", "key", "value")
    for field, name in HEADERS.items():
        asked = Asked()
        assert method(asked, b"", field, [(name, b"")]) == "the function's"
        assert asked.names == []
        with pytest.raises(AttributeError):
            method(asked, b"", field, [("other", b"")])


def test_the_error_number_of_a_wrong_configuration() -> None:
    with pytest.raises(KafkaException) as caught:
        Producer({"no.such.key": "1"})
    assert caught.value.args[0].code() == KafkaError._INVALID_ARG


def test_numbers_of_confluent_kafka() -> None:
    for name in ("OFFSET_BEGINNING", "OFFSET_END", "OFFSET_STORED", "OFFSET_INVALID"):
        assert getattr(_native, name) == getattr(confluent_kafka, name)
    for name in ("NOT_AVAILABLE", "CREATE_TIME", "LOG_APPEND_TIME"):
        assert getattr(_native, f"TIMESTAMP_{name}") == getattr(confluent_kafka, f"TIMESTAMP_{name}")


def test_the_logger_of_clients_without_one(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), Producer({"bootstrap.servers": "127.0.0.1:1", "debug": "conf"}) as producer:
        producer.poll(1)
    assert {record.name for record in caplog.records} & {NATIVE.name}
