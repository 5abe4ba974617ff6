# SPDX-License-Identifier: MIT
"""Texts that are repeated: logged once, and again only after a while."""

from __future__ import annotations

import re
import time

QUIET_SECONDS = 30.0
_MOST_TEXTS = 200
# What differs between two lines that say the same.
_CHANGES = re.compile(r"\s*\((?:after )?[0-9.]+ ?m?s[^)]*\)|\s*\([0-9]+ identical[^)]*\)|#[0-9]+")


class Repetitions:
    """Which texts were logged lately. Shared by threads: a race costs a line too many, and no fork leaves a lock."""

    def __init__(self, quiet: float = QUIET_SECONDS) -> None:
        """quiet: seconds that have to pass before the same text is logged again."""
        self.quiet = quiet
        self._told: dict[str, tuple[float, int]] = {}

    def admit(self, text: str) -> int | None:
        """How often the text was held back since it was last logged, if it is to be logged now; None if it is not."""
        key = _CHANGES.sub("", text)
        now = time.monotonic()
        last, held = self._told.get(key, (None, 0))
        if last is not None and now - last < self.quiet:
            self._told[key] = (last, held + 1)
            return None
        if last is None and len(self._told) >= _MOST_TEXTS:
            self._told.clear()
        self._told[key] = (now, 0)
        return held
