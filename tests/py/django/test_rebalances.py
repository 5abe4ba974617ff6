# SPDX-License-Identifier: MIT
"""What a consumer logs of the partitions that it is given and that are taken away."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from django_kafka.consumer import Consumer
from django_kafka.consumer.member import Member
from django_kafka.consumer.plan import Path
from django_kafka.testing.broker import LocalBroker, kafka_broker
from django_kafka.testing.consumer import run_consumer_until
from django_kafka.utils.partitions import in_short
from tests.py.django.helpers import Recorder, consumer_of

PATHS: dict[Path, dict[str, Any]] = {
    Path.DIRECT: {},
    Path.HOOKS: {"consume": lambda self, msg: Consumer.consume(self, msg)},
    Path.POLL: {"process_message": lambda self, msg: Consumer.process_message(self, msg)},
}


@pytest.fixture
def broker() -> Iterator[LocalBroker]:
    with kafka_broker({"events": 1, "many": 4}) as broker:
        yield broker


@pytest.mark.parametrize("path", PATHS)
def test_assigned_and_revoked(broker: LocalBroker, path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    events, many = Recorder("events"), Recorder("many")
    broker.produce("events", b"1")
    consumer = run_consumer_until(consumer_of(events, many, group="shop", **PATHS[path]), lambda: events.seen)
    assert consumer.plan().path is path
    lines = [record for record in caplog.records if "group 'shop'" in record.getMessage()]
    joined = lines.pop(0)
    assert joined.getMessage().startswith("tests.py.django.helpers.MyConsumer has joined group 'shop' as ")
    assert [line.getMessage() for line in lines] == [
        "tests.py.django.helpers.MyConsumer, group 'shop': assigned events[0], many[0-3]",
        "tests.py.django.helpers.MyConsumer, group 'shop': revoked events[0], many[0-3]",
    ]
    assert {line.levelno for line in lines} == {logging.INFO}


def test_lost_and_nothing_new(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    member = Member(None, "app.Shop", {"group.id": "shop"}, logging.getLogger("shop"), str)
    member.tell_rebalance("assigned", [])
    member.tell_rebalance("lost", [TopicPartition("events", 3)])
    assert caplog.messages == ["app.Shop, group 'shop': lost events[3]. What is in hand of them will be redelivered."]


def parts(topic: str, *numbers: int) -> list[TopicPartition]:
    return [TopicPartition(topic, number) for number in numbers]


@pytest.mark.parametrize(
    ("partitions", "text"),
    [
        (parts("orders", 0), "orders[0]"),
        (parts("orders", *range(12)), "orders[0-11]"),
        (parts("orders", 7, 3, 1, 0, 4, 9), "orders[0-1,3-4,7,9]"),
        ([*parts("users", 1), *parts("orders", 5), *parts("users", 0)], "orders[5], users[0-1]"),
    ],
)
def test_partitions_in_short(partitions: list[TopicPartition], text: str) -> None:
    assert in_short(partitions) == text


def test_many_topics_in_short() -> None:
    text = in_short([part for number in range(100, 150) for part in parts(f"t{number}", 0, 1)])
    assert text.startswith("t100[0-1], t101[0-1], ")
    assert text.endswith("t119[0-1], and 30 more topics")
