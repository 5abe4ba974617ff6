# SPDX-License-Identifier: MIT
"""A broker that is away is logged, and not twenty times a second."""

from __future__ import annotations

import logging
import time

import pytest
from confluent_kafka import KafkaError
from django.test import override_settings

from django_kafka.error_handlers import ClientErrorHandler
from django_kafka.logs.client import ClientLog
from django_kafka.logs.loggers import OF_CLIENTS
from django_kafka.logs.repetitions import Repetitions
from tests.py.django.helpers import Recorder, consumer_of

LINE = "FAIL: [thrd:b:1/1]: b:1/1: Connect to ipv4#b:1 failed: Connection refused (after %dms in state CONNECT)"


def record(text: str, level: int = logging.ERROR) -> logging.LogRecord:
    return logging.LogRecord("x", level, __file__, 1, "%s", (text,), None)


def test_same_line_is_told_again_after_a_while_with_the_number_between(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    log = ClientLog(quiet=30)
    assert log.filter(record(LINE % 0))
    assert not any(log.filter(record(LINE % n)) for n in range(5))
    assert log.filter(record((LINE % 0).replace("b:1", "c:1")))  # another broker
    clock[0] += 30
    again = record(LINE % 7)
    assert log.filter(again)
    assert again.getMessage() == LINE % 7 + " (5 more like this since it was last logged)"


@pytest.mark.parametrize("text", ["no line of librdkafka", "CONF: about the configuration"])
def test_other_lines_pass(text: str) -> None:
    log = ClientLog()
    assert all(log.filter(record(text)) for _ in range(3))
    assert all(log.filter(record(LINE % 0, logging.DEBUG)) for _ in range(3))  # asked for by the option `debug`
    other = logging.LogRecord("x", logging.ERROR, __file__, 1, "%s failed after %d", ("a", 1), None)
    assert log.filter(other)


def test_memory_is_bounded() -> None:
    repetitions = Repetitions()
    for number in range(1000):
        repetitions.admit(f"text {number}")
    assert len(repetitions._told) <= 200


@pytest.mark.parametrize("name", [logger.name for logger in OF_CLIENTS])
def test_loggers_of_clients_have_it_once(name: str) -> None:
    assert sum(isinstance(one, ClientLog) for one in logging.getLogger(name).filters) == 1


def test_unreachable_broker_is_told_in_two_lines(log: pytest.LogCaptureFixture) -> None:
    """At an address that no other test uses: what one has been told is not told the next for a while."""
    with override_settings(DJANGO_KAFKA={"GLOBAL_CONFIG": {"bootstrap.servers": "127.0.0.1:3"}}):
        consumer = consumer_of(Recorder())()
    attempts: list[str] = []
    logger = logging.getLogger("django_kafka.consumer.consumer")
    counting = logging.Filter()
    counting.filter = lambda one: bool(attempts.append(one.getMessage())) or True  # type: ignore[method-assign]
    logger.filters.insert(0, counting)
    try:
        consumer.subscribe(["events"])
        deadline = time.monotonic() + 20
        while len(attempts) < 5 and time.monotonic() < deadline:
            consumer.poll()
    finally:
        logger.removeFilter(counting)
        consumer.close()
    assert len(attempts) >= 5
    told = [one.getMessage() for one in log.records if one.levelno >= logging.WARNING]
    assert [text.startswith("FAIL: [thrd:127.0.0.1:3/bootstrap]") for text in told] == [True, False]
    assert "is 'bootstrap.servers' right?" in told[1]


CLOSED = "FAIL: [thrd:b:1/1]: b:1/1: Disconnected: connection closed by peer: receive 0 (after 9ms in state UP)"


def test_a_connection_that_nobody_used_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    """Brokers close one after ten minutes; a calm consumer would have such lines all day."""
    caplog.set_level(logging.INFO, logger="x")
    assert not ClientLog().filter(record(CLOSED, logging.INFO))
    assert ClientLog().filter(record(CLOSED.replace("state UP", "state APIVERSION_QUERY"), logging.INFO))
    caplog.set_level(logging.DEBUG, logger="x")
    assert ClientLog().filter(record(CLOSED, logging.INFO))


def test_all_brokers_are_down_only_if_none_can_be_reached(log: pytest.LogCaptureFixture) -> None:
    handler = ClientErrorHandler()
    down = KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down")
    handler(KafkaError(KafkaError._TRANSPORT, CLOSED))
    handler(down)
    assert log.messages == []
    handler = ClientErrorHandler()
    handler(KafkaError(KafkaError._TRANSPORT, "b:1/1: Connect to ipv4#b:1 failed: Connection refused"))
    handler(down)
    assert len(log.messages) == 1
    assert "no Kafka broker can be reached" in log.messages[0]
