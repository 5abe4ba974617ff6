# SPDX-License-Identifier: MIT
"""Processes and clocks that are not ours: forks that Python does not see, workers of Celery, local time."""

from __future__ import annotations

import datetime as dt
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import override_settings

from django_kafka.consumer.client import is_false
from django_kafka.producer import Producer
from django_kafka.retry.settings import RetrySettings
from django_kafka.utils.moments import in_seconds, seconds_until
from tests.py.unit.test_isolated import script


def test_producers_go_on_after_a_fork_that_python_does_not_see() -> None:
    script(
        """
        import ctypes, os, sys
        from django.conf import settings
        settings.configure(INSTALLED_APPS=["django_kafka"], DATABASES={}, SECRET_KEY="x")
        import django
        django.setup()
        from django_kafka import kafka
        from django_kafka.testing import kafka_broker
        from django_kafka.topic import Topic

        class Events(Topic):
            name = "events"

        with kafka_broker(topics=["events"]) as broker:
            topic = Events()
            topic.produce("parent")
            assert kafka.producer.flush(20) == 0
            old = kafka.producer
            for way in (
                lambda: topic.produce("a"),
                lambda: topic.produce("b", key="k"),
                lambda: topic.produce("c", headers=[("h", b"1")]),
                lambda: topic.produce_many(["d"]),
                lambda: old.produce("events", b"e"),
                lambda: old.produce_many("events", [b"f"]),
                lambda: (old.poll(0), old.produce("events", b"g")),
                lambda: (len(old), old.produce("events", b"h")),
            ):
                pid = ctypes.PyDLL(None).fork()
                if pid == 0:
                    status = 1
                    try:
                        way()
                        status = kafka.producer.flush(20) + old.flush(20)
                    finally:
                        os._exit(status)
                assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
            values = [m.value() for m in broker.collect("events")]
        assert sorted(values) == [b"a", b"b", b"c", b"d", b"e", b"f", b"g", b"h", b"parent"], values
        """
    )


class Signal:
    """What is needed of one of Celery's."""

    def __init__(self) -> None:
        self.receivers: dict[Any, Any] = {}

    def connect(self, receiver: Any, *, weak: bool, dispatch_uid: str) -> None:
        assert not weak
        self.receivers[dispatch_uid] = receiver

    def send(self) -> None:
        for receiver in self.receivers.values():
            receiver(signal=self, sender=None, pid=1, exitcode=0)


def test_a_worker_of_celery_delivers_what_it_queued(monkeypatch: pytest.MonkeyPatch) -> None:
    signal = Signal()
    monkeypatch.setitem(sys.modules, "celery.signals", SimpleNamespace(worker_process_shutdown=signal))
    from django_kafka.testing import kafka_broker

    with kafka_broker(topics=["events"]):
        one, two = Producer({"linger.ms": 60_000}), Producer({"linger.ms": 60_000})
        one.produce("events", b"1")
        two.produce("events", b"2")
        assert (len(one), len(two)) == (1, 1)
        signal.send()
        assert (len(one), len(two)) == (0, 0)


@pytest.mark.parametrize("use_tz", [True, False])
def test_retry_times_do_not_depend_on_local_time(use_tz: bool) -> None:
    """In the hour that comes twice a local time without a zone means two moments."""
    with override_settings(USE_TZ=use_tz, TIME_ZONE="Europe/Berlin"):
        due = RetrySettings(max_retries=3, delay=2).get_retry_time(1)
        assert due.utcoffset() == dt.timedelta(0)
        assert abs(due.timestamp() - time.time() - 2) < 1
        assert in_seconds(5).utcoffset() == dt.timedelta(0)


def test_seconds_until_takes_both_kinds_of_moments() -> None:
    now = time.time()
    for moment in (dt.datetime.fromtimestamp(now + 60), dt.datetime.fromtimestamp(now + 60, dt.UTC)):
        assert 55 < seconds_until(moment) <= 60


@pytest.mark.parametrize("value", [False, 0, "0", "false", "False", "F", "f"])
def test_what_librdkafka_reads_as_false(value: object) -> None:
    assert is_false(value)


@pytest.mark.parametrize("value", [None, True, 1, "1", "true", "t", "", "no"])
def test_what_librdkafka_does_not_read_as_false(value: object) -> None:
    assert not is_false(value)
