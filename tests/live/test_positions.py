# SPDX-License-Identifier: MIT
"""Where a consumer reads, and what it has committed, asked of a real broker."""

from __future__ import annotations

import itertools

import confluent_kafka
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, TopicPartition

from tests.live.clients import (
    assert_exactly,
    by_partition,
    consumer,
    consumer_config,
    fetch,
    fetch_count,
    fetch_once,
    numbered,
    plain,
    reference_produce,
)
from tests.live.servers import KafkaServer, wait_until


def committed_by_reference(broker: KafkaServer, group: str, topic: str, partitions: int) -> list[int]:
    """Committed offsets of a group as another client sees them."""
    client = confluent_kafka.Consumer(consumer_config(broker.bootstrap, group))
    try:
        return [part.offset for part in client.committed([TopicPartition(topic, p) for p in range(partitions)], 10)]
    finally:
        client.close()


def test_a_restart_goes_on_where_the_last_run_ended(broker: KafkaServer, name: str) -> None:
    broker.create_topic(name, partitions=3)
    reference_produce(broker.bootstrap, numbered(name, 3000, 3))
    seen = []
    for run in range(3):
        client = consumer(broker.bootstrap, name)
        client.subscribe([name])
        seen += fetch(client, lambda found: len(found) >= 700) if run < 2 else fetch_count(client, 3000 - len(seen))
        client.close(30)
        if run < 2:
            done = dict.fromkeys(range(3), 0) | {p: len(items) for (_, p), items in by_partition(seen).items()}
            assert committed_by_reference(broker, name, name, 3) == [
                done[p] if done[p] else confluent_kafka.OFFSET_INVALID for p in range(3)
            ]
    assert_exactly(seen, 3000, 3)


def test_a_batch_left_in_the_middle_counts_what_was_done(broker: KafkaServer, name: str) -> None:
    """The message in hand when the loop is left is not done; those behind it neither."""
    broker.create_topic(name)
    reference_produce(broker.bootstrap, numbered(name, 100, 1))
    client = consumer(broker.bootstrap, name)
    client.subscribe([name])
    seen = []
    while not seen:
        batch = client.fetch(10)
        if batch is None:
            continue
        with batch:
            assert batch.next_topic() == name
            for message in batch:
                if message.offset() == 10:
                    break
                seen.append(plain(message))
    assert [message.offset for message in seen] == list(range(10))
    client.close(30)
    assert committed_by_reference(broker, name, name, 1) == [10]
    again = consumer(broker.bootstrap, name)
    again.subscribe([name])
    seen += fetch_count(again, 90)
    again.close(30)
    assert_exactly(seen, 100, 1)


def test_a_failed_message_comes_again_and_holds_the_commit(broker: KafkaServer, name: str) -> None:
    broker.create_topic(name, partitions=2)
    reference_produce(broker.bootstrap, numbered(name, 200, 2))
    client = consumer(broker.bootstrap, name)
    client.subscribe([name])
    seen = []
    failures = 0
    while len(seen) < 200:
        batch = client.fetch(10)
        if batch is None:
            continue
        with batch:
            while batch.next_topic() is not None:
                for message in batch:
                    if (message.partition(), message.offset()) == (0, 20) and failures < 3:
                        failures += 1
                        batch.fail(0.2)
                    else:
                        seen.append(plain(message))
        if failures == 1:
            client.commit(asynchronous=False)
            assert committed_by_reference(broker, name, name, 2)[0] <= 20
    assert failures == 3
    client.close(30)
    assert_exactly(seen, 200, 2)
    assert committed_by_reference(broker, name, name, 2) == [100, 100]


def test_automatic_commits_happen_while_it_runs(broker: KafkaServer, name: str) -> None:
    broker.create_topic(name)
    reference_produce(broker.bootstrap, numbered(name, 50, 1))
    client = consumer(broker.bootstrap, name, auto_commit_interval_ms=100)
    client.subscribe([name])
    fetch_count(client, 50)
    wait_until(lambda: committed_by_reference(broker, name, name, 1) == [50], 60, "offset 50 is committed")
    client.close(30)


def test_without_automatic_commits_only_commit_commits(broker: KafkaServer, name: str) -> None:
    broker.create_topic(name)
    reference_produce(broker.bootstrap, numbered(name, 50, 1))
    for explicit in (False, True):
        client = consumer(broker.bootstrap, name, enable_auto_commit=False)
        client.subscribe([name])
        fetch_count(client, 50)
        if explicit:
            client.commit(asynchronous=False)
        client.close(30)
        expected = 50 if explicit else confluent_kafka.OFFSET_INVALID
        assert committed_by_reference(broker, name, name, 1) == [expected]


