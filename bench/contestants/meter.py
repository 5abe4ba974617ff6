# SPDX-License-Identifier: MIT
"""What every contestant in Python shares: the handler, and the measuring around it.

Each contestant runs in a process of its own. What is measured begins with the first message and ends with the last:
start-up and group formation are not in it (they have a measurement of their own). The result is one line of JSON.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
import time
from pathlib import Path
from typing import Any

BOOTSTRAP = os.environ["BENCH_BOOTSTRAP"]
TOPIC = os.environ["BENCH_TOPIC"]
GROUP = os.environ["BENCH_GROUP"]
MESSAGES = int(os.environ["BENCH_MESSAGES"])
PARTITIONS = int(os.environ["BENCH_PARTITIONS"])
EXTRA: dict[str, Any] = json.loads(os.environ.get("BENCH_CONFIG", "{}"))

_begin: list[float] = []


def _used() -> float:
    """CPU seconds of this process, all threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def begin() -> None:
    _begin[:] = [time.perf_counter(), _used()]


def finish(messages: int, **more: Any) -> None:
    """Print the result and end the process at once: closing is not measured."""
    seconds = time.perf_counter() - _begin[0]
    cpu = _used() - _begin[1]
    # Not ru_maxrss: that begins with what the parent had when it forked.
    status = Path("/proc/self/status").read_text()
    peak = int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) * 1024  # type: ignore[index]
    print(json.dumps({"messages": messages, "seconds": seconds, "cpu": cpu, "peak": peak, **more}), flush=True)
    sys.stdout.flush()
    os._exit(0)


# The value of the first and of the last message of each partition, by which a handler knows where it is; another
# length than all others, so that looking for it costs next to nothing.
MARK = b"mark"


def mark(seen: list[None] = []) -> None:  # noqa: B006
    """Called by a handler that was given a MARK."""
    if not seen:
        begin()
    seen.append(None)
    if len(seen) == 2 * PARTITIONS:
        finish(MESSAGES)


def handle(msg: Any) -> None:
    """The handler: reads the value. The same for all who call one per message."""
    if msg.value() == MARK:
        mark()


def consumer_config() -> dict[str, Any]:
    return {"bootstrap.servers": BOOTSTRAP, "group.id": GROUP, "auto.offset.reset": "earliest", **EXTRA}


def producer_config() -> dict[str, Any]:
    """The same for both clients: idempotent, acks=all, and the batching of librdkafka's default."""
    return {"bootstrap.servers": BOOTSTRAP, "enable.idempotence": True, "acks": "all", "linger.ms": 5, **EXTRA}


VALUE = os.urandom(50).hex().encode()
# Calls that surely find room in a queue of the default size.
FREE_CALLS = min(MESSAGES, 50_000)
