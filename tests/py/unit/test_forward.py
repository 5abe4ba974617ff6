"""Copies that answer for their message, where they go, and what is written on them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from confluent_kafka import KafkaError, TopicPartition

from django_kafka import _native

Fill = Callable[..., None]
Make = Callable[..., Any]
PRODUCE = 0  # the number of this request in Kafka's protocol


def open_batch(consumer: _native.Consumer, count: int) -> _native.Batch:
    """A batch of all messages, the first of them in hand."""
    for _ in range(100):
        batch = consumer.fetch(5)
        if batch is not None and len(batch) == count:
            next(batch)
            return batch
        if batch is not None:
            batch.close()
    raise AssertionError("the messages did not come")


def committed(consumer: _native.Consumer, topic: str) -> int:
    consumer.commit(asynchronous=False)
    return consumer.committed([TopicPartition(topic, 0)], 10)[0].offset


class Refused(list[tuple[_native.Ticket, KafkaError, str, Any]]):
    def __call__(self, *args: Any) -> None:
        self.append(args)


def test_a_confirmed_copy_finishes_its_message(
    fill: Fill, assigned: Make, make_producer: Make, topic: str, broker: _native.Broker, wait: Make
) -> None:
    broker.create_topic(f"{topic}-copies", 1)
    fill(topic, [b"1", b"2"], headers=[("own", b"x")])
    consumer = assigned(topic)
    producer = make_producer()
    batch = open_batch(consumer, 2)
    now = int(time.time() * 1000)
    producer.forward(batch, f"{topic}-copies", [("why", "because"), ("none", None)], now)
    next(batch)
    assert list(batch) == []
    wait(lambda: producer.copies == 0)
    assert committed(consumer, topic) == 2
    (copy,) = assigned(f"{topic}-copies").consume(1, 20)
    assert (copy.value(), copy.timestamp()) == (b"1", (1, now))
    assert copy.headers() == [("why", b"because"), ("none", None)]


def test_a_refused_copy_comes_with_its_ticket(
    fill: Fill, assigned: Make, make_producer: Make, topic: str, broker: _native.Broker, wait: Make
) -> None:
    broker.create_topic(f"{topic}-copies", 1)
    fill(topic, [b"1", b"2"], timestamp=5000)
    consumer, refused = assigned(topic), Refused()
    producer = make_producer(on_refused=refused)
    batch = open_batch(consumer, 2)
    broker.push_errors(PRODUCE, [KafkaError.MSG_SIZE_TOO_LARGE])
    producer.forward(batch, f"{topic}-copies", {"why": b"because"})
    next(batch)
    assert list(batch) == []
    wait(lambda: producer.poll(0.1) is not None and refused)
    ((ticket, error, target, headers),) = refused
    assert (error.code(), target) == (KafkaError.MSG_SIZE_TOO_LARGE, f"{topic}-copies")
    assert headers == [("why", b"because")]
    assert ticket.source == (topic, 0, 0, (1, 5000))
    assert committed(consumer, topic) <= 0
    producer.forward(ticket, target, headers)
    assert ticket.source is None
    with pytest.raises(RuntimeError, match="the ticket was answered"):
        producer.forward(ticket, target, headers)
    wait(lambda: producer.copies == 0)
    assert committed(consumer, topic) == 2


def test_without_a_callable_the_message_comes_again(
    fill: Fill, assigned: Make, make_producer: Make, topic: str, broker: _native.Broker, wait: Make
) -> None:
    fill(topic, [b"1"])
    consumer, producer = assigned(topic), make_producer()
    batch = open_batch(consumer, 1)
    broker.push_errors(PRODUCE, [KafkaError.TOPIC_AUTHORIZATION_FAILED])
    producer.forward(batch, topic)
    assert list(batch) == []
    wait(lambda: producer.poll(0.1) is not None and producer.copies == 0)
    assert next(open_batch(consumer, 1), None) is None


def test_what_cannot_be_queued_leaves_the_message_in_hand(
    fill: Fill, assigned: Make, make_producer: Make, topic: str
) -> None:
    fill(topic, [b"1", b"2"])
    consumer, producer = assigned(topic), make_producer()
    batch = open_batch(consumer, 2)
    for args, text in [
        ((topic, topic), "takes a Batch, a Claim or a Ticket"),
        ((batch, ""), "needs a topic"),
        ((batch, topic, 5), "headers"),
        ((batch, topic, None, "x"), "int"),
        ((batch, topic, None, -2), "before 1970"),
    ]:
        with pytest.raises((TypeError, ValueError), match=text):
            producer.forward(*args)
    assert producer.copies == 0
    assert batch.current is not None
    assert [msg.value() for msg in batch] == [b"2"]
    assert committed(consumer, topic) == 2
    with pytest.raises(RuntimeError, match="no message is in hand"):
        producer.forward(batch, topic)


def test_a_full_queue_is_waited_for(
    fill: Fill, assigned: Make, make_producer: Make, topic: str, broker: _native.Broker
) -> None:
    broker.create_topic(f"{topic}-copies", 1)
    fill(topic, [b"x"] * 50)
    consumer = assigned(topic)
    producer = make_producer({"queue.buffering.max.messages": 3, "linger.ms": 5})
    batch = open_batch(consumer, 50)
    producer.forward(batch, f"{topic}-copies")
    for _ in batch:
        producer.forward(batch, f"{topic}-copies")
    assert len(assigned(f"{topic}-copies").consume(50, 20)) == 50
    producer.flush(10)
    assert committed(consumer, topic) == 50


def test_topics(producer: _native.Producer, topic: str) -> None:
    assert producer.describe_topic(topic, 10) == (1, 1)
    assert producer.describe_topic(f"{topic}-new", 10) is None
    assert producer.create_topic(f"{topic}-new", config={"retention.ms": "1000"}, timeout=10) is True
    assert producer.create_topic(f"{topic}-new", 1, 1, None, 10) is False
    assert producer.describe_topic(f"{topic}-new") is not None


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (("a b",), ValueError),
        (("t", 0), ValueError),
        (("t", 2**40), (ValueError, OverflowError)),
        (("t", 1, -2), ValueError),
        (("t", 1, 1, ["x"]), TypeError),
        (("t", 1, 1, {"x": 1}), TypeError),
    ],
)
def test_wrong_topics(producer: _native.Producer, args: Any, error: Any) -> None:
    with pytest.raises(error):
        producer.create_topic(*args)


class TestRoute:
    route = _native.Route("g", "retry", "dlt")

    def test_names(self) -> None:
        assert self.route.retry_topic("t") == "g.t.retry.1"
        assert self.route.retry_topic("g.t.retry.1") == "g.t.retry.2"
        assert self.route.retry_topic("g.t.retry.1", again=True) == "g.t.retry.1"
        assert self.route.dead_topic("g.t.retry.1") == self.route.dead_topic("t") == "g.t.dlt"

    @pytest.mark.parametrize(("group", "topic"), [("my group", "t"), ("g", "t" * 250), ("g", "a/b"), ("", "t")])
    def test_names_that_cannot_be(self, group: str, topic: str) -> None:
        route = _native.Route(group, "retry", "dlt")
        for make in (route.retry_topic, route.dead_topic):
            with pytest.raises(_native.ConfigError, match=r"group\.id|topic name"):
                make(topic)

    def test_arguments(self) -> None:
        with pytest.raises(TypeError):
            _native.Route("g", "retry", 5)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="NUL"):
            _native.Route("g\0", "retry", "dlt")
        with pytest.raises(ValueError, match="1970"):
            self.route.retry_headers(_native.Message("t"), "", 1, -1.0)
        with pytest.raises(AttributeError):
            self.route.attempts(object())

    def test_a_message_made_by_hand_and_one_of_the_engine(self, fill: Fill, assigned: Make, topic: str) -> None:
        fill(topic, [b"v"], headers=[("h", b"1"), ("RETRY_MESSAGE", b"old")], timestamp=1234)
        batch = open_batch(assigned(topic), 1)
        received = batch.current
        assert received is not None
        by_hand = _native.Message(
            topic,
            value=b"v",
            headers=[("h", b"1"), ("RETRY_MESSAGE", "old")],
            partition=0,
            offset=0,
            timestamp=(1, 1234),
        )
        found = [self.route.retry_headers(msg, "no", 2, 1.5) for msg in (received, by_hand)]
        assert found[0] == found[1]
        assert found[0] == [
            ("h", b"1"),
            ("RETRY_MESSAGE", b"no"),
            ("RETRY_TIMESTAMP", b"1.5"),
            ("RETRY_ATTEMPT", b"2"),
            ("RETRY_ORIGIN_TOPIC", topic.encode()),
            ("RETRY_ORIGIN_PARTITION", b"0"),
            ("RETRY_ORIGIN_OFFSET", b"0"),
            ("RETRY_ORIGIN_TIMESTAMP", b"1234"),
        ]
        letters = [self.route.dead_headers(msg, "no", "m.Error", b"detail") for msg in (received, by_hand)]
        assert letters[0] == letters[1]
        assert dict(letters[0])["DEAD_LETTER_DETAIL"] == b"detail"
        batch.close()

    def test_attempts(self) -> None:
        assert self.route.attempts(_native.Message("t")) == 0
        assert self.route.attempts(_native.Message("g.t.retry.3")) == 3
        assert self.route.attempts(_native.Message("g.t.retry.1", headers={"RETRY_ATTEMPT": b"41"})) == 41

    def test_stand_ins_of_a_projects_tests(self) -> None:
        """Objects with a message's methods: only what is needed is asked for, and a list will do for a timestamp."""
        bare = mock.Mock(**{"topic.return_value": "g.t.retry.2"})
        assert self.route.attempts(bare) == 2
        methods = {"topic": "t", "partition": 3, "offset": 4, "headers": None, "timestamp": [1, 1234.0]}
        whole = mock.Mock(**{f"{name}.return_value": value for name, value in methods.items()})
        headers = dict(self.route.dead_headers(whole, "no", None, b""))
        assert headers["DEAD_LETTER_ORIGIN_OFFSET"] == b"4"
        assert headers["DEAD_LETTER_ORIGIN_TIMESTAMP"] == b"1234"
        for wrong in ("now", (1,), (1, "x"), 5):
            whole.timestamp.return_value = wrong
            with pytest.raises((TypeError, ValueError)):
                self.route.dead_headers(whole, "no", None, b"")
