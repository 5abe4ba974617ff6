# SPDX-License-Identifier: MIT
"""What was not delivered is told while the process does nothing with its producers."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from django.test import override_settings

from django_kafka import attendant
from django_kafka._native import ForkedError
from django_kafka.attendant import Attendant, attend
from django_kafka.producer import Producer

NOWHERE = {"GLOBAL_CONFIG": {"bootstrap.servers": "127.0.0.1:1"}, "PRODUCER_CONFIG": {"message.timeout.ms": 300}}


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_an_idle_process_tells(log: pytest.LogCaptureFixture) -> None:
    called: list[Any] = []

    def on_delivery(error: Any, _msg: Any) -> None:
        called.append((error.name(), threading.current_thread().name))
        raise ValueError("a callback of mine")

    with override_settings(DJANGO_KAFKA=NOWHERE):
        producer = Producer()
        producer.produce("orders", b"1", on_delivery=on_delivery)
        producer.produce("orders", b"2")
    wait_for(lambda: called and "a message to orders" in log.text and "a callback of mine" in log.text)
    assert called == [("_MSG_TIMED_OUT", "django-kafka-producers")]
    assert "was not delivered: " in log.text
    assert "A callback of the producer has raised." in log.text


@pytest.mark.parametrize("error", [ForkedError("of the parent"), RuntimeError("Producer closed")])
def test_who_cannot_be_served_any_more_is_left(error: Exception, log: pytest.LogCaptureFixture) -> None:
    mine, client = Attendant(), mock.Mock()
    client.poll.side_effect = error
    mine._clients.add(client)
    mine._serve_all()
    mine._serve_all()
    assert client.poll.call_count == 1
    assert [record for record in log.records if record.levelno >= logging.WARNING] == []


def test_a_callback_that_raises_does_not_end_it() -> None:
    mine, client = Attendant(), mock.Mock()
    client.poll.side_effect = RuntimeError("a callback of mine")
    mine._clients.add(client)
    mine._serve_all()
    mine._serve_all()
    assert client.poll.call_count == 2


def test_a_child_has_one_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attendant, "_attendant", Attendant())
    before, client = attendant._attendant, mock.Mock()
    before.pid = os.getpid() + 1
    with mock.patch.object(threading.Thread, "start"):
        attend(client)
    assert attendant._attendant is not before
    assert list(attendant._attendant._clients) == [client]
    assert list(before._clients) == []
