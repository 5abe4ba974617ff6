# SPDX-License-Identifier: MIT
"""A failure can be followed through the log, and what programs and terminals read of it is fit for them."""

from __future__ import annotations

import io
import logging
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings

from django_kafka import kafka
from django_kafka.consumer import Consumer
from django_kafka.exceptions import ConfigurationError
from django_kafka.logs.clean import clean, in_one_line, key_of, without_credentials
from django_kafka.logs.client import ClientLog
from django_kafka.logs.loggers import CONSUMER
from django_kafka.retry.consumer import RetryConsumer
from django_kafka.testing.broker import LocalBroker, kafka_broker
from django_kafka.testing.consumer import run_consumer_until
from django_kafka.utils.message import Message
from tests.py.django.helpers import FailTimes, Recorder, consumer_of

PLACE = "(topic=orders partition=0 offset=1)"


@pytest.fixture
def broker() -> Iterator[LocalBroker]:
    with kafka_broker({"orders": 1}) as broker:
        yield broker


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What a handler of the project's has written, whose formatter is Python's."""
    handler = logging.StreamHandler(io.StringIO())
    CONSUMER.addHandler(handler)
    yield handler.stream
    CONSUMER.removeHandler(handler)


def failing(**rules: Any) -> tuple[Recorder, type[Consumer]]:
    """A topic whose message b"1" always fails, and its consumer."""
    topic = Recorder("orders", act=FailTimes(10**9, b"1"))
    if rules:
        kafka.retry(**rules)(topic)
    return topic, consumer_of(topic, group="shop")


def records_of(log: pytest.LogCaptureFixture, *names: str) -> list[Any]:
    return [record for record in log.records if getattr(record, "event", None) in names]


def test_from_the_first_try_to_the_dead_letter(broker: LocalBroker, log: pytest.LogCaptureFixture) -> None:
    topic, cls = failing(max_retries=2, delay=0.2, blocking=False)
    retry = RetryConsumer.build(cls)
    assert retry is not None
    broker.produce("orders", b"0", b"1", b"2", key=b"customer-7")
    run_consumer_until(cls, lambda: len(topic.seen) >= 2)
    for number in (1, 2):
        broker.collect(f"shop.orders.retry.{number}", 1)
        run_consumer_until(retry, lambda number=number: len(topic.calls) >= 3 + number)  # type: ignore[misc]
    assert len(broker.collect("shop.orders.dlt", 1)) == 1
    told = records_of(log, "message.retried", "message.failed")
    lines = [record.getMessage() for record in told]
    assert all(PLACE in line and "on 'tests.py.django.helpers.Recorder'" in line for line in lines)
    first, second, last = lines
    assert f"{PLACE}: try 1 of 3, to shop.orders.retry.1, next in 0.2 s. ValueError: no b'1'" in first
    assert f"offset=0), at first {PLACE}: try 2 of 3, to shop.orders.retry.2, next in 0." in second
    assert last.endswith(f"offset=0), at first {PLACE}: try 3 of 3, dead letter in shop.orders.dlt")
    names = ("origin_topic", "origin_partition", "origin_offset", "key")
    assert {tuple(vars(record)[name] for name in names) for record in told} == {("orders", 0, 1, "customer-7")}
    assert [(record.topic, record.attempt, record.outcome) for record in told] == [
        ("orders", 1, "retry"),
        ("shop.orders.retry.1", 2, "retry"),
        ("shop.orders.retry.2", 3, "dead-letter"),
    ]
    assert len({record.msg for record in told}) == 2, "an error tracker groups lines by their text without fields"


def test_blocking_retries(broker: LocalBroker, log: pytest.LogCaptureFixture) -> None:
    topic, cls = failing(max_retries=1, delay=0.1)
    broker.produce("orders", b"0", b"1", b"2")
    run_consumer_until(cls, lambda: len(topic.seen) >= 2)
    first, last = (record.getMessage() for record in records_of(log, "message.failed"))
    assert first.endswith(f"{PLACE}: try 1 of 2, next in 0.1 s")
    assert last.endswith(f"{PLACE}: try 2 of 2, dead letter in shop.orders.dlt")


def test_without_rules(broker: LocalBroker, log: pytest.LogCaptureFixture) -> None:
    topic, cls = failing()
    broker.produce("orders", b"0", b"1", b"2")
    run_consumer_until(cls, lambda: len(topic.seen) >= 2)
    (told,) = records_of(log, "message.failed")
    assert told.getMessage().endswith(f"{PLACE}: dead letter in shop.orders.dlt")


class OneLine(logging.Formatter):
    def formatException(self, ei: Any) -> str:
        return "SCRUBBED"


@pytest.mark.parametrize("behind", ["handler", "memory handler"])
def test_a_formatter_of_the_project_formats_exceptions(broker: LocalBroker, behind: str) -> None:
    from logging.handlers import MemoryHandler

    stream = logging.StreamHandler(io.StringIO())
    stream.setFormatter(OneLine())
    handler = stream if behind == "handler" else MemoryHandler(1, target=stream)
    topic, cls = failing()
    broker.produce("orders", b"1", b"2")
    CONSUMER.addHandler(handler)
    try:
        run_consumer_until(cls, lambda: len(topic.seen) >= 1)
    finally:
        CONSUMER.removeHandler(handler)
    assert "SCRUBBED" in stream.stream.getvalue()
    assert "Traceback" not in stream.stream.getvalue()


def test_what_a_message_holds_commands_no_terminal(broker: LocalBroker, written: io.StringIO) -> None:
    def act(msg: Any) -> None:
        if msg.value() != b"2":
            raise ValueError(f"no such customer: {msg.value().decode()}")

    topic = Recorder("orders", act=act)
    kafka.retry(max_retries=3, delay=60, blocking=False)(topic)
    plain = Recorder("plain", act=act)
    broker.produce("orders", b"\x1b[2J\x9b\xc2\x9b", b"2", key=b"\x1b]0;title\x07")
    broker.produce("plain", b"\x1b[2J\r\xe2\x80\xae", b"2")
    run_consumer_until(consumer_of(topic, plain, group="shop"), lambda: len(topic.seen) + len(plain.seen) >= 2)
    text = written.getvalue()
    assert "no such customer: " in text
    assert "\\x1b[2J" in text
    assert [char for char in text if not char.isprintable() and char != "\n"] == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('from "http://u:pw@127.0.0.1:1/t": no', 'from "http://***@127.0.0.1:1/t": no'),
        ("Invalid url key:pw@registry:80", "Invalid url ***@registry:80"),
        ("https://token@host, https://a:b@c@[::1", "https://***@host, https://***@[::1"),
        ("mail me@example.org at 10:30", "mail me@example.org at 10:30"),
        ("b:1/1: Connect to ipv4#b:1 failed", "b:1/1: Connect to ipv4#b:1 failed"),
    ],
)
def test_no_credentials(text: str, shown: str) -> None:
    assert without_credentials(text) == shown


@pytest.mark.parametrize(
    "url", ["key:hunter2@registry:80", "https://key:hunter2@regis try", "https://k:hunter2@[::1"]
)
def test_a_wrong_address_of_the_registry_is_told_without_its_password(url: str) -> None:
    with override_settings(DJANGO_KAFKA={"SCHEMA_REGISTRY": {"url": url}}):
        try:
            _ = kafka.schema_client
        except ConfigurationError as error:
            assert "SCHEMA_REGISTRY" in str(error)
            assert "hunter2" not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize("level", [logging.ERROR, logging.DEBUG])
def test_librdkafka_prints_no_password(level: int) -> None:
    text = 'OIDC: [thrd:background]: Failed to retrieve OIDC token from "http://u:hunter2@127.0.0.1:1/t"'
    record = logging.LogRecord("x", level, __file__, 1, "%s", (text,), None)
    assert ClientLog().filter(record)
    assert record.getMessage() == text.replace("u:hunter2", "***")


def test_cleaning() -> None:
    assert clean("a\tb\nc") == "a\tb\nc"
    assert clean("\x1b[2J\x00\x9b\u202e\ud800é") == "\\x1b[2J\\x00\\x9b\\u202e\\ud800é"
    assert in_one_line("a\nb", 10) == "a\\nb"
    assert in_one_line("abcdef", 3) == "abc…"
    assert key_of(Message("t", key=b"\xff\x1b" + b"k" * 500)) == ("\\xff\\x1b" + "k" * 500)[:100] + "…"
    assert key_of(Message("t", key={"id": 1})) is None


def test_records_of_the_project_may_have_such_attributes(
    broker: LocalBroker, log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A factory that gives each record an `event`, or `topic`, leaves no place for ours."""
    make = logging.getLogRecordFactory()

    def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        record.topic = "theirs"
        return record

    logging.setLogRecordFactory(factory)
    try:
        topic, cls = failing()
        broker.produce("orders", b"1", b"2")
        run_consumer_until(cls, lambda: len(topic.seen) >= 1)
    finally:
        logging.setLogRecordFactory(make)
    assert "dead letter in shop.orders.dlt" in log.text
