"""Callables and arguments that close, produce or subscribe while their client is at work."""

from __future__ import annotations

import functools
import gc
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from django_kafka import _native

from .conftest import until

Make = Callable[..., Any]
Fill = Callable[..., None]


class Closing:
    """A number that closes a client when it is asked for its value."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def __index__(self) -> int:
        self.client.close()
        return 0

    def __float__(self) -> float:
        self.client.close()
        return 0.1

    def __bool__(self) -> bool:
        self.client.close()
        return True


PRODUCER_CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "produce": lambda p, x: p.produce("t", b"x", partition=x),
    "produce_many": lambda p, x: p.produce_many("t", [b"x"], partition=x),
    "produce_batch": lambda p, x: p.produce_batch("t", [{"value": b"x", "partition": x}]),
    "poll": lambda p, x: p.poll(x),
    "flush": lambda p, x: p.flush(x),
    "purge": lambda p, x: p.purge(x),
    "list_topics": lambda p, x: p.list_topics("t", x),
    "cluster_id": lambda p, x: p.cluster_id(x),
    "create_topic": lambda p, x: p.create_topic("t", x),
    "describe_topic": lambda p, x: p.describe_topic("t", x),
    "init_transactions": lambda p, x: p.init_transactions(x),
}


@pytest.mark.parametrize("name", PRODUCER_CALLS)
def test_an_argument_that_closes_the_producer(broker: _native.Broker, name: str) -> None:
    producer = _native.Producer({"bootstrap.servers": broker.bootstrap})
    with pytest.raises(RuntimeError, match="Producer closed"):
        PRODUCER_CALLS[name](producer, Closing(producer))


def test_a_time_that_closes_the_producer_that_it_closes(broker: _native.Broker) -> None:
    producer = _native.Producer({"bootstrap.servers": broker.bootstrap})
    assert producer.close(Closing(producer)) is True  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["store_offsets", "commit", "assign", "position"])
def test_a_partition_that_closes_the_consumer(make_consumer: Make, topic: str, name: str) -> None:
    consumer = make_consumer()

    class Part:
        topic = "t"
        offset = 5
        metadata = leader_epoch = None

        @property
        def partition(self) -> int:
            consumer.close(5)
            return 0

    call = getattr(consumer, name)
    with pytest.raises(RuntimeError, match="closed"):
        call(offsets=[Part()]) if name in ("store_offsets", "commit") else call([Part()])


@pytest.mark.parametrize(
    "send",
    [
        lambda p, t: p.produce(t, b"b"),
        lambda p, t: p.produce_many(t, [b"b"] * 3),
        lambda p, t: p.write(t, b"b"),
    ],
)
def test_a_report_that_closes_its_producer(make_producer: Make, topic: str, send: Callable[[Any, str], Any]) -> None:
    """produce() runs reports by itself: then it has no producer any more."""
    producer = make_producer({"linger.ms": 0})
    producer.produce(topic, b"a", callback=lambda error, msg: producer.close())
    until(lambda: producer.counters()["delivered"] == 1)
    with pytest.raises(RuntimeError, match="Producer closed"):
        send(producer, topic)
        send(producer, topic)


def test_close_in_the_first_of_many_reports(make_producer: Make, topic: str) -> None:
    producer = make_producer({"linger.ms": 50})
    seen: list[bytes] = []

    def report(error: Any, msg: Any) -> None:
        seen.append(msg.value())
        if len(seen) == 1:
            producer.close()

    for i in range(10):
        producer.produce(topic, b"%d" % i, callback=report)
    assert producer.flush(10) == 0
    assert seen == [b"%d" % i for i in range(10)]


@pytest.mark.parametrize(("name", "args"), [("close", ()), ("poll", (0.1,)), ("fetch", (0.1,)), ("consume", (1,))])
def test_what_on_assign_must_not_call(
    make_consumer: Make, fill: Fill, topic: str, name: str, args: tuple[Any, ...]
) -> None:
    fill(topic, [b"a"])
    refused: list[BaseException] = []

    def assign(consumer: Any, partitions: list[TopicPartition]) -> None:
        with pytest.raises(_native.ConcurrentUse) as raised:
            getattr(consumer, name)(*args)
        refused.append(raised.value)

    consumer = make_consumer()
    consumer.subscribe([topic], on_assign=assign)
    assert consumer.poll(20).value() == b"a"
    assert len(refused) == 1


def test_a_batch_outlives_its_consumer(make_consumer: Make, fill: Fill, topic: str) -> None:
    fill(topic, [b"%d" % i for i in range(50)])
    consumer = make_consumer()
    consumer.subscribe([topic])
    batch = until(functools.partial(consumer.fetch, 1))
    first = next(batch)
    ticket = batch.defer()
    second = next(batch)
    consumer.close(5)
    del consumer
    gc.collect()
    assert (first.value(), second.value(), batch[3].value()) == (b"0", b"1", b"3")
    with pytest.raises(StopIteration):
        next(batch)
    with pytest.raises(RuntimeError, match="no message is in hand"):
        batch.fail(1)
    ticket.resolve()


SUBSCRIBE_RACE = """
import logging, sys, threading
logging.disable(50)
from django_kafka._native import Broker, Consumer
broker = Broker()
broker.create_topic("t", 1)
consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "g"})
inside, replaced = threading.Event(), threading.Event()

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "confluent_kafka" and not replaced.is_set():
            inside.set()
            replaced.wait(30)

def subscribe_anew():
    inside.wait(30)
    consumer.subscribe(["t"], on_assign=lambda *args: None)
    replaced.set()

class Callback:
    def __call__(self, consumer, partitions):
        print("called", [p.topic for p in partitions])
    def __del__(self):
        print("freed")

assert "confluent_kafka" not in sys.modules
sys.meta_path.insert(0, Slow())
thread = threading.Thread(target=subscribe_anew)
thread.start()
consumer.subscribe(["t"], on_assign=Callback())
while not replaced.is_set():
    consumer.poll(0.2)
thread.join()
consumer.close()
"""


def test_a_callable_that_is_replaced_while_it_is_about_to_run() -> None:
    """Its argument is made by Python code, which lets other threads run."""
    done = subprocess.run([sys.executable, "-c", SUBSCRIBE_RACE], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "called ['t']\nfreed\n")
