# SPDX-License-Identifier: MIT
"""Exit codes, and what they mean."""

from __future__ import annotations

import enum
import signal


class Exit(enum.IntEnum):
    """Exit codes of a supervisor; killed by a second signal it is 128 + the signal's number (130, 143)."""

    OK = 0
    FAILURE = 1
    GRACE_EXCEEDED = 3
    # Of a child: its configuration is wrong, so that starting it again would not help (sysexits' EX_CONFIG).
    CONFIG = 78


def describe(code: int) -> str:
    """How a child ended, by multiprocessing's code: negative for a signal."""
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = ", perhaps because the system ran out of memory" if -code == signal.SIGKILL else ""
    return f"killed by {name}{hint}"
