# SPDX-License-Identifier: MIT
"""The ledger of a run: what the consumer processes wrote down, read while they write."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

Place = tuple[str, int, int]


class Line(NamedTuple):
    """One handling of a record: "try", then "ok", "fail" (as planned) or "outage" (of the database)."""

    event: str
    time: float
    message: int
    place: Place
    pid: int
    tenure: int  # how often this process had been given the partition before


@dataclass
class _File:
    pid: int
    read: int = 0


class Ledger:
    """Reads on where it stopped."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines: list[Line] = []
        self.handled: set[int] = set()
        self._files: dict[Path, _File] = {}
        self._tenures: dict[tuple[int, str, int], int] = defaultdict(int)

    def read(self) -> None:
        """Take in what is new."""
        for path in self.folder.glob("*.jsonl"):
            file = self._files.setdefault(path, _File(int(path.name.split("-")[0])))
            with path.open("rb") as source:
                source.seek(file.read)
                data = source.read()
            end = data.rfind(b"\n") + 1
            file.read += end
            for text in data[:end].splitlines():
                self._take(json.loads(text), file.pid)

    def _take(self, line: dict[str, object], pid: int) -> None:
        event = str(line["e"])
        if event == "assign":
            for topic, partition, _ in line["p"]:  # type: ignore[attr-defined]
                self._tenures[pid, topic, partition] += 1
        elif event in ("try", "ok", "fail", "outage"):
            topic, partition, offset = line["p"]  # type: ignore[misc]
            tenure = self._tenures[pid, topic, partition]
            number = int(line["id"])  # type: ignore[call-overload]
            place = (topic, partition, offset)
            self.lines.append(Line(event, float(line["t"]), number, place, pid, tenure))  # type: ignore[arg-type]
            if event == "ok":
                self.handled.add(number)


def by_record(lines: Iterable[Line]) -> dict[Place, list[Line]]:
    """The lines of each record in the order of time."""
    result: dict[Place, list[Line]] = defaultdict(list)
    for line in sorted(lines, key=lambda line: line.time):
        result[line.place].append(line)
    return dict(result)
