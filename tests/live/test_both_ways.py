# SPDX-License-Identifier: MIT
"""Two projects write the same table, each in its own PostgreSQL database, and Debezium sends the changes of both: the
tables end equal, and no change is sent that came from Kafka. As docs/sync-both-ways.md has it."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import OffsetSpec

from tests.live import debezium
from tests.live.clients import Plain, reference_consume
from tests.live.project.run import Worker
from tests.live.servers import ConnectServer, KafkaServer, PostgresServer
from tests.live.servers.process import ROOT, wait_until

import tests.live.in_process  # noqa: F401  isort: skip  (configures Django)
from tests.live.model_tables import database
from tests.synced.models import Skipping, contents, make_tables

pytestmark = pytest.mark.timeout(400)  # three servers start, on a machine that is busy

SIDES = ("east", "west")
PEER = dict(zip(SIDES, reversed(SIDES), strict=True))
CONSUMER = "tests.live.project.shared.consumers.SharedConsumer"
JSON = {
    f"{part}.converter{key}": value
    for part in ("key", "value")
    for key, value in (("", "org.apache.kafka.connect.json.JsonConverter"), (".schemas.enable", "false"))
}
WRITES = int(os.environ.get("LIVE_WRITES", "300"))  # on each side
ROWS = 40  # of the keys that each side writes in a round


def documented() -> dict[str, str]:
    """The filter that the page shows."""
    page = (ROOT / "docs/sync-both-ways.md").read_text()
    block = next(part for part in page.split("```python\n")[1:] if "io.debezium.transforms.Filter" in part)
    names: dict[str, Any] = {"config": {}}
    exec(block.split("```")[0], names)
    config: dict[str, str] = names["config"]
    return config


@pytest.fixture
def sides(source: PostgresServer) -> Iterator[PostgresServer]:
    """The two projects' databases."""
    with ExitStack() as stack:
        for side in SIDES:
            source.psql(f"CREATE DATABASE {side}")
            stack.enter_context(database(side, {**source.django_settings(), "NAME": side}))
            make_tables(side)
            source.psql("ALTER TABLE synced_skipping REPLICA IDENTITY FULL", database=side)
        yield source


class Pair:
    """Both projects: what they have written, and the events that have to come of it."""

    def __init__(self, kafka: KafkaServer, source: PostgresServer, server: ConnectServer, name: str) -> None:
        self.kafka, self.source, self.server, self.name = kafka, source, server, name
        self.expected = dict.fromkeys(SIDES, 0)
        self.marks = 0
        for side in SIDES:
            kafka.create_topic(self.topic(side))
            server.put(f"{name}-{side}", self.connector(side))

    def topic(self, side: str) -> str:
        return f"{self.name}-{side}.public.synced_skipping"

    def connector(self, side: str) -> dict[str, str]:
        config = {
            **debezium.connector(self.source, f"{self.name}-{side}", ""),
            **JSON,
            "database.dbname": side,
            "slot.name": side,
            "slot.drop.on.stop": "false",
            "publication.name": side,
            "publication.autocreate.mode": "filtered",
            "table.include.list": "public.synced_skipping",
            "heartbeat.interval.ms": "200",  # the filter is asked about its messages too
        }
        return {**config, **documented()}

    def events(self, side: str) -> list[Plain]:
        """All messages of the topic. A mark is behind all others."""
        place = TopicPartition(self.topic(side), 0)
        count = self.kafka.admin.list_offsets({place: OffsetSpec.latest()})[place].result(30).offset
        return reference_consume(self.kafka.bootstrap, [self.topic(side)], count)

    def write(self, side: str, pk: int, chance: random.Random) -> None:
        """One write of a row, in one of the ways that there are."""
        rows = Skipping.objects.using(side)
        name = f"{side} {chance.randrange(10**6)}"
        row = rows.filter(pk=pk).first()
        if row is None:
            rows.create(pk=pk, name=name)
        elif (way := chance.randrange(5)) == 0:
            # The flag of a row that came from Kafka is written before the row is deleted.
            self.expected[side] += row.kafka_skip
            row.delete() if chance.randrange(2) else rows.filter(pk=pk).delete()
        elif way == 1:
            row.name = name
            row.save()
        elif way == 2:
            row.note = name
            row.save(update_fields=["note"])
        elif way == 3:
            rows.filter(pk=pk).update(name=name)
        else:
            rows.update_or_create(pk=pk, defaults={"note": name[:20]})
        self.expected[side] += 1

    def mark(self) -> None:
        """A last write on each side, until the other side has it: then it has all before."""
        self.marks += 1
        for number, side in enumerate(SIDES):
            Skipping.objects.using(side).update_or_create(pk=10**6 + number, defaults={"name": str(self.marks)})
            self.expected[side] += 1
        for number, side in enumerate(SIDES):
            there = Skipping.objects.using(PEER[side]).filter(pk=10**6 + number, name=str(self.marks))
            wait_until(there.exists, 90, f"{PEER[side]} has what {side} wrote")

    def rest(self) -> None:
        """Both have written everything of one another, and an echo of it would be in the topics."""
        self.mark()
        self.mark()


@pytest.fixture
def both(shared_kafka: KafkaServer, sides: PostgresServer, connect_server: ConnectServer, name: str) -> Pair:
    return Pair(shared_kafka, sides, connect_server, name)


def distinct(events: list[Plain]) -> set[tuple[Any, ...]]:
    """Without those that Connect has sent again after it was started again."""
    return {
        (value["source"]["lsn"], value["op"], event.key)
        for event in events
        for value in [json.loads(event.value or b"null")]
    }


def test_random_writes_come_to_rest(both: Pair, worker: Callable[..., Worker]) -> None:
    """In each round either side writes rows of its own, other ones each time. In the second round a consumer is
    started again, in the third Kafka Connect."""
    begin = time.monotonic()

    def start(side: str) -> Worker:
        settings = {**both.source.django_settings(), "NAME": side}
        return worker(
            bootstrap=both.kafka.bootstrap,
            group=f"{both.name}-{side}",
            topics=[both.topic(PEER[side])],
            consumers=[CONSUMER],
            settings_module="tests.live.project.shared_settings",
            database=settings,
        )

    workers = {side: start(side) for side in SIDES}
    chance = random.Random(7)
    rounds = 4
    for number in range(rounds):
        for n in range(WRITES // rounds):
            for turn, side in enumerate(SIDES):
                both.write(side, 2 * chance.randrange(ROWS) + (turn + number) % 2, chance)
            if n == WRITES // rounds // 2:
                if number == 1:
                    assert workers["east"].stop() == 0
                    workers["east"] = start("east")
                elif number == 2:
                    both.server.stop()
                    both.server.start()
        both.rest()
        assert contents_without_flag("east") == contents_without_flag("west")
        events = {side: both.events(side) for side in SIDES}
        if number < 2:
            assert {side: len(events[side]) for side in SIDES} == both.expected
        assert {side: len(distinct(events[side])) for side in SIDES} == both.expected
    messages = {side: len(events[side]) for side in SIDES}
    print(f"\nwritten {both.expected}, messages {messages}, {time.monotonic() - begin:.1f} s")


def contents_without_flag(side: str) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key != "kafka_skip"} for row in contents(Skipping, side)]
