# SPDX-License-Identifier: MIT
"""The rules by which a failed message is tried again: `@kafka.retry(max_retries=3, delay=30)` on a topic."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError

C = TypeVar("C")

# Where doubling stops, and how far ahead a retry can be due: what lies behind does not fit into a datetime.
_MAX_DOUBLINGS = 32
_LONGEST_SECONDS = 10 * 365 * 86400.0


class RetrySettings:
    """When to try again, and when to give up. An object is also a decorator for topic classes."""

    relational_errors: tuple[type[Exception], ...] = (ObjectDoesNotExist, IntegrityError)

    def __new__(cls, *args: Any, **kwargs: Any) -> RetrySettings:
        if len(args) == 1 and isinstance(args[0], type) and not kwargs:
            raise TypeError("The decorator is written with its rules: @kafka.retry(max_retries=3, delay=30).")
        return super().__new__(cls)

    def __init__(
        self,
        max_retries: int,
        delay: float,
        backoff: bool = False,
        include: Iterable[type[BaseException]] | None = None,
        exclude: Iterable[type[BaseException]] | None = None,
        blocking: bool = True,
        log_every: int | None = None,
        max_delay: float | None = None,
        jitter: float = 0.0,
    ) -> None:
        """
        max_retries: tries after the first one; -1 is for ever.
        delay: seconds until the next try; with `backoff` doubled each time, at most `max_delay`.
        include, exclude: exception classes that are (not) worth another try; only one of the two.
        blocking: hold the partition until the message is done; else go on, the message waits in a retry topic.
        log_every: log only each n-th failure.
        jitter: share of the delay, 0 to 1, that is added or taken away by chance, so that many do not return at once.
        """
        for name, value, types, what in (
            ("max_retries", max_retries, int, "a whole number"),
            ("delay", delay, (int, float), "a number of seconds"),
            ("log_every", log_every, (int, type(None)), "a whole number"),
            ("max_delay", max_delay, (int, float, type(None)), "a number of seconds"),
            ("jitter", jitter, (int, float), "a number"),
        ):
            if not isinstance(value, types) or isinstance(value, bool):
                raise TypeError(f"{name} must be {what}, not {value!r}")
        for name, value in (("backoff", backoff), ("blocking", blocking)):
            if not isinstance(value, bool):
                raise TypeError(f"{name} must be True or False, not {value!r}")
        if max_retries < -1:
            raise ValueError("max_retries must be greater than -1")
        if not delay > 0:  # nor what is no number
            raise ValueError("delay must be greater than zero")
        if include is not None and exclude is not None:
            raise ValueError("cannot specify both include and exclude")
        if log_every is not None and log_every < 1:
            raise ValueError("log_every must be greater than zero")
        if max_delay is not None and max_delay < delay:
            raise ValueError("max_delay must not be less than delay")
        if not 0 <= jitter <= 1:
            raise ValueError("jitter must be between 0 and 1")
        self.max_retries = max_retries
        self.delay = delay
        self.backoff = backoff
        self.include = None if include is None else tuple(include)
        self.exclude = None if exclude is None else tuple(exclude)
        self.blocking = blocking
        self.log_every = log_every
        self.max_delay = max_delay
        self.jitter = jitter

    def __call__(self, topic_cls: C) -> C:
        topic_cls.retry_settings = self  # type: ignore[attr-defined]
        return topic_cls

    def __repr__(self) -> str:
        return f"{type(self).__name__}(max_retries={self.max_retries}, delay={self.delay}, blocking={self.blocking})"

    def attempts_exceeded(self, attempt: int) -> bool:
        """Whether try number `attempt` after the first one is too many."""
        return self.max_retries != -1 and attempt > self.max_retries

    def can_retry(self, attempt: int, exc: BaseException) -> bool:
        """Whether try number `attempt` may follow on this failure."""
        if self.attempts_exceeded(attempt):
            return False
        if self.include is not None:
            return isinstance(exc, self.include)
        if self.exclude is not None:
            return not isinstance(exc, self.exclude)
        return True

    def should_retry(self, msg: Any, attempt: int, exc: BaseException) -> bool:
        """As can_retry(), for those who decide by the message too."""
        return self.can_retry(attempt, exc)

    def should_log(self, attempt: int) -> bool:
        """Whether `log_every` asks for a log line at this attempt."""
        return self.log_every is not None and attempt % self.log_every == 0

    def get_retry_delay(self, attempt: int) -> float:
        """Seconds until try number `attempt`."""
        delay = self.delay
        if self.backoff:
            delay *= 2 ** min(attempt - 1, _MAX_DOUBLINGS)
        if self.max_delay is not None:
            delay = min(delay, self.max_delay)
        if self.jitter:
            delay *= 1 + random.uniform(-self.jitter, self.jitter)
        return delay

    def get_retry_time(self, attempt: int) -> datetime:
        """When try number `attempt` is due, in UTC whatever USE_TZ says: a local time may mean two moments."""
        return datetime.now(UTC) + timedelta(seconds=min(self.get_retry_delay(attempt), _LONGEST_SECONDS))
