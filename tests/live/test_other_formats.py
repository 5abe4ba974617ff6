# SPDX-License-Identifier: MIT
"""JSONTopic with JSON Schemas and ProtobufTopic: through a real broker and registry, by confluent's own classes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.json_schema import JSONDeserializer as TheirJSONDeserializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer as TheirJSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer as TheirProtobufDeserializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer as TheirProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

from tests.live.clients import reference_consume, reference_produce
from tests.live.in_process import as_another_process, django_kafka_settings
from tests.live.servers import CountingProxy, KafkaServer, RegistryServer

from django_kafka import kafka  # isort: skip  (Django is configured by in_process)
from django_kafka.exceptions import SchemaRegistryUnavailable
from django_kafka.testing.consumer import run_consumer_until
from django_kafka.topic.json import JSONTopic
from django_kafka.topic.protobuf import ProtobufTopic
from tests.py.django.helpers import consumer_of

KEY, VALUE = MessageField.KEY, MessageField.VALUE
COUNT = 30


@pytest.fixture(autouse=True)
def _settings(broker: KafkaServer, proxy: CountingProxy) -> Iterator[None]:
    with django_kafka_settings(broker.bootstrap, proxy.url):
        yield


@pytest.fixture
def client(shared_registry: RegistryServer) -> SchemaRegistryClient:
    return SchemaRegistryClient({"url": shared_registry.url})


def context(topic: str, field: str = VALUE) -> SerializationContext:
    return SerializationContext(topic, field)


class Collecting:
    """Keeps (key, value) of each message."""

    name = ""

    def __init__(self, name: str) -> None:
        self.name = name
        self.seen: list[tuple[Any, Any]] = []
        super().__init__()

    def consume(self, msg: Any) -> None:
        topic: Any = self
        key = topic.deserialize(msg.key(), KEY, msg.headers())
        self.seen.append((key, topic.deserialize(msg.value(), VALUE, msg.headers())))


def consumed(topic: Any, count: int) -> list[tuple[Any, Any]]:
    with as_another_process():
        run_consumer_until(consumer_of(topic, group=f"{topic.name}-group"), lambda: len(topic.seen) >= count, 60)
    seen: list[tuple[Any, Any]] = topic.seen
    assert len(seen) == count
    return seen


# ---- JSON --------------------------------------------------------------------------------------------------------

DRAFT = "http://json-schema.org/draft-07/schema#"
ORDER = json.dumps(
    {
        "$schema": DRAFT,
        "title": "Order",
        "type": "object",
        "properties": {
            "id": {"type": "integer", "minimum": 0},
            "note": {"type": ["string", "null"]},
            "lines": {"type": "array", "items": {"type": "object", "required": ["price"]}},
        },
        "required": ["id"],
        "additionalProperties": False,
    }
)
KEY_SCHEMA = json.dumps(
    {"$schema": DRAFT, "title": "Key", "type": "object", "properties": {"id": {"type": "integer"}}}
)


class JSONOrders(Collecting, JSONTopic):
    key_schema = KEY_SCHEMA
    value_schema = ORDER


def json_order(i: int) -> dict[str, Any]:
    return {"id": i, "note": None if i % 2 else "grüße 😀", "lines": [{"price": i / 4}] * (i % 3)}


def test_json_with_schemas(
    broker: KafkaServer, name: str, client: SchemaRegistryClient, proxy: CountingProxy
) -> None:
    broker.create_topic(name)
    topic = JSONOrders(name)
    topic.produce(json_order(0), key={"id": 0})
    topic.produce_many([json_order(i) for i in range(1, COUNT)], keys=[{"id": i} for i in range(1, COUNT)])
    assert kafka.producer.flush(60) == 0
    assert len([request for request in proxy.requests if request.startswith("POST")]) == 2, proxy.requests
    keys, values = TheirJSONSerializer(KEY_SCHEMA, client), TheirJSONSerializer(ORDER, client)
    read_key, read_value = TheirJSONDeserializer(KEY_SCHEMA), TheirJSONDeserializer(ORDER)
    for i, message in enumerate(reference_consume(broker.bootstrap, [name], COUNT)):
        assert message.key == keys({"id": i}, context(name, KEY))
        assert message.value == values(json_order(i), context(name))
        assert read_key(message.key or b"", context(name, KEY)) == {"id": i}
        assert read_value(message.value or b"", context(name)) == json_order(i)
    theirs = [{"topic": name, "value": values(json_order(i), context(name))} for i in range(COUNT)]
    reference_produce(broker.bootstrap, theirs)
    proxy.requests.clear()
    expected = [*(({"id": i}, json_order(i)) for i in range(COUNT)), *((None, json_order(i)) for i in range(COUNT))]
    assert consumed(JSONOrders(name), 2 * COUNT) == expected
    # One each for key and value, beside the look at associations.
    assert len([r for r in proxy.requests if r.startswith("GET /schemas/ids/")]) == 2, proxy.requests


def test_json_that_its_schema_does_not_allow(broker: KafkaServer, name: str, client: SchemaRegistryClient) -> None:
    broker.create_topic(name)
    topic = JSONOrders(name)
    for bad in ({"note": "no id"}, {"id": -1}, {"id": 1, "more": 2}):
        with pytest.raises(Exception, match=r"required|minimum|Additional"):
            topic.produce(bad)
    lax = json.dumps({"$schema": DRAFT, "title": "Order", "type": "object"})
    data = TheirJSONSerializer(lax, client)({"id": "text"}, context(name))
    with pytest.raises(Exception, match="integer"):
        topic.deserialize(data, VALUE)
    topic.produce(None, key={"id": 1})
    assert kafka.producer.flush(60) == 0
    assert consumed(JSONOrders(name), 1) == [({"id": 1}, None)]


def test_json_while_the_registry_is_away(broker: KafkaServer, name: str, proxy: CountingProxy) -> None:
    """It is no fault of the message: the partition waits."""
    broker.create_topic(name)
    JSONOrders(name).produce(json_order(1), key={"id": 1})
    assert kafka.producer.flush(60) == 0
    [message] = reference_consume(broker.bootstrap, [name], 1)
    proxy.fail_with = 503
    with django_kafka_settings(broker.bootstrap, proxy.url, max_retries=0):
        with pytest.raises(SchemaRegistryUnavailable):
            JSONOrders(name).deserialize(message.value, VALUE)
        with pytest.raises(SchemaRegistryUnavailable):
            JSONOrders(name).produce(json_order(1))
        proxy.fail_with = None
        assert JSONOrders(name).deserialize(message.value, VALUE) == json_order(1)


# ---- Protobuf ----------------------------------------------------------------------------------------------------


def protobuf_classes() -> tuple[Any, Any]:
    """What protoc would make: a key, and an order with a message, an enum, a map and a well-known type in it."""
    file = descriptor_pb2.FileDescriptorProto(
        name="live_orders.proto", package="live", syntax="proto3", dependency=["google/protobuf/timestamp.proto"]
    )
    kinds = descriptor_pb2.FieldDescriptorProto
    key = file.message_type.add(name="Key")
    key.field.add(name="id", number=1, type=kinds.TYPE_INT64, label=kinds.LABEL_OPTIONAL)
    order = file.message_type.add(name="Order")
    line = order.nested_type.add(name="Line")
    line.field.add(name="price", number=1, type=kinds.TYPE_DOUBLE, label=kinds.LABEL_OPTIONAL)
    state = file.enum_type.add(name="State")
    for number, text in enumerate(("NEW", "PAID")):
        state.value.add(name=text, number=number)
    for number, (field, kind, label, of) in enumerate(
        [
            ("id", kinds.TYPE_INT64, kinds.LABEL_OPTIONAL, ""),
            ("note", kinds.TYPE_STRING, kinds.LABEL_OPTIONAL, ""),
            ("lines", kinds.TYPE_MESSAGE, kinds.LABEL_REPEATED, ".live.Order.Line"),
            ("state", kinds.TYPE_ENUM, kinds.LABEL_OPTIONAL, ".live.State"),
            ("at", kinds.TYPE_MESSAGE, kinds.LABEL_OPTIONAL, ".google.protobuf.Timestamp"),
        ],
        start=1,
    ):
        order.field.add(name=field, number=number, type=kind, label=label, type_name=of or None)
    assert timestamp_pb2.DESCRIPTOR.name in file.dependency
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())
    get = message_factory.GetMessageClass
    return get(pool.FindMessageTypeByName("live.Key")), get(pool.FindMessageTypeByName("live.Order"))


Key, Order = protobuf_classes()


class ProtobufOrders(Collecting, ProtobufTopic):
    key_message = Key
    value_message = Order


def protobuf_order(i: int) -> Any:
    order = Order(id=i, note="grüße 😀" * (i % 2), state=i % 2)
    order.at.seconds = 1_700_000_000 + i
    for n in range(i % 3):
        order.lines.add(price=n / 4)
    return order


def test_protobuf(broker: KafkaServer, name: str, client: SchemaRegistryClient, proxy: CountingProxy) -> None:
    broker.create_topic(name)
    conf = {"use.deprecated.format": False}
    topic = ProtobufOrders(name)
    topic.produce(protobuf_order(0), key=Key(id=0))
    topic.produce_many([protobuf_order(i) for i in range(1, COUNT)], keys=[Key(id=i) for i in range(1, COUNT)])
    topic.produce(None, key=Key(id=COUNT))
    assert kafka.producer.flush(60) == 0
    registered = [request for request in proxy.requests if request.startswith("POST")]
    assert len(registered) == len(set(registered)), registered
    keys, values = TheirProtobufSerializer(Key, client, conf), TheirProtobufSerializer(Order, client, conf)
    read = TheirProtobufDeserializer(Order, conf, client)
    messages = reference_consume(broker.bootstrap, [name], COUNT + 1)
    for i, message in enumerate(messages[:COUNT]):
        assert message.key == keys(Key(id=i), context(name, KEY))
        assert message.value == values(protobuf_order(i), context(name))
        assert read(message.value, context(name)) == protobuf_order(i)
    reference_produce(
        broker.bootstrap,
        [{"topic": name, "value": values(protobuf_order(i), context(name))} for i in range(COUNT)],
    )
    expected = [*((Key(id=i), protobuf_order(i)) for i in range(COUNT)), (Key(id=COUNT), None)]
    expected += [(None, protobuf_order(i)) for i in range(COUNT)]
    assert consumed(ProtobufOrders(name), 2 * COUNT + 1) == expected


def test_protobuf_while_the_registry_is_away(broker: KafkaServer, name: str, proxy: CountingProxy) -> None:
    broker.create_topic(name)
    ProtobufOrders(name).produce(protobuf_order(1))
    assert kafka.producer.flush(60) == 0
    [message] = reference_consume(broker.bootstrap, [name], 1)
    proxy.fail_with = 503
    with django_kafka_settings(broker.bootstrap, proxy.url, max_retries=0):
        with pytest.raises(SchemaRegistryUnavailable):
            ProtobufOrders(name).deserialize(message.value, VALUE)
        with pytest.raises(SchemaRegistryUnavailable):
            ProtobufOrders(name).produce(protobuf_order(1))
        proxy.fail_with = None
        assert ProtobufOrders(name).deserialize(message.value, VALUE) == protobuf_order(1)
