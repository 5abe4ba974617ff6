# SPDX-License-Identifier: MIT
"""run_consumer_until() inside the test cases of Django, and connections between batches."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.backends.signals import connection_created
from django.test import SimpleTestCase, TestCase
from django.test.testcases import DatabaseOperationForbidden

from django_kafka.consumer import Consumer
from django_kafka.failures import database
from django_kafka.testing import kafka_broker, run_consumer_until
from django_kafka.topic import TopicConsumer
from tests.py.django.helpers import Recorder, consumer_of


@pytest.fixture(autouse=True, scope="module")
def table() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE inside_tests (value varchar(20) UNIQUE)")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE inside_tests")
    connection.close()


def insert(value: str) -> None:
    """As a model's save() does it: what fails marks the transaction around it."""
    with transaction.mark_for_rollback_on_error(using="default"), connection.cursor() as cursor:
        cursor.execute("INSERT INTO inside_tests VALUES (%s)", [value])


def found() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM inside_tests ORDER BY value")
        return [value for (value,) in cursor.fetchall()]


def write(msg: Any) -> None:
    insert(f"{msg.value().decode()}-a")
    insert(msg.value().decode())


class Batches(TopicConsumer):
    name = "events"

    def __init__(self) -> None:
        self.values: list[bytes] = []

    def consume_batch(self, messages: Any) -> None:
        for msg in messages:
            write(msg)
        self.values += [msg.value() for msg in messages]


def consuming(self: Consumer, msg: Any) -> bool | None:
    return Consumer.consume(self, msg)


def processing(self: Consumer, msg: Any) -> None:
    Consumer.process_message(self, msg)


PATHS: dict[str, dict[str, Any]] = {
    "direct": {},
    "hooks": {"consume": consuming},
    "poll": {"process_message": processing},
}


class InTransaction(TestCase):
    """What fails in a handler does not end the test's transaction."""

    databases = {"default"}

    def check(self, topic: Any, **members: Any) -> None:
        insert("taken")
        with kafka_broker(topics=["events", "in-test.events.dlt"]) as broker:
            broker.produce("events", b"one", b"taken", b"two")
            run_consumer_until(consumer_of(topic, group="in-test", **members), lambda: "two" in found())
            assert [message.value() for message in broker.collect("in-test.events.dlt")] == [b"taken"]
        assert {"one", "one-a", "taken", "two", "two-a"} <= set(found())
        assert not connection.needs_rollback
        assert len(connection.savepoint_ids) == 1  # the test's own

    def test_direct(self) -> None:
        self.check(Recorder("events", write), **PATHS["direct"])

    def test_hooks(self) -> None:
        self.check(Recorder("events", write), **PATHS["hooks"])

    def test_poll(self) -> None:
        self.check(Recorder("events", write), **PATHS["poll"])

    def test_batches(self) -> None:
        self.check(Batches())

    def test_what_a_handler_wrote_before_its_own_exception_stays(self) -> None:
        """As without a transaction."""

        def act(msg: Any) -> None:
            insert(msg.value().decode())
            raise ValueError

        with kafka_broker(topics=["events", "in-test.events.dlt"]) as broker:
            broker.produce("events", b"kept")
            cls = consumer_of(Recorder("events", act), group="in-test")
            run_consumer_until(cls, lambda: len(broker.collect("in-test.events.dlt")) == 1)
        assert found() == ["kept"]


class WithoutDatabase(SimpleTestCase):
    """No database is touched but by handlers."""

    @classmethod
    def setUpClass(cls) -> None:
        connection.ensure_connection()  # an earlier test has left it
        super().setUpClass()

    def test_none_is_touched(self) -> None:
        driver = connection.connection
        assert driver is not None
        connection.errors_occurred, before = True, connection.errors_occurred
        topic = Recorder()
        try:
            with kafka_broker(topics=["events"]) as broker:
                broker.produce("events", b"x", b"y")
                run_consumer_until(consumer_of(topic), lambda: len(topic.values) == 2)
        finally:
            connection.errors_occurred = before
        assert connection.connection is driver

    def test_what_a_handler_touches_is_its_failure(self) -> None:
        errors: list[BaseException] = []

        def act(msg: Any) -> None:
            try:
                found()
            except BaseException as error:
                errors.append(error)
                raise

        with kafka_broker(topics=["events", "in-test.events.dlt"]) as broker:
            broker.produce("events", b"x")
            cls = consumer_of(Recorder("events", act), group="in-test")
            run_consumer_until(cls, lambda: len(broker.collect("in-test.events.dlt")) == 1)
        assert [type(error) for error in errors] == [DatabaseOperationForbidden]


def test_a_connection_for_several_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """CONN_MAX_AGE=0: batches of one message that follow one another fast do not connect one by one."""
    monkeypatch.setattr(database, "IDLE_SECONDS", 3600.0)  # this machine may be slow
    made: list[Any] = []
    connection.close()

    def note(sender: Any, connection: Any, **kwargs: Any) -> None:
        made.append(connection)

    topic = Recorder("events", lambda msg: found())
    connection_created.connect(note)
    try:
        with kafka_broker(topics=["events"]) as broker:
            first = threading.Event()

            def feed() -> None:
                for number in range(20):
                    broker.produce("events", str(number).encode())
                    first.set()

            feeder = threading.Thread(target=feed)
            feeder.start()
            first.wait()
            run_consumer_until(consumer_of(topic, polling_freq=0.01), lambda: len(topic.values) == 20)
            feeder.join()
    finally:
        connection_created.disconnect(note)
    assert len(made) == 1


def test_a_connection_is_closed_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    found()
    driver = connection.connection
    database.refresh()
    assert connection.connection is driver
    monkeypatch.setattr(database, "LONGEST_LIFE", 0.0)
    database.refresh()
    assert connection.connection is None


def test_a_connection_of_a_pool_is_given_back_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found()
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"pool": True})
    database.refresh()
    assert connection.connection is None


def test_other_ages_are_djangos(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 60)
    connection.close()
    found()
    close_at = connection.close_at
    database.refresh()
    assert connection.connection is not None
    assert connection.close_at == close_at
    connection.close_at = 0.0
    database.refresh()
    assert connection.connection is None
