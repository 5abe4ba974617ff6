# SPDX-License-Identifier: MIT
"""Consumer groups on a real broker: members that join, leave and are slow, in every protocol of the group."""

from __future__ import annotations

import time
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from tests.live.clients import (
    assert_exactly,
    by_partition,
    consumer,
    fetch,
    fetch_count,
    fetch_once,
    numbered,
    plain,
    reference_produce,
)
from tests.live.members import Member, run_until
from tests.live.servers import KafkaServer

PROTOCOLS: dict[str, dict[str, Any]] = {
    "eager": {"partition_assignment_strategy": "range"},
    "cooperative": {"partition_assignment_strategy": "cooperative-sticky"},
    "consumer": {"group_protocol": "consumer"},
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_members_join_and_leave_and_nothing_is_lost_or_repeated(
    broker: KafkaServer, name: str, protocol: str
) -> None:
    """Each message once: a partition that moves takes its finished offsets along."""
    config = PROTOCOLS[protocol]
    broker.create_topic(name, partitions=6)
    produced = 0

    def produce(count: int) -> None:
        nonlocal produced
        reference_produce(broker.bootstrap, numbered(name, count, 6, first=produced))
        produced += count

    def total() -> int:
        return sum(len(member.seen) for member in (first, second))

    produce(3000)
    first = Member(broker, name, name, **config)
    run_until([first], lambda: len(first.seen) >= 500, "the first member consumes")
    second = Member(broker, name, name, **config)
    produce(3000)
    run_until(
        [first, second],
        lambda: len(first.partitions) == 3 and len(second.partitions) == 3,
        "each has three partitions",
    )
    assert not set(first.partitions) & set(second.partitions)
    produce(3000)
    run_until([first, second], lambda: total() >= produced, "both have read all")
    assert second.seen
    first.client.close(30)
    produce(600)
    run_until([second], lambda: second.partitions == list(range(6)), "the one that is left has all")
    run_until([second], lambda: total() >= produced, "the one that is left reads all")
    second.client.close(30)
    events = [event for event, _ in first.log + second.log]
    assert "lost" not in events
    assert_exactly(sorted(first.seen + second.seen, key=lambda message: message.offset), produced, 6)
    # Within one member the order is Kafka's, too.
    for member in (first, second):
        for messages in by_partition(member.seen).values():
            offsets = [message.offset for message in messages]
            assert offsets == sorted(offsets)


def test_a_cooperative_member_keeps_what_it_need_not_give(broker: KafkaServer, name: str) -> None:
    broker.create_topic(name, partitions=4)
    first = Member(broker, name, name, **PROTOCOLS["cooperative"])
    run_until([first], lambda: first.partitions == [0, 1, 2, 3], "the first has all")
    second = Member(broker, name, name, **PROTOCOLS["cooperative"])
    run_until([first, second], lambda: len(first.partitions) == len(second.partitions) == 2, "two each")
    revoked = [part for event, parts in first.log if event == "revoke" for part in parts]
    assert sorted(revoked) == second.partitions
    first.client.close(30)
    second.client.close(30)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_handler_slower_than_max_poll_interval_keeps_its_partitions(
    broker: KafkaServer, name: str, protocol: str
) -> None:
    broker.create_topic(name, partitions=2)
    reference_produce(broker.bootstrap, numbered(name, 40, 2))
    session = {} if protocol == "consumer" else {"session_timeout_ms": 3000}
    member = Member(broker, name, name, **PROTOCOLS[protocol], **session, max_poll_interval_ms=3000)
    slept = False
    deadline = time.monotonic() + 60
    while len(member.seen) < 40:
        assert time.monotonic() < deadline
        batch = member.client.fetch(0.2)
        if batch is None:
            continue
        with batch:
            while batch.next_topic() is not None:
                for message in batch:
                    if not slept:
                        time.sleep(7)  # the handler: more than twice the limit
                        slept = True
                    member.seen.append(plain(message))
    assert broker.group_members(name) == 1
    assert member.partitions == [0, 1]
    assert [event for event, _ in member.log] == ["assign"]
    member.client.commit(asynchronous=False)
    committed = member.client.committed([TopicPartition(name, p) for p in (0, 1)], 10)
    assert [part.offset for part in committed] == [20, 20]
    member.client.close(30)
    assert_exactly(member.seen, 40, 2)


def test_a_static_member_comes_back_to_its_partitions(broker: KafkaServer, name: str) -> None:
    """Within the session timeout nobody else notices that it was away."""
    broker.create_topic(name, partitions=4)
    config: dict[str, Any] = {"session_timeout_ms": 20000, "partition_assignment_strategy": "range"}
    first = Member(broker, name, name, group_instance_id=f"{name}-1", **config)
    run_until([first], lambda: len(first.partitions) == 4, "the first has all")
    second = Member(broker, name, name, group_instance_id=f"{name}-2", **config)
    run_until([first, second], lambda: len(first.partitions) == len(second.partitions) == 2, "two each")
    before = first.partitions
    quiet = len(second.log)
    first.client.close(30)
    reference_produce(broker.bootstrap, numbered(name, 400, 4))
    again = Member(broker, name, name, group_instance_id=f"{name}-1", **config)
    run_until(
        [again, second],
        lambda: len(again.seen) + len(second.seen) >= 400 and again.partitions == before,
        "all are read",
    )
    assert second.log[quiet:] == []
    again.client.close(30)
    second.client.close(30)
    assert_exactly(again.seen + second.seen, 400, 4)


@pytest.mark.parametrize("protocol", ["cooperative", "consumer"])
def test_a_partition_that_was_unassigned_by_hand_can_be_taken_away(
    broker: KafkaServer, name: str, protocol: str
) -> None:
    """The group still believes that the member has it, and revokes it with the others."""
    broker.create_topic(name, partitions=2)
    member = Member(broker, name, name, **PROTOCOLS[protocol])
    run_until([member], lambda: member.partitions == [0, 1], "both are assigned")
    member.client.incremental_unassign([TopicPartition(name, 1)])
    assert member.partitions == [0]
    member.client.unsubscribe()
    run_until([member], lambda: not member.partitions, "all is given back")
    member.client.close(30)


@pytest.mark.parametrize("protocol", ["eager", "consumer"])
def test_a_regular_expression_finds_topics_that_appear_later(broker: KafkaServer, name: str, protocol: str) -> None:
    first = broker.create_topic(f"{name}-first")
    broker.create_topic(f"not-{name}-other")
    reference_produce(broker.bootstrap, [*numbered(first, 10, 1), *numbered(f"not-{name}-other", 10, 1)])
    extra = PROTOCOLS[protocol] | ({} if protocol == "consumer" else {"topic_metadata_refresh_interval_ms": 500})
    client = consumer(broker.bootstrap, name, **extra)
    client.subscribe([f"^{name}-.*"])
    seen = fetch_count(client, 10)
    late = broker.create_topic(f"{name}-late", partitions=2)
    reference_produce(broker.bootstrap, numbered(late, 20, 2))
    seen += fetch(client, lambda found: len(found) >= 20)
    assert fetch_once(client, 0.5) == []
    client.close(30)
    assert {message.topic for message in seen} == {first, late}
    assert_exactly([message for message in seen if message.topic == first], 10, 1)
    assert_exactly([message for message in seen if message.topic == late], 20, 2)


def test_new_partitions_of_a_topic_are_read(broker: KafkaServer, name: str) -> None:
    broker.create_topic(name, partitions=1)
    reference_produce(broker.bootstrap, numbered(name, 10, 1))
    client = consumer(broker.bootstrap, name, topic_metadata_refresh_interval_ms=500)
    client.subscribe([name])
    seen = fetch_count(client, 10)
    broker.grow_topic(name, 3)
    reference_produce(broker.bootstrap, [{"topic": name, "partition": p, "value": b"new"} for p in (1, 2)])
    seen += fetch(client, lambda found: len(found) >= 2)
    client.close(30)
    assert sorted((message.partition, message.value) for message in seen[10:]) == [(1, b"new"), (2, b"new")]
