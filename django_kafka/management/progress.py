# SPDX-License-Identifier: MIT
"""A progress bar for commands, shown only to people and only when there is much to do."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

MUCH = 5000
INTERVAL = 0.1
WIDTH = 40


class Progress:
    """Call it with the number of steps done. Writes nothing unless `total` is great and the stream a terminal."""

    def __init__(self, stream: Any, total: int, label: str) -> None:
        self.stream = stream
        self.total = total
        self.label = label
        self.done = 0
        self._shown = 0.0
        self._visible = total >= MUCH and bool(getattr(stream, "isatty", bool)())

    def __call__(self, steps: int = 1) -> None:
        self.done += steps
        if self._visible and (now := time.monotonic()) - self._shown >= INTERVAL:
            self._shown = now
            self._draw()

    def _draw(self) -> None:
        share = min(1.0, self.done / self.total)
        bar = "#" * int(share * WIDTH)
        self.stream.write(f"\r{self.label} [{bar:<{WIDTH}}] {share:4.0%}", ending="")
        self.stream.flush()

    def clear(self) -> None:
        """Make room for a line of output."""
        if self._visible and self._shown:
            self.stream.write("\r\x1b[K", ending="")
            self.stream.flush()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.clear()
