# SPDX-License-Identifier: MIT
"""Running a consumer inside a test."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar, overload

from django_kafka import kafka
from django_kafka.consumer import Consumer
from django_kafka.failures.borrowed import borrowing

C = TypeVar("C", bound=Consumer)


@overload
def run_consumer_until(consumer: type[C], condition: Callable[[], object], timeout: float = 30.0) -> C: ...
@overload
def run_consumer_until(consumer: str, condition: Callable[[], object], timeout: float = 30.0) -> Consumer: ...
def run_consumer_until(consumer: Any, condition: Callable[[], object], timeout: float = 30.0) -> Any:
    """Run a consumer, a class or a registry key, on this thread until condition() is true; returns it, closed.

    It works on the database connections and inside the transaction of the test: a message is handled between
    savepoints, so that a statement that fails there ends as little as it would elsewhere. It touches no database that
    the handlers do not use. The condition is looked at between batches; the consumer is then stopped as by SIGTERM:
    offsets committed, group left. Errors: AssertionError after `timeout` seconds, and whatever ends the consumer's
    run().
    """
    cls: Any = kafka.consumers[consumer] if isinstance(consumer, str) else consumer
    end = time.monotonic() + timeout
    met = False

    class Watched(cls):
        polling_freq = 0.02

        def resume_partitions(self) -> None:
            """The loop calls this between batches."""
            nonlocal met
            super().resume_partitions()
            met = met or bool(condition())
            if met or time.monotonic() > end:
                self.request_stop()

    # Logs and group names speak of the consumer itself.
    Watched.__name__, Watched.__qualname__, Watched.__module__ = cls.__name__, cls.__qualname__, cls.__module__
    running = Watched()
    with borrowing():
        running.run()
    if not met:
        raise AssertionError(f"{cls.__name__}: the condition was not true within {timeout:g} s.")
    return running
