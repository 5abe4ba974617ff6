# SPDX-License-Identifier: MIT
"""Processes whose standard library gevent or eventlet has replaced.

A consumer waits in C, which stops every greenlet of its process, and what eventlet leaves of `select` and gevent of a
forked child cannot supervise anything. So such a process is refused with a sentence, instead of hanging.
"""

from __future__ import annotations

import sys

from django_kafka.exceptions import DjangoKafkaError


def refuse_green() -> None:
    """Errors: DjangoKafkaError when this process is patched."""
    if by := _patched_by():
        raise DjangoKafkaError(
            f"{by} has patched this process, and consumers need real threads, signals and processes. Start "
            "kafka_consume without it: where manage.py patches, leave that out for this command."
        )


def _patched_by() -> str | None:
    gevent = sys.modules.get("gevent.monkey")
    if gevent is not None and any(map(gevent.is_module_patched, ("threading", "select", "socket", "os"))):
        return "gevent"
    eventlet = sys.modules.get("eventlet.patcher")
    if eventlet is not None and any(map(eventlet.is_monkey_patched, ("thread", "select", "socket", "os"))):
        return "eventlet"
    return None
