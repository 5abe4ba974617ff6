"""poll() and consume(): confluent_kafka's ways of getting messages, and when their messages are finished."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from django_kafka import _native

Assigned = Callable[..., _native.Consumer]
Fill = Callable[..., None]
MANUAL = {"enable.auto.commit": False}


def committed(consumer: _native.Consumer, topic: str) -> int:
    return consumer.committed([TopicPartition(topic, 0)], 10)[0].offset


def polled(consumer: _native.Consumer) -> _native.Message:
    msg = consumer.poll(10)
    assert msg is not None
    return msg


def test_poll_gives_one_message_after_the_other(fill: Fill, assigned: Assigned, topic: str) -> None:
    fill(topic, [b"%d" % i for i in range(2500)])
    consumer = assigned(topic)
    assert [polled(consumer).value() for _ in range(2500)] == [b"%d" % i for i in range(2500)]
    assert consumer.poll(0) is None
    begin = time.monotonic()
    assert consumer.poll(0.2) is None
    assert 0.15 < time.monotonic() - begin < 20


def test_poll_finishes_a_message_when_the_next_is_asked_for(fill: Fill, assigned: Assigned, topic: str) -> None:
    fill(topic, [b"%d" % i for i in range(5)])
    consumer = assigned(topic, MANUAL)
    polled(consumer)
    polled(consumer)
    assert consumer.position([TopicPartition(topic, 0)])[0].offset == 2
    consumer.close()


def test_commit_without_arguments_counts_the_message_in_hand(fill: Fill, assigned: Assigned, topic: str) -> None:
    fill(topic, [b"%d" % i for i in range(5)])
    consumer = assigned(topic, MANUAL)
    for i in range(3):
        assert polled(consumer).value() == b"%d" % i
        result = consumer.commit(asynchronous=False)
        assert result is not None
        assert [(p.topic, p.partition, p.offset) for p in result] == [(topic, 0, i + 1)]
        assert committed(consumer, topic) == i + 1
    with pytest.raises(KafkaException) as info:
        consumer.commit(asynchronous=False)
    assert info.value.args[0].code() == KafkaError._NO_OFFSET


def test_commit_of_a_message_and_of_offsets(fill: Fill, assigned: Assigned, topic: str) -> None:
    fill(topic, [b"%d" % i for i in range(5)])
    consumer = assigned(topic, MANUAL)
    msg = polled(consumer)
    consumer.commit(msg, asynchronous=False)
    assert committed(consumer, topic) == 1
    consumer.commit(offsets=[TopicPartition(topic, 0, 4, "note")], asynchronous=False)
    found = consumer.committed([TopicPartition(topic, 0)], 10)[0]
    assert (found.offset, found.metadata) == (4, "note")


def test_closing_does_not_finish_the_message_in_hand(fill: Fill, assigned: Assigned, topic: str) -> None:
    fill(topic, [b"%d" % i for i in range(5)])
    first = assigned(topic)
    assert [polled(first).value() for _ in range(3)] == [b"0", b"1", b"2"]
    first.close()
    second = assigned(topic)
    assert committed(second, topic) == 2


def test_without_auto_store_only_store_offsets_finishes(fill: Fill, assigned: Assigned, topic: str) -> None:
    fill(topic, [b"%d" % i for i in range(6)])
    consumer = assigned(topic, {**MANUAL, "enable.auto.offset.store": False})
    msgs = [polled(consumer) for _ in range(3)]
    consumer.commit(asynchronous=False)
    assert committed(consumer, topic) == 0
    consumer.store_offsets(msgs[0])
    consumer.commit(asynchronous=False)
    assert committed(consumer, topic) == 1
    consumer.store_offsets(offsets=[TopicPartition(topic, 0, 3)])
    consumer.commit(asynchronous=False)
    assert committed(consumer, topic) == 3
    assert [m.value() for m in consumer.consume(3, 10)] == [b"3", b"4", b"5"]
    with pytest.raises(KafkaException):
        consumer.store_offsets(offsets=[TopicPartition(topic, 7, 3)])


def test_consume_waits_for_all_and_gives_what_there_is(
    producer: _native.Producer, fill: Fill, assigned: Assigned, topic: str
) -> None:
    fill(topic, [b"%d" % i for i in range(10)])
    consumer = assigned(topic, MANUAL)
    assert consumer.consume(0, 1) == []
    assert [m.value() for m in consumer.consume(4, 10)] == [b"0", b"1", b"2", b"3"]
    late = threading.Thread(target=lambda: (time.sleep(0.3), fill(topic, [b"10", b"11"])))
    late.start()
    assert [m.value() for m in consumer.consume(8, 10)] == [b"%d" % i for i in range(4, 12)]
    late.join()
    assert consumer.consume(5, 0.1) == []
    with pytest.raises(ValueError, match="num_messages must be between 0 and 1000000"):
        consumer.consume(-1)
    with pytest.raises(ValueError):
        consumer.consume(1000001)


def test_consume_finishes_a_list_at_the_next_call(fill: Fill, assigned: Assigned, topic: str) -> None:
    fill(topic, [b"%d" % i for i in range(10)])
    consumer = assigned(topic, {**MANUAL}, commit_interval=-1)
    first = consumer.consume(5, 10)
    assert len(first) == 5
    assert consumer.counters()["finished"] == 0
    assert len(consumer.consume(3, 10)) == 3
    consumer.poll(0)
    assert consumer.counters()["finished"] >= 5
    consumer.close()


def test_commit_finishes_a_whole_list(fill: Fill, assigned: Assigned, topic: str) -> None:
    fill(topic, [b"%d" % i for i in range(10)])
    consumer = assigned(topic, MANUAL)
    assert len(consumer.consume(4, 10)) == 4
    consumer.commit(asynchronous=False)
    assert committed(consumer, topic) == 4
    assert len(consumer.consume(20, 0.3)) == 6  # gathered while waiting for more
    consumer.commit(asynchronous=False)
    assert committed(consumer, topic) == 10


def test_a_list_is_finished_even_after_a_stop(fill: Fill, assigned: Assigned, topic: str) -> None:
    fill(topic, [b"%d" % i for i in range(10)])
    consumer = assigned(topic, MANUAL)
    assert len(consumer.consume(4, 10)) == 4
    consumer.stop()
    with pytest.raises(_native.Stopped):
        consumer.consume(4, 10)
    consumer.commit(asynchronous=False)
    assert committed(consumer, topic) == 4


def test_poll_and_consume_mix(fill: Fill, assigned: Assigned, topic: str) -> None:
    fill(topic, [b"%d" % i for i in range(12)])
    consumer = assigned(topic, MANUAL)
    seen = [polled(consumer).value(), polled(consumer).value()]
    seen += [m.value() for m in consumer.consume(3, 10)]
    seen += [polled(consumer).value()]
    seen += [m.value() for m in consumer.consume(2, 10)]
    batch = consumer.fetch(10)
    assert batch is not None
    # fetch() does not finish what poll() and consume() gave: the last list is redelivered.
    seen += [m.value() for m in batch]
    assert seen[:8] == [b"%d" % i for i in range(8)]
    assert seen[-4:] == [b"8", b"9", b"10", b"11"]


def test_end_of_partition_and_unknown_topic_are_messages(assigned: Assigned, fill: Fill, topic: str) -> None:
    fill(topic, [b"a"])
    consumer = assigned(topic, {"enable.partition.eof": True})
    assert polled(consumer).value() == b"a"
    eof = polled(consumer)
    error = eof.error()
    assert error is not None
    assert error.code() == KafkaError._PARTITION_EOF
    assert (eof.topic(), eof.partition(), eof.offset()) == (topic, 0, 1)
    with pytest.raises(KafkaException):
        consumer.commit(eof)


def test_two_threads_in_one_consumer(assigned: Assigned, topic: str, wait: Callable[..., Any]) -> None:
    consumer = assigned(topic)
    entered = threading.Event()

    def poll() -> None:
        entered.set()
        consumer.poll(2)

    thread = threading.Thread(target=poll)
    thread.start()
    entered.wait()

    def refused() -> bool:
        try:
            consumer.poll(0)
        except _native.ConcurrentUse:
            return True
        return False

    wait(refused)
    with pytest.raises(_native.ConcurrentUse):
        consumer.fetch(0)
    with pytest.raises(_native.ConcurrentUse):
        consumer.consume(1, 0)
    with pytest.raises(_native.ConcurrentUse):
        consumer.close()
    consumer.wake()
    thread.join()
    assert consumer.poll(0) is None


@pytest.mark.parametrize("call", ["fetch", "poll", "consume"])
def test_stop_and_wake_end_a_wait(assigned: Assigned, topic: str, call: str) -> None:
    consumer = assigned(topic)
    waiting: Callable[[], Any] = {
        "fetch": lambda: consumer.fetch(20),
        "poll": lambda: consumer.poll(20),
        "consume": lambda: consumer.consume(1, 20),
    }[call]
    begin = time.monotonic()
    waker = threading.Timer(0.1, consumer.wake)
    waker.start()
    assert not waiting()
    waker.join()
    stopper = threading.Timer(0.1, consumer.stop)
    stopper.start()
    with pytest.raises(_native.Stopped):
        waiting()
    stopper.join()
    assert time.monotonic() - begin < 10
    assert consumer.stopping
