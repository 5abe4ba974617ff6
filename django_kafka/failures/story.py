# SPDX-License-Identifier: MIT
"""What is decided about a message that has failed, for the line that tells of the failure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django_kafka.utils.moments import seconds_until

RETRY, DEAD_LETTER = "retry", "dead-letter"


class Story:
    """Of one failure of a message. Whoever decides something writes it down here; what nobody has is not told."""

    __slots__ = ("attempt", "delay", "outcome", "topic", "tries")

    def __init__(self) -> None:
        self.attempt: int | None = None  # the number of the try that has failed, from 1
        self.tries: int | None = None  # how many there are; None: no end
        self.outcome: str | None = None
        self.topic: str | None = None  # where the message goes
        self.delay: float | None = None  # seconds until the next try

    def failed(self, attempt: int, max_retries: int) -> None:
        """This try has failed. max_retries: of the rules; -1 is for ever."""
        self.attempt = attempt
        self.tries = None if max_retries < 0 else max_retries + 1

    def retries(self, due: datetime, topic: str | None = None) -> None:
        """It is tried again then; topic: where it waits, None: where it is."""
        self.outcome, self.delay, self.topic = RETRY, seconds_until(due), topic

    def ends_in(self, topic: str) -> None:
        """It goes to this dead-letter topic."""
        self.outcome, self.delay, self.topic = DEAD_LETTER, None, topic

    def __str__(self) -> str:
        """try 1 of 3, to g.orders.retry.1, next in 4 s; try 3 of 3, dead letter in g.orders.dlt"""
        parts = []
        if self.attempt is not None and self.tries != 1:
            parts.append(f"try {self.attempt}" + (f" of {self.tries}" if self.tries is not None else ""))
        if self.outcome == DEAD_LETTER:
            parts.append(f"dead letter in {self.topic}")
        elif self.delay is not None:
            if self.topic is not None:
                parts.append(f"to {self.topic}")
            parts.append(f"next in {in_words(self.delay)}")
        return f": {', '.join(parts)}" if parts else ""

    @property
    def extra(self) -> dict[str, Any]:
        return {"attempt": self.attempt, "outcome": self.outcome}


def in_words(seconds: float) -> str:
    """A wait: "0.5 s", "4 s", "90 s", "20 min", "5 h"."""
    if seconds < 1:
        return f"{max(0.0, seconds):.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.0f} h"
