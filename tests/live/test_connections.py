# SPDX-License-Identifier: MIT
"""Consumers whose connections to PostgreSQL come from a pool: Django's, or PgBouncer's."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections

import tests.django_project  # noqa: F401
from django_kafka.testing import kafka_broker, run_consumer_until
from tests.live.model_tables import database
from tests.live.servers import PostgresServer, pgbouncer
from tests.py.django.helpers import Recorder, consumer_of
from tests.py.sync.helpers import DbzJSONTopic, topic_of
from tests.synced.models import Customer, contents, make_tables


@pytest.fixture(params=("pool", "pgbouncer"), scope="module")
def pooled(request: pytest.FixtureRequest) -> Iterator[tuple[str, PostgresServer]]:
    """The alias of a database behind a pool of two connections, and the server."""
    server = request.getfixturevalue("shared_postgres")
    if request.param == "pool":
        if importlib.util.find_spec("psycopg_pool") is None:
            pytest.skip("no psycopg_pool: install psycopg[pool]")
        options = {"OPTIONS": {"pool": {"min_size": 0, "max_size": 2, "timeout": 10}}}
        with database("pooled", {**server.django_settings(), **options}) as alias:
            yield from _tables(alias, server)
            connections[alias].close_pool()  # type: ignore[attr-defined]
        return
    if reason := pgbouncer.available():
        pytest.skip(reason)
    with pgbouncer.PgBouncer(server) as bouncer, database("pooled", bouncer.django_settings()) as alias:
        yield from _tables(alias, server)


def _tables(alias: str, server: PostgresServer) -> Iterator[tuple[str, PostgresServer]]:
    server.psql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    make_tables(alias)
    with connections[alias].cursor() as cursor:
        cursor.execute("CREATE TABLE pooled (value varchar(20) UNIQUE)")
    connections[alias].close()
    yield alias, server
    connections[alias].close()


def test_messages_one_by_one(pooled: tuple[str, PostgresServer]) -> None:
    """One becomes a dead letter, and the connection goes on with the others."""
    alias, server = pooled
    server.psql("TRUNCATE pooled")

    def act(msg: Any) -> None:
        with connections[alias].cursor() as cursor:
            cursor.execute("INSERT INTO pooled VALUES (%s)", [msg.value().decode()])

    topic = Recorder("events", act)
    with kafka_broker(topics=["events", "pooled.events.dlt"]) as broker:
        broker.produce("events", *(str(number).encode() for number in range(30)), b"7")
        cls = consumer_of(topic, group="pooled")
        run_consumer_until(cls, lambda: len(broker.collect("pooled.events.dlt")) == 1)
        assert [letter.value() for letter in broker.collect("pooled.events.dlt")] == [b"7"]
    assert server.psql("SELECT count(*) FROM pooled") == "30"
    connections[alias].close()
    assert int(server.psql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'lab' AND state <> 'active'")) <= 2


def test_in_transactions(pooled: tuple[str, PostgresServer]) -> None:
    alias, server = pooled
    server.psql("TRUNCATE pooled")

    class Topic(Recorder):
        atomic = True
        using = alias

    def act(msg: Any) -> None:
        with connections[alias].cursor() as cursor:
            cursor.execute("INSERT INTO pooled VALUES (%s)", [msg.value().decode()])
        if msg.value() == b"3":
            raise ValueError

    with kafka_broker(topics=["events", "atomic.events.dlt"]) as broker:
        broker.produce("events", *(str(number).encode() for number in range(5)))
        cls = consumer_of(Topic("events", act), group="atomic")
        run_consumer_until(cls, lambda: "4" in server.psql("SELECT value FROM pooled").split())
    assert server.psql("SELECT string_agg(value, ',' ORDER BY value) FROM pooled") == "0,1,2,4"


def names(alias: str) -> set[str]:
    return {row["name"] for row in contents(Customer, alias)}


def test_rows_by_copy(pooled: tuple[str, PostgresServer]) -> None:
    """Each transaction may have another connection of the server."""
    alias, server = pooled
    server.psql(f'TRUNCATE "{Customer._meta.db_table}" CASCADE')
    newest = {f"n{number}" for number in range(200, 300)}
    topic = topic_of(Customer, DbzJSONTopic, name="customers", using=alias, batch_size=50)
    with kafka_broker(topics=["customers"]) as broker:
        for number in range(300):
            value = json.dumps({"id": number % 100, "name": f"n{number}"})
            broker.produce("customers", value, key=json.dumps({"id": number % 100}))
        run_consumer_until(consumer_of(topic, group="rows"), lambda: names(alias) == newest)
