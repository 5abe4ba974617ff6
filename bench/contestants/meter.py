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

# Who works, and so is measured: another process than this one, if BENCH_PID names it.
WORKER = os.environ.get("BENCH_PID", "self")

_begin: list[float] = []


def _used() -> float:
    """CPU seconds of the process that works, all threads."""
    if WORKER != "self":
        times = Path(f"/proc/{WORKER}/stat").read_text().rpartition(")")[2].split()[11:13]
        return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def peak() -> int:
    """The most memory (bytes) that the process that works has had."""
    # Not ru_maxrss: that begins with what the parent had when it forked.
    status = Path(f"/proc/{WORKER}/status").read_text()
    return int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) * 1024  # type: ignore[index]


def begin() -> None:
    _begin[:] = [time.perf_counter(), _used()]


def finish(messages: int, *, besides: float = 0.0, **more: Any) -> None:
    """Print the result and end this process at once: closing is not measured. besides: processor time (seconds) of
    what measures in the process that works."""
    seconds = time.perf_counter() - _begin[0]
    cpu = _used() - _begin[1] - besides
    print(json.dumps({"messages": messages, "seconds": seconds, "cpu": cpu, "peak": peak(), **more}), flush=True)
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
