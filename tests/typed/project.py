"""A project as its users write it: type checkers have to find nothing in it (tools/check_types.py)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, assert_type

import confluent_kafka
from confluent_kafka import KafkaError, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.serialization import MessageField, StringDeserializer, StringSerializer

from django_kafka import kafka, producer
from django_kafka.connect.connector import Connector
from django_kafka.consumer import Consumer, Topics
from django_kafka.exceptions import BatchError, DjangoKafkaError
from django_kafka.message import Message
from django_kafka.retry.settings import RetrySettings
from django_kafka.testing import kafka_broker, run_consumer_until
from django_kafka.topic import Topic, TopicConsumer, TopicProducer
from django_kafka.topic.avro import AvroTopic
from django_kafka.topic.debezium import DbzModelTopicConsumer
from django_kafka.topic.json import JSONTopic, JSONTopicConsumer
from django_kafka.topic.model import ModelTopicConsumer
from django_kafka.topic.protobuf import ProtobufTopic

# ---- topics: the name as an attribute, annotated, or a property; messages of confluent's type, of ours, or any ----


class Orders(Topic):
    name = "orders"
    key_serializer = StringSerializer
    value_deserializer = StringDeserializer

    def consume(self, msg: confluent_kafka.Message) -> None:
        value = self.deserialize(msg.value(), MessageField.VALUE, msg.headers())
        keep(msg, value)


class Payments(TopicConsumer):
    @property
    def name(self) -> str:
        return f"{kafka.consumers.__class__.__name__}.payments"

    def consume(self, message: Message) -> bool:
        keep(message, message.value())
        return True


class Invoices(TopicProducer):
    name: str = "invoices"


class Returns(JSONTopicConsumer):
    name = "^returns[.]"
    retry_settings = None

    def consume(self, msg: Any) -> None: ...


@kafka.retry(max_retries=3, delay=30, blocking=False, include=[KeyError])
class Parcels(JSONTopic):
    name = "parcels"
    value_schema = "{}"


class Prices(AvroTopic):
    name = "prices"
    value_schema = '"string"'
    retry_settings = RetrySettings(max_retries=1, delay=1)

    def get_value_deserializer(self, **kwargs: Any) -> Any:
        return super().get_value_deserializer(**{"schema": None, **kwargs})


class Stock(ProtobufTopic):
    name = "stock"
    value_message = None


class Rows(ModelTopicConsumer):
    name = "rows"
    exclude_fields = ["secret"]

    def transform_price(self, model: Any, name: str, value: Any) -> tuple[str, Any]:
        return name, value


class Captured(DbzModelTopicConsumer):
    name = "captured"
    reroute_model_map = {"public.order": object}


class Many(TopicConsumer):
    name = "many"
    batch_size = 100
    atomic = True

    def consume_batch(self, messages: Sequence[confluent_kafka.Message]) -> None:
        failed: dict[int, Exception] = {i: ValueError("no") for i, msg in enumerate(messages) if not msg.value()}
        if failed:
            raise BatchError(failed)


def keep(msg: confluent_kafka.Message, value: object) -> None:
    """What a project has, written for messages of confluent's."""


# ---- consumers ----


@kafka.consumers()
class ShopConsumer(Consumer):
    topics = Topics(Orders(), Payments(), Returns(), Parcels(), Prices(), Stock(), Rows(), Captured(), Many())
    config = {"group.id": "shop", "enable.auto.commit": False}
    polling_freq = 0.5

    def consume(self, msg: confluent_kafka.Message) -> bool:
        super().consume(msg)
        return True

    def handle_exception(self, msg: confluent_kafka.Message, exc: Exception) -> bool:
        if isinstance(exc, DjangoKafkaError):
            self.pause_partition(msg, datetime.now() + timedelta(seconds=5))
            return False
        return super().handle_exception(msg, exc)

    def commit_offset(self, msg: Message) -> None:
        super().commit_offset(msg)


@kafka.connectors()
class Sink(Connector):
    config = {"connector.class": "io.example.Sink"}


class Source(Connector):
    @property
    def config(self) -> dict[str, str]:
        return {"connector.class": "io.example.Source"}


def assigned(client: confluent_kafka.Consumer, partitions: list[TopicPartition]) -> None:
    client.assign(partitions)


def look_at(consumer: ShopConsumer) -> None:
    assert_type(consumer.group_id, str)
    assert_type(consumer.assignment(), list[TopicPartition])
    assert_type(consumer.committed([TopicPartition("orders", 0)], timeout=5), list[TopicPartition])
    assert_type(consumer.get_watermark_offsets(TopicPartition("orders", 0)), tuple[int, int] | None)
    consumer.pause([TopicPartition("orders", 0)])
    consumer.seek(TopicPartition("orders", 0, 5))
    consumer.subscribe(["orders"], on_assign=assigned, on_lost=lambda client, partitions: None)
    assert_type(kafka.consumers["shop.ShopConsumer"], type[Consumer])
    consumer.run()


# ---- producing ----


def report(error: KafkaError | None, msg: confluent_kafka.Message) -> None: ...


def produce() -> None:
    headers: list[tuple[str, bytes]] = [("trace", b"1")]
    Orders().produce("text", key="1", headers=headers, partition=0, timestamp=1, on_delivery=report)
    Orders().produce(value="text", key=None, headers={"trace": "1"})
    Orders().produce("text", value_serializer_kwargs={"codec": "utf_8"}, headers=None)
    assert_type(Parcels().produce_many([{"id": 1}], keys=["1"], headers=headers), int)
    kafka.producer.produce("raw", b"value", b"key", headers=[("a", None)], on_delivery=lambda error, msg: None)
    kafka.producer.produce("raw", value="value", key="key", callback=report)
    assert_type(kafka.producer.flush(10), int)
    assert_type(kafka.producer.poll(0), int)
    assert_type(kafka.producer.list_topics(timeout=5).topics["raw"].partitions[0].leader, int)
    assert_type(kafka.schema_client, SchemaRegistryClient)
    assert_type(len(kafka.producer), int)


class Outbox(TopicProducer):
    name = "outbox"

    def produce(self, value: Any, **kwargs: Any) -> None:
        kwargs.setdefault("key", str(value))
        super().produce(value, **kwargs)


@producer.suppress
def quiet(number: int) -> int:
    return number


@producer.suppress(["orders"])
async def quiet_too(number: int) -> int:
    return number


@producer.unsuppress
def numbers() -> Iterator[int]:
    yield quiet(1)


def suppressed() -> None:
    with producer.suppress(["orders"]), producer.unsuppress():
        assert_type(quiet(1), int)


# ---- tests ----


def test_orders() -> None:
    with kafka_broker(topics={"orders": 2}) as broker:
        broker.produce("orders", b"x", "y", key=b"1", headers=[("a", b"b")])
        assert_type(run_consumer_until(ShopConsumer, lambda: True), ShopConsumer)
        assert_type(run_consumer_until("shop.ShopConsumer", lambda: True, timeout=5), Consumer)
        letters: list[Message] = broker.collect("shop.orders.dlt")
        keep(letters[0], None)
    keep(Message(topic="orders", value=b"1", headers={"a": b"b"}), None)
