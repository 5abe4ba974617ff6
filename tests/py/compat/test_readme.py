# SPDX-License-Identifier: MIT
"""What the original's README shows, as a project would write it."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from confluent_kafka.serialization import IntegerDeserializer, IntegerSerializer, MessageField
from django.test import override_settings

import tests.py.django.conftest  # noqa: F401 (configures Django)
from django_kafka import kafka, producer
from django_kafka.conf import settings
from django_kafka.consumer import Consumer, Topics
from django_kafka.exceptions import DjangoKafkaError
from django_kafka.registry import ConsumersRegistry
from django_kafka.retry.consumer import RetryConsumer
from django_kafka.retry.settings import RetrySettings
from django_kafka.topic import Topic, TopicConsumer, TopicProducer
from tests.py.django.conftest import registry  # noqa: F401


class Orders(Topic):
    name = "orders"

    def consume(self, msg: Any) -> None:
        self.deserialize(msg.value(), MessageField.VALUE)


def test_topic_consumer_registered_with_its_configuration(registry: ConsumersRegistry) -> None:  # noqa: F811
    @kafka.consumers()
    class OrdersConsumer(Consumer):
        topics = Topics(Orders())
        config = {"group.id": "orders", "auto.offset.reset": "latest", "enable.auto.offset.store": False}

    key = f"{__name__}.OrdersConsumer"
    assert list(kafka.consumers) == [key]
    assert kafka.consumers[key] is OrdersConsumer
    assert OrdersConsumer.build_config()["group.id"] == "orders"


def test_producing() -> None:
    with mock.patch.object(kafka, "producer", create=True) as client:
        Orders().produce("paid", key="17", headers={"type": b"paid"})
    client.produce.assert_called_once_with("orders", b"paid", key=b"17", headers={"type": b"paid"})


def test_own_serializers_for_keys() -> None:
    class Numbered(Topic):
        name = "numbered"
        key_serializer = IntegerSerializer
        key_deserializer = IntegerDeserializer

        def consume(self, msg: Any) -> None: ...

    topic = Numbered()
    assert topic.deserialize(topic.serialize(7, MessageField.KEY), MessageField.KEY) == 7


def test_retry_decorator_on_a_topic() -> None:
    @kafka.retry(max_retries=3, delay=120, include=[ValueError])
    class Careful(TopicConsumer):
        name = "careful"

        def consume(self, msg: Any) -> None: ...

    rules = Careful.retry_settings
    assert isinstance(rules, RetrySettings)
    assert rules.blocking
    assert rules.can_retry(3, ValueError())
    assert not rules.can_retry(3, KeyError())
    assert not rules.can_retry(4, ValueError())


def test_retry_settings_for_all_topics() -> None:
    with override_settings(DJANGO_KAFKA={"RETRY_SETTINGS": {"max_retries": 5, "delay": 60, "blocking": False}}):
        assert Orders().retry_settings is settings.get_retry_settings()
        built = RetryConsumer.build(type("C", (Consumer,), {"topics": Topics(Orders()), "config": {"group.id": "g"}}))
        assert built is not None
        assert built.topics.names == [r"^g\.orders\.retry\.([0-9]+)$"]
    assert Orders().retry_settings is None


@pytest.mark.parametrize("name", ["^orders", "^.*$"])
def test_pattern_can_be_consumed_and_not_produced(name: str) -> None:
    assert type("Any", (TopicConsumer,), {"name": name})().is_regex()
    with pytest.raises(DjangoKafkaError):
        type("Any", (TopicProducer,), {"name": name})()


def test_suppression_in_its_ways() -> None:
    topic = Orders()

    @producer.suppress
    def nothing() -> None:
        topic.produce("1")

    @producer.suppress(["orders"])
    def no_orders() -> None:
        topic.produce("2")
        with producer.unsuppress():
            topic.produce("3")

    with mock.patch.object(kafka, "producer", create=True) as client:
        nothing()
        no_orders()
        with producer.suppress(["others"]):
            topic.produce("4")
    assert [call.args for call in client.produce.call_args_list] == [("orders", b"3"), ("orders", b"4")]


def test_error_handler_of_the_project() -> None:
    with override_settings(DJANGO_KAFKA={"ERROR_HANDLER": f"{__name__}.Handler"}):
        config = type("C", (Consumer,), {"config": {"group.id": "g"}}).build_config()
    assert isinstance(config["error_cb"], Handler)


class Handler:
    def __call__(self, error: Any) -> None: ...
