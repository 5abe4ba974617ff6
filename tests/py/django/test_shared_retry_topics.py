# SPDX-License-Identifier: MIT
"""Two groups whose retry topics have one name do not get each other's messages."""

from __future__ import annotations

from typing import Any

import pytest

from django_kafka.consumer import Consumer
from django_kafka.retry.settings import RetrySettings
from django_kafka.retry.sharing import foreign_origin
from django_kafka.testing import kafka_broker, run_consumer_until
from django_kafka.topic import TopicConsumer
from django_kafka.utils.message import Message
from tests.py.django.helpers import FailTimes, Recorder, consumer_of

RULES = RetrySettings(max_retries=2, delay=0.05, blocking=False)
RETRY = "shop.orders.eu.retry.1"


class Batches(TopicConsumer):
    retry_settings = RULES
    name = ""

    def __init__(self, name: str, act: FailTimes) -> None:
        self.name, self.act = name, act
        self.values: list[Any] = []

    def consume_batch(self, messages: Any) -> None:
        for msg in messages:
            self.act(msg)
            self.values.append(msg.value())


def one_by_one(name: str) -> Any:
    topic = Recorder(name, FailTimes(1))
    topic.retry_settings = RULES
    return topic


def in_batches(name: str) -> Any:
    return Batches(name, FailTimes(1))


def consuming(self: Consumer, msg: Any) -> bool | None:
    return Consumer.consume(self, msg)


def polling(self: Consumer) -> Any:
    return Consumer.poll(self)


@pytest.mark.parametrize(
    ("make", "members"),
    [(one_by_one, {}), (one_by_one, {"consume": consuming}), (one_by_one, {"poll": polling}), (in_batches, {})],
)
def test_each_gets_its_own(registry: Any, make: Any, members: dict[str, Any], log: pytest.LogCaptureFixture) -> None:
    outer, inner = make("orders.eu"), make("eu")
    consumers = [consumer_of(inner, group="shop.orders"), consumer_of(outer, group="shop", **members)]
    consumers[0].__qualname__ = consumers[0].__name__ = "Other"
    for cls in consumers:
        registry()(cls)
    with kafka_broker(topics=["orders.eu", "eu", RETRY]) as broker:
        broker.produce("eu", b"inner")
        broker.produce("orders.eu", b"outer")
        for count, cls in enumerate(consumers, 1):
            run_consumer_until(cls, lambda count=count: len(broker.collect(RETRY)) == count)
        for topic, cls in ((outer, consumers[1]), (inner, consumers[0])):
            retry = registry[f"{registry.get_key(cls)}.retry"]
            run_consumer_until(retry, lambda topic=topic: topic.values)
        assert [outer.values, inner.values] == [[b"outer"], [b"inner"]]
        assert len(broker.collect(RETRY)) == 2
    told = [record.getMessage() for record in log.records if "passes over the messages" in record.getMessage()]
    assert len(told) == len(set(told)) >= 1
    assert any("came from 'eu'" in line for line in told)


@pytest.mark.parametrize(
    ("headers", "foreign"),
    [
        (None, None),
        ([], None),
        ([("RETRY_ORIGIN_TOPIC", b"orders.eu")], None),
        ([("RETRY_ORIGIN_TOPIC", b"eu")], "eu"),
        ([("RETRY_ORIGIN_TOPIC", "eu")], "eu"),
        ([("RETRY_ORIGIN_TOPIC", b"")], None),
        ([("RETRY_ORIGIN_TOPIC", b"u")], None),
        ([("RETRY_ORIGIN_TOPIC", b"\xff")], None),
        ([("RETRY_ORIGIN_TOPIC", None)], None),
    ],
)
def test_whose_a_message_is(headers: Any, foreign: str | None) -> None:
    assert foreign_origin(Message(RETRY, headers=headers), "shop") == foreign
    assert foreign_origin(Message("elsewhere", headers=headers), "shop") is None
