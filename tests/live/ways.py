# SPDX-License-Identifier: MIT
"""Messages that fail in every way, and where each of them is in the end: see tests/live/project/ways."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

from tests.live.clients import Plain, consumer, fetch_once, producer
from tests.live.project.run import Worker, read_lines
from tests.live.servers import KafkaServer

PARTITIONS = 2
LIVING = ("plain", "blocking", "later", "odd-a", "odd-b-more", "huge", "unmigrated", "batches", "json", "avro")
MORTAL = ("dying", "dying-later")
STUCK = "huge"
# The odd ones of a topic: its way, and how often such a message fails.
WAYS = [
    (way, fail)
    for way in ("value", "unprintable", "recursion", "memory", "transaction", "open", "constraint")
    for fail in (-1, 1, 2)
] + [("connection", 1), ("slow", 1)]
DEADLY = [(way, 1) for way in ("exit", "system", "interrupt", "cancel")]
Place = tuple[str, int, int]


@dataclass
class Account:
    """Where messages are; by their names."""

    produced: dict[str, Place] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    dead: set[str] = field(default_factory=set)
    retry: set[str] = field(default_factory=set)
    waiting: set[str] = field(default_factory=set)
    lost: bool = False  # a machine was so slow that partitions were lost: some messages are handled again

    def states(self, name: str) -> list[str]:
        return [state for state in ("done", "dead", "retry", "waiting") if name in getattr(self, state)]

    def wrong(self) -> dict[str, list[str]]:
        """Messages that are nowhere, or in two places. Where a process dies some are handled again; what was done
        behind a message whose dead letter is refused cannot be committed before that."""
        return {
            name: states
            for name, (topic, _, _) in self.produced.items()
            if len(states := self.states(name)) != 1
            and not (states and (topic in MORTAL or self.lost))
            and not (states == ["done", "waiting"] and topic == STUCK)
        }


class Sender:
    """Produces messages and remembers where each went."""

    def __init__(self, broker: KafkaServer, prefix: str, avro: bytes, seed: int) -> None:
        self.produced: dict[str, Place] = {}
        self._client = producer(broker.bootstrap, linger_ms=5)
        self._prefix = prefix
        self._avro = avro
        self._random = random.Random(seed)
        self._number = 0

    def send(self, topic: str) -> None:
        """One message: one in four is odd."""
        self._number += 1
        name, odd = str(self._number), self._random.random() < 0.25
        way, fail = self._random.choice(DEADLY if topic in MORTAL else WAYS) if odd else ("", 0)
        if topic in MORTAL and self._random.random() < 0.9:
            fail = 0
        value = self._value(topic, odd)
        headers = [("id", name.encode()), ("way", way.encode()), ("fail", b"%d" % fail)]

        def delivered(error: object, msg: Plain) -> None:
            assert error is None, error
            self.produced[name] = (topic, msg.partition(), msg.offset())  # type: ignore[operator]

        self._client.produce(
            self._prefix + topic,
            value,
            key=b"%d" % self._random.randrange(20),
            headers=headers,
            on_delivery=delivered,
        )
        self._client.poll(0)

    def _value(self, topic: str, odd: bool) -> bytes:
        good = {"json": b'{"a": 1}', "avro": self._avro, STUCK: b"x" * 5000}.get(topic, b"a value")
        return good[:-1] if odd else good

    def finish(self) -> None:
        assert self._client.flush(60) == 0
        self._client.close()


def account(broker: KafkaServer, group: str, produced: dict[str, Place], worker: Worker) -> Account:
    """Where each message is, while no consumer runs."""
    found = Account(produced, lost="': lost " in worker.log.read_text(errors="replace"))
    found.done = {line["id"] for line in read_lines(worker.ledger) if line["kind"] == "done"}
    names = broker.admin.list_topics(timeout=60).topics
    for part, topics in ((group, LIVING), (f"{group}-mortal", MORTAL)):
        ends = committed(broker, part)
        found.waiting |= {name for name, (topic, p, o) in produced.items() if topic in topics and o >= ends[topic, p]}
        ends = committed(broker, f"{part}.retry")
        copies = [name for name in names if name.startswith(f"{part}.")]
        for msg in contents(broker, copies):
            name = dict(msg.headers)["id"].decode()  # type: ignore[union-attr]
            if msg.topic.endswith(".dlt"):
                found.dead.add(name)
            elif msg.offset >= ends[msg.topic, msg.partition]:
                found.retry.add(name)
    return found


def committed(broker: KafkaServer, group: str) -> dict[tuple[str, int], int]:
    """Committed offsets; 0 where there is none."""
    request = [ConsumerGroupTopicPartitions(group)]
    found = broker.admin.list_consumer_group_offsets(request)[group].result(60).topic_partitions
    return defaultdict(int, {(one.topic, one.partition): max(0, one.offset) for one in found})


def contents(broker: KafkaServer, topics: Iterable[str]) -> Iterator[Plain]:
    """All messages of topics that nobody writes to any more."""
    places = [
        TopicPartition(topic, partition, 0)
        for topic, found in broker.admin.list_topics(timeout=60).topics.items()
        if topic in set(topics)
        for partition in found.partitions
    ]
    client = consumer(broker.bootstrap, "nobody", enable_auto_commit=False)
    try:
        client.assign(places)
        ends = {(place.topic, place.partition): client.get_watermark_offsets(place)[1] for place in places}
        ends = {place: end for place, end in ends.items() if end > 0}
        while ends:
            for msg in fetch_once(client):
                yield msg
                if msg.offset + 1 >= ends.get((msg.topic, msg.partition), 0):
                    ends.pop((msg.topic, msg.partition), None)
    finally:
        client.close()
