# SPDX-License-Identifier: MIT
"""The time that a process has to end in, once it was asked to."""

from __future__ import annotations

import time

# What Python itself needs at the end, of the grace period, and at most (seconds).
EXIT_SHARE = 0.1
EXIT_SECONDS = 1.0


class Grace:
    """Starts to run out with begin()."""

    def __init__(self, seconds: float | None = None) -> None:
        """None: there is no limit."""
        self._seconds = seconds
        self._begun: float | None = None

    def begin(self) -> None:
        """A stop was asked for. Another one changes nothing. From a signal handler, too."""
        if self._begun is None:
            self._begun = time.monotonic()

    def left(self) -> float | None:
        """Seconds that are left for ending in good order; None: as many as it takes."""
        if self._seconds is None or self._begun is None:
            return None
        reserve = min(EXIT_SECONDS, self._seconds * EXIT_SHARE)
        return max(0.0, self._begun + self._seconds - reserve - time.monotonic())
