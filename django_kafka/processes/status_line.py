# SPDX-License-Identifier: MIT
"""The last line of a terminal, written over and over."""

from __future__ import annotations

import contextlib
import shutil
from typing import Any


class StatusLine:
    """The cursor stays at the line's beginning: whatever else is written to the terminal takes its place."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._written = False

    @property
    def is_seen(self) -> bool:
        """Whether somebody looks at it."""
        return self._stream is not None and bool(self._stream.isatty())

    def write(self, text: str) -> None:
        """Show this instead of what was shown last; "" is nothing. A terminal that is gone is no error."""
        width = shutil.get_terminal_size().columns - 1
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(f"\r\x1b[K{text[:width]}\r")
            self._stream.flush()
        self._written = bool(text)

    def clear(self) -> None:
        if self._written:
            self.write("")
