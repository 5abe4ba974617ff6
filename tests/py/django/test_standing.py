# SPDX-License-Identifier: MIT
"""A consumer that gets nothing, or a partition that does not go on, is named with what helps, and not too often."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import OFFSET_BEGINNING, KafkaError, TopicPartition

from django_kafka.consumer.new_partitions import NewPartitions, begins_at_end
from django_kafka.consumer.waiting import Waiting, has_all
from django_kafka.error_handlers import ClientErrorHandler, PartitionError
from django_kafka.testing.broker import LocalBroker, kafka_broker
from django_kafka.testing.consumer import run_consumer_until
from tests.py.django.helpers import Recorder, consumer_of
from tests.py.django.standings import LOGGER, Client, Clock, Standing


@pytest.fixture
def standing() -> Standing:
    return Standing()


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (KafkaError._AUTO_OFFSET_RESET, "say where to go on"),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, "grant READ on it"),
        (KafkaError._BAD_COMPRESSION, "damaged, most likely"),
        (KafkaError._BAD_MSG, "--topic orders:3 --to-offset N"),
        (KafkaError.UNKNOWN_TOPIC_OR_PART, "does not exist"),
        (KafkaError.KAFKA_STORAGE_ERROR, "The client keeps trying."),
    ],
)
def test_the_line_says_all(standing: Standing, code: int, remedy: str, log: pytest.LogCaptureFixture) -> None:
    standing.fails(code)
    (error,) = standing.told
    assert isinstance(error, PartitionError)
    assert error.code() == code
    names = ("consumer", "group", "topic", "partition", "offset")
    assert [error.fields[name] for name in names] == ["app.Shop", "shop", "orders", 3, 17]
    assert error.str().startswith("app.Shop: orders[3] does not go on at offset 17: so it is. ")
    assert remedy in error.str()
    ClientErrorHandler()(error)
    (record,) = log.records
    assert (record.levelname, record.event, record.topic, record.offset) == (  # type: ignore[attr-defined]
        *("ERROR", "consumer.partition-stands"),
        *("orders", 17),
    )
    assert record.getMessage() == error.str()


@pytest.mark.parametrize(
    ("topic", "told"),
    [("orders", "there is no topic 'orders'. Is the name right?"), (r"^shop\.orders\.[0-9]+$", None)],
)
def test_what_is_not_there_has_no_partition_that_stands(
    standing: Standing, topic: str, told: str | None, log: pytest.LogCaptureFixture
) -> None:
    """librdkafka gives such an error partition 0 and no offset."""
    text = f"Subscribed topic not available: {topic}: Broker: Unknown topic or partition"
    standing.client.numbers["held"] = 1
    standing.standstills.on_error(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART, text), topic, 0, -1001)
    (error,) = standing.told
    assert not isinstance(error, PartitionError)
    ClientErrorHandler()(error)
    assert [told in record.getMessage() for record in log.records if told] == ([True] if told else [])
    assert standing.after(600) == 0, "what waits for it says so"


def test_seldom_while_it_lasts(standing: Standing) -> None:
    standing.fails(KafkaError._BAD_MSG)
    for _ in range(50):
        standing.fails(KafkaError._BAD_MSG, "other words")
    assert len(standing.told) == 1
    assert standing.after(3600) == 5
    assert standing.after(24 * 3600) == 24


@pytest.mark.parametrize("what", [{"position": 18}, {"committed": 40}, {"end": 17}, {"partition": 4}])
def test_until_it_goes_on(standing: Standing, what: dict[str, int]) -> None:
    standing.fails(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    standing.client.numbers.update(what, held=1)
    assert standing.after(24 * 3600) == 0
    standing.fails(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    assert len(standing.told) == 2


def test_until_it_is_taken_away(standing: Standing) -> None:
    standing.fails(KafkaError._BAD_MSG)
    standing.standstills.forget([TopicPartition("orders", 3)])
    standing.client.numbers["paused"] = True
    assert standing.after(24 * 3600) == 0


def test_the_end_of_a_partition_is_no_news(standing: Standing, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="django_kafka")
    for _ in range(3):
        standing.fails(KafkaError._PARTITION_EOF)
    assert standing.told == []
    assert {record.levelno for record in caplog.records} == {logging.DEBUG}
    assert caplog.messages[0] == "app.Shop: 'orders' partition=3 ends at 20."


# ---- nothing is assigned -------------------------------------------------------------------------------------------


class Awaiting:
    def __init__(self) -> None:
        self.client, self.clock = Client(), Clock()
        topics = [Recorder("orders"), Recorder("^users\\..*")]
        self.waiting = Waiting(self.client, "app.Shop", "shop", topics, LOGGER, self.clock)

    def look_for(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.waiting.look()
            self.clock.now += 1


@pytest.mark.parametrize(
    ("topics", "member", "reason"),
    [
        (None, None, "no broker answers"),
        ({}, None, r"there is no topic 'orders', '^users\..*' yet"),
        ({"orders": 1}, None, "coordinator has not let it in yet"),
        ({"users.eu": 1}, "m-1", "the group is being rebalanced"),
    ],
)
def test_what_it_waits_for(
    log: pytest.LogCaptureFixture, topics: dict[str, Any] | None, member: str | None, reason: str
) -> None:
    awaiting = Awaiting()
    awaiting.client.topics, awaiting.client.member = topics, member
    awaiting.look_for(10)
    assert log.messages == []
    awaiting.look_for(5)
    (line,) = log.messages
    assert line.startswith("app.Shop, group 'shop': no partition is assigned since 10 s: ")
    assert reason in line
    assert "?." not in line
    awaiting.look_for(24 * 3600)
    assert len(log.messages) < 35


def test_who_has_partitions_or_stands_by_waits_for_nothing(log: pytest.LogCaptureFixture) -> None:
    awaiting = Awaiting()
    awaiting.waiting.rebalanced("assigned", [TopicPartition("orders", 0)])
    awaiting.look_for(3600)
    awaiting.waiting.rebalanced("revoked", [TopicPartition("orders", 0)])
    awaiting.waiting.rebalanced("assigned", [])
    awaiting.waiting.rebalanced("assigned", [])
    awaiting.look_for(3600)
    assert [record.event for record in log.records] == [  # type: ignore[attr-defined]
        "consumer.group-joined",
        "consumer.partitions-assigned",
        "consumer.group-has-nothing",
    ]


def test_what_is_looked_for() -> None:
    assert has_all([Recorder("a"), Recorder("b")], {"a", "b", "c"})
    assert not has_all([Recorder("a"), Recorder("b")], {"a"})
    assert not has_all([Recorder("a"), Recorder("^b")], {"a", "b"})


# ---- new topics and partitions -------------------------------------------------------------------------------------


@pytest.fixture
def broker() -> Iterator[LocalBroker]:
    with kafka_broker({"old": 1}) as broker:
        yield broker


def test_a_topic_that_is_missing_is_found_beside_one_that_is_not(broker: LocalBroker) -> None:
    """librdkafka by itself looks every five minutes: more than run_consumer_until() waits."""
    old, new = Recorder("old"), Recorder("new")

    def act(_msg: Any) -> None:
        broker.native.create_topic("new", 1)
        broker.produce("new", b"2")

    old.act = act
    broker.produce("old", b"1")
    run_consumer_until(consumer_of(old, new), lambda: new.seen)
    assert new.values == [b"2"]


@pytest.mark.parametrize("value", [None, "latest", "END", "largest"])
def test_who_begins_at_the_end(value: str | None) -> None:
    assert begins_at_end({} if value is None else {"auto.offset.reset": value})
    assert begins_at_end({"auto.offset.reset": value})
    assert not begins_at_end({"auto.offset.reset": "earliest"})


def test_a_new_partition_begins_at_its_beginning(log: pytest.LogCaptureFixture) -> None:
    client, clock = Client(), Clock()
    new = NewPartitions(client, "app.Shop", LOGGER, clock)
    first = [TopicPartition("orders", number, -1001) for number in range(2)]
    new.begin(client, first)
    client.topics = None
    assert new.look() == 1.0
    client.topics = {"orders": type("Topic", (), {"partitions": {0: 0, 1: 1}})}
    clock.now += 1
    assert new.look() is None
    new.begin(client, [*first, TopicPartition("orders", 2, -1001), TopicPartition("orders", 3, 5)])
    (sought,) = client.sought
    assert (sought.topic, sought.partition, sought.offset) == ("orders", 2, OFFSET_BEGINNING)
    assert log.messages == [
        "app.Shop: 'orders' partition=2 was added meanwhile; it is read from its beginning.",
    ]
