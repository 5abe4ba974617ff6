# SPDX-License-Identifier: MIT
"""Batches in transactions of a real PostgreSQL: what its errors and locks make of them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psycopg
import pytest

import tests.live.in_process  # noqa: F401  (configures Django)
from tests.live.servers import PostgresServer

from django.core.management import call_command  # isort: skip
from django.db import DatabaseError, connection, connections  # isort: skip
from django_kafka.consumer import Consumer, Topics  # isort: skip
from django_kafka.models import StoredOffset  # isort: skip
from django_kafka.testing.broker import LocalBroker, kafka_broker  # isort: skip
from django_kafka.testing.consumer import run_consumer_until  # isort: skip
from django_kafka.topic import TopicConsumer  # isort: skip

NUMBERS = [str(number) for number in range(20)]


@contextlib.contextmanager
def default_database(server: PostgresServer, options: dict[str, Any]) -> Iterator[None]:
    """The default alias is this server's."""
    from django.db.backends.postgresql.base import DatabaseWrapper

    before = connections["default"]
    wrapper = DatabaseWrapper({**before.settings_dict, "OPTIONS": options, **server.django_settings()})
    connections["default"] = wrapper
    try:
        yield
    finally:
        wrapper.close()
        connections["default"] = before


@pytest.fixture
def server(shared_postgres: PostgresServer) -> Iterator[PostgresServer]:
    """With the default alias, and tables that are dropped afterwards."""
    with default_database(shared_postgres, {}):
        call_command("migrate", verbosity=0)
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE written (id serial, value text NOT NULL)")
            cursor.execute("CREATE TABLE total (n integer)")
            cursor.execute("INSERT INTO total VALUES (0)")
        try:
            yield shared_postgres
        finally:
            with connection.cursor() as cursor:
                cursor.execute("DROP TABLE written, total")
            StoredOffset.objects.all().delete()


@pytest.fixture
def broker() -> Iterator[LocalBroker]:
    with kafka_broker({"events": 1}) as broker:
        broker.produce("events", *NUMBERS)
        yield broker


class Writer(TopicConsumer):
    name = "events"
    atomic = True
    batch_size = 20
    batch_timeout = 5

    def __init__(self, act: Callable[[list[str]], Any], **options: Any) -> None:
        self.act = act
        self.calls: list[list[str]] = []
        for option, value in options.items():
            setattr(self, option, value)

    def consume_batch(self, messages: Sequence[Any]) -> None:
        values = [msg.value().decode() for msg in messages]
        self.calls.append(values)
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO written (value) VALUES (%s)", [(value,) for value in values])
        self.act(values)


def consumer_of(topic: TopicConsumer, **members: Any) -> type[Consumer]:
    config = {"group.id": "g", "auto.offset.reset": "earliest"}
    return type("MyConsumer", (Consumer,), {"topics": Topics(topic), "config": config, **members})


def written() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM written ORDER BY id")
        return [value for (value,) in cursor.fetchall()]


def connect(server: PostgresServer) -> psycopg.Connection[Any]:
    """Somebody else's connection."""
    return psycopg.connect(host="127.0.0.1", port=server.port, user="lab", dbname="lab")


def test_a_swallowed_error_finishes_nothing(server: PostgresServer, broker: LocalBroker) -> None:
    """PostgreSQL answers COMMIT of such a transaction with ROLLBACK, and no error."""

    def act(values: list[str]) -> None:
        if "4" in values:
            with contextlib.suppress(DatabaseError), connection.cursor() as cursor:
                cursor.execute("INSERT INTO written (value) VALUES (NULL)")

    topic = Writer(act)
    run_consumer_until(consumer_of(topic), lambda: len(written()) >= 19)
    assert written() == [number for number in NUMBERS if number != "4"]
    assert [msg.value() for msg in broker.collect("g.events.dlt", 1)] == [b"4"]


def test_a_serialization_failure_is_tried_again(server: PostgresServer, broker: LocalBroker) -> None:
    def act(values: list[str]) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT n FROM total")
            if len(topic.calls) == 1:
                with connect(server) as other:
                    other.execute("UPDATE total SET n = n + 1")
            cursor.execute("UPDATE total SET n = n + 1")

    topic = Writer(act)
    repeatable = {"isolation_level": psycopg.IsolationLevel.REPEATABLE_READ}
    with default_database(server, repeatable):
        run_consumer_until(consumer_of(topic), lambda: len(written()) >= 20)
        assert written() == NUMBERS
    assert topic.calls[:2] == [NUMBERS, NUMBERS]
    assert server.psql("SELECT n FROM total") == "2"


def test_a_deadlock_is_tried_again(server: PostgresServer, broker: LocalBroker) -> None:
    server.psql("CREATE TABLE locks (id integer, n integer); INSERT INTO locks VALUES (1, 0), (2, 0)")
    threads: list[threading.Thread] = []
    update = "UPDATE locks SET n = n + 1 WHERE id = %s"

    def act(values: list[str]) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL deadlock_timeout = '50ms'")
            cursor.execute(update, [1])
            if len(topic.calls) == 1:
                other = connect(server)
                other.execute("SET deadlock_timeout = '1h'")
                other.execute(update, [2])

                def cross() -> None:
                    with other:
                        other.execute(update, [1])

                threads.append(threading.Thread(target=cross))
                threads[0].start()
            cursor.execute(update, [2])

    topic = Writer(act)
    try:
        run_consumer_until(consumer_of(topic), lambda: len(written()) >= 20)
        threads[0].join(30)
        assert written() == NUMBERS
        assert topic.calls == [NUMBERS, NUMBERS]
        assert server.psql("SELECT n FROM locks ORDER BY id") == "2\n2"
    finally:
        server.psql("DROP TABLE locks")


def test_a_late_transaction_of_another_member(server: PostgresServer, broker: LocalBroker) -> None:
    """It has handled the first twelve messages, holds the row's lock, and commits while we wait for it."""
    StoredOffset.objects.create(group="g", topic="events", partition=0, offset=0)
    threads: list[threading.Thread] = []

    def act(values: list[str]) -> None:
        if threads:
            return
        other = connect(server)
        other.execute('UPDATE django_kafka_storedoffset SET "offset" = 12 WHERE "group" = \'g\'')

        def end() -> None:
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            while server.psql(waiting) == "0":
                pass
            other.commit()
            other.close()

        threads.append(threading.Thread(target=end))
        threads[0].start()

    topic = Writer(act, offsets_in_database=True)
    run_consumer_until(consumer_of(topic), lambda: "19" in written())
    threads[0].join(30)
    assert written() == NUMBERS[12:]
    assert StoredOffset.objects.get().offset == 20


def test_sessions_that_are_cut_are_no_messages_fault(
    server: PostgresServer, broker: LocalBroker, caplog: pytest.LogCaptureFixture
) -> None:
    def act(values: list[str]) -> None:
        if len(topic.calls) == 1:
            pid = connection.connection.info.backend_pid
            server.psql(f"SELECT pg_terminate_backend({pid})")
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")

    topic = Writer(act, offsets_in_database=True)
    run_consumer_until(consumer_of(topic), lambda: len(written()) >= 20)
    assert written() == NUMBERS
    assert "the partition is paused until this message succeeds" in caplog.text
    assert "in halves" not in caplog.text
    assert StoredOffset.objects.get().offset == 20
