"""Mistakes of a project, each of which mypy has to report with the code behind it (tools/check_types.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import confluent_kafka

from django_kafka import kafka, producer
from django_kafka.consumer import Consumer, Topics
from django_kafka.message import Message
from django_kafka.retry.settings import RetrySettings
from django_kafka.testing import kafka_broker, run_consumer_until
from django_kafka.topic import Topic


class Orders(Topic):
    name = "orders"
    batch_size = "100"  # expect: assignment
    retry_settings = {"max_retries": 3}  # expect: assignment

    def consume(self, msg: Message) -> None:
        msg.valeu()  # expect: attr-defined
        msg.topic().upper()  # expect: union-attr


class Lists(Topic):
    name = "lists"

    def consume_batch(self, messages: list[Message]) -> None: ...  # expect: override


class NoMessage(Topic):
    name = "none"

    def consume(self) -> None: ...  # expect: override


class ShopConsumer(Consumer):
    topics = [Orders()]  # expect: assignment
    config = "shop"  # expect: assignment

    def handle_exception(self, msg: confluent_kafka.Message) -> bool:  # expect: override
        return True


def work(consumer: ShopConsumer) -> None:
    Orders().produce("text", headres={"a": b"b"})  # expect: call-arg
    Orders().produce("text", ky="1")  # expect: call-arg
    Orders().produce("text", partition="0")  # expect: arg-type
    Orders().produce("text", on_delivery=print_one)  # expect: arg-type
    Orders().produce()  # expect: call-arg
    Orders().produce_many(["text"], key="1")  # expect: call-arg
    Orders().produce_many(["text"], header=None)  # expect: call-arg
    kafka.producer.produce("raw", {"id": 1})  # expect: arg-type
    kafka.producer.produce("raw", b"1", keys=b"1")  # expect: call-arg
    kafka.producer.produce()  # expect: call-arg
    kafka.producer.flsuh()  # expect: attr-defined
    kafka.producer.flush("10")  # expect: arg-type
    consumer.asignment()  # expect: attr-defined
    consumer.seek("orders")  # expect: arg-type
    consumer.subscribe(["orders"], on_asign=None)  # expect: call-arg
    Topics(Orders)  # expect: arg-type
    RetrySettings(max_retries=3, dealy=1)  # expect: call-arg
    kafka.retry(max_retries="3", delay=1)  # expect: arg-type
    producer.suppress("orders")  # expect: call-overload
    run_consumer_until(Orders, lambda: True)  # expect: type-var
    with kafka_broker(topics=["orders"]) as broker:
        broker.collect("orders", count="2")  # expect: arg-type


def print_one(error: Any) -> None: ...


def takes_a_claim(messages: Sequence[Message]) -> None:
    messages.append(Message())  # expect: attr-defined
