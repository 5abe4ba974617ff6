# SPDX-License-Identifier: MIT
"""The real loop on the embedded broker: what arrives, in which order, and what is committed."""

from __future__ import annotations

import enum
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.serialization import MessageField, SerializationError
from django.db import connection, transaction
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from django_kafka import kafka
from django_kafka._native import Stopped
from django_kafka.consumer import Consumer
from django_kafka.consumer.plan import Path
from django_kafka.consumer.results import _reported
from django_kafka.exceptions import ConfigurationError, DjangoKafkaError
from django_kafka.failures import database
from django_kafka.producer import suppress
from django_kafka.testing.broker import LocalBroker, kafka_broker
from django_kafka.testing.consumer import run_consumer_until
from django_kafka.topic import Topic
from tests.py.django.helpers import FailTimes, Recorder, consumer_of

NUMBERS = [str(number).encode() for number in range(20)]


@pytest.fixture
def broker() -> Iterator[LocalBroker]:
    with kafka_broker({"events": 1, "many": 4}) as broker:
        yield broker


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Backoff in hundredths of a second."""
    monkeypatch.setattr("django_kafka.consumer.managers.Backoff.__init__", _quick_backoff)


def _quick_backoff(self: Any, first: float = 0.01, longest: float = 0.05) -> None:
    from django_kafka.consumer.managers import RetryManager

    self.first, self.longest, self._failures = 0.01, 0.05, RetryManager()


def committed(cls: type[Consumer], topic: str = "events", partition: int = 0) -> int:
    consumer = cls()
    try:
        (found,) = consumer.committed([TopicPartition(topic, partition)], 10)
        return found.offset
    finally:
        consumer.stop()


def test_messages_arrive_in_order_and_are_committed(broker: LocalBroker) -> None:
    topic = Recorder()
    cls = consumer_of(topic)
    broker.produce("events", *NUMBERS, key=b"k")
    consumer = run_consumer_until(cls, lambda: len(topic.seen) >= 20)
    assert consumer.plan().path is not None
    assert topic.seen == [(b"k", number) for number in NUMBERS]
    assert committed(cls) == 20


def test_next_run_goes_on_where_the_last_ended(broker: LocalBroker) -> None:
    topic = Recorder()
    cls = consumer_of(topic)
    for start in (0, 10):
        broker.produce("events", *NUMBERS[start : start + 10])
        run_consumer_until(cls, lambda: len(topic.seen) >= start + 10)  # noqa: B023
    assert topic.values == NUMBERS


def test_several_topics_and_partitions(broker: LocalBroker) -> None:
    events, many = Recorder("events"), Recorder("many")
    for partition in range(4):
        broker.produce("many", *NUMBERS, partition=partition)
    broker.produce("events", *NUMBERS)
    run_consumer_until(consumer_of(events, many), lambda: len(events.seen) + len(many.seen) >= 100)
    assert events.values == NUMBERS
    for partition in range(4):
        offsets = [offset for _, number, offset in many.calls if number == partition]
        assert offsets == list(range(20))


def test_pattern(broker: LocalBroker) -> None:
    topic = Recorder("^(even|man).*")
    broker.produce("events", b"1")
    broker.produce("many", b"2")
    run_consumer_until(consumer_of(topic), lambda: len(topic.seen) >= 2)
    assert sorted(topic.values) == [b"1", b"2"]


def test_d38_pattern_that_matches_everything_passes_over_its_own_dead_letters(
    broker: LocalBroker, log: pytest.LogCaptureFixture
) -> None:
    topic = Recorder("^.*")
    cls = consumer_of(topic, group="g")
    broker.create_topic("g.events.dlt")
    broker.produce("g.events.dlt", b"letter")
    broker.produce("events", b"1")
    run_consumer_until(cls, lambda: topic.seen and "passes over g.events.dlt" in log.text)
    assert topic.values == [b"1"]


def test_what_a_message_carries(broker: LocalBroker) -> None:
    found: list[Any] = []
    topic = Recorder(act=lambda msg: found.append((msg.key(), msg.value(), msg.headers(), msg.timestamp())))
    now = int(time.time() * 1000)
    broker.produce("events", b"v", key=b"k", headers=[("a", b"1"), ("a", b"2"), ("b", None)], timestamp=now)
    broker.produce("events", None, key=b"gone", timestamp=now)
    broker.produce("events", b"", timestamp=now)
    run_consumer_until(consumer_of(topic), lambda: len(found) >= 3)
    assert found == [
        (b"k", b"v", [("a", b"1"), ("a", b"2"), ("b", None)], (1, now)),
        (b"gone", None, None, (1, now)),
        (None, b"", None, (1, now)),
    ]


def test_topics_own_producer_and_deserializer(broker: LocalBroker) -> None:
    found: list[Any] = []

    class Words(Topic):
        name = "events"

        def consume(self, msg: Any) -> None:
            key = self.deserialize(msg.key(), MessageField.KEY, msg.headers())
            found.append((key, self.deserialize(msg.value(), MessageField.VALUE, msg.headers())))

    topic = Words()
    topic.produce("ä", key="1")
    topic.produce_many(["b", "c"], keys=["2", "3"])
    with suppress(["events"]):
        topic.produce("never")
    kafka.producer.flush(10)
    run_consumer_until(consumer_of(topic), lambda: len(found) >= 3)
    assert found == [("1", "ä"), ("2", "b"), ("3", "c")]


class TestFailures:
    """Without retry settings and with a dead-letter topic that cannot be produced to: the message waits."""

    @pytest.fixture(autouse=True)
    def _no_dead_letters(self, monkeypatch: pytest.MonkeyPatch, quick: None) -> None:
        def refuse(*_args: Any, **_kwargs: Any) -> None:
            raise ConfigurationError("no dead letters in this test")

        monkeypatch.setattr("django_kafka.dead_letter.topic.DeadLetterTopicProducer.produce_for", refuse)

    @pytest.mark.parametrize("members", [{}, {"consume": Consumer.consume.__get__}], ids=["direct", "hooks"])
    def test_failing_message_comes_again_in_order(
        self, broker: LocalBroker, log: pytest.LogCaptureFixture, members: dict[str, Any]
    ) -> None:
        members = {"consume": lambda self, msg: Consumer.consume(self, msg)} if members else {}
        topic = Recorder(act=FailTimes(3, b"5"))
        cls = consumer_of(topic, **members)
        broker.produce("events", *NUMBERS)
        consumer = run_consumer_until(cls, lambda: len(topic.seen) >= 20)
        assert consumer.plan().path is (Path.HOOKS if members else Path.DIRECT)
        assert topic.values == NUMBERS
        assert [offset for *_, offset in topic.calls] == [*range(6), 5, 5, *range(5, 20)]
        assert log.text.count("the partition is paused until this message succeeds") == 3
        assert log.text.count("exceptions.ConfigurationError: no dead letters") == 1, "one traceback for all"
        assert "(topic=events partition=0 offset=5)" in log.text
        assert committed(cls) == 20

    def test_failing_message_comes_again_when_messages_are_polled(self, broker: LocalBroker) -> None:
        topic = Recorder(act=FailTimes(3, b"5"))
        cls = consumer_of(topic, process_message=lambda self, msg: Consumer.process_message(self, msg))
        broker.produce("events", *NUMBERS)
        consumer = run_consumer_until(cls, lambda: len(topic.seen) >= 20, 30)
        assert consumer.plan().path is Path.POLL
        assert topic.values == NUMBERS
        assert committed(cls) == 20

    def test_other_partitions_go_on(self, broker: LocalBroker) -> None:
        fail = FailTimes(10**9, b"bad")
        topic = Recorder("many", act=fail)
        cls = consumer_of(topic)
        broker.produce("many", b"bad", b"behind", partition=0)
        for partition in (1, 2, 3):
            broker.produce("many", *NUMBERS, partition=partition)
        run_consumer_until(cls, lambda: len(topic.seen) >= 60 and fail.failed >= 3)
        assert b"behind" not in topic.values
        assert committed(cls, "many", 0) in (-1001, 0)
        assert committed(cls, "many", 1) == 20

    def test_undecodable_bytes(self, broker: LocalBroker, log: pytest.LogCaptureFixture) -> None:
        class Words(Topic):
            name = "events"
            tries = 0

            def consume(self, msg: Any) -> None:
                type(self).tries += 1
                self.deserialize(msg.value(), MessageField.VALUE)

        broker.produce("events", b"\xff\xfe")
        cls = consumer_of(Words())
        run_consumer_until(cls, lambda: Words.tries >= 2)
        assert SerializationError.__name__ in log.text
        assert committed(cls) in (-1001, 0)

    @pytest.mark.parametrize("kind", ["coroutine", "generator"])
    def test_handler_that_did_not_run(self, broker: LocalBroker, log: pytest.LogCaptureFixture, kind: str) -> None:
        async def coroutine() -> None: ...

        def generator() -> Iterator[None]:
            yield None

        topic = Recorder(act=lambda _msg: {"coroutine": coroutine, "generator": generator}[kind]())
        cls = consumer_of(topic)
        broker.produce("events", b"1")
        run_consumer_until(cls, lambda: len(topic.calls) >= 2)
        assert "The handler of 'events' did not run" in log.text
        assert committed(cls) in (-1001, 0)

    def test_consumers_own_nonsense(self, broker: LocalBroker, log: pytest.LogCaptureFixture) -> None:
        calls: list[Any] = []
        _reported.clear()
        cls = consumer_of(Recorder(), consume=lambda _self, msg: calls.append(msg) or "nonsense")
        broker.produce("events", b"1", b"2")
        run_consumer_until(cls, lambda: len(calls) >= 2)
        assert log.text.count("returned 'nonsense'") == 1
        assert committed(cls) == 2

    def test_false_means_not_done(self, broker: LocalBroker, log: pytest.LogCaptureFixture) -> None:
        results = iter([False, False, True])
        topic = Recorder()

        def consume(self: Consumer, msg: Any) -> bool:
            return Consumer.consume(self, msg) and next(results)  # type: ignore[return-value]

        broker.produce("events", b"1")
        cls = consumer_of(topic, consume=consume)
        run_consumer_until(cls, lambda: len(topic.seen) >= 3)
        assert log.text.count("it is not done (False)") == 2
        assert committed(cls) == 1

    def test_topic_of_nobody(self, broker: LocalBroker, log: pytest.LogCaptureFixture) -> None:
        topic = Recorder("events")
        consumer = consumer_of(topic)

        class Assigned(consumer):  # type: ignore[misc, valid-type]
            def start(self, stop_event: Any = None) -> None:
                self.assign([TopicPartition("events", 0, 0), TopicPartition("many", 0, 0)])

        broker.produce("events", b"1")
        broker.produce("many", b"2", partition=0)
        run_consumer_until(Assigned, lambda: topic.seen and "No topic registered for `many`" in log.text)
        assert topic.values == [b"1"]

    def test_d03_database_connection_that_broke(self, broker: LocalBroker) -> None:
        def act(msg: Any) -> None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            if msg.value() == b"1":
                connection.connection.close()  # as a server that goes away: Django does not know

        topic = Recorder(act=act)
        broker.produce("events", *NUMBERS[:5])
        run_consumer_until(consumer_of(topic), lambda: len(topic.seen) >= 5)
        assert topic.values == NUMBERS[:5]

    def test_transaction_around_the_consumer_stays(self, broker: LocalBroker) -> None:
        """A TestCase runs in one: the loop must not close its connection, and not forget the queries it counts."""

        def act(msg: Any) -> None:
            with connection.cursor() as cursor:
                cursor.execute("INSERT INTO seen VALUES (%s)", [msg.value().decode()])

        topic = Recorder(act=act)
        broker.produce("events", *NUMBERS[:5])
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE seen (value text)")
        try:
            with transaction.atomic(), CaptureQueriesContext(connection) as queries:
                run_consumer_until(consumer_of(topic), lambda: len(topic.seen) >= 5)
                transaction.set_rollback(True)
            assert sum("INSERT" in query["sql"] for query in queries) == 5
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM seen")
                assert cursor.fetchone() == (0,)
        finally:
            with connection.cursor() as cursor:
                cursor.execute("DROP TABLE seen")


def test_handlers_value_is_ignored_and_reported_once(broker: LocalBroker, log: pytest.LogCaptureFixture) -> None:
    topic = Recorder(act=lambda msg: f"value {msg.offset()}")
    broker.produce("events", *NUMBERS)
    cls = consumer_of(topic)
    with override_settings():
        run_consumer_until(cls, lambda: len(topic.seen) >= 20)
    assert log.text.count("It should return None") <= 1
    assert committed(cls) == 20


class TestStopping:
    def test_message_in_hand_is_finished_the_rest_comes_again(self, broker: LocalBroker) -> None:
        running: list[Consumer] = []

        def act(msg: Any) -> None:
            if msg.value() == b"7":
                running[0].request_stop()

        topic = Recorder(act=act)
        cls = consumer_of(topic)
        broker.produce("events", *NUMBERS)
        running.append(cls())
        running[0].run()
        assert topic.values == NUMBERS[:8]
        assert committed(cls) == 8
        again = Recorder()
        run_consumer_until(consumer_of(again, group=cls.config["group.id"]), lambda: len(again.seen) >= 12)
        assert again.values == NUMBERS[8:]

    @pytest.mark.parametrize("make", [threading.Event], ids=["threading"])
    def test_start_with_an_event_is_the_whole_loop(self, broker: LocalBroker, make: Callable[[], Any]) -> None:
        event = make()
        topic = Recorder(act=lambda msg: event.set() if msg.value() == b"19" else None)
        broker.produce("events", *NUMBERS)
        cls = consumer_of(topic)
        cls().start(event)
        assert topic.values == NUMBERS
        assert committed(cls) == 20

    def test_start_is_the_loop_as_in_later_versions(self, broker: LocalBroker) -> None:
        running: list[Consumer] = []
        topic = Recorder(act=lambda msg: running[0].request_stop() if msg.value() == b"19" else None)
        broker.produce("events", *NUMBERS)
        cls = consumer_of(topic)
        running.append(cls())
        running[0].start()
        assert topic.values == NUMBERS
        assert committed(cls) == 20

    def test_start_of_a_later_version_may_prepare_and_go_on(self, broker: LocalBroker) -> None:
        """kafka_consume calls run(), which calls start(), which calls the original."""
        prepared: list[Any] = []

        def start(self: Any, stop_event: Any = None) -> None:
            prepared.append(stop_event)
            Consumer.start(self, stop_event)

        topic = Recorder()
        broker.produce("events", *NUMBERS)
        cls = consumer_of(topic, start=start)
        run_consumer_until(cls, lambda: len(topic.seen) >= 20)
        assert (topic.values, prepared) == (NUMBERS, [None])

    def test_start_with_an_event_inside_of_run_does_not_loop_twice(self, broker: LocalBroker) -> None:
        def start(self: Any, stop_event: Any = None) -> None:
            Consumer.start(self, stop_event or threading.Event())

        topic = Recorder()
        broker.produce("events", *NUMBERS)
        cls = consumer_of(topic, start=start)
        run_consumer_until(cls, lambda: len(topic.seen) >= 20)
        assert topic.values == NUMBERS

    def test_run_of_the_projects_own_subscribes_by_start(self, broker: LocalBroker) -> None:
        """As a project of version 0.5 may have it."""
        topic = Recorder()

        def run(self: Any) -> None:
            self.start()
            while len(topic.seen) < 20:
                if (msg := self.poll()) is not None:
                    self.process_message(msg)
            self.stop()

        broker.produce("events", *NUMBERS)
        cls = consumer_of(topic, run=run)
        cls().run()
        assert topic.values == NUMBERS

    def test_start_while_it_runs_is_refused(self, broker: LocalBroker) -> None:
        running: list[Consumer] = []
        refused: list[str] = []

        def act(msg: Any) -> None:
            with pytest.raises(DjangoKafkaError, match="is running already") as caught:
                running[0].start()
            refused.append(str(caught.value))
            running[0].request_stop()

        broker.produce("events", b"0")
        running.append(consumer_of(Recorder(act=act))())
        running[0].run()
        assert len(refused) == 1

    def test_stop_wakes_a_waiting_consumer(self, broker: LocalBroker) -> None:
        with override_settings(DJANGO_KAFKA=_with(POLLING_FREQUENCY=60)):
            consumer = consumer_of(Recorder())()
            timer = threading.Timer(0.3, consumer.request_stop)
            timer.start()
            began = time.monotonic()
            consumer.run()
            assert time.monotonic() - began < 10
            timer.join()

    def test_exception_that_is_no_exception_stops_and_counts_nothing(self, broker: LocalBroker) -> None:
        topic = Recorder(act=FailTimes(1, b"3", error=KeyboardInterrupt))  # type: ignore[arg-type]
        cls = consumer_of(topic)
        broker.produce("events", *NUMBERS)
        with pytest.raises(KeyboardInterrupt):
            cls().run()
        assert topic.values == NUMBERS[:3]
        assert committed(cls) == 3

    def test_cannot_run_after_it_was_stopped(self, broker: LocalBroker) -> None:
        consumer = consumer_of(Recorder())()
        consumer.stop()
        with pytest.raises(Exception, match=r"(?i)closed|stop"):
            consumer.run()


class TestHooks:
    def test_overridden_methods_are_called_in_order(self, broker: LocalBroker) -> None:
        calls: list[str] = []

        def wrap(name: str) -> Any:
            def method(self: Consumer, *args: Any) -> Any:
                calls.append(name)
                return getattr(Consumer, name)(self, *args)

            return method

        names = ("process_message", "consume", "get_topic", "commit_offset")
        topic = Recorder()
        cls = consumer_of(topic, **{name: wrap(name) for name in names})
        broker.produce("events", b"1")
        run_consumer_until(cls, lambda: topic.seen)
        assert calls == list(names)
        assert committed(cls) == 1

    def test_suppressed_consumption(self, broker: LocalBroker) -> None:
        """The README's way to sync without echoing."""

        class Echo(Topic):
            name = "events"
            handled = 0

            def consume(self, msg: Any) -> None:
                self.produce("echo")
                type(self).handled += 1

        cls = consumer_of(Echo(), consume=suppress(["events"])(lambda self, msg: Consumer.consume(self, msg)))
        broker.produce("events", b"1")
        run_consumer_until(cls, lambda: Echo.handled)
        assert len(broker.collect("events")) == 1

    def test_filter_in_process_message(self, broker: LocalBroker) -> None:
        """What is neither committed nor failed is covered by the next message that is committed."""

        def process(self: Consumer, msg: Any) -> None:
            if int(msg.value()) % 2:
                Consumer.process_message(self, msg)

        topic = Recorder()
        cls = consumer_of(topic, process_message=process)
        broker.produce("events", *NUMBERS)
        run_consumer_until(cls, lambda: len(topic.seen) >= 10)
        assert topic.values == NUMBERS[1::2]
        assert committed(cls) == 20

    def test_commit_by_hand(self, broker: LocalBroker) -> None:
        def commit(self: Consumer, msg: Any) -> None:
            if msg.offset() == 4:
                self.commit(message=msg, asynchronous=False)

        topic = Recorder()
        cls = consumer_of(topic, commit_offset=commit)
        broker.produce("events", *NUMBERS)
        run_consumer_until(cls, lambda: len(topic.seen) >= 20)
        assert committed(cls) == 5

    def test_overridden_poll(self, broker: LocalBroker) -> None:
        polls: list[Any] = []

        def poll(self: Consumer) -> Any:
            polls.append(Consumer.poll(self))
            return polls[-1]

        topic = Recorder()
        cls = consumer_of(topic, poll=poll)
        broker.produce("events", *NUMBERS)
        run_consumer_until(cls, lambda: len(topic.seen) >= 20)
        assert len([msg for msg in polls if msg is not None]) == 20
        assert committed(cls) == 20

    def test_poll_and_process_message_by_hand(self, broker: LocalBroker) -> None:
        topic = Recorder()
        cls = consumer_of(topic)
        broker.produce("events", *NUMBERS)
        consumer = cls()
        consumer.subscribe()
        while len(topic.seen) < 20:
            if (msg := consumer.poll()) is not None:
                consumer.process_message(msg)
        consumer.request_stop()
        with pytest.raises(Stopped):
            consumer.poll()
        consumer.stop()
        assert topic.values == NUMBERS
        assert committed(cls) == 20


