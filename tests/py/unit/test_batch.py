"""Batch and Ticket: the walk, and what each way of leaving a message means for its offset."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from django_kafka import _native

Assigned = Callable[..., _native.Consumer]
Fill = Callable[..., None]


def fetched(consumer: _native.Consumer, timeout: float = 10) -> _native.Batch:
    batch = consumer.fetch(timeout)
    assert batch is not None
    return batch


def committed(consumer: _native.Consumer, topic: str) -> int:
    return consumer.committed([TopicPartition(topic, 0)], 10)[0].offset


def position(consumer: _native.Consumer, topic: str) -> int:
    return consumer.position([TopicPartition(topic, 0)])[0].offset


def test_walk_by_topic(broker: _native.Broker, fill: Fill, make_consumer: Assigned, topic: str) -> None:
    other = topic + "-b"
    broker.create_topic(other, 1)
    fill(topic, [b"%d" % i for i in range(10)])
    fill(other, [b"%d" % i for i in range(5)])
    consumer = make_consumer()
    consumer.assign([TopicPartition(name, 0, _native.OFFSET_BEGINNING) for name in (topic, other)])
    seen: dict[str, list[bytes]] = {topic: [], other: []}
    while sum(map(len, seen.values())) < 15:
        with fetched(consumer) as batch:
            while (name := batch.next_topic()) is not None:
                for msg in batch:
                    assert msg.topic() == name
                    assert batch.current is msg
                    seen[name].append(msg.value())
                assert batch.current is None
            assert batch.next_topic() is None
            assert list(batch) == []
    assert seen == {topic: [b"%d" % i for i in range(10)], other: [b"%d" % i for i in range(5)]}
    assert {p.offset for p in consumer.commit(asynchronous=False) or []} == {10, 5}


def test_without_next_topic_the_whole_batch_is_walked(fill: Fill, assigned: Assigned, topic: str) -> None:
    fill(topic, [b"a", b"b"])
    assert [msg.value() for msg in fetched(assigned(topic))] == [b"a", b"b"]


def test_index_and_length(fill: Fill, assigned: Assigned, topic: str) -> None:
    fill(topic, [b"a", b"b", b"c"])
    batch = fetched(assigned(topic))
    assert len(batch) == 3
    assert [batch[0].value(), batch[2].value(), batch[-1].value()] == [b"a", b"c", b"c"]
    with pytest.raises(IndexError):
        batch[3]
    batch.close()
    batch.close()
    assert batch[1].value() == b"b"
    assert list(batch) == []


def test_message_in_hand_is_not_finished(fill: Fill, assigned: Assigned, topic: str) -> None:
    fill(topic, [b"%d" % i for i in range(5)])
    consumer = assigned(topic, {"enable.auto.commit": False})
    batch = fetched(consumer)
    next(batch)
    next(batch)
    consumer.commit(asynchronous=False)
    assert committed(consumer, topic) == 1
    batch.close()
    assert next(fetched(consumer)).value() == b"1"


def test_exception_out_of_the_loop_leaves_the_message(fill: Fill, assigned: Assigned, topic: str) -> None:
    fill(topic, [b"%d" % i for i in range(5)])
    consumer = assigned(topic, {"enable.auto.commit": False})
    with pytest.raises(ZeroDivisionError), fetched(consumer) as batch:
        for msg in batch:
            if msg.value() == b"3":
                raise ZeroDivisionError
    consumer.commit(asynchronous=False)
    assert committed(consumer, topic) == 3
    assert next(fetched(consumer)).value() == b"3"


def test_fail_brings_the_message_again_after_the_delay(fill: Fill, assigned: Assigned, topic: str) -> None:
    fill(topic, [b"%d" % i for i in range(4)])
    consumer = assigned(topic, {"enable.auto.commit": False})
    batch = fetched(consumer)
    assert next(batch).value() == b"0"
    failing = next(batch)
    assert failing.value() == b"1"
    begin = time.monotonic()
    batch.fail(0.3)
    assert batch.current is None
    assert list(batch) == []  # those behind it wait with it
    assert failing.value() == b"1"
    consumer.commit(asynchronous=False)
    assert committed(consumer, topic) == 1
    assert consumer.fetch(0) is None
    again = fetched(consumer)
    assert time.monotonic() - begin >= 0.29
    assert [msg.value() for msg in again] == [b"1", b"2", b"3"]
    consumer.commit(asynchronous=False)
    assert committed(consumer, topic) == 4


def test_fail_and_defer_need_a_message_in_hand(fill: Fill, assigned: Assigned, topic: str) -> None:
    fill(topic, [b"a"])
    batch = fetched(assigned(topic))
    for call in (lambda: batch.fail(1), batch.defer, lambda: batch.note("x")):
        with pytest.raises(RuntimeError, match="no message is in hand"):
            call()
    next(batch)
    for wrong in (-1, float("nan")):
        with pytest.raises(ValueError):
            batch.fail(wrong)
    with pytest.raises(TypeError):
        batch.fail("x")  # type: ignore[arg-type]
    batch.close()
    with pytest.raises(RuntimeError):
        batch.fail(1)


def test_tickets_out_of_order(fill: Fill, assigned: Assigned, topic: str) -> None:
    fill(topic, [b"%d" % i for i in range(4)])
    consumer = assigned(topic, {"enable.auto.commit": False})
    tickets: list[_native.Ticket] = []
    batch = fetched(consumer)
    for msg in batch:
        if msg.value() in (b"1", b"2"):
            tickets.append(batch.defer())
    consumer.commit(asynchronous=False)
    assert committed(consumer, topic) == 1
    tickets[1].resolve()
    with pytest.raises(Exception, match="NO_OFFSET"):
        consumer.commit(asynchronous=False)
    tickets[0].resolve()
    tickets[0].resolve()
    tickets[0].reject(1)
    consumer.commit(asynchronous=False)
    assert committed(consumer, topic) == 4


@pytest.mark.parametrize("how", ["reject", "drop"])
def test_a_ticket_that_is_rejected_or_dropped_brings_the_message_again(
    fill: Fill, assigned: Assigned, topic: str, how: str
) -> None:
    fill(topic, [b"%d" % i for i in range(3)])
    consumer = assigned(topic, {"enable.auto.commit": False})
    batch = fetched(consumer)
    ticket = None
    for msg in batch:
        if msg.value() == b"1":
            ticket = batch.defer()
    assert ticket is not None
    if how == "reject":
        ticket.reject(0.05)
    del ticket
    assert [msg.value() for msg in fetched(consumer)] == [b"1"]
    consumer.commit(asynchronous=False)
    assert committed(consumer, topic) == 3


def test_stop_ends_the_walk_after_the_message_in_hand(fill: Fill, assigned: Assigned, topic: str) -> None:
    fill(topic, [b"%d" % i for i in range(10)])
    consumer = assigned(topic)
    seen = []
    batch = fetched(consumer)
    while batch.next_topic() is not None:
        for msg in batch:
            seen.append(msg.value())
            if msg.value() == b"2":
                consumer.stop()
                assert consumer.stopping
    assert seen == [b"0", b"1", b"2"]
    with pytest.raises(_native.Stopped):
        consumer.fetch(1)
    assert position(consumer, topic) == 3


def test_batch_outlives_its_consumer(fill: Fill, assigned: Assigned, topic: str) -> None:
    fill(topic, [b"a", b"b"])
    consumer = assigned(topic)
    batch = fetched(consumer)
    msg = next(batch)
    consumer.close()
    assert msg.value() == b"a"
    assert list(batch) == []
    assert batch[1].value() == b"b"
    del batch
    assert msg.topic() == topic


def test_dropping_a_batch_gives_back_what_was_not_handled(fill: Fill, assigned: Assigned, topic: str) -> None:
    fill(topic, [b"%d" % i for i in range(6)])
    consumer = assigned(topic)
    batch: Any = fetched(consumer)
    next(batch)
    next(batch)
    del batch
    assert [msg.value() for msg in fetched(consumer)] == [b"%d" % i for i in range(1, 6)]


def test_notes_survive_a_restart(fill: Fill, make_consumer: Assigned, topic: str) -> None:
    # The embedded broker keeps a group that was left waiting for as long as its last member's session would have
    # lasted.
    brief = {"session.timeout.ms": 2000, "heartbeat.interval.ms": 100}
    fill(topic, [b"%d" % i for i in range(3)])
    consumer = make_consumer(brief)
    consumer.subscribe([topic])
    batch = fetched(consumer)
    next(batch)
    next(batch)
    assert batch.noted is None
    batch.note("attempt=2")
    assert batch.noted == "attempt=2"
    batch.fail(0)
    consumer.close()
    second = make_consumer(brief)
    second.subscribe([topic])
    batch = fetched(second, 20)
    assert next(batch).value() == b"1"
    assert batch.noted == "attempt=2"
