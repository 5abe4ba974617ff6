# SPDX-License-Identifier: MIT
"""Reports a handler that does not come to an end, with its message, while it still runs."""

from __future__ import annotations

import logging
import threading
from types import TracebackType
from typing import TYPE_CHECKING

from django_kafka import events

if TYPE_CHECKING:
    from django_kafka._native import Consumer


class Watch:
    """A thread that looks at the message in hand now and then. The partitions are kept: the engine polls on."""

    def __init__(self, client: Consumer, seconds: float | None, logger: logging.Logger) -> None:
        """seconds: how long a handler may take before it is reported; 0 or None: no limit."""
        self._client = client
        self._seconds = seconds or 0
        self._logger = logger
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Watch:
        if self._seconds > 0:
            self._thread = threading.Thread(target=self._watch, name="django-kafka-watch", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._end.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        reported: tuple[object, ...] | None = None
        while not self._end.wait(self._seconds / 4):
            counters = self._client.counters()
            age = counters["in_hand_ms"]
            message = (counters["in_hand_topic"], counters["in_hand_partition"], counters["in_hand_offset"])
            if age < self._seconds * 1000:
                reported = None
            elif message != reported:
                reported = message
                topic, partition, offset = message
                events.HANDLER_SLOW.tell(
                    self._logger, seconds=age / 1000, topic=topic, partition=partition, offset=offset
                )
