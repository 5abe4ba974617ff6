# SPDX-License-Identifier: MIT
"""Topics that take batches: what becomes of each message of a call, on the embedded broker."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from django_kafka._native import Claim
from django_kafka.consumer import Consumer
from django_kafka.exceptions import BatchError, UnavailableError
from django_kafka.retry.consumer import RetryConsumer
from django_kafka.retry.settings import RetrySettings
from django_kafka.testing.broker import LocalBroker, kafka_broker
from django_kafka.testing.consumer import run_consumer_until
from django_kafka.topic import TopicConsumer
from tests.py.django.helpers import consumer_of

NUMBERS = [str(number).encode() for number in range(20)]


class Batches(TopicConsumer):
    """Keeps the values of each call, and of those that went well; `act` may raise."""

    name = "events"

    def __init__(self, act: Callable[[list[bytes]], Any] | None = None, **options: Any) -> None:
        self.act = act
        self.calls: list[list[bytes]] = []
        self.done: list[bytes] = []
        for option, value in options.items():
            setattr(self, option, value)

    def consume_batch(self, messages: Sequence[Any]) -> Any:
        values = [msg.value() for msg in messages]
        self.calls.append(values)
        failed: set[int] = set()
        try:
            if self.act:
                self.act(values)
        except BatchError as error:
            if isinstance(error.failures, dict):
                failed = set(error.failures)
            raise
        except BaseException:
            failed = set(range(len(values)))
            raise
        finally:
            self.done += [value for i, value in enumerate(values) if i not in failed]


def poison(*wrong: bytes, error: type[BaseException] = ValueError) -> Callable[[list[bytes]], None]:
    def act(values: list[bytes]) -> None:
        for value in values:
            if value in wrong:
                raise error(f"no {value!r}")

    return act


def named(*wrong: bytes) -> Callable[[list[bytes]], None]:
    """Poison that is named."""

    def act(values: list[bytes]) -> None:
        for index, value in enumerate(values):
            if value in wrong:
                error = ValueError(f"no {value!r}")
                error.index = index  # type: ignore[attr-defined]
                raise error

    return act


class Once:
    """Acts in the first calls only."""

    def __init__(self, *acts: Callable[[list[bytes]], Any]) -> None:
        self.acts = list(acts)

    def __call__(self, values: list[bytes]) -> None:
        if self.acts:
            self.acts.pop(0)(values)


def raises(exc: BaseException) -> Callable[[list[bytes]], None]:
    def act(values: list[bytes]) -> None:
        raise exc

    return act


@pytest.fixture
def broker() -> Iterator[LocalBroker]:
    with kafka_broker({"events": 1, "pair": 2, "g.events.dlt": 1, "g.events.retry.1": 1}) as broker:
        yield broker


def committed(cls: type[Consumer], topic: str = "events", partition: int = 0) -> int:
    consumer = cls()
    try:
        return consumer.committed([TopicPartition(topic, partition)], 10)[0].offset
    finally:
        consumer.stop()


class TestCalls:
    def test_messages_come_together(self, broker: LocalBroker) -> None:
        seen: list[Any] = []

        class Topic(Batches):
            def consume_batch(self, messages: Sequence[Any]) -> None:
                assert isinstance(messages, Sequence)
                assert isinstance(messages, Claim)
                super().consume_batch(messages)
                seen.extend((msg.topic(), msg.partition(), msg.offset(), msg.key()) for msg in messages)

        topic = Topic()
        cls = consumer_of(topic)
        broker.produce("events", *NUMBERS, key=b"k")
        consumer = run_consumer_until(cls, lambda: len(topic.done) >= 20)
        assert topic.done == NUMBERS
        assert len(topic.calls) < 5
        assert seen == [("events", 0, i, b"k") for i in range(20)]
        assert committed(cls) == 20
        assert "sink Topic: consume_batch() gets up to 5000 messages at a time" in consumer.plan().explain()

    def test_batch_size(self, broker: LocalBroker) -> None:
        topic = Batches(batch_size=3)
        broker.produce("events", *NUMBERS)
        run_consumer_until(consumer_of(topic), lambda: len(topic.done) >= 20)
        assert topic.done == NUMBERS
        assert max(map(len, topic.calls)) == 3

    def test_more_than_the_engine_takes_by_itself(self, broker: LocalBroker) -> None:
        values = [b"%d" % i for i in range(3000)]
        topic = Batches(batch_timeout=5, batch_size=3000)
        broker.produce("events", *values)
        run_consumer_until(consumer_of(topic), lambda: len(topic.done) >= 3000)
        assert topic.done == values
        assert max(map(len, topic.calls)) > 1000

    @pytest.mark.parametrize(
        ("path", "members"),
        [
            ("hooks", {"consume": lambda self, msg: Consumer.consume(self, msg)}),
            ("poll", {"poll": lambda self: Consumer.poll(self)}),
        ],
    )
    def test_one_at_a_time_on_the_other_paths(self, broker: LocalBroker, path: str, members: dict[str, Any]) -> None:
        def act(values: list[bytes]) -> None:
            if values == [b"5"]:
                raise BatchError({0: ValueError("no 5")})

        topic = Batches(act)
        cls = consumer_of(topic, group="g", **members)
        broker.produce("events", *NUMBERS)
        consumer = run_consumer_until(cls, lambda: len(topic.done) >= 19)
        assert consumer.plan().path.name == path.upper()
        assert topic.calls == [[number] for number in NUMBERS]
        assert [msg.value() for msg in broker.collect("g.events.dlt", 1)] == [b"5"]
        assert committed(cls) == 20
        assert "consume_batch() gets one message at a time" in consumer.plan().explain()

    def test_which_topics_take_batches(self) -> None:
        class Batch(Batches):
            pass

        class Single(Batch):
            def consume(self, msg: Any) -> Any:
                """Nearer than consume_batch()."""

        class Both(TopicConsumer):
            name = "x"

            def consume(self, msg: Any) -> Any: ...

            def consume_batch(self, messages: Any) -> Any: ...

        class Neither(TopicConsumer):
            name = "x"

        assert Batch().takes_batches
        assert not Single().takes_batches
        assert Both().takes_batches
        assert not Neither().takes_batches
        with pytest.raises(NotImplementedError, match="consume_batch"):
            Neither().consume(None)  # type: ignore[arg-type]
        with pytest.raises(NotImplementedError, match="consume_batch"):
            Neither().consume_batch([])

    def test_mixed_with_a_topic_of_single_messages(self, broker: LocalBroker) -> None:
        class Single(TopicConsumer):
            name = "pair"
            seen: list[bytes] = []

            def consume(self, msg: Any) -> None:
                self.seen.append(msg.value())

        topic = Batches()
        cls = consumer_of(topic, Single())
        broker.produce("events", *NUMBERS)
        broker.produce("pair", *NUMBERS)
        run_consumer_until(cls, lambda: len(topic.done) + len(Single.seen) >= 40)
        assert topic.done == NUMBERS
        assert sorted(Single.seen) == sorted(NUMBERS)


class TestFailures:
    def test_a_batch_is_halved_until_poison_stands_alone(
        self, broker: LocalBroker, log: pytest.LogCaptureFixture
    ) -> None:
        topic = Batches(poison(b"5", b"11"))
        cls = consumer_of(topic, group="g")
        broker.produce("events", *NUMBERS)
        run_consumer_until(cls, lambda: len(topic.done) >= 18)
        assert topic.done == [number for number in NUMBERS if number not in (b"5", b"11")]
        letters = broker.collect("g.events.dlt", 2)
        assert [msg.value() for msg in letters] == [b"5", b"11"]
        assert dict(letters[0].headers())["DEAD_LETTER_SUMMARY"] == b"no b'5'"
        assert committed(cls) == 20
        assert "could not be handled together; they are tried in halves. " in log.text

    def test_few_calls_for_few_poisonous_messages(self, broker: LocalBroker, log: pytest.LogCaptureFixture) -> None:
        values = [b"%d" % i for i in range(5000)]
        wrong = values[250::500]
        assert len(wrong) == 10
        topic = Batches(poison(*wrong))
        broker.produce("events", *values)
        run_consumer_until(consumer_of(topic, group="g"), lambda: len(topic.done) >= 4990, timeout=60)
        assert sorted(topic.done) == sorted(set(values) - set(wrong))
        assert len(topic.calls) < 10 * 13 + 60
        assert log.text.count("in halves") <= 10
        assert {msg.value() for msg in broker.collect("g.events.dlt", 10)} == set(wrong)

    def test_an_exception_with_an_index_spares_the_halves(
        self, broker: LocalBroker, log: pytest.LogCaptureFixture
    ) -> None:
        values = [b"%d" % i for i in range(5000)]
        wrong = values[250::500]
        topic = Batches(named(*wrong))
        broker.produce("events", *values)
        run_consumer_until(consumer_of(topic, group="g"), lambda: len(topic.done) >= 4990, timeout=60)
        assert topic.done == [value for value in values if value not in wrong]
        assert len(topic.calls) < 3 * 10 + 20
        assert "in halves" not in log.text
        assert [msg.value() for msg in broker.collect("g.events.dlt", 10)] == wrong

    @pytest.mark.parametrize("index", [0, 19, -1, 20, "1", True, None, 10])
    def test_an_index_that_is_wrong(self, index: Any, broker: LocalBroker) -> None:
        """Whatever it says, no message is left out, and the calls are not as many as the messages."""

        def act(values: list[bytes]) -> None:
            if b"5" in values:
                error = ValueError("no 5")
                said = min(index, len(values) - 1) if type(index) is int else index
                error.index = said  # type: ignore[attr-defined]
                raise error

        topic = Batches(act)
        broker.produce("events", *NUMBERS)
        cls = consumer_of(topic, group="g")
        run_consumer_until(cls, lambda: len(topic.done) >= 19)
        assert topic.done == [number for number in NUMBERS if number != b"5"]
        assert [msg.value() for msg in broker.collect("g.events.dlt", 1)] == [b"5"]
        assert committed(cls) == 20

    def test_all_fail_and_are_named(self, broker: LocalBroker) -> None:
        """As many as there are messages, which is deeper than Python goes."""
        values = [b"%d" % i for i in range(3000)]
        topic = Batches(named(*values), retry_settings=None)
        broker.produce("events", *values)
        cls = consumer_of(topic, group="g")
        run_consumer_until(cls, lambda: [b"2999"] in topic.calls, timeout=60)
        assert committed(cls) == 3000
        assert [msg.value() for msg in broker.collect("g.events.dlt", 3000)] == values

    def test_batch_error_names_those_that_failed(self, broker: LocalBroker) -> None:
        def act(values: list[bytes]) -> None:
            wrong = {i: ValueError(f"no {value!r}") for i, value in enumerate(values) if value in (b"3", b"7")}
            if wrong:
                raise BatchError(wrong)

        topic = Batches(act)
        cls = consumer_of(topic, group="g")
        broker.produce("events", *NUMBERS)
        run_consumer_until(cls, lambda: len(topic.done) >= 18)
        assert topic.done == [number for number in NUMBERS if number not in (b"3", b"7")]
        assert sum(map(len, topic.calls)) == 20  # nothing was handled twice
        letters = broker.collect("g.events.dlt", 2)
        assert [dict(msg.headers())["DEAD_LETTER_SUMMARY"] for msg in letters] == [b"no b'3'", b"no b'7'"]
        assert committed(cls) == 20

    def test_batch_error_without_failures(self, broker: LocalBroker) -> None:
        topic = Batches(raises(BatchError({})))
        cls = consumer_of(topic, group="g")
        broker.produce("events", *NUMBERS)
        run_consumer_until(cls, lambda: len(topic.done) >= 20)
        assert topic.done == NUMBERS
        assert committed(cls) == 20

    @pytest.mark.parametrize(
        ("failures", "text"),
        [
            ({99: ValueError()}, "there is no message 99"),
            ({-1: ValueError()}, "there is no message -1"),
            ({"0": ValueError()}, "'0' is not the index"),
            ({True: ValueError()}, "True is not the index"),
            ({0: "no"}, "message 0 failed with 'no', which is no exception"),
            ({0: SystemExit()}, "which is no exception"),
            ([ValueError()], "takes a dict of exceptions"),
        ],
        ids=repr,
    )
    def test_an_answer_that_is_none(
        self, broker: LocalBroker, log: pytest.LogCaptureFixture, failures: Any, text: str
    ) -> None:
        """It is the project's fault: the messages wait, and are handled when it is mended."""
        topic = Batches(Once(raises(BatchError(failures))))
        cls = consumer_of(topic, group="g")
        broker.produce("events", b"0", b"1")
        run_consumer_until(cls, lambda: topic.calls[1:] and topic.calls[-1][-1] == b"1")
        assert text in log.text
        assert [value for call in topic.calls[1:] for value in call] == [b"0", b"1"]
        assert committed(cls) == 2

    def test_a_handler_that_does_not_run(self, broker: LocalBroker, log: pytest.LogCaptureFixture) -> None:
        class Topic(Batches):
            async def consume_batch(self, messages: Any) -> None:  # type: ignore[override]
                """Nobody awaits it."""

        cls = consumer_of(Topic(), group="g")
        broker.produce("events", *NUMBERS)
        run_consumer_until(cls, lambda: "is asynchronous" in log.text)
        assert committed(cls) in (0, -1001)

    def test_blocking_retries_keep_the_order_of_a_partition(self, broker: LocalBroker) -> None:
        tries: list[float] = []

        def act(values: list[bytes]) -> None:
            if b"a3" in values and len(tries) < 2:
                if len(values) == 1:
                    tries.append(time.monotonic())
                raise ValueError("not yet")

        topic = Batches(act, name="pair", retry_settings=RetrySettings(max_retries=5, delay=0.2, blocking=True))
        cls = consumer_of(topic, group="g")
        for value in range(8):
            broker.produce("pair", b"a%d" % value, partition=0)
            broker.produce("pair", b"b%d" % value, partition=1)
        run_consumer_until(cls, lambda: len(topic.done) >= 16)
        assert [value for value in topic.done if value[:1] == b"a"] == [b"a%d" % i for i in range(8)]
        assert [value for value in topic.done if value[:1] == b"b"] == [b"b%d" % i for i in range(8)]
        assert tries[1] - tries[0] > 0.15
        assert (committed(cls, "pair", 0), committed(cls, "pair", 1)) == (8, 8)

    def test_blocking_retries_end(self, broker: LocalBroker) -> None:
        topic = Batches(poison(b"2"), retry_settings=RetrySettings(max_retries=2, delay=0.05, blocking=True))
        cls = consumer_of(topic, group="g")
        broker.produce("events", *NUMBERS[:5])
        run_consumer_until(cls, lambda: len(topic.done) >= 4)
        assert topic.calls.count([b"2"]) == 3
        assert topic.done == [b"0", b"1", b"3", b"4"]
        assert [msg.value() for msg in broker.collect("g.events.dlt", 1)] == [b"2"]
        assert committed(cls) == 5

    def test_of_two_that_fail_on_a_partition_the_second_waits(self, broker: LocalBroker) -> None:
        def act(values: list[bytes]) -> None:
            wrong = {i: ValueError("no") for i, value in enumerate(values) if value in (b"1", b"3")}
            if wrong:
                raise BatchError(wrong)

        topic = Batches(act, retry_settings=RetrySettings(max_retries=1, delay=0.05, blocking=True))
        cls = consumer_of(topic, group="g")
        broker.produce("events", *NUMBERS[:5])
        run_consumer_until(cls, lambda: sum(b"3" in call for call in topic.calls) >= 3)
        assert sorted(topic.done) == [b"0", b"2", b"4"]
        assert [msg.value() for msg in broker.collect("g.events.dlt", 2)] == [b"1", b"3"]
        assert committed(cls) == 5

    def test_non_blocking_retries_of_a_batch_topic(self, broker: LocalBroker) -> None:
        rules = RetrySettings(max_retries=2, delay=0.3, blocking=False)
        topic = Batches(Once(*[poison(b"4")] * 20), retry_settings=rules)
        cls = consumer_of(topic, group="g")
        retries = RetryConsumer.build(cls)
        assert retries is not None
        broker.produce("events", *NUMBERS[:8])
        before = time.time()
        run_consumer_until(cls, lambda: len(topic.done) >= 7)
        assert b"4" not in topic.done
        topic.act = None
        broker.collect("g.events.retry.1", 1)
        run_consumer_until(retries, lambda: b"4" in topic.done)
        assert topic.calls[-1] == [b"4"]
        assert time.time() - before > 0.3
        assert committed(cls) == 8

    @pytest.mark.parametrize("alone", [False, True], ids=["together", "BatchError"])
    def test_an_outage_is_no_messages_fault(
        self, broker: LocalBroker, log: pytest.LogCaptureFixture, alone: bool
    ) -> None:
        error = UnavailableError("gone")
        first = raises(BatchError({0: error}) if alone else error)
        topic = Batches(Once(first))
        cls = consumer_of(topic, group="g")
        broker.produce("events", *NUMBERS)
        run_consumer_until(cls, lambda: len(topic.done) >= 20 and topic.calls[1:])
        assert "the partition is paused until this message succeeds" in log.text
        assert "in halves" not in log.text
        assert topic.calls[1][0] == b"0"
        assert sorted(topic.done) == sorted(NUMBERS)
        assert committed(cls) == 20

    def test_an_outage_holds_all_partitions_of_the_call(self, broker: LocalBroker) -> None:
        held: list[int] = []

        def hold_partition(self: Consumer, msg: Any, reason: BaseException) -> None:
            held.append(msg.partition())
            Consumer.hold_partition(self, msg, reason)

        topic = Batches(Once(raises(UnavailableError("gone"))), name="pair", batch_size=16, batch_timeout=5)
        for partition in (0, 1):
            broker.produce("pair", *NUMBERS[:8], partition=partition)
        run_consumer_until(consumer_of(topic, hold_partition=hold_partition), lambda: len(topic.done) >= 16)
        assert sorted(held) == [0, 1]
        assert sorted(topic.done) == sorted(NUMBERS[:8] * 2)

    def test_hooks_of_the_consumer_are_asked(self, broker: LocalBroker) -> None:
        asked: list[bytes] = []

        def handle_exception(self: Consumer, msg: Any, exc: Exception) -> bool:
            asked.append(msg.value())
            return True

        topic = Batches(poison(b"3", b"9"))
        cls = consumer_of(topic, group="g", handle_exception=handle_exception)
        broker.produce("events", *NUMBERS)
        run_consumer_until(cls, lambda: len(topic.done) >= 18)
        assert asked == [b"3", b"9"]
        assert committed(cls) == 20


