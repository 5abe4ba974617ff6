# SPDX-License-Identifier: MIT
"""`kafka_consume` as its users run it: processes that are stopped, killed and joined by others, brokers that die."""

from __future__ import annotations

import itertools
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.clients import assert_exactly, by_partition, first_seen, numbered, producer, reference_produce
from tests.live.project.run import Worker
from tests.live.servers import KafkaServer, wait_until

Start = Callable[..., Worker]

FAST = {
    "auto.commit.interval.ms": 200,
    "session.timeout.ms": 3000,
    "heartbeat.interval.ms": 300,
    "fetch.wait.max.ms": 50,
}


def test_it_handles_everything_and_goes_on_after_a_restart(broker: KafkaServer, name: str, worker: Start) -> None:
    topics = [broker.create_topic(f"{name}-{i}", partitions=3) for i in (1, 2)]
    for topic in topics:
        reference_produce(broker.bootstrap, numbered(topic, 900, 3))
    first = worker(bootstrap=broker.bootstrap, group=name, topics=topics, config=FAST)
    first.wait_for(1800)
    assert first.stop() == 0, first.tail()
    for topic in topics:
        reference_produce(broker.bootstrap, numbered(topic, 300, 3, first=900))
    second = worker(bootstrap=broker.bootstrap, group=name, topics=topics, config=FAST)
    records = second.wait_for(2400)
    assert second.stop() == 0, second.tail()
    for topic in topics:
        assert_exactly([record for record in records if record.topic == topic], 1200, 3, topic=topic)


