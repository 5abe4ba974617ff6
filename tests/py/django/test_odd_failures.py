# SPDX-License-Identifier: MIT
"""Failures in unusual places: whatever is raised, wherever, a message ends handled, waiting, or as a dead letter, and
the partition goes on."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from django.conf import settings
from django.db import OperationalError, ProgrammingError, connection, transaction
from django.test import override_settings

from django_kafka.consumer import Consumer
from django_kafka.consumer.managers import PauseManager
from django_kafka.exceptions import is_failure
from django_kafka.logs.tracebacks import format_exception
from django_kafka.retry.consumer import RetryConsumer
from django_kafka.retry.settings import RetrySettings
from django_kafka.testing.broker import LocalBroker, kafka_broker
from django_kafka.testing.consumer import run_consumer_until
from tests.py.django.helpers import FailTimes, Recorder, consumer_of

PATHS = {"direct": "", "hooks": "consume", "poll": "process_message"}
PRODUCE = 0  # the number of this request in Kafka's protocol
NON_BLOCKING = RetrySettings(max_retries=1, delay=0.1, blocking=False)
BLOCKING = RetrySettings(max_retries=1, delay=0.1)


@pytest.fixture
def broker() -> Iterator[LocalBroker]:
    with kafka_broker({"events": 1}) as broker:
        yield broker


def on_path(path: str) -> dict[str, Any]:
    """Members of a consumer class whose messages go this way."""
    name = PATHS[path]
    if not name:
        return {}
    return {name: lambda self, *args: getattr(Consumer, name)(self, *args)}


def values(broker: LocalBroker, topic: str, count: int) -> list[Any]:
    return [msg.value() for msg in broker.collect(topic, count)]


# ---- what is raised ------------------------------------------------------------------------------------------------


class Mute(Exception):
    """Has no text."""

    def __str__(self) -> str:
        raise RuntimeError("nor can it be made")


@pytest.mark.parametrize(
    ("path", "rules", "target"),
    [
        ("direct", None, "g.events.dlt"),
        ("direct", NON_BLOCKING, "g.events.retry.1"),
        ("hooks", BLOCKING, "g.events.dlt"),
        ("poll", NON_BLOCKING, "g.events.retry.1"),
    ],
    ids=["direct", "direct-retry", "hooks-blocking", "poll-retry"],
)
def test_an_exception_without_a_text(broker: LocalBroker, path: str, rules: Any, target: str) -> None:
    topic = Recorder(act=FailTimes(2, b"1", error=Mute))
    topic.retry_settings = rules
    broker.produce("events", b"0", b"1", b"2")
    run_consumer_until(consumer_of(topic, group="g", **on_path(path)), lambda: len(topic.seen) >= 2, 20)
    found = broker.collect(target, 1)[0]
    assert found.value() == b"1"
    headers = dict(found.headers())
    assert headers.get("DEAD_LETTER_SUMMARY", headers.get("RETRY_MESSAGE")) == b"<exception str() failed>"


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("direct", asyncio.CancelledError),
        ("direct", GeneratorExit),
        ("hooks", GeneratorExit),
        ("poll", GeneratorExit),
    ],
)
def test_what_is_no_exception_but_no_interruption_either(broker: LocalBroker, path: str, error: Any) -> None:
    topic = Recorder(act=FailTimes(1, b"1", error=error))
    broker.produce("events", b"0", b"1", b"2")
    run_consumer_until(consumer_of(topic, group="g", **on_path(path)), lambda: len(topic.seen) >= 2, 20)
    assert values(broker, "g.events.dlt", 1) == [b"1"]


class Strange(Exception):
    """Has notes that cannot be read."""

    @property
    def __notes__(self) -> list[str]:
        raise LookupError("no notes")


@pytest.mark.parametrize("error", [Strange("so"), SyntaxError("so", ("a file", 1, "x", "text"))], ids=repr)
def test_an_exception_that_the_traceback_module_cannot_print(error: Exception) -> None:
    with pytest.raises(type(error)) as raised:
        raise error
    text = format_exception(raised.value)
    assert text.startswith("Traceback (most recent call last):\n  File ")
    assert ": so" in text
    assert "cannot be printed in full: " in text


def test_groups_of_exceptions_are_what_is_in_them() -> None:
    assert is_failure(BaseExceptionGroup("both", [ValueError(), asyncio.CancelledError()]))
    assert not is_failure(BaseExceptionGroup("both", [ValueError(), BaseExceptionGroup("", [KeyboardInterrupt()])]))
    assert not is_failure(SystemExit())


@pytest.mark.parametrize("path", PATHS)
def test_a_handler_that_ends_the_process_is_named(
    broker: LocalBroker, path: str, log: pytest.LogCaptureFixture
) -> None:
    topic = Recorder(act=FailTimes(1, b"1", error=SystemExit))  # type: ignore[arg-type]
    broker.produce("events", b"0", b"1", b"2")
    cls = consumer_of(topic, group="g", **on_path(path))
    with pytest.raises(SystemExit):
        run_consumer_until(cls, lambda: len(topic.seen) >= 3, 20)
    assert "(topic=events partition=0 offset=1): SystemExit ends the consumer." in log.text
    run_consumer_until(cls, lambda: len(topic.seen) >= 3, 20)
    assert topic.values == [b"0", b"1", b"2"], "it is redelivered, and is no dead letter"


@pytest.mark.parametrize("path", PATHS)
def test_a_client_of_the_handlers_that_has_failed_for_good_ends_the_consumer(
    broker: LocalBroker, path: str, log: pytest.LogCaptureFixture
) -> None:
    """Or all messages from here on were dead letters until somebody restarts it."""
    fatal = KafkaException(KafkaError(KafkaError._FATAL, "fenced", True))

    def act(msg: Any) -> None:
        if msg.value() == b"1":
            try:
                raise fatal
            except KafkaException as error:
                raise ValueError("not sent") from error

    topic = Recorder(act=act)
    broker.produce("events", b"0", b"1", b"2")
    cls = consumer_of(topic, group="g", **on_path(path))
    with pytest.raises(ValueError, match="not sent"):
        run_consumer_until(cls, lambda: len(topic.seen) >= 3, 20)
    assert "(topic=events partition=0 offset=1): ValueError ends the consumer." in log.text
    topic.act = None
    run_consumer_until(cls, lambda: len(topic.seen) >= 3, 20)
    assert topic.values == [b"0", b"1", b"2"], "it is redelivered, and is no dead letter"


# ---- where it is raised --------------------------------------------------------------------------------------------


class FullDisk(logging.Handler):
    """As written by somebody who did not read what emit() must not do."""

    def emit(self, record: logging.LogRecord) -> None:
        raise OSError("no space left on device")


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    logger = logging.getLogger("django_kafka")
    handler = FullDisk(logging.INFO)
    monkeypatch.setattr(logging, "raiseExceptions", False)
    logger.addHandler(handler)
    yield
    logger.removeHandler(handler)


@pytest.mark.usefixtures("full_disk")
@pytest.mark.parametrize("path", PATHS)
def test_logging_that_raises_decides_about_nothing(broker: LocalBroker, path: str) -> None:
    topic = Recorder(act=FailTimes(3, b"1", b"3"))
    topic.retry_settings = BLOCKING
    broker.produce("events", b"0", b"1", b"2", b"3", b"4")
    run_consumer_until(consumer_of(topic, group="g", **on_path(path)), lambda: len(topic.seen) >= 4, 20)
    assert values(broker, "g.events.dlt", 1) == [b"1"]
    assert topic.values == [b"0", b"2", b"3", b"4"]


@pytest.mark.usefixtures("full_disk")
def test_nor_does_it_when_the_partition_waits(broker: LocalBroker) -> None:
    topic = Recorder()

    def handle_exception(self: Consumer, msg: Any, exc: Exception) -> bool:
        raise LookupError

    topic.act = FailTimes(1, b"1")
    broker.produce("events", b"0", b"1", b"2")
    run_consumer_until(consumer_of(topic, handle_exception=handle_exception), lambda: len(topic.seen) >= 3, 20)
    assert topic.values == [b"0", b"1", b"2"]


def test_a_producer_that_cannot_be_flushed_does_not_keep_the_partitions(broker: LocalBroker) -> None:
    topic = Recorder()
    cls = consumer_of(topic, group="g")
    consumer = cls()
    broken = mock.Mock()
    broken.flush.side_effect = LookupError("raised by a delivery callback")
    with mock.patch.dict("django_kafka.kafka.__dict__", producer=broken), pytest.raises(LookupError):
        consumer.stop()
    with pytest.raises(RuntimeError, match="closed"):
        consumer.committed([TopicPartition("events", 0)])


class Silent:
    """An error handler of a project that lets nothing end its consumers."""

    def __call__(self, error: KafkaError) -> None:
        errors.append(error)


errors: list[KafkaError] = []


def test_a_producer_that_has_failed_for_good_is_replaced(broker: LocalBroker) -> None:
    errors.clear()
    running: list[Any] = []

    def start(self: Any, stop_event: Any = None) -> None:
        running.append(self)
        Consumer.start(self, stop_event)

    def act(msg: Any) -> None:
        if msg.value() == b"2" and not errors:
            assert running[0]._member.copies.flush(10)
            broker.native.push_errors(PRODUCE, [KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER])
        if msg.value() != b"5":
            raise ValueError

    topic = Recorder(act=act)
    broker.produce("events", *(b"%d" % i for i in range(6)))
    with override_settings(DJANGO_KAFKA={**settings.DJANGO_KAFKA, "ERROR_HANDLER": Silent}):
        cls = consumer_of(topic, group="g", start=start)
        run_consumer_until(cls, lambda: len(topic.calls) > 7 and errors and not running[0]._member.copies.busy, 20)
    assert any(error.fatal() for error in errors)
    found = {msg.value() for msg in broker.collect("g.events.dlt", 5)}
    assert found == {b"%d" % i for i in range(5)}


def test_error_events_do_not_hold_a_partition_that_they_have_not(broker: LocalBroker) -> None:
    def process_message(self: Consumer, msg: Any) -> None:
        if msg.error():
            raise ValueError(msg.error())
        Consumer.process_message(self, msg)

    topic = Recorder()
    broker.produce("events", b"0")
    config = {"enable.partition.eof": True}
    cls = consumer_of(topic, process_message=process_message, config=config)
    pauses: list[Any] = []
    cls.pause_partition = lambda self, msg, until: pauses.append(msg)  # type: ignore[method-assign]
    run_consumer_until(cls, lambda: len(topic.seen) >= 1, 20)
    broker.produce("events", b"1")
    run_consumer_until(cls, lambda: len(topic.seen) >= 2, 20)
    assert not pauses


def test_what_a_handler_sets_on_a_polled_message_is_not_in_its_copies(broker: LocalBroker) -> None:
    def act(msg: Any) -> None:
        if msg.value() == b"1":
            msg.set_value({"number": 1})
            msg.set_key(1)
            raise ValueError

    topic = Recorder(act=act)
    broker.produce("events", b"0", b"1", b"2", key=b"k")
    run_consumer_until(consumer_of(topic, group="g", **on_path("poll")), lambda: len(topic.seen) >= 2, 20)
    assert [(msg.key(), msg.value()) for msg in broker.collect("g.events.dlt", 1)] == [(b"k", b"1")]


# ---- clocks --------------------------------------------------------------------------------------------------------


def test_retry_topics_without_time_zones(broker: LocalBroker) -> None:
    with override_settings(USE_TZ=False):
        topic = Recorder(act=FailTimes(2, b"1"))
        topic.retry_settings = RetrySettings(max_retries=3, delay=0.3, blocking=False)
        cls = consumer_of(topic, group="g")
        broker.produce("events", b"0", b"1", b"2")
        run_consumer_until(cls, lambda: len(topic.seen) >= 2, 20)
        retry = RetryConsumer.build(cls)
        assert retry is not None
        run_consumer_until(retry, lambda: len(topic.seen) >= 3, 20)
    assert [topic for topic, _, _ in topic.calls[3:]] == ["g.events.retry.1", "g.events.retry.2"]


@pytest.mark.parametrize("path", ["direct", "poll"])
def test_blocking_retries_without_time_zones(broker: LocalBroker, path: str) -> None:
    with override_settings(USE_TZ=False):
        topic = Recorder(act=FailTimes(2, b"1"))
        topic.retry_settings = RetrySettings(max_retries=3, delay=2)
        cls = consumer_of(topic, group="g", **on_path(path))
        broker.produce("events", b"0", b"1", b"2")
        begun = time.monotonic()
        run_consumer_until(cls, lambda: len(topic.calls) >= 2, 20)
        run_consumer_until(cls, lambda: len(topic.seen) >= 3, 20)
    assert len(topic.calls) == 5
    assert time.monotonic() - begun >= 4


@pytest.mark.parametrize("moved", [-3600.0, 3600.0])
def test_a_clock_that_jumps_makes_no_pause_longer(moved: float) -> None:
    pauses = PauseManager()
    pauses.hold(TopicPartition("events", 0, 5), datetime.now(UTC) + timedelta(seconds=0.1))
    with mock.patch("time.time", return_value=time.time() + moved):
        assert pauses.next_due() <= 0.1
        time.sleep(0.1)
        assert [partition.offset for partition in pauses.pop_ready()] == [5]


class OneByOne(Recorder):
    """Takes batches of one message."""

    batch_size = 1

    def consume_batch(self, messages: Any) -> None:
        for msg in messages:
            self.consume(msg)


# ---- databases -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("raises", [True, False])
@pytest.mark.parametrize("path", [*PATHS, "batches"])
def test_a_transaction_that_a_handler_left_open_is_not_the_next_ones(
    broker: LocalBroker, path: str, raises: bool
) -> None:
    """Or what the next one does would be rolled back with it when the batch ends, though it counts as handled. So the
    message fails."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE left_open (value text)")

    def act(msg: Any) -> None:
        if msg.value() == b"1":
            transaction.set_autocommit(False)
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO left_open VALUES (%s)", [msg.value().decode()])
        if msg.value() == b"1" and raises:
            raise ValueError

    topic: Recorder = OneByOne(act=act) if path == "batches" else Recorder(act=act)
    members = {} if path == "batches" else on_path(path)
    broker.produce("events", b"0", b"1", b"2", b"3")
    run_consumer_until(consumer_of(topic, group="g", **members), lambda: {b"2", b"3"} <= set(topic.values), 20)
    assert values(broker, "g.events.dlt", 1) == [b"1"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM left_open ORDER BY value")
        found = cursor.fetchall()
        cursor.execute("DROP TABLE left_open")
    connection.close()
    assert found == [("0",), ("2",), ("3",)]


@pytest.mark.parametrize(
    ("path", "error"), [("direct", OperationalError), ("direct", ProgrammingError), ("poll", OperationalError)]
)
def test_an_error_of_a_handler_that_closes_its_connections_is_its_own(
    broker: LocalBroker, path: str, error: type[Exception]
) -> None:
    def act(msg: Any) -> None:
        if msg.value() == b"1":
            try:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT 1", [1]) if error is ProgrammingError else cursor.execute("SELECT none")
            finally:
                connection.close()

    topic = Recorder(act=act)
    broker.produce("events", b"0", b"1", b"2")
    run_consumer_until(consumer_of(topic, group="g", **on_path(path)), lambda: len(topic.seen) >= 2, 20)
    assert values(broker, "g.events.dlt", 1) == [b"1"]
    connection.close()
