"""What on_revoke and on_lost may call while close() runs them: everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from django_kafka import _native

Make = Callable[..., Any]
Fill = Callable[..., None]
Call = Callable[[Any, list[TopicPartition]], Any]
QUICK = {"session.timeout.ms": 2000, "heartbeat.interval.ms": 100, "enable.auto.offset.store": False}


def part(partitions: list[TopicPartition], offset: int) -> TopicPartition:
    return TopicPartition(partitions[0].topic, partitions[0].partition, offset)


CALLS: dict[str, tuple[Call, Call]] = {
    "unassign": (lambda c, p: c.unassign(), lambda c, p: None),
    "assign nothing": (lambda c, p: c.assign([]), lambda c, p: None),
    "assign": (lambda c, p: c.assign(p), lambda c, p: None),
    "commit": (lambda c, p: c.commit(asynchronous=False)[0].offset, lambda c, p: 2),
    "commit offsets": (
        lambda c, p: c.commit(offsets=[part(p, 3)], asynchronous=False)[0].offset,
        lambda c, p: 3,
    ),
    "commit later": (lambda c, p: c.commit(), lambda c, p: None),
    "position": (lambda c, p: c.position(p)[0].topic, lambda c, p: p[0].topic),
    "committed": (lambda c, p: c.committed(p, timeout=10)[0].error, lambda c, p: None),
    "assignment": (lambda c, p: c.assignment(), lambda c, p: p),
    "subscription": (lambda c, p: c.subscription(), lambda c, p: [p[0].topic]),
    "watermarks": (lambda c, p: c.get_watermark_offsets(p[0], timeout=10), lambda c, p: (0, 5)),
    "store": (lambda c, p: c.store_offsets(offsets=[part(p, 4)]), lambda c, p: None),
    "pause": (lambda c, p: c.pause(p), lambda c, p: None),
    "resume": (lambda c, p: c.resume(p), lambda c, p: None),
    "seek": (lambda c, p: c.seek(part(p, 1)), lambda c, p: None),
    "list topics": (lambda c, p: p[0].topic in c.list_topics(timeout=10).topics, lambda c, p: True),
    "member": (lambda c, p: bool(c.memberid()), lambda c, p: True),
    "unsubscribe": (lambda c, p: c.unsubscribe(), lambda c, p: None),
}


GIVING: dict[str, Call] = {
    "assign": lambda c, p: c.assign(p),
    "assign nothing": lambda c, p: c.assign([]),
    "unassign": lambda c, p: c.unassign(),
    "incremental_assign": lambda c, p: c.incremental_assign(p),
    "incremental_unassign": lambda c, p: c.incremental_unassign(p),
    "twice": lambda c, p: [c.incremental_unassign(p), c.incremental_unassign(p)],
}


@pytest.mark.parametrize("strategy", ["range", "cooperative-sticky"])
@pytest.mark.parametrize("name", GIVING)
def test_the_wrong_call_for_the_protocol_gives_all_back_too(
    make_consumer: Make, fill: Fill, topic: str, strategy: str, name: str
) -> None:
    """As in confluent-kafka. Some raised _STATE, and so did close()."""
    fill(topic, [b"a"])
    left: list[Any] = []

    def revoke(consumer: Any, partitions: list[TopicPartition]) -> None:
        GIVING[name](consumer, partitions)
        left.append(consumer.assignment())

    consumer = make_consumer({"partition.assignment.strategy": strategy})
    consumer.subscribe([topic], on_revoke=revoke)
    assert consumer.poll(20).value() == b"a"
    consumer.close()
    assert left == [[]]


@pytest.mark.parametrize("name", CALLS)
def test_every_call_works(make_consumer: Make, fill: Fill, topic: str, name: str) -> None:
    call, expected = CALLS[name]
    fill(topic, [b"%d" % i for i in range(5)])
    results: list[tuple[Any, Any]] = []
    consumer = make_consumer(QUICK)
    consumer.subscribe([topic], on_revoke=lambda c, p: results.append((call(c, p), expected(c, p))))
    for i in range(5):
        assert consumer.poll(20).value() == b"%d" % i
    consumer.store_offsets(offsets=[TopicPartition(topic, 0, 2)])
    consumer.close()
    assert len(results) == 1
    assert results[0][0] == results[0][1]


def test_what_is_stored_there_is_committed(make_consumer: Make, fill: Fill, topic: str, group: str) -> None:
    fill(topic, [b"%d" % i for i in range(5)])
    consumer = make_consumer(QUICK)
    consumer.subscribe([topic], on_revoke=lambda c, p: c.store_offsets(offsets=[part(p, 4)]))
    assert consumer.poll(20).value() == b"0"
    consumer.close()
    other = make_consumer()
    assert other.committed([TopicPartition(topic, 0)], timeout=10)[0].offset == 4


def test_a_long_callable_is_waited_for(make_consumer: Make, fill: Fill, topic: str, wait: Make) -> None:
    """drain_timeout is for messages in hand, not for what close() runs by itself."""
    fill(topic, [b"a"])
    told: list[int] = []

    def revoke(consumer: Any, partitions: list[TopicPartition]) -> None:
        polls = consumer.counters()["last_poll_ms"]
        wait(lambda: consumer.counters()["last_poll_ms"] > polls + 300)  # the engine waits, three times as long
        told.append(consumer.commit(offsets=[part(partitions, 1)], asynchronous=False)[0].offset)

    consumer = make_consumer(QUICK, drain_timeout=0.1)
    consumer.subscribe([topic], on_revoke=revoke)
    assert consumer.poll(20).value() == b"a"
    consumer.close()
    assert told == [1]


def test_what_it_raises_is_raised_and_the_group_is_left(
    make_consumer: Make, fill: Fill, topic: str, group: str
) -> None:
    fill(topic, [b"a"])

    def revoke(consumer: Any, partitions: list[TopicPartition]) -> None:
        raise ZeroDivisionError

    consumer = make_consumer(QUICK)
    consumer.subscribe([topic], on_revoke=revoke)
    assert consumer.poll(20).value() == b"a"
    with pytest.raises(ZeroDivisionError):
        consumer.close()
    with pytest.raises(RuntimeError, match="closed"):
        consumer.assignment()
    successor = make_consumer({**QUICK, "session.timeout.ms": 60000})
    successor.subscribe([topic])
    assert successor.poll(20).value() == b"a"


def test_close_inside_is_refused(make_consumer: Make, fill: Fill, topic: str) -> None:
    fill(topic, [b"a"])
    refused: list[type[BaseException]] = []

    def revoke(consumer: Any, partitions: list[TopicPartition]) -> None:
        with pytest.raises(_native.ConcurrentUse) as raised:
            consumer.close()
        refused.append(raised.type)

    consumer = make_consumer(QUICK)
    consumer.subscribe([topic], on_revoke=revoke)
    assert consumer.poll(20).value() == b"a"
    consumer.close()
    assert refused == [_native.ConcurrentUse]


def test_commit_of_nothing(make_consumer: Make, topic: str) -> None:
    """As confluent's: on_commit is told, and only who waits gets an exception."""
    told: list[tuple[Any, Any]] = []
    consumer = make_consumer({"on_commit": lambda error, parts: told.append((error.code(), parts))})
    consumer.assign([TopicPartition(topic, 0, 0)])
    assert consumer.commit() is None
    while not told:
        consumer.poll(0.05)
    assert told == [(KafkaError._NO_OFFSET, [])]
    with pytest.raises(KafkaException) as raised:
        consumer.commit(asynchronous=False)
    assert raised.value.args[0].code() == KafkaError._NO_OFFSET
