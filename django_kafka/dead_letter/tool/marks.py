# SPDX-License-Identifier: MIT
"""Which dead letters were replayed: records in the dead-letter topic itself say so.

A mark lies in the partition of the letters it is about, behind them, so the topic's retention never takes it away
before them, and no other topic or group has to be kept. It has a key of its own, so that compaction keeps it too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django_kafka.dead_letter.header import ReplayHeader


class Marks:
    """The offsets that marks have named, per partition."""

    def __init__(self) -> None:
        self._offsets: dict[int, set[int]] = {}

    def note(self, msg: Any) -> bool:
        """Take notice of a record. Returns whether it is a mark, and so no dead letter."""
        text = ReplayHeader.get(msg.headers(), ReplayHeader.MARK)
        if text is None:
            return False
        self.add(msg.partition(), parse(text))
        return True

    def add(self, partition: int, offsets: Iterable[int]) -> None:
        self._offsets.setdefault(partition, set()).update(offsets)

    def holds(self, partition: int, offset: int) -> bool:
        """Whether the letter at this place was replayed."""
        return offset in self._offsets.get(partition, ())

    def count(self, partition: int, first: int) -> int:
        """How many letters from this offset on were replayed."""
        return sum(1 for offset in self._offsets.get(partition, ()) if offset >= first)


def render(offsets: Iterable[int]) -> str:
    """Offsets as text: 3-7,9."""
    ranges: list[list[int]] = []
    for offset in sorted(set(offsets)):
        if ranges and ranges[-1][1] + 1 == offset:
            ranges[-1][1] = offset
        else:
            ranges.append([offset, offset])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def parse(text: str | bytes) -> list[int]:
    """What render() wrote; parts that are something else are passed over."""
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    offsets: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"([0-9]{1,18})(?:-([0-9]{1,18}))?", part)
        if match is not None:
            offsets += range(int(match[1]), int(match[2] or match[1]) + 1)
    return offsets
