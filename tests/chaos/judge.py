# SPDX-License-Identifier: MIT
"""Whether what the ledger, the dead-letter topics and the database say is what was promised."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django_kafka.dead_letter.header import DeadLetterHeader
from django_kafka.retry.header import RetryHeader
from tests.chaos.ledger import Line, Place, by_record
from tests.chaos.plan import Planned
from tests.chaos.rules import BY_TOPIC, PARTITIONS, rule_of
from tests.live.clients import Plain

_ADDED = frozenset([*(h.value for h in DeadLetterHeader), *(h.value for h in RetryHeader)])


@dataclass(frozen=True)
class Produced:
    """A message whose delivery the broker has confirmed."""

    planned: Planned
    place: Place
    timestamp: int
    headers: tuple[tuple[str, bytes | None], ...]


@dataclass
class Evidence:
    """All there is to judge by."""

    produced: list[Produced]
    lines: list[Line]
    dead: list[Plain]  # the records of all dead-letter topics
    rows: Counter[int]  # rows in the database per message
    excused: Counter[Place]  # how often a record came again because its copy or the database was refused
    others: list[str] = field(default_factory=list)  # violations found elsewhere


@dataclass
class Verdict:
    """violations: what must not be. counts: what is worth knowing."""

    violations: dict[str, list[str]]
    counts: dict[str, int]

    @property
    def ok(self) -> bool:
        return not any(self.violations.values())


def judge(evidence: Evidence) -> Verdict:
    found = _Judge(evidence)
    violations = {
        "lost": found.lost(),
        "wrongly dead-lettered, or not": found.fates(),
        "dead letters that are not their message": found.copies(),
        "order": found.order(),
        "repeated without need": found.repeats(),
        "attempts": found.attempts(),
        "rows missing in the database": found.rows(),
        "processes": evidence.others,
    }
    return Verdict(violations, found.counts)


class _Judge:
    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.messages = {one.planned.id: one for one in evidence.produced}
        self.records = by_record(evidence.lines)
        self.oks: dict[int, list[Line]] = defaultdict(list)
        self.fails: dict[int, list[Line]] = defaultdict(list)
        for line in evidence.lines:
            if line.event == "ok":
                self.oks[line.message].append(line)
            elif line.event == "fail":
                self.fails[line.message].append(line)
        self.dead: dict[int, list[Plain]] = defaultdict(list)
        for letter in evidence.dead:
            self.dead[_number(letter)].append(letter)
        self.counts = {
            "messages": len(evidence.produced),
            "handlings begun": sum(line.event == "try" for line in evidence.lines),
            "handled": len(self.oks),
            "handled again": sum(len(lines) - 1 for lines in self.oks.values()),
            "planned failures": sum(len(lines) for lines in self.fails.values()),
            "database outages met": sum(line.event == "outage" for line in evidence.lines),
            "dead-lettered": len(self.dead),
            "dead-lettered again": sum(len(letters) - 1 for letters in self.dead.values()),
        }

    def lost(self) -> list[str]:
        return [
            f"{_name(one)}: neither handled nor dead-lettered"
            for number, one in self.messages.items()
            if number not in self.oks and number not in self.dead
        ]

    def fates(self) -> list[str]:
        """Dead letters are exactly those that must be, each in its own topic."""
        wrong = []
        for number, one in self.messages.items():
            rule = BY_TOPIC[one.planned.topic]
            fail = one.planned.fail
            may = fail in (-1, -2) or (rule.max_retries != -1 and fail > rule.max_retries)
            if fail == -1 and number not in self.dead:
                wrong.append(f"{_name(one)} always fails and is not in {rule.dead_letter_topic}")
            if number in self.dead and not may:
                wrong.append(f"{_name(one)} may fail {fail} times, and is in {rule.dead_letter_topic}")
            if any(letter.topic != rule.dead_letter_topic for letter in self.dead.get(number, ())):
                wrong.append(f"{_name(one)} is not in {rule.dead_letter_topic} but elsewhere")
        known = self.messages.keys()
        wrong += [f"message {number} was never produced" for number in (self.dead.keys() | self.oks.keys()) - known]
        return wrong

    def copies(self) -> list[str]:
        """Key, value, headers and timestamp are the message's own, and it says where it came from."""
        wrong = []
        for number, letters in self.dead.items():
            one = self.messages.get(number)
            for letter in letters if one else ():
                assert one is not None
                kept = tuple(header for header in letter.headers if header[0] not in _ADDED)
                named = dict(letter.headers)
                origin = tuple((named.get(header.value) or b"").decode() for header in _ORIGIN)
                for what, got, wanted in (
                    ("key", letter.key, one.planned.key),
                    ("value", letter.value, one.planned.value),
                    ("headers", kept, one.headers),
                    ("timestamp", letter.timestamp, one.timestamp),
                    ("origin", origin, tuple(map(str, one.place))),
                ):
                    if got != wanted:
                        wrong.append(f"{_name(one)}: {what} of its dead letter is {got!r}, not {wanted!r}")
        return wrong

    def order(self) -> list[str]:
        """No message succeeds for the first time before those ahead of it on its partition are settled: by a success,
        or by as many failures as its topic allows it before it leaves the partition."""
        wrong = []
        for topic, rule in BY_TOPIC.items():
            for partition in range(PARTITIONS):
                places = sorted(place for place in self.records if place[:2] == (topic, partition))
                latest, ahead = 0.0, ("", 0, 0)
                for place in places:
                    success = _first(self.records[place], "ok")
                    if success is not None and success < latest:
                        wrong.append(
                            f"{place} succeeded {latest - success:.3f} s before {ahead} ahead of it was settled"
                        )
                    if (time := _settled(self.records[place], rule.tries)) > latest:
                        latest, ahead = time, place
        return wrong

    def repeats(self) -> list[str]:
        """A success is repeated only by another owner of the partition, or a later tenure of the same process."""
        wrong = []
        for place, lines in self.records.items():
            done: set[tuple[int, int]] = set()
            for line in lines:
                owner = (line.pid, line.tenure)
                if line.event == "try" and owner in done:
                    wrong.append(
                        f"message {line.message} {place}: handled again by process {owner} that had handled it"
                    )
                if line.event == "ok":
                    done.add(owner)
        return wrong

    def attempts(self) -> list[str]:
        """A record fails at most as often as its topic allows, and once more for each further owner of its partition
        (who cannot know of a failure in the moment of a kill) and for each refusal of its copy; and not less often
        before it is dead-lettered. That a broker is away is no excuse: who cannot note an attempt makes no other."""
        wrong = []
        more = 0
        for place, lines in self.records.items():
            tries = rule_of(place[0]).tries
            failed = sum(line.event == "fail" for line in lines)
            owners = len({(line.pid, line.tenure) for line in lines})
            more += max(0, failed - tries)
            allowed = tries + owners - 1 + self.evidence.excused[place]
            if failed > allowed:
                wrong.append(f"message {lines[0].message} {place}: failed {failed} times, {allowed} are explained")
        self.counts["attempts beyond max_retries + 1"] = more
        for number, letters in self.dead.items():
            one = self.messages.get(number)
            if one is None:
                continue
            tries = BY_TOPIC[one.planned.topic].max_retries + 1
            if letters and len(self.fails[number]) < tries:
                wrong.append(f"{_name(one)}: dead-lettered after {len(self.fails[number])} failures of {tries}")
        return wrong

    def rows(self) -> list[str]:
        """A handler that stored a row and returned has a row, database restarts or not."""
        return [
            f"{_name(one)}: handled {len(self.oks[number])} times, {self.evidence.rows[number]} rows"
            for number, one in self.messages.items()
            if one.planned.db and self.evidence.rows[number] < len(self.oks.get(number, ()))
        ]


_ORIGIN = (DeadLetterHeader.ORIGIN_TOPIC, DeadLetterHeader.ORIGIN_PARTITION, DeadLetterHeader.ORIGIN_OFFSET)


def _first(lines: Iterable[Line], event: str) -> float | None:
    return next((line.time for line in lines if line.event == event), None)


def _settled(lines: list[Line], tries: int) -> float:
    """When the record was handled or had used up its tries; infinity when never."""
    failed = 0
    for line in lines:
        failed += line.event == "fail"
        if line.event == "ok" or failed >= tries:
            return line.time
    return math.inf


def _name(one: Produced) -> str:
    topic, partition, offset = one.place
    return f"message {one.planned.id} ({topic} {partition} {offset}, fail={one.planned.fail})"


def _number(letter: Plain) -> int:
    plan: Mapping[str, Any] = json.loads(dict(letter.headers)["plan"] or b"{}")
    return int(plan["id"])
