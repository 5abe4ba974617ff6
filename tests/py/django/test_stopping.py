# SPDX-License-Identifier: MIT
"""A stop keeps within the time that it may take, and leaves enough of it for the commit."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from confluent_kafka import KafkaError, KafkaException
from django.conf import settings
from django.test import override_settings

from django_kafka import kafka
from django_kafka._native import Producer as NativeProducer
from django_kafka.consumer import Consumer, stopping
from django_kafka.processes import grace as grace_module
from django_kafka.processes.child import StopRequest
from django_kafka.processes.grace import Grace
from django_kafka.testing.broker import LocalBroker, kafka_broker
from django_kafka.testing.consumer import run_consumer_until
from django_kafka.topic import TopicConsumer
from django_kafka.utils.stop_time import time_to_flush
from tests.py.django.helpers import Recorder, consumer_of


@pytest.fixture
def broker() -> Iterator[LocalBroker]:
    with kafka_broker({"events": 1, "g.events.dlt": 1}) as broker:
        yield broker


class TestGrace:
    @pytest.fixture
    def clock(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        now = [100.0]
        monkeypatch.setattr(grace_module.time, "monotonic", lambda: now[0])
        return now

    def test_it_runs_from_the_first_request(self, clock: list[float]) -> None:
        stop = StopRequest(30)
        assert stop.grace.left() is None
        stop.request()
        assert stop.grace.left() == 29  # Python needs some time to end
        clock[0] += 10
        stop.request()
        assert stop.grace.left() == 19
        clock[0] += 100
        assert stop.grace.left() == 0

    def test_without_one_there_is_no_limit(self, clock: list[float]) -> None:
        grace = Grace()
        grace.begin()
        assert grace.left() is None

    def test_deliveries_leave_something_for_the_commit(self) -> None:
        assert time_to_flush(15, None) == 15
        assert time_to_flush(15, 29) == 15
        assert time_to_flush(15, 18) == 13
        assert time_to_flush(15, 3) == pytest.approx(2)
        assert time_to_flush(15, 0) == 0


SECONDS = 3.0  # that a stop may take
PATIENT = {"session.timeout.ms": 45000}


def away(broker: LocalBroker) -> None:
    broker.native.set_down(1)


PATHS: dict[str, dict[str, Any]] = {
    "direct": {},
    "hooks": {"consume": lambda self, msg: Consumer.consume(self, msg)},
    "poll": {"poll": lambda self: Consumer.poll(self)},
}


@pytest.mark.parametrize("path", PATHS)
def test_a_copy_that_nobody_confirms(broker: LocalBroker, path: str, log: pytest.LogCaptureFixture) -> None:
    """By itself a consumer waits half a minute for the confirmation, and a quarter of one when it stops."""
    grace, begun = Grace(SECONDS), []
    running: list[Any] = []

    def act(msg: Any) -> None:
        if msg.value() == b"0":
            raise ValueError
        away(broker)
        timer = threading.Timer(0.1, stop)
        timer.start()
        raise ValueError

    def stop() -> None:
        begun.append(time.monotonic())
        grace.begin()
        running[0].request_stop()

    cls = consumer_of(Recorder(act=act), group="g", config=PATIENT, **PATHS[path])
    broker.produce("events", b"0", b"1")
    running.append(cls())
    running[0].stop_within(grace.left)
    running[0].run()
    assert time.monotonic() - begun[0] < SECONDS
    told = "_PURGE_QUEUE" if path == "poll" else "MyConsumer: [12] copies of failed messages are not confirmed"
    assert re.search(told, log.text)


def test_what_handlers_have_produced(broker: LocalBroker, log: pytest.LogCaptureFixture) -> None:
    grace, begun = Grace(SECONDS), []
    running: list[Any] = []

    def act(msg: Any) -> None:
        away(broker)
        kafka.producer.produce("events", b"nowhere")
        begun.append(time.monotonic())
        grace.begin()
        running[0].request_stop()

    broker.produce("events", b"0")
    running.append(consumer_of(Recorder(act=act), group="g", config=PATIENT)())
    running[0].stop_within(grace.left)
    running[0].run()
    assert time.monotonic() - begun[0] < SECONDS
    assert "1 messages that handlers produced could not be delivered within" in log.text
    kafka.producer.purge()
    kafka.producer.flush(1)


def test_an_end_that_is_not_clean_is_logged_and_raises_nothing(
    broker: LocalBroker, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    consumer = consumer_of(Recorder(), group="g")()
    given: list[Any] = []

    class Client:
        def close(self, *args: float) -> None:
            given.append(args)
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "offsets of t [0]"))

    monkeypatch.setattr(consumer._member, "client", Client())
    consumer.stop()
    consumer.stop_within(lambda: 7.0)
    consumer.stop()
    assert given == [(), (7.0,)]
    assert log.text.count("MyConsumer has stopped, but not all is done: offsets of t [0]") == 2
    consumer.close()


class Forwards(TopicConsumer):
    """Produces something for each message."""

    name = "events"
    retry_settings = None

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def consume(self, msg: Any) -> None:
        kafka.producer.produce("output", msg.value())
        self.seen.append(msg.value())


@pytest.mark.parametrize("reachable", [True, False])
def test_the_input_of_undelivered_output_is_not_committed(reachable: bool, log: pytest.LogCaptureFixture) -> None:
    with kafka_broker(topics={"events": 1, "output": 1}) as broker:
        output = {} if reachable else {"bootstrap.servers": "127.0.0.1:1", "message.timeout.ms": 300_000}
        with override_settings(DJANGO_KAFKA={**settings.DJANGO_KAFKA, "PRODUCER_CONFIG": output}):
            broker.produce("events", b"1", b"2")
            topic = Forwards()
            cls = consumer_of(topic, group="forwards", flush_timeout=20 if reachable else 0.2)
            run_consumer_until(cls, lambda: len(topic.seen) == 2)
            kafka.producer.purge()
            again = Recorder("events")
            if reachable:
                broker.produce("events", b"3")
            run_consumer_until(
                consumer_of(again, group="forwards"), lambda: len(again.seen) >= (1 if reachable else 2)
            )
    assert again.values == ([b"3"] if reachable else [b"1", b"2"])
    assert ("will be redelivered" in log.text) != reachable


def test_the_end_of_the_process_waits_no_longer_than_the_stop_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[float] = []
    monkeypatch.setattr(stopping, "Producer", mock.Mock(limit_exit_flush=limits.append))
    for left in (None, 100.0, 20.0, 5.0, 0.0):
        stopping.limit_exit(left)
    assert limits == [30, 19.0, 4.5, 0.0]


def test_a_limit_is_a_number_of_seconds() -> None:
    for wrong in (None, -1, float("nan"), "1"):
        with pytest.raises((TypeError, ValueError)):
            NativeProducer.limit_exit_flush(wrong)  # type: ignore[arg-type]
    NativeProducer.limit_exit_flush(30)


def test_a_process_that_cannot_deliver_ends_when_it_is_told_to() -> None:
    program = """
from django.conf import settings
settings.configure(DJANGO_KAFKA={"GLOBAL_CONFIG": {"bootstrap.servers": "127.0.0.1:1"}, "EXIT_FLUSH_SECONDS": 0.1})
from django_kafka import kafka
kafka.producer.produce("events", b"x")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=25, check=False)
    assert "1 messages were not delivered when the interpreter ended" in done.stderr
    assert "within 0.1 s" in done.stderr
