# SPDX-License-Identifier: MIT
"""What a child process does: runs one registered consumer until it is asked to stop."""

from __future__ import annotations

import sys

import django
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

import django_kafka
from django_kafka import _native, events
from django_kafka.conf import NO_BROKERS, has_brokers
from django_kafka.exceptions import ConfigurationError
from django_kafka.logs.loggers import RUNNER
from django_kafka.logs.shown import show
from django_kafka.processes.child import StopRequest
from django_kafka.processes.exits import Exit
from django_kafka.processes.status_line import StatusLine


class ConsumerWorker:
    """The supervisor's job, by the consumer's registry key. shows_lag: on the standard error, if it is a terminal.
    verbosity: of the command, None when there is none."""

    def __init__(self, consumer_key: str, *, shows_lag: bool = False, verbosity: int | None = None) -> None:
        self.consumer_key = consumer_key
        self.verbosity = verbosity
        self.shows_lag = shows_lag

    def __call__(self, stop: StopRequest) -> int:
        if not apps.ready:  # spawned
            django.setup()
            if self.verbosity is not None:
                show(self.verbosity)
        try:
            cls = django_kafka.kafka.consumers[self.consumer_key]
            if not has_brokers(cls.build_config()):
                raise ConfigurationError(NO_BROKERS)
            consumer = cls()
        except (ImproperlyConfigured, ConfigurationError, _native.ConfigError) as exc:
            events.CANNOT_START.tell(RUNNER, consumer=self.consumer_key, reason=exc)
            return Exit.CONFIG
        consumer.stop_within(stop.grace.left)
        consumer.warn_of_mock()
        line = StatusLine(sys.stderr)
        if self.shows_lag and line.is_seen:
            consumer.show_lag(line.write)
        try:
            with stop.calls(consumer.request_stop):
                consumer.run()
        except _native.Stopped:
            # A run() of the user's own that calls poll() ends like this.
            if not stop.requested:
                raise
        finally:
            line.clear()
            connections.close_all()
        return Exit.OK
