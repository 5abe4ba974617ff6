# SPDX-License-Identifier: MIT
"""What a process writes down: one JSON line with one write(2) each, in a file of its own, so that SIGKILL loses none.

Times are the system's monotonic clock: those of all processes can be compared.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ["CHAOS_LEDGER"])
COUNTS = FOLDER / "counts"

_file: tuple[int, int] = (-1, 0)


def note(event: str, **fields: Any) -> None:
    """Add a line to the ledger of this process."""
    global _file
    fd, pid = _file
    if pid != os.getpid():  # forked
        pid = os.getpid()
        fd = os.open(FOLDER / f"{pid}-{time.monotonic_ns()}.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        _file = fd, pid
    os.write(fd, json.dumps({"e": event, "t": time.monotonic(), **fields}).encode() + b"\n")


def failures(message: int) -> int:
    """How often this message has failed as planned, in any process."""
    try:
        return (COUNTS / str(message)).stat().st_size
    except FileNotFoundError:
        return 0


def count_failure(message: int) -> None:
    fd = os.open(COUNTS / str(message), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, b".")
    os.close(fd)
