# SPDX-License-Identifier: MIT
"""DebeziumPostgresConnector with a real PostgreSQL and a real Kafka Connect: what it needs, and what it sends."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import Consumer
from django.core.management import call_command
from django.db import models
from django.test import override_settings

from tests.live.servers import ConnectServer, KafkaServer, PostgresServer
from tests.live.servers.process import wait_until

import tests.live.in_process  # noqa: F401  isort: skip  (configures Django)
from django_kafka import DjangoKafka
from django_kafka.checks import check_replication
from django_kafka.connect.connector import Prerequisite
from django_kafka.connect.debezium import DebeziumPostgresConnector
from django_kafka.connect.models import KafkaConnectSkipModel
from django_kafka.registry import ConnectorsRegistry
from tests.live.model_tables import database

pytestmark = pytest.mark.timeout(300)


class Thing(models.Model):
    id = models.IntegerField(primary_key=True)
    name = models.TextField()

    class Meta:
        app_label = "ready"
        db_table = "thing"


class Flagged(KafkaConnectSkipModel):
    id = models.IntegerField(primary_key=True)

    class Meta:
        app_label = "ready"
        db_table = "flagged"


class Things(DebeziumPostgresConnector):
    models = [Thing]
    using = "ready"
    topic_prefix = "ready"
    options = {"slot.drop.on.stop": "true", "database.hostname": "127.0.0.1"}


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """at(server): a database "ready" of the project is there, as long as the test lasts."""
    with contextlib.ExitStack() as stack:
        yield lambda server: stack.enter_context(database("ready", server.django_settings()))


def told(user: str) -> list[Prerequisite]:
    cls = type("Things", (Things,), {"options": {**Things.options, "database.user": user}})
    return object.__new__(cls).prerequisites()


def test_a_server_that_was_not_prepared(
    shared_postgres: PostgresServer, at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(shared_postgres)
    found = told("nobody")
    texts = [each.text for each in found]
    assert texts[0] == "wal_level is replica, not logical."
    assert found[0].remedy.startswith("ALTER SYSTEM SET wal_level = 'logical';")
    assert "There is no role 'nobody'." in texts
    assert 'There is no table "public"."thing".' in texts
    monkeypatch.setattr(DjangoKafka, "connectors", ConnectorsRegistry())
    DjangoKafka.connectors()(Things)
    warned = check_replication(databases=["ready"])
    assert [message for message in warned if message.is_serious()] == [], "migrate would not pass"
    assert [message.msg for message in warned] == ["Connector Things: wal_level is replica, not logical."]


def test_each_remedy_mends_it(source: PostgresServer, at: Any) -> None:
    at(source)
    source.psql('CREATE TABLE thing (id int, name text); CREATE ROLE "le reader" LOGIN')
    source.psql("SELECT pg_create_logical_replication_slot('left_behind', 'pgoutput')")
    mended = []
    for _ in range(9):
        found = told("le reader")
        if not found:
            break
        mended.append(found[0].text.split(";")[0])
        source.psql(found[0].remedy)
    assert mended == [
        "Nobody reads the replication slot left_behind",
        "The role le reader may not replicate.",
        '"public"."thing" has no replica identity: PostgreSQL would refuse updates and deletes of its rows.',
        'The role le reader may not read "public"."thing".',
        "There is no publication things, and the role le reader may not create it.",
    ]
    source.psql("ALTER PUBLICATION things DROP TABLE thing")
    ((severity, text, remedy),) = [(each.severity, each.text, each.remedy) for each in told("le reader")]
    assert severity == "warning"
    assert text.startswith('The publication things leaves out "public"."thing".')
    source.psql(remedy)
    assert told("le reader") == []


def test_flagged_tables_need_their_old_rows(source: PostgresServer, at: Any) -> None:
    """Unless the flag is not looked at."""
    at(source)
    source.psql("DROP TABLE IF EXISTS flagged; CREATE TABLE flagged (id int PRIMARY KEY, kafka_skip bool)")
    config = {"models": [Flagged], "options": {**Things.options, "database.user": "lab"}}

    def missing(**more: Any) -> list[Prerequisite]:
        found = object.__new__(type("Things", (Things,), {**config, **more})).prerequisites()
        return [each for each in found if "flagged" in each.text and "IDENTITY" in each.text]

    assert missing(skip_own=False) == []
    (found,) = missing()
    assert (found.severity, found.text.split(":")[0]) == (
        "warning",
        '"public"."flagged" has no REPLICA IDENTITY FULL',
    )
    source.psql(found.remedy)
    assert missing() == []


def test_the_check_of_a_database_says_it(source: PostgresServer, at: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    at(source)
    registry = ConnectorsRegistry()
    registry()(type("Others", (Things,), {"options": {**Things.options, "database.user": "stranger"}}))
    monkeypatch.setattr(DjangoKafka, "connectors", registry)
    assert check_replication(databases=None) == check_replication(databases=["default"]) == []
    found = check_replication(databases=["ready"])
    assert ("django_kafka.W032", "Connector Others: There is no role 'stranger'.") in [
        (message.id, message.msg) for message in found
    ]


def test_a_generated_configuration_works(
    source: PostgresServer,
    shared_kafka: KafkaServer,
    connect_server: ConnectServer,
    at: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at(source)
    source.psql("DROP TABLE IF EXISTS thing; CREATE TABLE thing (id int PRIMARY KEY, name text)")
    source.psql("INSERT INTO thing VALUES (1, 'one')")
    source.psql("DROP TABLE IF EXISTS flagged; CREATE TABLE flagged (id int PRIMARY KEY, kafka_skip bool)")
    source.psql("ALTER TABLE flagged REPLICA IDENTITY FULL")
    source.psql("INSERT INTO flagged VALUES (1, false), (2, true), (3, false)")
    registry = ConnectorsRegistry()
    registry()(type("Things", (Things,), {"models": [Thing, Flagged], "heartbeat_ms": 200}))
    monkeypatch.setattr(DjangoKafka, "connectors", registry)
    out = io.StringIO()
    with override_settings(DJANGO_KAFKA={"CONNECT_HOST": connect_server.url, "CONNECT_RETRY": None}):
        flags = ("--validate", "--publish", "--wait", "60")
        call_command("kafka_connect", *flags, stdout=out, skip_checks=True, no_color=True)
    source.psql("UPDATE thing SET name = 'two'; DELETE FROM thing")
    messages = read(shared_kafka, "ready.public.thing", 3)
    source.psql("UPDATE flagged SET kafka_skip = true WHERE id = 1; DELETE FROM flagged WHERE kafka_skip")
    source.psql("INSERT INTO flagged VALUES (4, false); DELETE FROM flagged WHERE id = 3")
    flagged = read(shared_kafka, "ready.public.flagged", 4)
    connect_server.delete("Things")
    assert out.getvalue().splitlines()[-1] == "Things: RUNNING"
    rows = [None if value is None else (value["id"], value["name"], value["__op"]) for value in messages]
    assert rows[:2] == [(1, "one", "r"), (1, "two", "u")]
    assert messages[2] is None
    # 2, the update of 1 and the deletions of both came from Kafka, and no tombstones follow these.
    assert [value and value["id"] for value in flagged] == [1, 3, 4, None]


def read(kafka: KafkaServer, topic: str, count: int) -> list[dict[str, Any] | None]:
    """The first values of a topic."""
    client = Consumer(
        {"bootstrap.servers": kafka.bootstrap, "group.id": "ready-connectors", "auto.offset.reset": "earliest"}
    )
    found: list[dict[str, Any] | None] = []

    def all_are_there() -> bool:
        for message in client.consume(count - len(found), 0.5):
            if message.error() is None:
                value = message.value()
                found.append(None if value is None else json.loads(value))
        return len(found) >= count

    client.subscribe([topic])
    try:
        wait_until(all_are_there, 60, f"{count} messages are in {topic}")
    finally:
        client.close()
    return found
