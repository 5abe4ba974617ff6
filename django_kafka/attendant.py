# SPDX-License-Identifier: MIT
"""Serves the producers of a process that does nothing with them: a web server without requests, say.

A client tells of what was not delivered, and calls on_delivery, when somebody produces, polls or flushes. Otherwise a
thread of ours asks it once a second, without waiting, so that it does no harm under gevent either."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any

from django.db import connections

from django_kafka import events
from django_kafka._native import ForkedError
from django_kafka.logs.loggers import PRODUCER

INTERVAL = 1.0  # seconds


class Attendant:
    """Of one process."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._clients: weakref.WeakSet[Any] = weakref.WeakSet()
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, client: Any) -> None:
        """One caller at a time."""
        self._clients.add(client)
        if self._thread is not None:
            return
        thread = threading.Thread(target=self._run, name="django-kafka-producers", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter ends, or the system has no thread left: the next message tells
            return
        self._thread = thread

    def _run(self) -> None:
        while not self._end.wait(INTERVAL):
            self._serve_all()

    def _serve_all(self) -> None:
        for client in list(self._clients):
            self._serve(client)

    def _serve(self, client: Any) -> None:
        try:
            served = client.poll(0)
        except ForkedError:  # the parent's
            self._clients.discard(client)
            return
        except Exception as error:
            if str(error) == "Producer closed":
                self._clients.discard(client)
                return
            events.CALLBACK_FAILED.tell(PRODUCER, exc_info=error)
            served = 1
        if served:
            connections.close_all()  # this thread's, which a callback has opened


_attendant = Attendant()


def attend(client: Any) -> None:
    """Serve a client of this process from now on, as long as it lives. One caller at a time."""
    global _attendant
    if _attendant.pid != os.getpid():
        _attendant = Attendant()
    _attendant.add(client)
