# SPDX-License-Identifier: MIT
"""Running a consumer inside a test."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from django_kafka import kafka
from django_kafka.consumer import Consumer

C = TypeVar("C", bound=Consumer)


def run_consumer_until(consumer: type[C] | str, condition: Callable[[], object], timeout: float = 30.0) -> C:
    """Run a consumer, a class or a registry key, on this thread until condition() is true; returns it, closed.

    It works on the database connection and inside the transaction of the test. The condition is looked at between
    batches; the consumer is then stopped as by SIGTERM: offsets committed, group left. Errors: AssertionError after
    `timeout` seconds, and whatever ends the consumer's run().
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
    running: C = Watched()
    running.run()
    if not met:
        raise AssertionError(f"{cls.__name__}: the condition was not true within {timeout:g} s.")
    return running
