# SPDX-License-Identifier: MIT
"""A flood of one failure is told, not logged message by message."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.test import override_settings

from django_kafka.failures import log as failure_log
from django_kafka.failures.log import FailureLog
from django_kafka.testing.broker import kafka_broker
from django_kafka.testing.consumer import run_consumer_until
from django_kafka.utils.message import Message
from tests.py.django.helpers import Recorder, consumer_of


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(failure_log, "time", clock)
    return clock


def fail(text: str = "no") -> BaseException:
    try:
        raise ValueError(text)
    except ValueError as exc:
        return exc


def elsewhere() -> BaseException:
    try:
        raise ValueError
    except ValueError as exc:
        return exc


class Told(list[str]):
    """A logger that keeps the lines."""

    def error(self, text: str, fields: dict[str, Any], **_: Any) -> None:
        self.append(text % fields)


def test_the_first_of_each_second_are_logged_the_others_told(clock: Clock) -> None:
    told = Told()
    log = FailureLog("C", told)  # type: ignore[arg-type]
    admitted = [log.admits(Message("t", partition=3, offset=n), fail(f"no {n}")) for n in range(25)]
    assert admitted == [True] * 10 + [False] * 15
    assert log.admits(Message("t"), elsewhere())  # another place
    assert log.admits(Message("other"), fail())  # another topic
    log.tell()
    assert told == []
    clock.now += 1.5
    log.tell()
    assert told == [
        "C: 15 more messages of 't' failed at the same place within 1.5 s, the last at partition=3 offset=24. "
        "ValueError: no 10"
    ]
    assert log.admits(Message("t"), fail())
    log.tell(everything=True)
    assert len(told) == 1


def test_a_new_second_tells_the_old_one(clock: Clock) -> None:
    told = Told()
    log = FailureLog("C", told)  # type: ignore[arg-type]
    for _ in range(12):
        log.admits(Message("t"), fail())
    clock.now += 1
    assert log.admits(Message("t"), fail())
    assert [line.split()[1] for line in told] == ["2"]
    for _ in range(30):
        log.admits(Message("t"), fail())
    log.tell(everything=True)
    assert [line.split()[1] for line in told] == ["2", "21"]


def test_an_exception_that_was_never_raised(clock: Clock) -> None:
    log = FailureLog("C", Told())  # type: ignore[arg-type]
    assert [log.admits(Message("t"), KeyError()) for _ in range(11)] == [True] * 10 + [False]


def test_memory_is_bounded(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failure_log, "_MOST_KINDS", 5)
    told = Told()
    log = FailureLog("C", told)  # type: ignore[arg-type]
    for number in range(20):
        for _ in range(11):
            log.admits(Message(f"t{number}"), fail())
    log.tell(everything=True)
    assert len(told) == 20  # none is forgotten
    assert not log._held


@pytest.mark.parametrize(("limit", "lines"), [(3, 3), (None, 60)])
def test_in_the_loop(log: pytest.LogCaptureFixture, limit: Any, lines: int) -> None:
    def poison(_msg: Any) -> None:
        raise ValueError("poison")

    def failures() -> list[str]:
        records = [record for record in log.records if record.levelno == logging.ERROR]
        return [record.getMessage() for record in records]

    with (
        kafka_broker({"events": 1}) as broker,
        override_settings(DJANGO_KAFKA={**broker_settings(), "FAILURE_LOG_LIMIT": limit}),
    ):
        broker.produce("events", *[b"x"] * 60)
        topic = Recorder(act=poison)
        run_consumer_until(consumer_of(topic, group="g"), lambda: len(topic.calls) >= 60)
        assert len(broker.collect("g.events.dlt", 60)) == 60
    full = [text for text in failures() if "failed' on" in text]
    counted = [int(text.split("more messages")[0].split()[-1]) for text in failures() if "more messages" in text]
    assert len(full) + sum(counted) == 60
    assert len(full) >= lines  # more if it took longer than a second
    assert bool(counted) is (limit is not None)


def broker_settings() -> dict[str, Any]:
    from django.conf import settings

    found: dict[str, Any] = settings.DJANGO_KAFKA
    return found
