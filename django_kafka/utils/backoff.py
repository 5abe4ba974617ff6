# SPDX-License-Identifier: MIT
"""Waits that double up to a minute."""

from __future__ import annotations

FIRST = 1.0
LONGEST = 60.0


def doubled(last: float, first: float = FIRST, longest: float = LONGEST) -> float:
    """The wait after one of `last` seconds: twice as long, up to `longest`; 0 is followed by `first`."""
    return min(last * 2, longest) if last > 0 else first
