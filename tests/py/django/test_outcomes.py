# SPDX-License-Identifier: MIT
"""A project's own failure handling that says more than one thing of a message: copies are all made, a copy excludes a
retry, and what is ignored is logged. On each path, whether the message is in a batch or was polled."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from confluent_kafka import KafkaError, TopicPartition
from django.utils import timezone

from django_kafka._native import Message
from django_kafka.consumer import Consumer
from django_kafka.retry.settings import RetrySettings
from django_kafka.testing.broker import LocalBroker, kafka_broker
from django_kafka.testing.consumer import run_consumer_until
from tests.py.django.helpers import Recorder, consumer_of

PRODUCE = 0  # the number of this request in Kafka's protocol
DEAD, RETRY = "g.events.dlt", "g.events.retry.1"
RULES = RetrySettings(max_retries=1, delay=0.1, blocking=False)

# What a consumer class overrides to be on each path.
PATHS: dict[str, Callable[[], dict[str, Any]]] = {
    "direct": dict,
    "hooks": lambda: {"consume": lambda self, msg: Consumer.consume(self, msg)},
    "poll": lambda: {"poll": lambda self: Consumer.poll(self)},
}


def dead_letter(consumer: Any, msg: Any, exc: Exception) -> None:
    consumer.dead_letter_msg(msg, exc)


def retry(consumer: Any, msg: Any, exc: Exception) -> None:
    assert consumer.non_blocking_retry(RULES, msg, exc)


def pause(consumer: Any, msg: Any, exc: Exception) -> None:
    consumer.pause_partition(msg, timezone.now() + timedelta(seconds=0.1))


def longer(consumer: Any, msg: Any, exc: Exception) -> None:
    consumer.pause_partition(msg, timezone.now() + timedelta(seconds=1))


def commit(consumer: Any, msg: Any, exc: Exception) -> None:
    consumer.commit_offset(msg)


def fail(consumer: Any, msg: Any, exc: Exception) -> None:
    raise LookupError(f"in the hook of {msg.value().decode()}")


Steps = tuple[Callable[[Any, Any, Exception], Any], ...]

# What the failure handling does with a message, and what has to come of it: copies to the dead-letter topic and to
# the retry topic, and how often the handler is called (it fails the first time only).
CASES: dict[Steps, tuple[int, int, int]] = {
    # All copies are made, and the message is finished.
    (retry, dead_letter): (1, 1, 1),
    (dead_letter, retry): (1, 1, 1),
    (dead_letter, dead_letter): (2, 0, 1),
    (retry, retry): (0, 2, 1),
    (commit, dead_letter): (1, 0, 1),
    (retry, dead_letter, commit): (1, 1, 1),
    # A copy excludes a retry.
    (dead_letter, pause): (1, 0, 1),
    (retry, pause): (0, 1, 1),
    (dead_letter, fail): (1, 0, 1),
    # A retry excludes copies, and the message is not finished.
    (pause, dead_letter): (0, 0, 2),
    (pause, retry): (0, 0, 2),
    (pause, commit): (0, 0, 2),
    (commit, pause): (0, 0, 2),
    (pause, pause): (0, 0, 2),
    (pause, longer, pause): (0, 0, 2),
    (pause, fail): (0, 0, 2),
    (fail,): (0, 0, 2),
}
CASE = pytest.mark.parametrize("steps", CASES, ids=lambda steps: name_of(steps))


def name_of(steps: Steps) -> str:
    return "-".join(step.__name__ for step in steps)


class Run:
    """A message for each case, and one behind them, on one of the paths."""

    def __init__(self, path: str) -> None:
        by_name = {name_of(steps): steps for steps in CASES}
        self.times: dict[str, list[float]] = {}

        def act(msg: Any) -> None:
            name = msg.value().decode()
            times = self.times.setdefault(name, [])
            times.append(timezone.now().timestamp())
            if name in by_name and len(times) == 1:
                raise ValueError(name)

        def handle_exception(consumer: Consumer, msg: Any, exc: Exception) -> bool:
            for step in by_name[msg.value().decode()]:
                step(consumer, msg, exc)
            return True

        cls = consumer_of(Recorder(act=act), group="g", handle_exception=handle_exception, **PATHS[path]())
        lines: list[str] = []
        handler = logging.Handler()
        handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
        logging.getLogger("django_kafka").addHandler(handler)
        try:
            with kafka_broker({"events": 1, DEAD: 1, RETRY: 1}) as broker:
                broker.produce("events", *by_name, "last")
                self.consumer = run_consumer_until(cls, lambda: "last" in self.times)
                self.dead, self.retried = (self._values(broker, topic) for topic in (DEAD, RETRY))
                self.committed = self._committed(cls)
        finally:
            logging.getLogger("django_kafka").removeHandler(handler)
        self.lines = lines

    @staticmethod
    def _values(broker: LocalBroker, topic: str) -> Counter[str]:
        return Counter(msg.value().decode() for msg in broker.collect(topic))

    @staticmethod
    def _committed(cls: type[Consumer]) -> int:
        consumer = cls()
        try:
            return consumer.committed([TopicPartition("events", 0)], 10)[0].offset
        finally:
            consumer.stop()

    def lines_about(self, steps: Steps) -> list[str]:
        return [line for line in self.lines if f"offset={list(CASES).index(steps)})" in line]


@pytest.fixture(scope="module", params=PATHS)
def run(request: pytest.FixtureRequest) -> Run:
    return Run(request.param)


def test_the_path_is_the_one_that_is_meant(run: Run, request: pytest.FixtureRequest) -> None:
    assert f"[{run.consumer.plan().path.name.lower()}]" in request.node.name


def test_everything_is_finished_in_the_end(run: Run) -> None:
    assert list(run.times) == [*map(name_of, CASES), "last"], "in their order"
    assert run.committed == len(CASES) + 1


@CASE
def test_what_comes_of_it(run: Run, steps: Steps) -> None:
    name = name_of(steps)
    assert (run.dead[name], run.retried[name], len(run.times[name])) == CASES[steps]


@pytest.mark.parametrize("steps", [(dead_letter, pause), (retry, pause)], ids=name_of)
def test_a_pause_after_a_copy_is_told(run: Run, steps: Steps) -> None:
    (line,) = [line for line in run.lines_about(steps) if "is ignored" in line]
    assert "offset" in line
    assert line.endswith(
        ": a pause of its partition is ignored, because the message already has an outcome: "
        "it is finished when its copies are confirmed."
    )


@pytest.mark.parametrize("steps", [(pause, dead_letter), (pause, retry)], ids=name_of)
def test_a_copy_after_a_pause_is_told(run: Run, steps: Steps) -> None:
    (line,) = [line for line in run.lines_about(steps) if "is ignored" in line]
    topic = DEAD if dead_letter in steps else RETRY
    assert f"to '{topic}' is ignored, because the message already has an outcome: its partition is paused" in line


@pytest.mark.parametrize("steps", [(dead_letter, fail), (pause, fail), (fail,)], ids=name_of)
def test_a_failure_of_the_handling_is_told(run: Run, steps: Steps) -> None:
    paused = [line for line in run.lines_about(steps) if "the partition is paused" in line]
    assert bool(paused) is (dead_letter not in steps)


def test_the_later_of_two_pauses_counts(run: Run) -> None:
    first, second = run.times[name_of((pause, longer, pause))]
    assert second - first > 0.9  # the engine counts milliseconds
    first, second = run.times[name_of((pause, pause))]
    assert second - first < 0.9


@pytest.mark.parametrize("path", PATHS)
def test_what_is_said_of_another_message_meanwhile(path: str) -> None:
    """Of one that the failure handling has made by hand, say: what is said of the message in hand still counts."""
    other = Message(topic="events", partition=0, offset=7, value=b"other", timestamp=(0, 0))
    calls: list[bytes] = []

    def act(msg: Any) -> None:
        calls.append(msg.value())
        if msg.value() == b"0":
            raise ValueError

    def handle_exception(consumer: Consumer, msg: Any, exc: Exception) -> bool:
        consumer.dead_letter_msg(other, exc)
        consumer.dead_letter_msg(msg, exc)
        consumer.pause_partition(msg, timezone.now())
        return True

    cls = consumer_of(Recorder(act=act), group="g", handle_exception=handle_exception, **PATHS[path]())
    with kafka_broker({"events": 1, DEAD: 1}) as broker:
        broker.produce("events", b"0", b"1")
        run_consumer_until(cls, lambda: b"1" in calls)
        assert {msg.value() for msg in broker.collect(DEAD, 2)} == {b"0", b"other"}
    assert calls == [b"0", b"1"]


@pytest.fixture
def broker() -> Iterator[LocalBroker]:
    with kafka_broker({"events": 1, DEAD: 1, RETRY: 1}) as broker:
        yield broker


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("accepted", [0, 1])
def test_one_of_two_copies_is_refused(
    broker: LocalBroker, path: str, accepted: int, log: pytest.LogCaptureFixture
) -> None:
    """The message is retried until both are confirmed. That may make a copy twice, and loses none."""
    failed: list[int] = []

    def act(msg: Any) -> None:
        if msg.offset() == 0:
            failed.append(0)
            raise ValueError

    def handle_exception(consumer: Consumer, msg: Any, exc: Exception) -> bool:
        retry(consumer, msg, exc)
        dead_letter(consumer, msg, exc)
        return True

    topic = Recorder(act=act)
    cls = consumer_of(topic, group="g", handle_exception=handle_exception, **PATHS[path]())
    broker.produce("events", b"0", b"1")
    broker.native.push_errors(PRODUCE, [0] * accepted + [KafkaError.TOPIC_AUTHORIZATION_FAILED])
    run_consumer_until(cls, lambda: topic.values == [b"1"] and len(failed) == 2)
    assert "was not accepted" in log.text
    assert [msg.value() for msg in broker.collect(RETRY)] == [b"0"] * (1 + accepted)
    assert [msg.value() for msg in broker.collect(DEAD)] == [b"0"]