class Answer(str, enum.Enum):
    """Whose str() is not its value."""

    NO = "false"


@pytest.mark.parametrize("no", ["false", 0, b"false", Answer.NO])
def test_commit_after_each_batch(broker: LocalBroker, no: Any) -> None:
    seen: list[int] = []

    def act(msg: Any) -> None:
        seen.append(msg.offset())

    cls = consumer_of(Recorder(act=act), config={"enable.auto.commit": no})
    broker.produce("events", *NUMBERS)
    marks: list[int] = []

    def condition() -> bool:
        if len(seen) < 20:
            return False
        marks.append(committed(cls))
        return marks[-1] == 20

    run_consumer_until(cls, condition)
    assert marks[-1] == 20


def test_missing_group_names_class_and_setting(broker: LocalBroker) -> None:
    cls = type("Groupless", (Consumer,), {"topics": consumer_of(Recorder()).topics, "config": {}})
    with pytest.raises(ConfigurationError, match=r"Groupless is wrong.*set 'group.id' in .*Groupless\.config"):
        cls()


def test_wrong_key_is_named(broker: LocalBroker) -> None:
    with pytest.raises(ConfigurationError, match=r"bootstrap\.server\b"):
        consumer_of(Recorder(), config={"bootstrap.server": "x"})()