class TestInterruptions:
    @pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
    def test_the_end_of_the_process_finishes_nothing(self, broker: LocalBroker, error: type[BaseException]) -> None:
        def act(values: list[bytes]) -> None:
            if b"7" in values:
                raise ValueError("halve") if len(values) > 2 else error()

        topic = Batches(act)
        cls = consumer_of(topic, group="g")
        broker.produce("events", *NUMBERS)
        with pytest.raises(error):
            run_consumer_until(cls, lambda: False)
        done = len(topic.done)
        assert topic.done == NUMBERS[:done]  # what was handled before is finished
        assert committed(cls) == done
        topic.act = None
        run_consumer_until(cls, lambda: topic.done[-1] == b"19")
        assert topic.done == NUMBERS

    def test_a_stop_amid_halves_gives_back(self, broker: LocalBroker) -> None:
        running: list[Consumer] = []

        def act(values: list[bytes]) -> None:
            running[0].request_stop()
            raise ValueError("poison somewhere")

        def remember(self: Consumer) -> None:
            running[:] = [self]
            Consumer.resume_partitions(self)

        topic = Batches(act)
        cls = consumer_of(topic, group="g", resume_partitions=remember)
        broker.produce("events", *NUMBERS)
        cls().run()
        assert len(topic.calls) == 1
        assert committed(cls) in (0, -1001)
        topic.act = None
        run_consumer_until(cls, lambda: len(topic.done) >= 20)
        assert topic.done == NUMBERS

    def test_a_stop_during_a_call_finishes_it(self, broker: LocalBroker) -> None:
        running: list[Consumer] = []

        def remember(self: Consumer) -> None:
            running[:] = [self]
            Consumer.resume_partitions(self)

        topic = Batches(lambda values: running[0].request_stop(), batch_size=4)
        cls = consumer_of(topic, group="g", resume_partitions=remember)
        broker.produce("events", *NUMBERS)
        cls().run()
        assert len(topic.calls) == 1
        assert committed(cls) == len(topic.done)