@pytest.mark.parametrize("to", ["supervisor", "group"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_stopped_in_mid_flight_it_finishes_the_message_in_hand(
    broker: KafkaServer, name: str, worker: Start, to: str, number: int
) -> None:
    """Nothing is lost and nothing is done twice, whoever gets the signal."""
    broker.create_topic(name, partitions=3)
    count = 1200
    reference_produce(broker.bootstrap, numbered(name, count, 3))
    first = worker(bootstrap=broker.bootstrap, group=name, topics=[name], config=FAST, sleep=0.02)
    first.wait_for(20)
    children = first.children()
    started = time.monotonic()
    first.send_group(number) if to == "group" else first.send(number)
    assert first.wait() == 0, first.tail()
    took = time.monotonic() - started
    assert not any(child.is_running() for child in children)
    done = len(first.records())
    assert 20 <= done < count
    assert took < 10, f"{took:.1f} s to stop"
    assert broker.group_members(name) == 0  # it left, nobody waits for its session to time out
    second = worker(bootstrap=broker.bootstrap, group=name, topics=[name], config=FAST)
    records = second.wait_for(count)
    assert second.stop() == 0, second.tail()
    assert_exactly(records, count, 3)
    assert len(second.records()) == count


def test_a_third_joins_and_one_is_killed(broker: KafkaServer, name: str, worker: Start, tmp_path: Path) -> None:
    """Every message is handled; only what the killed one had not committed is handled twice."""
    broker.create_topic(name, partitions=6)
    count = 0

    def produce(more: int) -> None:
        nonlocal count
        reference_produce(broker.bootstrap, numbered(name, more, 6, first=count))
        count += more

    def all_work() -> bool:
        """There is something to do until they do."""
        if count - len(first.records()) < 600:
            produce(600)
        return bool(third.own_records() and second.own_records())

    produce(1800)
    options = {"bootstrap": broker.bootstrap, "group": name, "topics": [name], "config": FAST, "sleep": 0.005}
    first, second = worker(**options), worker(**options)
    first.wait_for(100)
    wait_until(lambda: broker.group_members(name) == 2, 60, "two members")
    third = worker(**options)
    wait_until(lambda: broker.group_members(name) == 3, 60, "three members")
    wait_until(all_work, 60, "the second and the third have handled some", interval=0.1)
    produce(600)
    victims = {child.pid for child in second.children()}
    second.kill_all()
    first.wait_for(count)
    wait_until(lambda: len(first_seen(first.records())[0]) == count, 60, f"all {count} messages are handled")
    for one in (first, third):
        assert one.stop() == 0, one.tail()
    records = first.records()
    kept, repeats = first_seen(records)
    assert_exactly(sorted(kept, key=lambda record: record.offset), count, 6)
    # A partition's messages are handled in order; a repeat goes back at most to the last commit, of the killed one's.
    for (_, partition), items in by_partition(records).items():
        for before, after in itertools.pairwise(items):
            if after.offset <= before.offset:
                assert before.pid in victims, f"partition {partition}: {before} then {after}"
    assert repeats < count / 4, f"{repeats} repeats"
    print(f"repeats: {repeats}")


def test_the_broker_is_killed_and_comes_back(own_kafka: KafkaServer, name: str, worker: Start) -> None:
    """Our producer and our consumer both live through it."""
    own_kafka.create_topic(name, partitions=3)
    count = 3000
    one = worker(bootstrap=own_kafka.bootstrap, group=name, topics=[name], config=FAST, sleep=0.001)
    failed: list[object] = []
    client = producer(own_kafka.bootstrap, linger_ms=5)

    def produce(first: int, last: int) -> None:
        for message in numbered(name, last - first, 3, first=first):
            client.produce(**message, on_delivery=lambda error, msg: failed.append(error) if error else None)
        client.poll(0)

    produce(0, 1000)
    one.wait_for(300)
    own_kafka.kill()
    produce(1000, 2000)
    own_kafka.restart()
    produce(2000, count)
    assert client.flush(60) == 0
    client.close(30)
    assert failed == []
    one.wait_for(count, 90)
    wait_until(lambda: len(first_seen(one.records())[0]) == count, 60, f"all {count} messages are handled")
    assert one.stop() == 0, one.tail()
    kept, repeats = first_seen(one.records())
    assert_exactly(kept, count, 3)
    # It may have to rejoin, and then goes on from the last commit.
    assert repeats < count / 2
    again = worker(bootstrap=own_kafka.bootstrap, group=name, topics=[name], config=FAST)
    client = producer(own_kafka.bootstrap)
    client.produce(name, b"last", partition=0)
    assert client.flush(60) == 0
    client.close(30)
    records = again.wait_for(count + repeats + 1)
    assert again.stop() == 0
    assert [record.value for record in records[count + repeats :]] == [b"last"]
    print(f"repeats: {repeats}")


def test_a_handler_slower_than_max_poll_interval(broker: KafkaServer, name: str, worker: Start) -> None:
    """Its partitions stay its own, and the offsets are committed."""
    broker.create_topic(name)
    reference_produce(broker.bootstrap, numbered(name, 3, 1))
    config = {**FAST, "session.timeout.ms": 3000, "max.poll.interval.ms": 3000}
    one = worker(bootstrap=broker.bootstrap, group=name, topics=[name], config=config, sleep=4)
    records = one.wait_for(3)
    assert one.stop() == 0, one.tail()
    assert_exactly(records, 3, 1)
    again = worker(bootstrap=broker.bootstrap, group=name, topics=[name], config=FAST)
    reference_produce(broker.bootstrap, numbered(name, 1, 1, first=3))
    assert_exactly(again.wait_for(4), 4, 1)
    assert again.stop() == 0


def test_an_unreachable_broker_is_named_and_a_stop_is_obeyed(name: str, worker: Start) -> None:
    one = worker(bootstrap="127.0.0.1:1", group=name, topics=[name], config=FAST)
    wait_until(lambda: "127.0.0.1:1" in one.tail(), 60, "the log names the broker that cannot be reached")
    assert one.running
    assert one.stop() == 0, one.tail()


def test_a_wrong_setting_is_named(broker: KafkaServer, name: str, worker: Start) -> None:
    one = worker(
        bootstrap=broker.bootstrap,
        group=name,
        topics=[name],
        config={"auto.offset.rest": "earliest"},
        arguments=["--exit-on-failure"],
    )
    assert one.wait() != 0
    assert "auto.offset.rest" in one.tail()
    assert "auto.offset.reset" in one.tail()  # what was meant
