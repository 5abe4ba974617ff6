# SPDX-License-Identifier: MIT
"""Topics that fail in every way at once: each message is done, in a retry topic, a dead letter or waiting, and stops
stay within their grace. Longer: SECONDS=600."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

import pytest

from django_kafka._native import AvroSchema, wire_prefix
from tests.live.project.run import Worker
from tests.live.servers import KafkaServer, PostgresServer, postgres, wait_until
from tests.live.ways import LIVING, MORTAL, PARTITIONS, STUCK, Account, Sender, account
from tests.py.schema_registry import SchemaRegistry

SECONDS = float(os.environ.get("SECONDS", "15"))
GRACE = 30.0
SCHEMA = '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "string"}]}'
CONFIG = {
    "auto.commit.interval.ms": 300,
    "fetch.wait.max.ms": 50,
    "topic.metadata.refresh.interval.ms": 2000,
    "session.timeout.ms": 6000,
}
# Where a failure ends the process, which is started again more and more slowly: in a long run the rest would wait.
MOST_MORTAL = 60
# Where a failure holds a partition up, a fifth as many messages.
TOPICS = [topic for topic in (*LIVING, *MORTAL) for _ in range(1 if topic in (*MORTAL, "blocking") else 5)]


@pytest.fixture
def database() -> Iterator[PostgresServer]:
    if reason := postgres.available():
        pytest.skip(reason)
    with PostgresServer() as server:
        server.psql("CREATE TABLE handled (id text)")
        yield server


@pytest.fixture
def registry() -> Iterator[SchemaRegistry]:
    with SchemaRegistry() as server:
        yield server


@pytest.fixture
def start(
    own_kafka: KafkaServer,
    name: str,
    database: PostgresServer,
    registry: SchemaRegistry,
    worker: Callable[..., Worker],
) -> Callable[[], Worker]:
    for topic in (*LIVING, *MORTAL):
        own_kafka.create_topic(topic, PARTITIONS)
    own_kafka.create_topic(f"{name}.{STUCK}.dlt", PARTITIONS, {"max.message.bytes": "2000"})
    return lambda: worker(
        bootstrap=own_kafka.bootstrap,
        group=name,
        topics=[],
        settings_module="tests.live.project.ways_settings",
        consumers=[],
        config=CONFIG,
        settings={
            "RETRY_CONSUMER_CONFIG": {"auto.offset.reset": "earliest", "topic.metadata.refresh.interval.ms": 500},
            "SCHEMA_REGISTRY": {"url": registry.url, "timeout": 3},
        },
        database=database.django_settings(),
        arguments=["--grace", f"{GRACE:g}"],
    )


def disturb(database: PostgresServer, registry: SchemaRegistry) -> Iterator[Callable[[], Any]]:
    """What happens to the surroundings, one after the other, without end."""

    def read_only(on: str) -> None:
        database.psql(f"ALTER SYSTEM SET default_transaction_read_only = {on}")
        database.psql("SELECT pg_reload_conf()")

    def answer(page: tuple[int, str, str] | None) -> None:
        registry.page = page

    yield lambda: answer((200, "text/html", "<h1>Hello</h1>"))
    yield database.stop
    yield database.start
    yield lambda: answer((404, "text/html", "<h1>Not found</h1>"))
    yield lambda: read_only("on")
    yield lambda: answer(None)
    yield lambda: read_only("off")
    yield lambda: database.psql("CREATE TABLE not_yet (id bigserial PRIMARY KEY, what text)")
    yield lambda: answer((503, "text/plain", "later"))
    yield database.kill
    yield database.start
    yield lambda: answer(None)


def stop(worker: Worker) -> None:
    begun = time.monotonic()
    assert worker.stop(GRACE * 3) == 0, worker.tail()
    assert time.monotonic() - begun < GRACE + 10, worker.tail()


@pytest.mark.timeout(SECONDS + 400)
def test_each_message_is_somewhere(
    own_kafka: KafkaServer, name: str, database: PostgresServer, registry: SchemaRegistry, start: Callable[[], Worker]
) -> None:
    number = registry.add("avro-value", SCHEMA)
    sender = Sender(own_kafka, "", wire_prefix(number) + AvroSchema(SCHEMA).encode({"a": "text"}), seed=7)
    worker = start()
    events = list(disturb(database, registry))
    begun, topics, pause = time.monotonic(), cycle(TOPICS), SECONDS / (len(events) + 1)
    sent: Counter[str] = Counter()
    for number, event in enumerate([*events, lambda: None]):
        while time.monotonic() - begun < (number + 1) * pause:
            topic = next(topics)
            sent[topic] += 1
            if topic not in MORTAL or sent[topic] <= MOST_MORTAL:
                sender.send(topic)
            time.sleep(0.025)
        event()
    stop(worker)  # in the middle of it
    sender.finish()

    middle = account(own_kafka, name, sender.produced, worker)
    assert middle.wrong() == {}, told(middle)

    worker = start()

    try:
        wait_until(
            lambda: not unsettled(account(own_kafka, name, sender.produced, worker)),
            180,
            "no message waits",
            interval=2,
        )
    finally:
        print(told(account(own_kafka, name, sender.produced, worker)))
    stop(worker)
    end = account(own_kafka, name, sender.produced, worker)
    assert end.wrong() == {}
    assert unsettled(end) == set()
    assert {place[0] for place in map(end.produced.__getitem__, end.waiting)} == {STUCK}, told(end)
    assert len(end.done) > len(end.dead) > 20
    assert sum(end.produced[name][0] == "unmigrated" for name in end.done) > 10, "its messages have waited"


def unsettled(found: Account) -> set[str]:
    """Messages that wait, but for those whose dead-letter topic does not take them."""
    return {name for name in found.waiting | found.retry if found.produced[name][0] != STUCK}


def told(found: Account) -> str:
    states = Counter((place[0], "+".join(found.states(name)) or "NOWHERE") for name, place in found.produced.items())
    return "\n".join(f"{count:6} {topic:12} {state}" for (topic, state), count in sorted(states.items()))
