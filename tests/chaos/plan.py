# SPDX-License-Identifier: MIT
"""What a run does, out of its seed: when messages are produced and how they fail; what is killed and when."""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.rules import GROUPS, RULES

KEYS = 12
# At first the members join and the topics fill; nothing is killed.
QUIET_START = 4.0

# Assignment of partitions: each group gets one of these by the seed.
PROTOCOLS: tuple[dict[str, Any], ...] = (
    {"partition.assignment.strategy": "range,roundrobin"},
    {"partition.assignment.strategy": "cooperative-sticky"},
    {"group.protocol": "consumer"},
)
CLASSIC = {"session.timeout.ms": 4000, "heartbeat.interval.ms": 500}

# What happens, with its weight. The first group goes for consumers, the second for servers.
EVENTS = {
    "kill-child": 5,  # SIGKILL to one consumer process; its supervisor starts it again
    "kill-worker": 3,  # SIGKILL to a kafka_consume and its children; another one comes
    "term-worker": 4,  # SIGTERM to a kafka_consume; another one comes
    "term-group": 2,  # SIGTERM to a whole process group, as service managers do
    "join": 3,  # one more kafka_consume
    "leave": 3,  # SIGTERM to one, and no other comes
    "freeze-child": 3,  # SIGSTOP for longer than the session lasts, then SIGCONT: it has lost its partitions
    "broker-kill": 5,
    "broker-stop": 3,
    "broker-freeze": 3,  # SIGSTOP, then SIGCONT: connections stay, and answers come late
    "postgres-restart": 3,
    "postgres-kill": 2,
    "postgres-cut": 3,  # every connection is terminated
}


@dataclass(frozen=True)
class Planned:
    """A message. fail: failures before it succeeds, -1 always, -2 by chance. db: stored how, "" not at all."""

    id: int
    at: float
    topic: str
    key: bytes
    value: bytes | None
    fail: int
    db: str
    ms: int

    @property
    def header(self) -> dict[str, Any]:
        return {"id": self.id, "fail": self.fail, "db": self.db, "ms": self.ms}


@dataclass(frozen=True)
class Event:
    """Something that happens `at` seconds after the start. pick: chooses among the candidates, 0 to 1."""

    at: float
    what: str
    pick: float
    seconds: float


@dataclass
class Plan:
    seed: str
    seconds: float
    rate: float
    messages: list[Planned] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    config: dict[str, dict[str, Any]] = field(default_factory=dict)


def make_plan(seed: str, seconds: float, rate: float, often: Collection[str] = ()) -> Plan:
    """rate: messages per second, over all topics. often: events that come ten times as often as they would."""
    plan = Plan(seed, seconds, rate)
    chance = random.Random(f"protocols/{seed}")
    for group in GROUPS:
        protocol = chance.choice(PROTOCOLS)
        plan.config[group] = {**protocol, **({} if "group.protocol" in protocol else CLASSIC)}
    plan.messages = _messages(random.Random(f"messages/{seed}"), seconds, rate)
    plan.events = _events(random.Random(f"events/{seed}"), seconds, often)
    return plan


def _messages(chance: random.Random, seconds: float, rate: float) -> list[Planned]:
    result = []
    count = int(seconds * rate)
    times = sorted(chance.uniform(0, seconds) for _ in range(count))
    for number, at in enumerate(times):
        rule = chance.choice(RULES)
        size = chance.choices((0, 20, 300, 20_000), (1, 10, 10, 1))[0]
        value = chance.randbytes(size) if size or chance.random() < 0.5 else None
        result.append(
            Planned(
                id=number,
                at=at,
                topic=rule.topic,
                key=b"key-%d" % chance.randrange(KEYS),
                value=value,
                fail=_failures(chance, rule.kind, rule.max_retries),
                db=chance.choices(("", "plain", "atomic"), (6, 2, 2))[0],
                ms=chance.choices((0, 2, 20, 400), (60, 20, 6, 0.3))[0],
            )
        )
    return result


def _failures(chance: random.Random, kind: str, max_retries: int) -> int:
    """Most succeed at once. Those that fail block their partition, so there are few where they do."""
    share = 0.03 if kind == "blocking" else 0.10
    if chance.random() >= share:
        return 0
    if max_retries == -1:
        return chance.randint(1, 4)
    how = chance.choice(("always", "often", "chance"))
    if how == "always":
        return -1
    if how == "chance":
        return -2
    return chance.randint(1, max(1, max_retries))


def _events(chance: random.Random, seconds: float, often: Collection[str]) -> list[Event]:
    result = []
    at = QUIET_START + chance.uniform(0, 2)
    names = list(EVENTS)
    weights = [weight * (10 if name in often else 1) for name, weight in EVENTS.items()]
    # Each kind comes once before any comes twice, as far as there is time.
    first = [] if often else list(names)
    chance.shuffle(first)
    while at < seconds - 1:
        what = first.pop() if first else chance.choices(names, weights)[0]
        result.append(Event(at, what, chance.random(), chance.uniform(2.0, 7.0)))
        at += chance.uniform(1.0, 5.0)
    return result
