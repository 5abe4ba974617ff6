# SPDX-License-Identifier: MIT
"""Registered consumers as supervised processes: what kafka_consume and kafka.run_consumers() run."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db import connections

import django_kafka
from django_kafka import events
from django_kafka.exceptions import DjangoKafkaError
from django_kafka.logs.loggers import RUNNER
from django_kafka.processes.children import StartMethod
from django_kafka.processes.exits import Exit
from django_kafka.processes.green import refuse_green
from django_kafka.processes.supervisor import Backoff, Supervisor
from django_kafka.processes.worker import ConsumerWorker

if TYPE_CHECKING:
    from django_kafka.consumer.consumer import Consumer


class KafkaConsumeRunner:
    """Starts a process per consumer, in parallel, and supervises them; supervisor.py says how.

    consumers: registry keys; none or empty means all that are registered.
    grace: seconds that the consumers have to end in when a stop is asked for.
    exit_on_failure: the first consumer that dies stops the others and makes start() fail, instead of being restarted.
    start_method: "fork", "spawn" or None, which chooses.
    verbosity: of kafka_consume; from 1 on a single consumer that is behind says so on the terminal.
    """

    def __init__(
        self,
        consumers: Iterable[str] | None = None,
        *,
        grace: float = 30.0,
        exit_on_failure: bool = False,
        start_method: StartMethod | None = None,
        backoff: Backoff | None = None,
        verbosity: int | None = None,
    ) -> None:
        refuse_green()
        registry = django_kafka.kafka.consumers
        known = list(registry)
        # A key given twice would be two members of one group in one command; that is what more commands are for.
        keys = list(dict.fromkeys(consumers or ())) or known
        for key in keys:
            if key not in known:
                raise DjangoKafkaError(_unknown(key, known))
        self.consumers = [key for key in keys if _has_topics(key, registry[key])]
        shows_lag = (verbosity or 0) > 0 and len(self.consumers) == 1  # several would write over one another
        self._supervisor = Supervisor(
            {key: ConsumerWorker(key, shows_lag=shows_lag, verbosity=verbosity) for key in self.consumers},
            grace=grace,
            exit_on_failure=exit_on_failure,
            start_method=start_method,
            backoff=backoff or Backoff(),
            before_start=_before_start,
        )

    def run(self) -> int:
        """Supervise until all consumers have ended; returns the exit code that kafka_consume would end with."""
        if not self.consumers:
            events.NOTHING_TO_RUN.tell(RUNNER)
            return Exit.OK
        return self._supervisor.run()

    def start(self) -> None:
        """run(), with an exception instead of an exit code other than 0."""
        if code := self.run():
            raise DjangoKafkaError(f"The consumers did not end as they should: {explain(code)}.")

    def stop(self) -> None:
        """Ask run() to stop the consumers gracefully and return. From any thread."""
        self._supervisor.stop()

    @property
    def pids(self) -> dict[str, int]:
        """Process ids of the running consumers by key."""
        return self._supervisor.pids


def run_consumers(
    consumers: Iterable[str] | None = None,
    *,
    grace: float = 30.0,
    exit_on_failure: bool = False,
    start_method: StartMethod | None = None,
) -> int:
    """KafkaConsumeRunner(...).run(): supervise consumers until all have ended, and return the exit code."""
    return KafkaConsumeRunner(
        consumers, grace=grace, exit_on_failure=exit_on_failure, start_method=start_method
    ).run()


def explain(code: int) -> str:
    """What an exit code other than 0 of KafkaConsumeRunner.run() means."""
    if code == Exit.GRACE_EXCEEDED:
        return "some had to be killed at the end of the grace period"
    if code > 128:
        return "they were killed by a second signal"
    return "some died, could not be configured or failed while stopping; the log says which and why"


def _before_start() -> None:
    # A connection that parent and child share is a corrupted one.
    connections.close_all()


def _has_topics(key: str, consumer: type[Consumer]) -> bool:
    if not list(getattr(consumer, "topics", None) or ()):
        events.NOT_STARTED_WITHOUT_TOPICS.tell(RUNNER, consumer=key)
        return False
    return True


def _unknown(key: str, known: list[str]) -> str:
    text = f"`{key}` is not registered."
    if near := difflib.get_close_matches(key, known, n=1):
        return f"{text} Did you mean `{near[0]}`?"
    if known:
        return f"{text} Registered consumers: {', '.join(known)}."
    return f"{text} No consumer is: decorate a class in <app>/consumers.py with @kafka.consumers()."
