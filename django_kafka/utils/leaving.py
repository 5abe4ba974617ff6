# SPDX-License-Identifier: MIT
"""Ends of processes that neither atexit nor multiprocessing hears of.

A worker of Celery's prefork pool leaves by os._exit(), when it is replaced and when the pool stops. Celery sends a
signal before. Nothing can be done for a process that leaves by os._exit() without one, as rq's work horses do.
"""

from __future__ import annotations

import sys
import time
import weakref
from typing import Any, Protocol

from django_kafka.utils.process import forget_after_fork


class Retires(Protocol):
    def retire(self, timeout: float) -> None: ...


# With how long each may take.
_objects: weakref.WeakKeyDictionary[Retires, float] = weakref.WeakKeyDictionary()


def retire_before_leaving(obj: Retires, seconds: float) -> None:
    """Call obj.retire() before a process ends that is managed by somebody who tells of it. The time of all runs
    at once."""
    _objects[obj] = seconds
    signals = sys.modules.get("celery.signals")
    if signals is not None:
        signals.worker_process_shutdown.connect(_retire_all, weak=False, dispatch_uid=__name__)


def _retire_all(**kwargs: Any) -> None:
    forget_after_fork()
    begin = time.monotonic()
    for obj, seconds in list(_objects.items()):
        obj.retire(max(begin + seconds - time.monotonic(), 0.0))
