# SPDX-License-Identifier: MIT
"""Who had a partition last, as the logs of the workers have it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_LINE = re.compile(
    r"^\S+ (\S+) (\d+) INFO \S+ \S+, group '(\S+)': (assigned|revoked|lost) (.+?)(?:\. |$)", re.MULTILINE
)
_TOPIC = re.compile(r"(\S+)\[([-\d,]+)\]")


def owners(logs: Iterable[str]) -> dict[str, str]:
    """By "group topic partition": what became of it last, where and when."""
    lines = sorted((match.groups() for log in logs for match in _LINE.finditer(log)), key=lambda line: line[0])
    return {
        f"{group} {place}": f"{what} {'to' if what == 'assigned' else 'by'} process {pid} at {time}"
        for time, pid, group, what, partitions in lines
        for place in _places(partitions)
    }


def _places(text: str) -> Iterator[str]:
    """Each "topic partition" of orders[0-2,5], users[0]."""
    for topic, ranges in _TOPIC.findall(text):
        for one in ranges.split(","):
            first, _, last = one.partition("-")
            yield from (f"{topic} {number}" for number in range(int(first), int(last or first) + 1))
