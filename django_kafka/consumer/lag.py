# SPDX-License-Identifier: MIT
"""How far a consumer is behind, told while it is: messages per second, lag, and how long it will take."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django_kafka import events

TELL = 30.0  # seconds between two lines in the log
SHOW = 1.0  # and between two texts on a terminal, which are of the last
WINDOW = 5.0  # seconds
LARGE = 10.0  # seconds of work from which on a consumer is behind,
SMALL = 1.0  # and below which it has caught up


@dataclass(frozen=True, slots=True)
class Sample:
    """done: messages handled since the first sample. known: the partitions that the lag is of."""

    at: float
    done: int
    lag: int
    known: frozenset[tuple[str, int]]


class Lag:
    """Owned by the thread that runs the consumer; a chore of it. Counts at most once a second, per partition."""

    def __init__(
        self, client: Any, name: str, logger: logging.Logger, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.show: Callable[[str], object] | None = None
        self._client = client
        self._name = name
        self._logger = logger
        self._clock = clock
        self._due = 0.0
        self._handled: dict[tuple[str, int], int] = {}  # of partitions that are gone too: they may come back
        self._recent: deque[Sample] = deque()  # of the window, for the terminal
        self._told: Sample | None = None  # the last one that a line in the log was due at
        self._behind: Sample | None = None  # where a line has said first that the consumer is behind
        self._shown = False

    def look(self) -> None:
        """Tell what is due. Nothing has to be waited for: without messages there is nothing to tell."""
        now = self._clock()
        if now < self._due:
            return
        self._due = now + (TELL if self.show is None else SHOW)
        sample = self._take(now)
        if self.show is not None:
            self._show(sample, self.show)
        if self._told is None:
            self._told = sample
        elif now - self._told.at >= TELL:
            self._tell(sample, self._told)
            self._told = sample

    def _take(self, now: float) -> Sample:
        last = self._recent[-1] if self._recent else None
        done = last.done if last is not None else 0
        lag, known = 0, []
        for numbers in self._client.partition_counters():
            place = (numbers["topic"], numbers["partition"])
            done += max(0, numbers["handled"] - self._handled.get(place, 0))
            self._handled[place] = numbers["handled"]
            start = numbers["committed"] if numbers["position"] is None else numbers["position"]
            if start is not None and numbers["end"] is not None:
                lag += max(0, numbers["end"] - start)
                known.append(place)
        sample = Sample(now, done, lag, frozenset(known))
        self._recent.append(sample)
        while len(self._recent) > 2 and now - self._recent[1].at >= WINDOW:
            self._recent.popleft()
        return sample

    def _tell(self, sample: Sample, before: Sample) -> None:
        rate = rate_of(sample, before)
        if rate and sample.lag > rate * (LARGE if self._behind is None else SMALL):
            self._behind = self._behind or before
            events.CONSUMER_CATCHES_UP.tell(
                self._logger,
                consumer=self._name,
                lag=f"{sample.lag:,}",
                rate=f"{rate:,.0f}",
                left=left_of(sample, before),
            )
        elif self._behind is not None and (rate or not sample.lag):
            begin, self._behind = self._behind, None
            events.CONSUMER_CAUGHT_UP.tell(
                self._logger,
                consumer=self._name,
                count=f"{sample.done - begin.done:,}",
                took=in_words(sample.at - begin.at),
            )

    def _show(self, sample: Sample, show: Callable[[str], object]) -> None:
        before = self._recent[0]
        rate = rate_of(sample, before)
        if rate and sample.lag > SMALL * rate:
            self._shown = True
            show(f"{self._name}: {rate:,.0f} messages/s, lag {sample.lag:,}, {left_of(sample, before)}")
        elif self._shown:
            self._shown = False
            show("")


def rate_of(sample: Sample, before: Sample) -> float:
    """Messages per second."""
    took = sample.at - before.at
    return (sample.done - before.done) / took if took > 0 else 0.0


def left_of(sample: Sample, before: Sample) -> str:
    """When there will be no lag, if it goes on like this. What is produced meanwhile counts, unless there are
    other partitions than before."""
    speed = rate_of(sample, before)
    if sample.known == before.known:
        speed = (before.lag - sample.lag) / (sample.at - before.at)
    return f"{in_words(sample.lag / speed)} left" if speed > 0 else "not getting less"


def in_words(seconds: float) -> str:
    """A time for people: "45 s", "12 min", "3 h 5 min"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60:,} h {minutes % 60} min"