class TestWaiting:
    def test_a_small_batch_waits_for_more(self, broker: LocalBroker) -> None:
        topic = Batches(batch_size=6, batch_timeout=30)
        cls = consumer_of(topic)
        broker.produce("events", *NUMBERS[:3])
        later = iter([3])

        def add(self: Consumer) -> None:
            if self.counters()["fetched"] >= 3:
                for first in later:
                    broker.produce("events", *NUMBERS[first : first + 3])
            Consumer.resume_partitions(self)

        cls.resume_partitions = add  # type: ignore[method-assign]
        run_consumer_until(cls, lambda: len(topic.done) >= 6)
        assert topic.calls == [NUMBERS[:6]]
        assert committed(cls) == 6

    def test_not_longer_than_batch_timeout(self, broker: LocalBroker) -> None:
        topic = Batches(batch_size=6, batch_timeout=0.5)
        cls = consumer_of(topic)
        broker.produce("events", *NUMBERS[:3])
        began = time.monotonic()
        consumer = run_consumer_until(cls, lambda: len(topic.done) >= 3)
        assert time.monotonic() - began > 0.5
        assert topic.calls == [NUMBERS[:3]]
        assert consumer.counters()["failed"] == 0
        assert committed(cls) == 3


def test_kept_messages_let_their_batch_go(broker: LocalBroker) -> None:
    kept: list[Any] = []

    class Topic(Batches):
        def consume_batch(self, messages: Sequence[Any]) -> None:
            super().consume_batch(messages)
            kept.append(messages[0])

    topic = Topic()
    broker.produce("events", *NUMBERS)
    run_consumer_until(consumer_of(topic), lambda: len(topic.done) >= 20)
    assert all(msg.received() is msg for msg in kept)
    assert kept[0].value() == b"0"


def test_nothing_is_logged_of_good_batches(broker: LocalBroker, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="django_kafka")
    topic = Batches()
    broker.produce("events", *NUMBERS)
    run_consumer_until(consumer_of(topic), lambda: len(topic.done) >= 20)
    assert not caplog.records
