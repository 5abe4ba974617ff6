# SPDX-License-Identifier: MIT
"""How often the same failure is logged: a flood of it is counted and logged once a second, never silently dropped."""

from __future__ import annotations

import logging
import time
from types import CodeType
from typing import Any

from django_kafka import events
from django_kafka.conf import settings
from django_kafka.logs.repetitions import Repetitions
from django_kafka.logs.tracebacks import line_of, text_of

WINDOW = 1.0  # seconds
TRACEBACK_SECONDS = 300.0
_MOST_KINDS = 1000

# What is the same failure: topic, class of the exception, and the instruction that raised it (its code by its id).
Kind = tuple[str | None, type[BaseException], int, int]
Place = tuple[str | None, int | None, int | None]


class _Count:
    """Failures of one kind since the window was opened."""

    __slots__ = ("begun", "code", "held", "last", "left", "text")

    def __init__(self, begun: float, left: float, code: CodeType | None) -> None:
        self.begun = begun
        self.code = code  # kept, so that its id stays its own
        self.left = left  # how many more are logged in full
        self.held = 0
        self.last: Place = (None, None, None)
        self.text = ""


class FailureLog:
    """Owned by the thread that runs the consumer."""

    def __init__(self, consumer: str, logger: logging.Logger) -> None:
        """consumer: its name, for the lines about failures that were not logged one by one."""
        self._consumer = consumer
        self._logger = logger
        self._counts: dict[Kind, _Count] = {}
        self._held = 0
        self._reasons = Repetitions(TRACEBACK_SECONDS)

    def traceback_of(self, reason: BaseException) -> BaseException | None:
        """Why a partition waits, if its traceback is to be logged: an outage stops many partitions, many times, and
        one traceback in five minutes says it all."""
        told = reason.__traceback__ is not None and self._reasons.admit(line_of(reason)) is not None
        return reason if told else None

    def admits(self, msg: Any, exc: BaseException) -> bool:
        """Whether to log this failure in full. If not, it is counted, and the count is logged after the second."""
        now = time.monotonic()
        code, instruction = _place(exc)
        kind = (msg.topic(), type(exc), id(code), instruction)
        count = self._counts.get(kind)
        if count is None or now - count.begun >= WINDOW:
            count = self._open(kind, code, now)
        if count.left > 0:
            count.left -= 1
            return True
        if not count.held:
            count.text = text_of(exc)
        count.held += 1
        count.last = (msg.topic(), msg.partition(), msg.offset())
        self._held += 1
        return False

    def tell(self, everything: bool = False) -> None:
        """Log what was held back: of seconds that are over, or all of it."""
        if not self._held:
            return
        now = time.monotonic()
        for kind, count in list(self._counts.items()):
            if everything or now - count.begun >= WINDOW:
                self._close(kind, now)

    def _open(self, kind: Kind, code: CodeType | None, now: float) -> _Count:
        self._close(kind, now)
        if len(self._counts) >= _MOST_KINDS:
            self.tell(everything=True)
            self._counts.clear()
        limit = settings.FAILURE_LOG_LIMIT
        count = self._counts[kind] = _Count(now, float("inf") if limit is None else max(1, limit), code)
        return count

    def _close(self, kind: Kind, now: float) -> None:
        count = self._counts.pop(kind, None)
        if count is None or not count.held:
            return
        self._held -= count.held
        topic, partition, offset = count.last
        events.FAILURES_NOT_LOGGED.tell(
            self._logger,
            consumer=self._consumer,
            count=count.held,
            topic=topic,
            seconds=now - count.begun,
            partition=partition,
            offset=offset,
            reason=f"{kind[1].__name__}: {count.text}",
        )


def _place(exc: BaseException) -> tuple[CodeType | None, int]:
    tb = exc.__traceback__
    if tb is None:
        return None, 0
    while tb.tb_next is not None:
        tb = tb.tb_next
    return tb.tb_frame.f_code, tb.tb_lasti
