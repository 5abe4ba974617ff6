# SPDX-License-Identifier: MIT
"""The example examples/both_ways: two projects write the same rows at the same time, their consumers are killed again
and again, and Kafka Connect in the middle. The tables end equal, and no change is sent that came from Kafka."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import OffsetSpec

from tests.live.clients import reference_consume
from tests.live.project.run import Worker
from tests.live.servers import ConnectServer, KafkaServer, PostgresServer
from tests.live.servers.postgres import USER
from tests.live.servers.process import ROOT, wait_until

WRITES = int(os.environ.get("LIVE_WRITES", "300"))  # on each side
ROUNDS = max(3, min(5, WRITES // 2000))
ORDERS = 40 if WRITES < 1000 else 200

pytestmark = pytest.mark.timeout(400 + WRITES // 4)  # three servers start, on a machine that is busy

EXAMPLE = ROOT / "examples" / "both_ways"
SIDES = ("east", "west")
PEER = dict(zip(SIDES, reversed(SIDES), strict=True))
CONSUMER = "consumer"  # what its connections are called; those of the project's own code: project
# Each change of a row: whose it is, and what has to be in its event.
AUDIT = """
CREATE TABLE audit (number uuid, version bigint, gone boolean, skip boolean, by_whom text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    now orders_order := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
BEGIN
    INSERT INTO audit VALUES (now.number, now.kafka_version, TG_OP = 'DELETE', now.kafka_skip,
                              current_setting('application_name'));
    RETURN NULL;
END $$;
CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON orders_order FOR EACH ROW EXECUTE FUNCTION note();
"""
Event = tuple[str, int, bool]


class Pair:
    """Both projects, each with its database and its consumer."""

    def __init__(
        self, kafka: KafkaServer, source: PostgresServer, connect: ConnectServer, start: Callable[..., Worker]
    ) -> None:
        self.kafka, self.source, self.connect, self._start = kafka, source, connect, start
        self.workers: dict[str, Worker] = {}
        self.killed = 0
        self.marks = 0
        for side in SIDES:
            source.psql(f"CREATE DATABASE {side}")
            kafka.create_topic(self.topic(side))
            self.manage(side, "migrate", "--verbosity", "0")
            self.manage(side, "makemigrations", "--check")
            self.sql(side, AUDIT)
            self.manage(side, "kafka_connect", "--publish")
            self.manage(side, "kafka_connect", "--check-status", "--wait", "60")

    def topic(self, side: str) -> str:
        return f"{side}.public.orders_order"

    def environment(self, side: str, who: str) -> dict[str, str]:
        return {
            "SIDE": side,
            "PYTHONPATH": f"{ROOT}:{EXAMPLE}",
            "DJANGO_SETTINGS_MODULE": "orders.settings",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.source.port),
            "PGUSER": USER,
            "PGAPPNAME": who,
            "KAFKA": self.kafka.bootstrap,
            "CONNECT": self.connect.url,
        }

    def command(self, side: str, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=EXAMPLE,
            env={**os.environ, **self.environment(side, "project")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def manage(self, side: str, *arguments: str) -> str:
        return finished(self.command(side, *arguments))

    def sql(self, side: str, text: str) -> str:
        return self.source.psql(text, database=side)

    def start_consumer(self, side: str) -> None:
        self.workers[side] = self._start(
            bootstrap=self.kafka.bootstrap,
            group="",
            topics=[],
            consumers=["orders.consumers.OrdersConsumer"],
            settings_module="orders.settings",
            environment=self.environment(side, CONSUMER),
        )

    def kill_consumer(self, side: str, applied: int) -> None:
        """Once it has made more changes than these."""
        wait_until(lambda: self.applied(side) > applied, 300, f"{side} has begun to read", interval=0.2)
        self.workers[side].kill_all()
        self.killed += 1
        self.start_consumer(side)

    def applied(self, side: str) -> int:
        """How many changes the side's consumer has made."""
        return int(self.sql(side, f"SELECT count(*) FROM audit WHERE by_whom = '{CONSUMER}'"))

    def rest(self) -> None:
        """A last write on each side, until the other side has it: then it has all before. Twice, so that an echo of
        it would be in the topics."""
        for _ in range(2):
            self.marks += 1
            wanted = {side: uuid.uuid4() for side in SIDES}
            for side in SIDES:
                self.sql(
                    side,
                    "SET application_name = 'project'; INSERT INTO orders_order VALUES "
                    f"(false, {self.marks}, '{wanted[side]}', 'mark', 1, '')",
                )
            for side in SIDES:
                there = f"SELECT 1 FROM orders_order WHERE number = '{wanted[side]}'"
                wait_until(partial(self.sql, PEER[side], there), 300, f"{PEER[side]} has all of {side}", interval=0.2)

    def contents(self, side: str) -> tuple[str, str]:
        """The rows, and the versions of those that are gone."""
        rows = "SELECT number, product, pieces, note, kafka_version FROM orders_order ORDER BY number"
        gone = (
            "SELECT key, version FROM django_kafka_deletedrow"
            " WHERE key NOT IN (SELECT number::text FROM orders_order) ORDER BY key"
        )
        return self.sql(side, rows), self.sql(side, gone)

    def due(self, side: str) -> list[Event]:
        """What the project's own code has changed. What its consumer has changed is marked."""
        assert self.sql(side, f"SELECT count(*) FROM audit WHERE skip <> (by_whom = '{CONSUMER}')") == "0"
        text = self.sql(side, "SELECT number, version, gone FROM audit WHERE NOT skip")
        lines = [line.split("|") for line in text.splitlines()]
        return sorted((number, int(version), gone == "t") for number, version, gone in lines)

    def sent(self, side: str) -> list[Event]:
        """All messages of the side's topic."""
        place = TopicPartition(self.topic(side), 0)
        count = self.kafka.admin.list_offsets({place: OffsetSpec.latest()})[place].result(30).offset
        values = [json.loads(m.value or b"") for m in reference_consume(self.kafka.bootstrap, [place.topic], count)]
        rows: list[tuple[dict[str, Any], bool]] = [
            (value["before" if value["op"] == "d" else "after"], value["op"] == "d") for value in values
        ]
        return sorted((row["number"], row["kafka_version"], gone) for row, gone in rows)


def finished(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=300 + WRITES // 4)
    assert process.returncode == 0, output
    return output


@pytest.fixture
def both(
    shared_kafka: KafkaServer, source: PostgresServer, connect_server: ConnectServer, worker: Callable[..., Worker]
) -> Pair:
    pair = Pair(shared_kafka, source, connect_server, worker)
    for side in SIDES:
        pair.start_consumer(side)
    return pair


def test_kills_leave_both_sides_equal(both: Pair) -> None:
    """In each round both write, and each consumer is killed while it writes; in the second, Kafka Connect is."""
    begin = time.monotonic()
    for number in range(ROUNDS):
        before = {side: both.applied(side) for side in SIDES}
        seeds = {side: f"{side} {number}" for side in SIDES}
        arguments = ("--orders", str(ORDERS), "--seed")
        count = str(WRITES // ROUNDS)
        writers = [both.command(side, "write_orders", count, *arguments, seeds[side]) for side in SIDES]
        for side in SIDES:
            both.kill_consumer(side, before[side])
        if number == 1:
            both.connect.process.kill()
            both.connect.start()
        for writer in writers:
            assert finished(writer).split()[-2:] == ["writes:", count]
        if number == 0:
            both.rest()
            for side in SIDES:
                assert both.sent(side) == both.due(side)  # nothing twice, nothing that came from Kafka
    both.rest()
    east, west = (both.contents(side) for side in SIDES)
    assert east == west
    figures = {}
    for side in SIDES:
        due, sent = both.due(side), both.sent(side)
        assert len(set(due)) == len(due)
        assert sorted(set(sent)) == due  # some twice, since Connect was killed
        figures[side] = {"due": len(due), "messages": len(sent), "echoes": len(set(sent).difference(due))}
    seconds = time.monotonic() - begin
    rows = len(east[0].splitlines())
    print(f"\n{WRITES} writes on each side: {figures}, {rows} rows, {both.killed} kills, {seconds:.1f} s")
