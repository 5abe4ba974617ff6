# SPDX-License-Identifier: MIT
"""Handlers in transactions, and offsets that are stored with what they write."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from django.core.management import call_command
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import F

from django_kafka.consumer import Consumer
from django_kafka.exceptions import BatchError, ConfigurationError, UnavailableError
from django_kafka.models import StoredOffset
from django_kafka.retry.consumer import RetryConsumer
from django_kafka.retry.settings import RetrySettings
from django_kafka.testing.broker import LocalBroker, kafka_broker
from django_kafka.testing.consumer import run_consumer_until
from django_kafka.topic import TopicConsumer
from tests.py.django.helpers import consumer_of

NUMBERS = [str(number).encode() for number in range(20)]

Act = Callable[[list[bytes]], Any]


@pytest.fixture
def broker() -> Iterator[LocalBroker]:
    with kafka_broker({"events": 1, "pair": 2, "g.events.dlt": 1, "g.events.retry.1": 1}) as broker:
        yield broker


@pytest.fixture(autouse=True)
def tables() -> Iterator[None]:
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE written (value varchar(20) NOT NULL)")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE written")
    StoredOffset.objects.all().delete()
    connection.close()


def write(values: list[bytes]) -> None:
    with connection.cursor() as cursor:
        for value in values:
            cursor.execute("INSERT INTO written VALUES (%s)", [value.decode()])


def written() -> list[bytes]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM written ORDER BY rowid")
        return [value.encode() for (value,) in cursor.fetchall()]


def rows() -> dict[tuple[str, str, int], int]:
    return {(row.group, row.topic, row.partition): row.offset for row in StoredOffset.objects.all()}


def committed(cls: type[Consumer], topic: str = "events", partition: int = 0) -> int:
    consumer = cls()
    try:
        return consumer.committed([TopicPartition(topic, partition)], 10)[0].offset
    finally:
        consumer.stop()


class Writer(TopicConsumer):
    """Writes values into the table, then acts, which may raise."""

    name = "events"

    def __init__(self, act: Act | None = None, **options: Any) -> None:
        self.act = act
        self.calls: list[list[bytes]] = []
        for option, value in options.items():
            setattr(self, option, value)

    def consume_batch(self, messages: Sequence[Any]) -> None:
        self.work([msg.value() for msg in messages])

    def work(self, values: list[bytes]) -> None:
        self.calls.append(values)
        write(values)
        if self.act:
            self.act(values)


class SingleWriter(Writer):
    def consume(self, msg: Any) -> None:
        self.work([msg.value()])


def poison(*wrong: bytes) -> Act:
    def act(values: list[bytes]) -> None:
        for value in values:
            if value in wrong:
                raise ValueError(f"no {value!r}")

    return act


class Once:
    """Acts in the first calls only."""

    def __init__(self, *acts: Act) -> None:
        self.acts = list(acts)

    def __call__(self, values: list[bytes]) -> None:
        if self.acts:
            self.acts.pop(0)(values)


def raises(exc: BaseException) -> Act:
    def act(values: list[bytes]) -> None:
        raise exc

    return act


def locked(values: list[bytes]) -> None:
    """As SQLite says it, through Django."""
    cause = __import__("sqlite3").OperationalError("database is locked")
    cause.sqlite_errorcode = 5
    raise OperationalError("database is locked") from cause


class TestAtomic:
    @pytest.mark.parametrize("topic_class", [Writer, SingleWriter])
    def test_a_call_that_fails_leaves_nothing(self, broker: LocalBroker, topic_class: type[Writer]) -> None:
        topic = topic_class(poison(b"5", b"11"), atomic=True)
        cls = consumer_of(topic, group="g")
        broker.produce("events", *NUMBERS)
        consumer = run_consumer_until(cls, lambda: len(written()) >= 18)
        assert written() == [number for number in NUMBERS if number not in (b"5", b"11")]
        assert {msg.value() for msg in broker.collect("g.events.dlt", 2)} == {b"5", b"11"}
        assert committed(cls) == 20
        assert "in a transaction" in consumer.plan().explain()

    @pytest.mark.parametrize("name", ["consume", "poll"])
    def test_on_the_other_paths(self, broker: LocalBroker, name: str) -> None:
        members = {name: lambda self, *args: getattr(Consumer, name)(self, *args)}
        topic = Writer(poison(b"5"), atomic=True)
        broker.produce("events", *NUMBERS)
        run_consumer_until(consumer_of(topic, group="g", **members), lambda: len(written()) >= 19)
        assert written() == [number for number in NUMBERS if number != b"5"]

    def test_without_it_a_handler_cares_for_itself(self, broker: LocalBroker) -> None:
        topic = Writer(Once(raises(ValueError("the first time"))), batch_size=20, batch_timeout=5)
        broker.produce("events", *NUMBERS)
        run_consumer_until(consumer_of(topic, group="g"), lambda: set(written()) == set(NUMBERS) and topic.calls[2:])
        assert len(written()) > 20

    def test_batch_error_commits_the_others(self, broker: LocalBroker) -> None:
        class Topic(Writer):
            def consume_batch(self, messages: Sequence[Any]) -> None:
                self.calls.append([])
                failures: dict[int, Exception] = {}
                for i, msg in enumerate(messages):
                    try:
                        with transaction.atomic():
                            write([msg.value()])
                            if msg.value() in (b"3", b"7"):
                                raise ValueError("no")
                    except ValueError as error:
                        failures[i] = error
                if failures:
                    raise BatchError(failures)

        topic = Topic(atomic=True, batch_size=20, batch_timeout=5)
        cls = consumer_of(topic, group="g")
        broker.produce("events", *NUMBERS)
        run_consumer_until(cls, lambda: len(written()) >= 18)
        assert written() == [number for number in NUMBERS if number not in (b"3", b"7")]
        assert len(topic.calls) == 1
        assert committed(cls) == 20

    @pytest.mark.parametrize("answers", [False, True], ids=["returns", "BatchError"])
    def test_a_transaction_that_is_broken_finishes_nothing(self, broker: LocalBroker, answers: bool) -> None:
        """A handler that has caught the error of a statement: what it did before would silently be undone."""

        def act(values: list[bytes]) -> None:
            if b"4" not in values:
                return
            with (
                pytest.raises(IntegrityError),
                transaction.atomic(savepoint=False),
                connection.cursor() as cursor,
            ):
                cursor.execute("INSERT INTO written VALUES (NULL)")
            if answers:
                raise BatchError({values.index(b"4"): IntegrityError("null")})

        topic = Writer(act, atomic=True)
        cls = consumer_of(topic, group="g")
        broker.produce("events", *NUMBERS)
        run_consumer_until(cls, lambda: len(written()) >= 19)
        assert written() == [number for number in NUMBERS if number != b"4"]
        letters = broker.collect("g.events.dlt", 1)
        assert [msg.value() for msg in letters] == [b"4"]
        summary = dict(letters[0].headers())["DEAD_LETTER_SUMMARY"]
        assert summary == b"null" if answers else b"nothing that it did can be committed" in summary
        assert committed(cls) == 20

    @pytest.mark.parametrize("topic_class", [Writer, SingleWriter])
    def test_conflicts_are_tried_again(self, broker: LocalBroker, topic_class: type[Writer]) -> None:
        topic = topic_class(Once(locked, locked), atomic=True)
        broker.produce("events", *NUMBERS)
        run_consumer_until(consumer_of(topic, group="g"), lambda: len(written()) >= 20)
        assert written() == NUMBERS
        assert topic.calls[0] == topic.calls[1] == topic.calls[2]

    @pytest.mark.parametrize("topic_class", [Writer, SingleWriter])
    def test_a_conflict_that_lasts_is_no_messages_fault(
        self, broker: LocalBroker, log: pytest.LogCaptureFixture, topic_class: type[Writer]
    ) -> None:
        topic = topic_class(Once(*[locked] * 4), atomic=True)
        cls = consumer_of(topic, group="g")
        broker.produce("events", *NUMBERS)
        run_consumer_until(cls, lambda: len(written()) >= 20)
        assert written() == NUMBERS
        assert "Others are in the way of this transaction" in log.text
        assert committed(cls) == 20


STORED = {"atomic": True, "offsets_in_database": True}


class TestStoredOffsets:
    @pytest.mark.parametrize("topic_class", [Writer, SingleWriter])
    def test_a_row_for_each_partition(self, broker: LocalBroker, topic_class: type[Writer]) -> None:
        topic = topic_class(name="pair", **STORED)
        cls = consumer_of(topic, group="g")
        for partition in (0, 1):
            broker.produce("pair", *NUMBERS, partition=partition)
        consumer = run_consumer_until(cls, lambda: len(written()) >= 40)
        assert rows() == {("g", "pair", 0): 20, ("g", "pair", 1): 20}
        assert (committed(cls, "pair", 0), committed(cls, "pair", 1)) == (20, 20)
        assert "in a transaction that stores their offsets" in consumer.plan().explain()

    @pytest.mark.parametrize("row", [0, 5, 12, 20])
    def test_the_consumer_begins_at_the_row(self, broker: LocalBroker, row: int) -> None:
        """Whatever was committed to Kafka: 10."""
        cls = consumer_of(Writer(**STORED), group="g")
        broker.produce("events", *NUMBERS)
        other = consumer_of(Writer(), group="g")()
        other.commit(offsets=[TopicPartition("events", 0, 10)], asynchronous=False)
        other.stop()
        StoredOffset.objects.create(group="g", topic="events", partition=0, offset=row)
        StoredOffset.objects.create(group="other", topic="events", partition=0, offset=3)
        broker.produce("events", b"last")
        run_consumer_until(cls, lambda: b"last" in written())
        assert written() == [*NUMBERS[row:], b"last"]
        assert rows() == {("g", "events", 0): 21, ("other", "events", 0): 3}

    def test_without_a_row_it_begins_where_the_group_stands(self, broker: LocalBroker) -> None:
        broker.produce("events", *NUMBERS)
        other = consumer_of(Writer(), group="g")()
        other.commit(offsets=[TopicPartition("events", 0, 10)], asynchronous=False)
        other.stop()
        run_consumer_until(consumer_of(Writer(**STORED), group="g"), lambda: b"19" in written())
        assert written() == NUMBERS[10:]

    def test_a_subscribe_without_callables_begins_there_too(self, broker: LocalBroker) -> None:
        cls = consumer_of(
            Writer(**STORED), group="g", subscribe=lambda self, topics: self._consumer.subscribe(topics=topics)
        )
        StoredOffset.objects.create(group="g", topic="events", partition=0, offset=12)
        broker.produce("events", *NUMBERS)
        run_consumer_until(cls, lambda: b"19" in written())
        assert written() == NUMBERS[12:]

    def test_what_fails_is_not_written_and_its_offset_follows(self, broker: LocalBroker) -> None:
        topic = Writer(poison(b"5", b"11", b"19"), **STORED)
        cls = consumer_of(topic, group="g")
        broker.produce("events", *NUMBERS)
        run_consumer_until(cls, lambda: len(written()) >= 17 and rows()["g", "events", 0] == 20)
        assert written() == [number for number in NUMBERS if number not in (b"5", b"11", b"19")]
        assert {msg.value() for msg in broker.collect("g.events.dlt", 3)} == {b"5", b"11", b"19"}

    def test_batch_error_keeps_the_order_of_offsets(self, broker: LocalBroker) -> None:
        seen: list[dict[Any, int]] = []

        def act(values: list[bytes]) -> None:
            seen.append(rows())
            wrong = {i: ValueError("no") for i, value in enumerate(values) if value in (b"5", b"11")}
            if wrong:
                raise BatchError(wrong)

        topic = Writer(act, batch_size=20, batch_timeout=5, **STORED)
        cls = consumer_of(topic, group="g")
        broker.produce("events", *NUMBERS)
        run_consumer_until(cls, lambda: len(written()) >= 18)
        assert written() == [number for number in NUMBERS if number not in (b"5", b"11")]
        assert topic.calls == [NUMBERS, NUMBERS[:5], NUMBERS[6:], NUMBERS[6:11], NUMBERS[12:]]
        assert [row.get(("g", "events", 0)) for row in seen] == [None, None, 5, 5, 11]

    def test_a_message_that_waits_holds_the_row(self, broker: LocalBroker) -> None:
        rules = RetrySettings(max_retries=5, delay=0.1, blocking=True)
        at: list[int | None] = []

        def act(values: list[bytes]) -> None:
            if values == [b"5"]:
                at.append(rows().get(("g", "events", 0)))
            if b"5" in values and len(at) < 3:
                raise ValueError("not yet")

        topic = Writer(act, retry_settings=rules, **STORED)
        broker.produce("events", *NUMBERS)
        run_consumer_until(consumer_of(topic, group="g"), lambda: len(written()) >= 20)
        assert written() == NUMBERS
        assert at == [5, 5, 5]

    def test_somebody_else_moves_the_row(self, broker: LocalBroker, log: pytest.LogCaptureFixture) -> None:
        """As a member does that had the partition before, and whose transaction ends late."""

        def act(values: list[bytes]) -> None:
            StoredOffset.objects.filter(offset=3).update(offset=12)

        StoredOffset.objects.create(group="g", topic="events", partition=0, offset=3)
        broker.produce("events", *NUMBERS)

        class Topic(Writer):
            def consume_batch(self, messages: Sequence[Any]) -> None:
                super().consume_batch(messages)

        topic = Topic(**STORED)
        cls = consumer_of(topic, group="g")
        moved: list[bool] = []

        def between(self: Consumer) -> None:
            """After the assignment has looked at the row, before its messages are handled."""
            if self.counters()["fetched"] and not moved:
                moved.append(True)
                act([])
            Consumer.resume_partitions(self)

        cls.resume_partitions = between  # type: ignore[method-assign]
        run_consumer_until(cls, lambda: b"19" in written())
        assert written() == NUMBERS[12:]
        assert topic.calls[0][0] == b"3"
        assert "It goes on from there" in log.text
        assert rows() == {("g", "events", 0): 20}

    def test_by_hand_it_goes_back_too(self, broker: LocalBroker) -> None:
        cls = consumer_of(Writer(**STORED), group="g")
        broker.produce("events", *NUMBERS)

        def between(self: Consumer) -> None:
            if rows() == {("g", "events", 0): 20} and len(written()) == 20:
                StoredOffset.objects.update(offset=15)
                broker.produce("events", b"last")
            Consumer.resume_partitions(self)

        cls.resume_partitions = between  # type: ignore[method-assign]
        run_consumer_until(cls, lambda: b"last" in written())
        assert written() == [*NUMBERS, *NUMBERS[15:], b"last"]
        assert rows() == {("g", "events", 0): 21}

    def test_somebody_else_makes_the_row(self, broker: LocalBroker) -> None:
        topic = Writer(**STORED)
        cls = consumer_of(topic, group="g")
        broker.produce("events", *NUMBERS)

        def between(self: Consumer) -> None:
            if self.counters()["fetched"] and not rows():
                StoredOffset.objects.create(group="g", topic="events", partition=0, offset=7)
            Consumer.resume_partitions(self)

        cls.resume_partitions = between  # type: ignore[method-assign]
        run_consumer_until(cls, lambda: b"19" in written())
        assert written() == NUMBERS[7:]

    def test_a_partition_that_is_taken_away_commits_nothing(
        self, broker: LocalBroker, log: pytest.LogCaptureFixture
    ) -> None:
        running: list[Any] = []

        def act(values: list[bytes]) -> None:
            if len(topic.calls) == 1:
                running[0].seek(TopicPartition("events", 0, 0))

        topic = Writer(act, **STORED)
        cls = consumer_of(topic, group="g")
        broker.produce("events", *NUMBERS)

        def remember(self: Consumer) -> None:
            running[:] = [self]
            Consumer.resume_partitions(self)

        cls.resume_partitions = remember  # type: ignore[method-assign]
        run_consumer_until(cls, lambda: len(written()) >= 20)
        assert written() == NUMBERS
        assert "was revoked while" in log.text

    def test_a_topic_that_was_made_anew(self, broker: LocalBroker) -> None:
        """Its row is of the old one, which was longer."""
        StoredOffset.objects.create(group="g", topic="events", partition=0, offset=1000)
        broker.produce("events", *NUMBERS)
        cls = consumer_of(Writer(**STORED), group="g", config={"auto.offset.reset": "earliest"})
        run_consumer_until(cls, lambda: b"19" in written())
        assert written() == NUMBERS
        assert rows() == {("g", "events", 0): 20}

    def test_of_retry_topics_too(self, broker: LocalBroker) -> None:
        rules = RetrySettings(max_retries=2, delay=0.1, blocking=False)
        topic = Writer(poison(b"4"), retry_settings=rules, **STORED)
        cls = consumer_of(topic, group="g")
        retries = RetryConsumer.build(cls)
        assert retries is not None
        broker.produce("events", *NUMBERS[:8])
        run_consumer_until(cls, lambda: len(written()) >= 7)
        topic.act = None
        broker.collect("g.events.retry.1", 1)
        run_consumer_until(retries, lambda: b"4" in written())
        assert Counter(written()) == Counter(NUMBERS[:8])
        assert rows()[("g", "events", 0)] == 8
        assert 1 in rows().values()

    @pytest.mark.parametrize("name", ["consume", "poll"])
    def test_not_on_the_other_paths(self, broker: LocalBroker, name: str) -> None:
        members = {name: lambda self, *args: getattr(Consumer, name)(self, *args)}
        consumer = consumer_of(Writer(**STORED), group="g", **members)()
        with pytest.raises(ConfigurationError, match=rf"Writer stores offsets in the database, .*: {name}\(\) is"):
            consumer.run()

    def test_an_unreadable_row_is_looked_up_later(
        self, broker: LocalBroker, log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from django_kafka.consumer.offsets import StoredOffsets

        look_up = StoredOffsets._look_up
        tries: list[int] = []

        def flaky(self: Any, using: str, place: Any) -> Any:
            tries.append(1)
            if len(tries) == 1:
                raise OperationalError("no such luck")
            return look_up(self, using, place)

        monkeypatch.setattr(StoredOffsets, "_look_up", flaky)
        StoredOffset.objects.create(group="g", topic="events", partition=0, offset=12)
        broker.produce("events", *NUMBERS)
        run_consumer_until(consumer_of(Writer(**STORED), group="g"), lambda: b"19" in written())
        assert written() == NUMBERS[12:]
        assert "cannot be read: " in log.text


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"atomic": True}, STORED], ids=["plain", "atomic", "stored"])
@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_happens_nothing_is_left_out(broker: LocalBroker, seed: int, options: dict[str, bool]) -> None:
    """Random failures of every kind: of single messages, of calls, of the surroundings, of the row. With offsets in
    the database, each message is written once, and in order."""
    dice = random.Random(seed)
    everything = [[b"%s%d" % (name, i) for i in range(400)] for name in (b"a", b"b")]
    poisonous = set(dice.sample(everything[0] + everything[1], 12))
    flaky = {value: dice.randint(1, 2) for value in dice.sample(everything[0] + everything[1], 30)}
    troubles: list[Act] = [
        locked,
        raises(ValueError("a call for nothing")),
        raises(UnavailableError("gone")),
        raises(BatchError({-5: ValueError()})),
        lambda values: StoredOffset.objects.update(offset=F("offset")),
    ]
    if options:
        troubles.append(lambda values: transaction.set_rollback(True))

    def act(values: list[bytes]) -> None:
        if troubles and dice.random() < 0.1:
            troubles.pop(dice.randrange(len(troubles)))(values)
        failures: dict[int, Exception] = {}
        for i, value in enumerate(values):
            if value in poisonous or (i == 0 and dice.random() < 0.01):
                failures[i] = ValueError(f"no {value!r}")
            elif flaky.get(value):
                flaky[value] -= 1
                failures[i] = ValueError(f"not yet {value!r}")
        if failures and dice.random() < 0.5:
            raise BatchError(failures)
        for failure in failures.values():
            raise failure

    rules = RetrySettings(max_retries=40, delay=0.01, blocking=True, log_every=1000)
    topic = Writer(act, name="pair", batch_size=50, retry_settings=rules, **options)

    def should_retry(msg: Any, attempt: int, exc: BaseException) -> bool:
        return msg.value() not in poisonous

    rules.should_retry = should_retry  # type: ignore[method-assign]
    cls = consumer_of(topic, group="g", config={"auto.commit.interval.ms": 100})
    for partition, values in enumerate(everything):
        broker.produce("pair", *values, partition=partition)
    wanted = [[value for value in values if value not in poisonous] for values in everything]
    ends = [TopicPartition("pair", partition) for partition in (0, 1)]
    running: list[Consumer] = []

    def remember(self: Consumer) -> None:
        running[:] = [self]
        Consumer.resume_partitions(self)

    def is_over() -> bool:
        done = {*wanted[0], *wanted[1]} <= set(written())
        return done and [end.offset for end in running[0].committed(ends, 10)] == [400, 400]

    cls.resume_partitions = remember  # type: ignore[method-assign]
    run_consumer_until(cls, is_over, timeout=90)
    assert {msg.value() for msg in broker.collect("g.pair.dlt", len(poisonous))} == poisonous
    if options == STORED:
        assert rows() == {("g", "pair", partition): 400 for partition in (0, 1)}
        for values in wanted:
            assert [value for value in written() if value[:1] == values[0][:1]] == values
