# SPDX-License-Identifier: MIT
"""What handlers of a test's processes write down: one line of JSON by one write(2), so that a kill loses none."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

_LEDGER = os.open(os.environ["LIVE_LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
_COUNTS = Path(os.environ["LIVE_LEDGER"] + ".counts")


def note(kind: str, msg: Any, **fields: Any) -> None:
    """A line in the ledger."""
    line = {"kind": kind, "time": time.time(), "pid": os.getpid(), "topic": msg.topic()}
    line |= {"partition": msg.partition(), "offset": msg.offset(), **fields}
    os.write(_LEDGER, json.dumps(line).encode() + b"\n")


def failures(name: str) -> int:
    """How often the message has failed before, in any process; counts one more."""
    _COUNTS.mkdir(exist_ok=True)
    fd = os.open(_COUNTS / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        before = os.fstat(fd).st_size
        os.write(fd, b".")
        return before
    finally:
        os.close(fd)
