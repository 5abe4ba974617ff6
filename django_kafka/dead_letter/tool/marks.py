# SPDX-License-Identifier: MIT
"""Which dead letters were replayed: records in the dead-letter topic itself say so.

A mark lies in the partition of the letters it is about, behind them, so the topic's retention never takes it away
before them, and no other topic or group has to be kept. It has a key of its own, so that compaction keeps it too.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from typing import Any

from django_kafka.dead_letter.header import DeadLetterHeader, ReplayHeader

# What the key of a mark begins with.
KEY = "replayed-"
# Headers that every dead letter has.
_LETTERS = frozenset({DeadLetterHeader.MESSAGE.value, DeadLetterHeader.MESSAGE_TOPIC.value})


class Marks:
    """The offsets that marks have named, per partition: as ranges, since a header can name any number of them."""

    def __init__(self) -> None:
        self._ranges: dict[int, list[range]] = {}

    def note(self, msg: Any) -> bool:
        """Take notice of a record. Returns whether it is a mark, and so no dead letter."""
        text = mark_of(msg)
        if text is None:
            return False
        # A mark stands behind what it is about.
        self.add(msg.partition(), (range(part.start, min(part.stop, msg.offset())) for part in parse(text)))
        return True

    def add(self, partition: int, ranges: Iterable[range]) -> None:
        known = self._ranges.get(partition, [])
        self._ranges[partition] = merged([*known, *ranges])

    def holds(self, partition: int, offset: int) -> bool:
        """Whether the letter at this place was replayed."""
        known = self._ranges.get(partition, [])
        i = bisect_right(known, offset, key=lambda part: part.start)
        return i > 0 and offset in known[i - 1]

    def count(self, partition: int, letters: list[range]) -> int:
        """How many of these letters were replayed. letters: offsets in order."""
        known = self._ranges.get(partition, [])
        found = i = j = 0
        while i < len(known) and j < len(letters):
            one, other = known[i], letters[j]
            found += max(0, min(one.stop, other.stop) - max(one.start, other.start))
            if one.stop <= other.stop:
                i += 1
            else:
                j += 1
        return found


def mark_of(msg: Any) -> str | bytes | None:
    """What a record says of replays, if it is a mark. A letter is none, whatever headers the message came with."""
    headers = msg.headers()
    text = ReplayHeader.get(headers, ReplayHeader.MARK)
    if text is None or msg.value() != text or not (msg.key() or b"").startswith(KEY.encode()):
        return None
    return None if any(name in _LETTERS for name, _ in headers) else text


def merged(ranges: Iterable[range]) -> list[range]:
    """In order, and none of them touches another."""
    found: list[range] = []
    for part in sorted(filter(len, ranges), key=lambda part: part.start):
        if found and part.start <= found[-1].stop:
            found[-1] = range(found[-1].start, max(found[-1].stop, part.stop))
        else:
            found.append(part)
    return found


def render(offsets: Iterable[int]) -> str:
    """Offsets as text: 3-7,9."""
    ranges = merged(range(offset, offset + 1) for offset in offsets)
    return ",".join(str(part.start) if len(part) == 1 else f"{part.start}-{part.stop - 1}" for part in ranges)


def parse(text: str | bytes) -> list[range]:
    """What render() wrote; parts that are something else are passed over."""
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    ranges = []
    for part in text.split(","):
        match = re.fullmatch(r"([0-9]{1,18})(?:-([0-9]{1,18}))?", part)
        if match is not None:
            ranges.append(range(int(match[1]), int(match[2] or match[1]) + 1))
    return ranges
