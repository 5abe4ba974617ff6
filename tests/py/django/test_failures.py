# SPDX-License-Identifier: MIT
"""Retries and dead letters on the embedded broker: each message ends handled or confirmed in a dead-letter topic."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from unittest import mock

import pytest
from confluent_kafka import KafkaError, TopicPartition
from django.test import override_settings

from django_kafka import kafka
from django_kafka.consumer import Consumer
from django_kafka.failures.attempts import Note
from django_kafka.failures.copies import Copies
from django_kafka.failures.producer import producer_config
from django_kafka.producer import suppress
from django_kafka.retry.consumer import RetryConsumer
from django_kafka.retry.settings import RetrySettings
from django_kafka.testing.broker import LocalBroker, kafka_broker
from django_kafka.testing.consumer import run_consumer_until
from tests.py.django.helpers import FailTimes, Recorder, consumer_of

NUMBERS = [str(number).encode() for number in range(20)]
PRODUCE = 0  # the number of this request in Kafka's protocol


@pytest.fixture
def broker() -> Iterator[LocalBroker]:
    with kafka_broker({"events": 1}) as broker:
        yield broker


def committed(cls: type[Consumer], topic: str = "events") -> int:
    consumer = cls()
    try:
        return consumer.committed([TopicPartition(topic, 0)], 10)[0].offset
    finally:
        consumer.stop()


def letters(broker: LocalBroker, count: int = 1, topic: str = "g.events.dlt") -> list[Any]:
    return broker.collect(topic, count)


class TestDeadLetters:
    @pytest.mark.parametrize("path", ["direct", "hooks", "poll"])
    def test_poison_goes_to_the_dead_letters_the_others_are_handled(self, broker: LocalBroker, path: str) -> None:
        topic = Recorder(act=FailTimes(2, b"5", b"11"))
        cls = consumer_of(topic, group="g", **_members(path))
        now = int(time.time() * 1000)
        broker.produce("events", *NUMBERS, key=b"k", headers=[("trace", b"1")], timestamp=now)
        consumer = run_consumer_until(cls, lambda: len(topic.seen) >= 18)
        assert consumer.plan().path.name == path.upper()
        assert topic.values == [number for number in NUMBERS if number not in (b"5", b"11")]
        found = letters(broker, 2)
        assert [(msg.key(), msg.value(), msg.timestamp()) for msg in found] == [
            (b"k", b"5", (1, now)),
            (b"k", b"11", (1, now)),
        ]
        headers = dict(found[0].headers())
        assert headers["trace"] == b"1"
        assert headers["DEAD_LETTER_MESSAGE"] == headers["DEAD_LETTER_SUMMARY"] == b"no b'5'"
        assert headers["DEAD_LETTER_MESSAGE_OFFSET"] == b"5"
        assert b"ValueError: no b'5'" in headers["DEAD_LETTER_DETAIL"]
        assert committed(cls) == 20

    def test_d02_refused_copies_are_not_counted(self, broker: LocalBroker, log: pytest.LogCaptureFixture) -> None:
        fail = FailTimes(2, b"5")
        topic = Recorder(act=fail)
        cls = consumer_of(topic, group="g")
        broker.produce("events", *NUMBERS)
        broker.native.push_errors(PRODUCE, [KafkaError.TOPIC_AUTHORIZATION_FAILED])
        run_consumer_until(cls, lambda: len(topic.seen) >= 19 and fail.failed == 2)
        assert "was not accepted: " in log.text
        assert "The partition is paused" in log.text
        assert [msg.value() for msg in letters(broker)] == [b"5"]
        assert set(topic.values) == set(NUMBERS) - {b"5"}
        assert committed(cls) == 20

    def test_message_that_is_back_a_moment_too_early_is_copied(self) -> None:
        """Its handler has just been called: to send it away once more would be a call for nothing."""
        copies, batch, copy = Copies("some consumer"), mock.Mock(), mock.Mock(topic="g.events.dlt", timestamp=0)
        copies.__dict__.update(_producer=mock.Mock(), _topics=mock.Mock())
        copies._refuse("copy", copy.topic, "not yet")
        refusal = copies._refusals.of(copy.topic)
        assert refusal is not None
        refusal.until = time.monotonic() + 0.04
        assert copies.post([copy], batch) == 0.0
        refusal.until = time.monotonic() + 5
        assert copies.post([copy], batch) == pytest.approx(5, abs=1)
        assert copies._producer.forward.call_count == 1  # type: ignore[attr-defined]

    def test_d02_stop_while_the_copy_is_refused_loses_nothing(self, broker: LocalBroker) -> None:
        topic = Recorder(act=FailTimes(10**9, b"5"))
        cls = consumer_of(topic, group="g")
        broker.produce("events", *NUMBERS)
        broker.native.push_errors(PRODUCE, [KafkaError.TOPIC_AUTHORIZATION_FAILED] * 50)
        run_consumer_until(cls, lambda: topic.calls.count(("events", 0, 5)) >= 2)
        assert committed(cls) <= 5

    def test_stop_right_after_the_failures(self, broker: LocalBroker) -> None:
        running: list[Consumer] = []

        def act(msg: Any) -> None:
            if msg.value() == b"4":
                running[0].request_stop()
            raise ValueError

        cls = consumer_of(Recorder(act=act), group="g")
        broker.produce("events", *NUMBERS)
        running.append(cls())
        running[0].run()
        assert sorted(msg.value() for msg in letters(broker, 5)) == NUMBERS[:5]
        assert committed(cls) == 5

    def test_topics_that_must_not_be_made(self, broker: LocalBroker, log: pytest.LogCaptureFixture) -> None:
        topic = Recorder(act=FailTimes(10**9, b"1"))
        cls = consumer_of(topic, group="g")
        broker.produce("events", *NUMBERS[:3])
        with override_settings(DJANGO_KAFKA=_with(FAILURE_TOPICS={"create": False})):
            run_consumer_until(cls, lambda: "does not exist: create it" in log.text)
            assert committed(cls) <= 1

    def test_d40_suppression_does_not_apply(self, broker: LocalBroker) -> None:
        topic = Recorder(act=FailTimes(1))
        cls = consumer_of(topic, group="g")
        broker.produce("events", b"1", b"2")
        with suppress():
            run_consumer_until(cls, lambda: topic.seen)
        assert [msg.value() for msg in letters(broker)] == [b"1"]

    def test_tombstone_without_key(self, broker: LocalBroker) -> None:
        topic = Recorder(act=FailTimes(1))
        broker.produce("events", None, b"2")
        run_consumer_until(consumer_of(topic, group="g"), lambda: topic.seen)
        (letter,) = letters(broker)
        assert (letter.key(), letter.value()) == (None, None)


class TestBlocking:
    def topic(self, *values: bytes, times: int = 10**9, **rules: Any) -> Recorder:
        topic = Recorder(act=FailTimes(times, *values))
        kafka.retry(**{"max_retries": 2, "delay": 0.05, **rules})(topic)
        return topic

    def test_success_after_retries_keeps_the_order(self, broker: LocalBroker) -> None:
        topic = self.topic(b"3", times=2)
        cls = consumer_of(topic, group="g")
        broker.produce("events", *NUMBERS)
        run_consumer_until(cls, lambda: len(topic.seen) >= 20)
        assert topic.values == NUMBERS
        assert [offset for *_, offset in topic.calls] == [*range(4), 3, 3, *range(4, 20)]
        assert committed(cls) == 20

    def test_tries_are_one_more_than_retries(self, broker: LocalBroker) -> None:
        topic = self.topic(b"3")
        broker.produce("events", *NUMBERS[:5])
        run_consumer_until(consumer_of(topic, group="g"), lambda: len(topic.seen) >= 4)
        assert topic.calls.count(("events", 0, 3)) == 3
        assert [msg.value() for msg in letters(broker)] == [b"3"]

    def test_d19_attempts_and_due_time_survive_a_restart(self, broker: LocalBroker) -> None:
        topic = self.topic(b"0", max_retries=3, delay=1.5)
        cls = consumer_of(topic, group="g")
        broker.produce("events", *NUMBERS[:2])
        run_consumer_until(cls, lambda: len(topic.calls) >= 2)
        failed = time.monotonic()
        run_consumer_until(cls, lambda: topic.seen, 30)
        assert topic.calls.count(("events", 0, 0)) == 4
        assert time.monotonic() - failed > 2.5
        assert [msg.value() for msg in letters(broker)] == [b"0"]

    @pytest.mark.parametrize("path", ["direct", "hooks", "poll"])
    def test_d17_due_times_are_kept_whatever_the_polling_frequency(self, broker: LocalBroker, path: str) -> None:
        """The original is up to POLLING_FREQUENCY late, and so would be whatever waits that long for a message."""
        rounds = []
        while len(rounds) < 5 and not (rounds and rounds[-1] < 0.1):  # once more where the machine was busy
            rounds.append(self._median_lateness(broker, f"events-{len(rounds)}", path))
        assert rounds[-1] < 0.1, rounds

    def _median_lateness(self, broker: LocalBroker, name: str, path: str) -> float:
        """Of the retries of five messages, none of which comes too early."""
        tries: dict[int, list[float]] = {}
        due: list[float] = []

        class Rules(RetrySettings):
            def get_retry_time(self, attempt: int) -> datetime:
                due.append(super().get_retry_time(attempt).timestamp())
                return datetime.fromtimestamp(due[-1], UTC)

        def act(msg: Any) -> None:
            times = tries.setdefault(msg.offset(), [])
            times.append(time.time())
            if len(times) == 1:
                raise ValueError
            if msg.offset() == 4:
                running[0].request_stop()

        running: list[Consumer] = []
        topic = Recorder(name, act=act)
        Rules(max_retries=1, delay=0.3)(topic)
        broker.create_topic(name)
        broker.produce(name, *NUMBERS[:5])
        running.append(consumer_of(topic, group=f"g-{name}", polling_freq=5, **_members(path))())
        running[0].run()
        assert len(due) == 5
        late = sorted(times[1] - due[offset] for offset, times in tries.items())
        assert late[0] > -0.002, late
        return late[2]

    def test_note(self) -> None:
        for text in (None, "", "attempts=x due=1.000", "something else", "attempts=1 due=99999999999999.000"):
            assert Note.read(text) is None
        note = Note.read("attempts=3 due=1000.500")
        assert note is not None
        assert (note.attempts, note.due.timestamp(), str(note)) == (3, 1000.5, "attempts=3 due=1000.500")


class TestNonBlocking:
    def consumers(self, topic: Recorder, group: str = "g", **rules: Any) -> tuple[type[Consumer], type[Consumer]]:
        kafka.retry(**{"max_retries": 2, "delay": 0.2, "blocking": False, **rules})(topic)
        cls = consumer_of(topic, group=group)
        retry = RetryConsumer.build(cls)
        assert retry is not None
        return cls, retry

    def test_through_retry_topics_to_the_dead_letters(self, broker: LocalBroker) -> None:
        topic = Recorder(act=FailTimes(10**9, b"1"))
        cls, retry = self.consumers(topic)
        broker.produce("events", *NUMBERS[:4], key=b"k", headers=[("h", b"x")])
        run_consumer_until(cls, lambda: len(topic.seen) >= 3)
        assert committed(cls) == 4
        for number in (1, 2):
            assert len(broker.collect(f"g.events.retry.{number}", 1)) == 1
            if number == 1:
                run_consumer_until(retry, lambda: _called(topic, "g.events.retry.1"))
        run_consumer_until(retry, lambda: _called(topic, "g.events.retry.2"))
        (letter,) = letters(broker)
        headers = dict(letter.headers())
        assert (letter.key(), letter.value(), headers["h"]) == (b"k", b"1", b"x")
        assert headers["DEAD_LETTER_MESSAGE_TOPIC"] == b"g.events.retry.2"
        assert headers["DEAD_LETTER_ORIGIN_TOPIC"] == b"events"
        assert headers["DEAD_LETTER_ORIGIN_OFFSET"] == b"1"
        assert [name for name, *_ in topic.calls if name != "events"] == ["g.events.retry.1", "g.events.retry.2"]

    def test_d17_not_before_it_is_due_and_hardly_later(self, broker: LocalBroker) -> None:
        rounds = []
        while len(rounds) < 5 and not (rounds and max(rounds[-1]) < 0.5):  # once more where the machine was busy
            rounds.append(self._lateness(broker, f"g{len(rounds)}"))
        assert max(rounds[-1]) < 0.5, rounds

    def _lateness(self, broker: LocalBroker, group: str) -> list[float]:
        """Of three messages that lie in a retry topic, none of which comes too early."""
        times: list[float] = []
        topic = Recorder(act=lambda _msg: times.append(time.time()))
        _, retry = self.consumers(topic, group)
        now = time.time()
        for after in (0.6, 0.9, 1.2):
            broker.produce(f"{group}.events.retry.1", b"v", headers=[("RETRY_TIMESTAMP", str(now + after).encode())])
        run_consumer_until(retry, lambda: len(times) >= 3)
        late = [moment - (now + after) for moment, after in zip(times, (0.6, 0.9, 1.2), strict=True)]
        assert min(late) >= 0, late
        return late

    def test_message_left_by_the_original(self, broker: LocalBroker) -> None:
        topic = Recorder(act=FailTimes(1))
        _, retry = self.consumers(topic)
        broker.produce("g.events.retry.2", b"v", headers=[("RETRY_MESSAGE", b"x"), ("RETRY_TIMESTAMP", b"1.5")])
        run_consumer_until(retry, lambda: topic.calls)
        assert [msg.value() for msg in letters(broker)] == [b"v"]


def test_d06_large_message_fits_with_its_traceback(broker: LocalBroker) -> None:
    topic = Recorder(act=FailTimes(1))
    value = b"x" * 999_850
    broker.produce("events", value, b"2")
    run_consumer_until(consumer_of(topic, group="g"), lambda: topic.seen)
    assert [msg.value() for msg in letters(broker)] == [value]


def test_failing_failure_hook_counts_nothing(broker: LocalBroker, log: pytest.LogCaptureFixture) -> None:
    topic = Recorder(act=FailTimes(10**9, b"1"))

    def handle(self: Consumer, msg: Any, exc: Exception) -> bool:
        raise KeyError("in the hook")

    cls = consumer_of(topic, group="g", handle_exception=handle)
    broker.produce("events", *NUMBERS[:3])
    run_consumer_until(cls, lambda: len(topic.calls) >= 3)
    assert "in the hook" in log.text
    assert committed(cls) == 1


def _called(topic: Recorder, name: str) -> bool:
    return any(called == name for called, *_ in topic.calls)


def test_nothing_in_the_configuration_weakens_the_confirmation() -> None:
    weak = {"acks": 0, "max.in.flight.requests.per.connection": 5, "enable.idempotence": False, "retries": 0}
    with override_settings(DJANGO_KAFKA={"PRODUCER_CONFIG": {**weak, "compression.type": "lz4"}}):
        config = producer_config()
    assert config["enable.idempotence"] is True
    assert config["max.in.flight"] == 1
    assert config["compression.type"] == "lz4"
    assert not {"acks", "max.in.flight.requests.per.connection", "retries"} & config.keys()


def _members(path: str) -> dict[str, Any]:
    """What a consumer class overrides to be on this path."""
    return {
        "direct": {},
        "hooks": {"consume": lambda self, msg: Consumer.consume(self, msg)},
        "poll": {"commit_offset": lambda self, msg: Consumer.commit_offset(self, msg)},
    }[path]


def _with(**changes: Any) -> dict[str, Any]:
    from django.conf import settings

    return {**settings.DJANGO_KAFKA, **changes}
