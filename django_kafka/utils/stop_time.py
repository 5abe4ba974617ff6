# SPDX-License-Identifier: MIT
"""How the time that a stop may take is divided: deliveries first, and enough for the commit."""

from __future__ import annotations

from collections.abc import Callable

# Asked for how many seconds the whole stop may take from now on. None: no stop was asked for, or it may take as long
# as it takes.
TimeLeft = Callable[[], float | None]

# What is kept for committing offsets and leaving the group: this share, and at most so many seconds.
CLOSE_SHARE = 1 / 3
CLOSE_SECONDS = 5.0


def no_limit() -> float | None:
    return None


def time_to_flush(wanted: float, left: float | None) -> float:
    """How long to wait for deliveries (seconds), of what is left for the stop."""
    if left is None:
        return wanted
    return max(0.0, min(wanted, left - min(CLOSE_SECONDS, left * CLOSE_SHARE)))
