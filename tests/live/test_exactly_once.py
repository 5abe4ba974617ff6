# SPDX-License-Identifier: MIT
"""With offsets_in_database nothing has its effect twice and nothing is left out, whoever is killed when."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from signal import SIGQUIT
from typing import Any

import confluent_kafka
import pytest

from tests.live.servers import KafkaServer, PostgresServer, postgres
from tests.live.servers.process import ROOT, wait_until

PARTITIONS = 3
ROUNDS = 8


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """Nobody else's. What it has committed outlives its processes."""
    if reason := postgres.available():
        pytest.skip(reason)
    with PostgresServer(options={"synchronous_commit": "on"}) as found:
        yield found


class Events:
    """Rows that are written and deleted, and numbers that are to be counted once each."""

    def __init__(self, chance: random.Random, bootstrap: str, topics: list[str]) -> None:
        self.chance, self.topics = chance, topics
        self.producer = confluent_kafka.Producer({"bootstrap.servers": bootstrap})
        self.rows: dict[int, str] = {}
        self.counted = 0

    def produce(self, count: int) -> None:
        for _ in range(count):
            key = self.chance.randrange(200)
            name = None if self.chance.random() < 0.2 else f"n{self.chance.randrange(10**6)}"
            value = None if name is None else json.dumps({"id": key, "name": name}).encode()
            if name is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = name
            self.producer.produce(self.topics[0], value, json.dumps({"id": key}), partition=key % PARTITIONS)
            self.producer.produce(self.topics[1], str(self.counted), partition=self.counted % PARTITIONS)
            self.counted += 1
        self.producer.flush(30)


class Process:
    """tests.live.exactly_once, which can be killed."""

    def __init__(self, options: dict[str, Any], log: Path) -> None:
        self.options, self.log = options, log

    def start(self, *more: str) -> None:
        command = [sys.executable, "-m", "tests.live.exactly_once", json.dumps(self.options), *more]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)


def counted(server: PostgresServer) -> tuple[int, int]:
    """How many numbers there are, and the most often that one was counted."""
    count, most = server.psql("SELECT count(*), coalesce(max(n), 0) FROM counted").split("|")
    return int(count), int(most)


def written(server: PostgresServer) -> dict[int, str]:
    found = server.psql("SELECT json_object_agg(id, name) FROM synced_order")
    return {int(key): name for key, name in json.loads(found or "{}").items()}


@pytest.mark.parametrize("mode", ["auto", "instances"])
@pytest.mark.timeout(300)
def test_each_effect_once(mode: str, broker: KafkaServer, server: PostgresServer, name: str, tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    topics = [f"{name}-rows", f"{name}-counts"]
    for topic in topics:
        broker.create_topic(topic, partitions=PARTITIONS)
    options = {
        "bootstrap": broker.bootstrap,
        "group": name,
        "topics": topics,
        "database": server.django_settings(),
        "mode": mode,
    }
    events = Events(chance, broker.bootstrap, topics)
    process = Process(options, tmp_path / "worker.log")
    process.start("migrate")
    assert process.process.wait(60) == 0, process.log.read_text()
    process.start()
    try:
        for _ in range(ROUNDS):
            before = counted(server)[0]
            count = chance.randrange(100, 600)
            events.produce(count)
            enough = before + chance.randrange(1, count)  # somewhere in the middle, as a rule
            wait_until(lambda enough=enough: counted(server)[0] >= enough, 60, "some of it is counted")
            if chance.random() < 0.5:
                process.kill()
                process.start()
            else:
                server.process.stop(number=SIGQUIT)  # immediate shutdown: it recovers from its log
                server.start()
        wait_until(lambda: counted(server)[0] == events.counted, 90, "all is counted")
        wait_until(lambda: written(server) == events.rows, 60, "the rows are the last ones")
        assert counted(server) == (events.counted, 1)
    except BaseException:
        print(process.log.read_text()[-8000:])
        raise
    finally:
        process.kill()
