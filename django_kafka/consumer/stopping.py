# SPDX-License-Identifier: MIT
"""What a stop of a consumer takes besides its client: an event that asks for it, and the project's producer."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import django_kafka
from django_kafka import events
from django_kafka._native import Producer
from django_kafka.conf import settings


@contextlib.contextmanager
def stopped_by(event: Any, request_stop: Callable[[], None]) -> Iterator[None]:
    """Inside, request_stop() is called when the event (threading's or multiprocessing's) is set."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.is_set():
            if event.wait(0.2):
                request_stop()
                return

    thread = threading.Thread(target=watch, name="django-kafka-stop", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def flush_producer(timeout: float, logger: logging.Logger) -> bool:
    """Deliver what the handlers have produced by kafka.producer, if they have. Returns whether all is delivered: if
    it is not, the offsets of the messages that it came from must not be committed."""
    producer = django_kafka.kafka.__dict__.get("producer")
    if producer is None:
        return True
    left = producer.flush(timeout)
    if isinstance(left, int) and left > 0:
        events.PRODUCED_NOT_DELIVERED.tell(logger, count=left, seconds=timeout)
        return False
    return True


def limit_exit(left: float | None) -> None:
    """Let the end of this process wait no longer for deliveries than the stop may still take.

    left: seconds; None: as long as it takes."""
    if left is not None:
        Producer.limit_exit_flush(max(0.0, min(settings.EXIT_FLUSH_SECONDS, left - min(1.0, left / 10))))