def test_slow_handler_is_reported_while_it_runs(broker: LocalBroker, log: pytest.LogCaptureFixture) -> None:
    def act(msg: Any) -> None:
        end = time.monotonic() + 10
        while "A handler has been running" not in log.text and time.monotonic() < end:
            time.sleep(0.01)

    topic = Recorder(act=act)
    broker.produce("events", b"1")
    with override_settings(DJANGO_KAFKA=_with(SLOW_HANDLER_SECONDS=0.1)):
        run_consumer_until(consumer_of(topic), lambda: topic.seen)
    assert "(topic=events partition=0 offset=0)" in log.text


class TestDatabase:
    def test_connections_are_looked_after_around_batches_only_when_used(
        self, broker: LocalBroker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        topic = Recorder()
        refreshed: list[int] = []
        monkeypatch.setattr(database, "in_use", lambda: False)
        monkeypatch.setattr(database, "refresh", lambda: refreshed.append(1))
        broker.produce("events", b"1")
        cls = consumer_of(topic)
        run_consumer_until(cls, lambda: topic.seen)
        assert refreshed == []
        monkeypatch.setattr(database, "in_use", lambda: True)
        broker.produce("events", b"2")
        run_consumer_until(cls, lambda: len(topic.seen) > 1)
        assert len(refreshed) == 2

    def test_query_log_does_not_grow(self, broker: LocalBroker, settings_debug: None) -> None:
        def act(msg: Any) -> None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")

        topic = Recorder(act=act)
        broker.produce("events", *NUMBERS)
        connection.close()  # or it would be the test's
        run_consumer_until(consumer_of(topic), lambda: len(topic.seen) >= 20)
        assert len(connection.queries_log) == 0

    def test_idle_time_within_a_batch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = [0.0]
        refreshed: list[float] = []
        monkeypatch.setattr(database.time, "monotonic", lambda: now[0])
        monkeypatch.setattr(database, "refresh", lambda: refreshed.append(now[0]))
        handle = database.guard(lambda msg: msg)
        for now[0] in (1.0, 2.0, 20.0, 21.0, 22.0, 40.0):
            assert handle(1) == 1
        assert refreshed == [20.0, 40.0]


@pytest.fixture
def settings_debug() -> Iterator[None]:
    with override_settings(DEBUG=True):
        yield


def _with(**changes: Any) -> dict[str, Any]:
    from django.conf import settings

    return {**settings.DJANGO_KAFKA, **changes}
