# SPDX-License-Identifier: MIT
"""The judge sees what it is there to see: each kind of broken promise, made up, is found; what is allowed is not."""

from __future__ import annotations

import itertools
import json
from collections import Counter

from django_kafka import events
from django_kafka.events import Event
from tests.chaos.judge import Evidence, Produced, judge
from tests.chaos.ledger import Line
from tests.chaos.owners import owners
from tests.chaos.plan import Planned, make_plan
from tests.live.clients import Plain

_HEADERS = (("trace", b"1"), ("empty", None))


class Story:
    """Messages of one topic and what happened to them, told in the order of time."""

    def __init__(self, topic: str, *fails: int) -> None:
        self.topic = topic
        self.clock = itertools.count(1)
        self.messages = []
        for number, fail in enumerate(fails):
            planned = Planned(number, 0.0, topic, b"key", b"value", fail, "", 0)
            headers = (*_HEADERS, ("plan", json.dumps(planned.header).encode()))
            self.messages.append(Produced(planned, (topic, 0, number), 1000, headers))
        self.lines: list[Line] = []
        self.dead: list[Plain] = []

    def tell(self, number: int, *events: str, pid: int = 1, tenure: int = 1) -> Story:
        for event in events:
            place = (self.topic, 0, number)
            self.lines.append(Line("try", next(self.clock), number, place, pid, tenure))
            self.lines.append(Line(event, next(self.clock), number, place, pid, tenure))
        return self

    def bury(self, number: int, **changed: object) -> Story:
        one = self.messages[number]
        origin = dict(zip(("TOPIC", "PARTITION", "OFFSET"), map(str, one.place), strict=True))
        added = tuple((f"DEAD_LETTER_ORIGIN_{name}", text.encode()) for name, text in origin.items())
        group = {"plain": "direct", "blocking": "direct", "later": "direct"}[self.topic]
        letter = Plain(f"{group}.{self.topic}.dlt", 0, 0, b"key", b"value", one.headers + added, 1000)
        self.dead.append(letter._replace(**changed))  # type: ignore[arg-type]
        return self

    def verdict(self) -> dict[str, list[str]]:
        evidence = Evidence(self.messages, self.lines, self.dead, Counter(), Counter(), [])
        return {what: found for what, found in judge(evidence).violations.items() if found}


def test_all_is_well() -> None:
    story = Story("blocking", 0, 2, -1, 0).tell(0, "ok").tell(1, "fail", "fail", "ok")
    assert story.tell(2, *["fail"] * 4).bury(2).tell(3, "ok").verdict() == {}


def test_a_message_that_is_nowhere_is_lost() -> None:
    assert set(Story("plain", 0, 0).tell(0, "ok").verdict()) == {"lost"}


def test_dead_letters_are_those_that_must_be() -> None:
    assert "wrongly dead-lettered, or not" in Story("plain", -1).tell(0, "ok").verdict()
    assert "wrongly dead-lettered, or not" in Story("plain", 0).tell(0, "ok").bury(0).verdict()
    assert "wrongly dead-lettered, or not" in Story("later", 2).tell(0, "fail").bury(0).verdict()


def test_a_dead_letter_has_to_be_its_message() -> None:
    for changed in ({"value": b"other"}, {"timestamp": 999}, {"key": None}):
        assert set(Story("plain", -1).tell(0, "fail").bury(0, **changed).verdict()) == {
            "dead letters that are not their message"
        }
    one = Story("plain", -1).tell(0, "fail")
    plan = next(header for header in one.messages[0].headers if header[0] == "plan")
    assert "dead letters that are not their message" in one.bury(0, headers=(plan,)).verdict()


def test_nobody_overtakes_a_failing_message() -> None:
    story = Story("blocking", 2, 0).tell(0, "fail").tell(1, "ok").tell(0, "fail", "ok")
    assert set(story.verdict()) == {"order"}


def test_a_repeat_needs_another_owner() -> None:
    assert set(Story("plain", 0).tell(0, "ok", "ok").verdict()) == {"repeated without need"}
    assert Story("plain", 0).tell(0, "ok").tell(0, "ok", pid=2).verdict() == {}
    assert Story("plain", 0).tell(0, "ok").tell(0, "ok", tenure=2).verdict() == {}


def test_attempts_are_neither_forgotten_nor_added() -> None:
    assert set(Story("blocking", -1).tell(0, *["fail"] * 5).bury(0).verdict()) == {"attempts"}
    assert set(Story("blocking", -1).tell(0, *["fail"] * 3).bury(0).verdict()) == {"attempts"}
    story = Story("blocking", -1).tell(0, *["fail"] * 3).tell(0, *["fail"] * 2, pid=2).bury(0)
    assert story.verdict() == {}  # one failure may be unknown to the second
    assert set(story.tell(0, "fail", pid=2).verdict()) == {"attempts"}


def test_a_plan_comes_out_of_its_seed() -> None:
    one, same, other = (make_plan(seed, 30, 20) for seed in ("7", "7", "8"))
    assert (one.messages, one.events, one.config) == (same.messages, same.events, same.config)
    assert one.messages != other.messages
    assert len(one.messages) == 600


def test_owners() -> None:
    """The texts are those of django_kafka/events.py."""

    def line(second: int, pid: int, event: Event, partitions: str) -> str:
        text = event.format(consumer="app.Hooks", group="hooks", partitions=partitions)
        return f"2026-11-28 19:26:{second:02},376 {pid} INFO django_kafka.consumer.consumer: {text}\n"

    one = line(1, 11, events.PARTITIONS_ASSIGNED, "hooked[0-3], later[1,3-4]") + "something else\n"
    one += line(5, 11, events.PARTITIONS_LOST, "hooked[2-3]")
    two = line(3, 22, events.PARTITIONS_ASSIGNED, "later[3]") + line(4, 22, events.PARTITIONS_REVOKED, "later[3]")
    assert owners([one, two]) == {
        "hooks hooked 0": "assigned to process 11 at 19:26:01,376",
        "hooks hooked 1": "assigned to process 11 at 19:26:01,376",
        "hooks hooked 2": "lost by process 11 at 19:26:05,376",
        "hooks hooked 3": "lost by process 11 at 19:26:05,376",
        "hooks later 1": "assigned to process 11 at 19:26:01,376",
        "hooks later 3": "revoked by process 22 at 19:26:04,376",
        "hooks later 4": "assigned to process 11 at 19:26:01,376",
    }