def test_assign_by_hand_seek_and_position(broker: KafkaServer, name: str) -> None:
    broker.create_topic(name, partitions=2)
    reference_produce(broker.bootstrap, numbered(name, 200, 2))
    client = consumer(broker.bootstrap, name, enable_auto_commit=False)
    client.assign([TopicPartition(name, 0, 90), TopicPartition(name, 1, OFFSET_BEGINNING)])
    assert sorted((part.topic, part.partition) for part in client.assignment()) == [(name, 0), (name, 1)]
    got = by_partition(fetch_count(client, 110))
    assert [message.offset for message in got[name, 0]] == list(range(90, 100))
    assert [message.offset for message in got[name, 1]] == list(range(100))
    assert [part.offset for part in client.position([TopicPartition(name, 0), TopicPartition(name, 1)])] == [100, 100]

    client.seek(TopicPartition(name, 0, 95))
    assert [message.offset for message in fetch_count(client, 5)] == list(range(95, 100))
    # The end is asked from the broker: what is produced meanwhile is before it or behind it. Produce until one comes.
    client.seek(TopicPartition(name, 1, OFFSET_END))
    seen = []
    for offset in itertools.count(100):
        reference_produce(broker.bootstrap, [{"topic": name, "partition": 1, "value": b"%d" % offset}])
        seen += fetch_once(client, 0.5)
        if seen:
            break
        assert offset < 120
    assert [message.value for message in seen] == [b"%d" % message.offset for message in seen]
    assert seen[0].offset >= 100

    client.incremental_unassign([TopicPartition(name, 1)])
    reference_produce(broker.bootstrap, [{"topic": name, "partition": p, "value": b"last"} for p in (1, 0)])
    assert [(message.partition, message.value) for message in fetch_count(client, 1)] == [(0, b"last")]
    client.unassign()
    assert client.assignment() == []
    client.close(30)


def test_a_paused_partition_waits_and_loses_nothing(broker: KafkaServer, name: str) -> None:
    broker.create_topic(name, partitions=2)
    reference_produce(broker.bootstrap, numbered(name, 2000, 2))
    client = consumer(broker.bootstrap, name)
    client.subscribe([name])
    seen = fetch(client, lambda found: len(by_partition(found)) == 2 or len(found) >= 1)
    client.pause([TopicPartition(name, 0)])
    before = len(seen)
    seen += fetch(client, lambda found: len([m for m in seen + found if m.partition == 1]) == 1000)
    assert {message.partition for message in seen[before:]} <= {1}
    assert fetch_once(client, 0.5) == []
    client.resume([TopicPartition(name, 0)])
    seen += fetch_count(client, 2000 - len(seen))
    client.close(30)
    assert_exactly(seen, 2000, 2)


def test_watermarks_times_and_metadata(broker: KafkaServer, name: str) -> None:
    broker.create_topic(name, partitions=2)
    reference_produce(
        broker.bootstrap,
        [
            {"topic": name, "partition": 0, "value": b"x", "timestamp": 1_700_000_000_000 + i * 1000}
            for i in range(10)
        ],
    )
    client = consumer(broker.bootstrap, name)
    assert client.get_watermark_offsets(TopicPartition(name, 0), 10) == (0, 10)
    assert client.get_watermark_offsets(TopicPartition(name, 1), 10) == (0, 0)
    times = [TopicPartition(name, 0, 1_700_000_004_500), TopicPartition(name, 0, 1_800_000_000_000)]
    assert [client.offsets_for_times([time], 10)[0].offset for time in times] == [5, OFFSET_END]
    metadata = client.list_topics(name, 10)
    assert sorted(metadata.topics[name].partitions) == [0, 1]
    assert [broker_.port for broker_ in metadata.brokers.values()] == [broker.node.port]
    assert name in client.list_topics(timeout=10).topics
    client.close(30)


def test_stored_offsets_are_what_is_committed(broker: KafkaServer, name: str) -> None:
    broker.create_topic(name)
    reference_produce(broker.bootstrap, numbered(name, 20, 1))
    client = consumer(broker.bootstrap, name, enable_auto_commit=False)
    client.subscribe([name])
    fetch_count(client, 20)
    client.commit(offsets=[TopicPartition(name, 0, 7)], asynchronous=False)
    assert [part.offset for part in client.committed([TopicPartition(name, 0)], 10)] == [7]
    client.store_offsets(offsets=[TopicPartition(name, 0, 12)])
    client.commit(asynchronous=False)
    assert [part.offset for part in client.committed([TopicPartition(name, 0)], 10)] == [12]
    client.close(30)


def test_a_topic_that_is_made_anew_while_it_is_consumed(broker: KafkaServer, name: str) -> None:
    """Its offsets begin again at 0, below those that are done: they are the new topic's, and are committed."""
    broker.create_topic(name)
    reference_produce(broker.bootstrap, numbered(name, 10, 1))
    client = consumer(broker.bootstrap, name, auto_commit_interval_ms=100)
    client.subscribe([name])
    fetch_count(client, 10)
    wait_until(lambda: committed_by_reference(broker, name, name, 1) == [10], 60, "all is committed")
    broker.delete_topic(name)
    wait_until(lambda: not broker.topic_exists(name), 60, "the topic is gone", interval=0.02)
    broker.create_topic(name)
    reference_produce(broker.bootstrap, numbered(name, 5, 1, first=100))
    seen = fetch_count(client, 5)
    assert [message.offset for message in seen] == list(range(5))
    client.close(30)
    assert committed_by_reference(broker, name, name, 1) == [5]
