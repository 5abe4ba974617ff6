# SPDX-License-Identifier: MIT
"""Avro topics with a registry on a loopback port, side by side with confluent's (de)serializers."""

from __future__ import annotations

import datetime as dt
import decimal
import json
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from confluent_kafka.schema_registry import (
    Schema,
    SchemaReference,
    SchemaRegistryClient,
    header_schema_id_serializer,
    record_subject_name_strategy,
    topic_record_subject_name_strategy,
)
from confluent_kafka.schema_registry.avro import AvroDeserializer as TheirDeserializer
from confluent_kafka.schema_registry.avro import AvroSerializer as TheirSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.schema_registry.rule_registry import RuleRegistry
from confluent_kafka.schema_registry.serde import FieldRuleExecutor
from confluent_kafka.serialization import MessageField, SerializationContext, StringDeserializer
from django.test import override_settings

from django_kafka import kafka
from django_kafka._native import AvroRecord, DecodeError, EncodeError
from django_kafka.exceptions import SchemaRegistryUnavailable
from django_kafka.topic.avro import AvroDeserializer, AvroSerializer, AvroTopic, AvroTopicConsumer, _made
from tests.py.schema_registry import SchemaRegistry

KEY, VALUE = MessageField.KEY, MessageField.VALUE
ORDER = json.dumps(
    {
        "type": "record",
        "name": "Order",
        "namespace": "shop",
        "fields": [
            {"name": "id", "type": "long"},
            {"name": "note", "type": ["null", "string"], "default": None},
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        ],
    }
)
KEY_SCHEMA = json.dumps({"type": "record", "name": "Key", "fields": [{"name": "id", "type": "long"}]})
AT = dt.datetime(2024, 2, 29, 12, 30, tzinfo=dt.UTC)
ONE = {"id": 1, "note": "héllo", "at": AT}


class Orders(AvroTopic):
    name = "orders"
    key_schema = KEY_SCHEMA
    value_schema = ORDER


@pytest.fixture
def registry() -> Iterator[SchemaRegistry]:
    with SchemaRegistry() as registry, override_settings(DJANGO_KAFKA={"SCHEMA_REGISTRY": {"url": registry.url}}):
        yield registry


def produced(topic: Any, *args: Any, many: bool = False, **kwargs: Any) -> list[Any]:
    """What produce() gives to the client: (value, key) of each message."""
    producer = mock.Mock()
    with mock.patch.object(kafka, "producer", producer, create=True):
        (topic.produce_many if many else topic.produce)(*args, **kwargs)
    if many:
        (_, values), options = producer.produce_many.call_args
        return list(zip(values, options.get("keys") or [None] * len(values), strict=True))
    (_, value), options = producer.produce.call_args
    return [(value, options.get("key"))]


def test_messages_are_confluents(registry: SchemaRegistry) -> None:
    topic = Orders()
    [(value, key)] = produced(topic, ONE, key={"id": 1})
    client = SchemaRegistryClient({"url": registry.url})
    for data, schema, obj, field in ((value, ORDER, ONE, VALUE), (key, KEY_SCHEMA, {"id": 1}, KEY)):
        context = SerializationContext("orders", field)
        assert data == TheirSerializer(client, schema)(obj, context)
        assert TheirDeserializer(client)(data, context) == obj
        assert topic.deserialize(data, field) == obj
    assert registry.subjects == {"orders-key": [1], "orders-value": [2]} or registry.subjects == {
        "orders-value": [1],
        "orders-key": [2],
    }


def test_the_registry_is_asked_once(registry: SchemaRegistry) -> None:
    topic = Orders()
    messages = [produced(topic, {**ONE, "id": i}, key={"id": i})[0] for i in range(50)]
    messages += produced(topic, [ONE] * 50, [{"id": 5}] * 50, many=True)
    assert [topic.deserialize(value, VALUE)["id"] for value, _ in messages[:50]] == list(range(50))
    assert topic.deserialize(messages[-1][1], KEY) == {"id": 5}
    assert registry.count("POST") == 2
    registry.requests.clear()
    other = Orders()
    assert produced(other, ONE)[0][0] == messages[-1][0]
    consumer = Orders()
    for value, key in messages:
        consumer.deserialize(value, VALUE)
        consumer.deserialize(key, KEY, headers=[("other", b"x")])
    assert registry.requests == []


def test_a_fresh_consumer_asks_once_for_each_schema(registry: SchemaRegistry) -> None:
    value_id, key_id = registry.add("orders-value", ORDER), registry.add("orders-key", KEY_SCHEMA)
    client = SchemaRegistryClient({"url": registry.url})
    value = TheirSerializer(client, ORDER)(ONE, SerializationContext("orders", VALUE))
    key = TheirSerializer(client, KEY_SCHEMA)({"id": 1}, SerializationContext("orders", KEY))
    registry.requests.clear()
    topic = Orders()
    for _ in range(100):
        assert topic.deserialize(value, VALUE) == ONE
        assert topic.deserialize(key, KEY) == {"id": 1}
    assert sorted(registry.requests) == sorted([f"GET /schemas/ids/{value_id}", f"GET /schemas/ids/{key_id}"])


def test_tombstones_and_null_keys(registry: SchemaRegistry) -> None:
    topic = Orders()
    assert produced(topic, None, key=None) == [(None, None)]
    assert topic.deserialize(None, VALUE) is None
    assert produced(topic, [ONE, None], many=True)[1] == (None, None)
    assert produced(topic, [None, ONE, None], many=True)[2] == (None, None)


def test_a_schema_per_call(registry: SchemaRegistry) -> None:
    schema = json.dumps({"type": "record", "name": "Other", "fields": [{"name": "x", "type": "int"}]})
    topic = Orders()
    [(value, _)] = produced(topic, {"x": 3}, value_serializer_kwargs={"schema_str": schema})
    [(again, _)] = produced(topic, {"x": 3}, value_serializer_kwargs={"schema_str": schema})
    assert value == again
    assert topic.deserialize(value, VALUE) == {"x": 3}
    assert produced(topic, ONE)[0][0] != value


def test_lazy(registry: SchemaRegistry) -> None:
    class Lazy(Orders):
        lazy = True

    value = produced(Orders(), ONE)[0][0]
    view = Lazy().deserialize(value, VALUE)
    assert type(view) is AvroRecord
    assert view == ONE
    assert view["at"] == AT
    assert type(Lazy().deserialize(value, VALUE, headers=[("a", b"b")])) is AvroRecord


def test_bytes_are_bare_as_confluents(registry: SchemaRegistry) -> None:
    class Bare(AvroTopic):
        name = "bare"
        value_schema = '{"type": "bytes"}'

    topic = Bare()
    for _ in range(2):
        value = produced(topic, b"abc")[0][0]
        assert value[5:] == b"abc"
        assert topic.deserialize(value, VALUE) == b"abc"


@pytest.mark.parametrize("schema", ['"string"', '{"type": "string"}'])
def test_schemas_of_one_word(registry: SchemaRegistry, schema: str) -> None:
    class Words(AvroTopic):
        name = "words"
        value_schema = schema

    topic = Words()
    values = [produced(topic, "word")[0][0] for _ in range(2)]
    assert values[0] == values[1]
    assert topic.deserialize(values[0], VALUE) == "word"


@pytest.mark.parametrize(
    ("conf", "subject"),
    [
        ({}, "orders-value"),
        ({"subject.name.strategy": record_subject_name_strategy}, "shop.Order"),
        ({"subject.name.strategy": topic_record_subject_name_strategy}, "orders-shop.Order"),
        ({"subject.name.strategy": lambda ctx, name: f"mine-{ctx.topic}-{name}"}, "mine-orders-shop.Order"),
        ({"normalize.schemas": True}, "orders-value"),
        ({"auto.register.schemas": False}, None),
    ],
)
def test_configuration(registry: SchemaRegistry, conf: dict[str, Any], subject: str | None) -> None:
    class Configured(Orders):
        schema_config = conf

    topic = Configured()
    if subject is None:
        with pytest.raises(SchemaRegistryError):
            produced(topic, ONE)
        registry.add("orders-value", ORDER)
        subject = "orders-value"
    assert produced(topic, ONE) == produced(topic, ONE)
    assert list(registry.subjects) == [subject]


def test_latest_version(registry: SchemaRegistry) -> None:
    class Latest(Orders):
        schema_config = {"use.latest.version": True, "auto.register.schemas": False}

    newer = json.loads(ORDER)
    newer["fields"].append({"name": "more", "type": "int", "default": 7})
    registry.add("orders-value", ORDER)
    registry.add("orders-value", json.dumps(newer))
    topic = Latest()
    for _ in range(3):
        value = produced(topic, ONE)[0][0]
        assert value[:5] == b"\0\0\0\0\2"
        assert topic.deserialize(value, VALUE) == {**ONE, "more": 7}
    assert registry.count("versions/latest") == 1


def test_references(registry: SchemaRegistry) -> None:
    registry.add(
        "customer",
        json.dumps(
            {
                "type": "record",
                "name": "Customer",
                "namespace": "shop",
                "fields": [{"name": "name", "type": "string"}],
            }
        ),
    )
    text = json.dumps(
        {
            "type": "record",
            "name": "Sale",
            "namespace": "shop",
            "fields": [{"name": "buyer", "type": "shop.Customer"}],
        }
    )

    class Sales(AvroTopic):
        name = "sales"
        value_schema = Schema(text, "AVRO", references=[SchemaReference("shop.Customer", "customer", 1)])

    topic = Sales()
    sale = {"buyer": {"name": "Ann"}}
    values = [produced(topic, sale)[0][0] for _ in range(2)]
    assert values[0] == values[1]
    assert topic.deserialize(values[0], VALUE) == sale


def test_a_schema_of_the_reader(registry: SchemaRegistry) -> None:
    value = produced(Orders(), ONE)[0][0]
    reader = json.dumps(
        {
            "type": "record",
            "name": "Order",
            "fields": [
                {"name": "number", "aliases": ["id"], "type": "double"},
                {"name": "state", "type": "string", "default": "new"},
            ],
        }
    )
    assert Orders().deserialize(value, VALUE, schema_str=reader) == {"number": 1.0, "state": "new"}


def test_rules_stay_with_confluent(registry: SchemaRegistry) -> None:
    schema_id = registry.add(
        "orders-value",
        ORDER,
        ruleSet={
            "domainRules": [
                {"name": "r", "kind": "CONDITION", "mode": "READ", "type": "NEVER_HEARD_OF", "disabled": True}
            ]
        },
    )
    topic = Orders()
    data = b"\0" + schema_id.to_bytes(4, "big") + b"\2\0\0"
    with mock.patch("django_kafka.schema.serializers.ConfluentAvroDeserializer") as theirs:
        theirs.return_value.side_effect = lambda data, ctx: "theirs"
        assert topic.deserialize(data, VALUE) == "theirs"
        assert topic.deserialize(data, VALUE) == "theirs"
    assert theirs.call_count == 1


def test_rules_on_fields_run_on_every_message(registry: SchemaRegistry) -> None:
    """As encryption of fields does: by confluent's own classes, with a rule executor that is registered with them."""

    class Reversing(FieldRuleExecutor):
        def type(self) -> str:
            return "REVERSE"

        def new_transform(self, ctx: Any) -> Any:
            return lambda ctx, field, value: value[::-1]

    schema = json.loads(ORDER)
    schema["fields"][1] |= {"type": "string", "default": "", "confluent:tags": ["PII"]}
    rule = {"name": "r", "kind": "TRANSFORM", "mode": "WRITEREAD", "type": "REVERSE", "tags": ["PII"]}
    registry.add("orders-value", json.dumps(schema), ruleSet={"domainRules": [rule]})

    class Secret(Orders):
        value_schema = json.dumps(schema)
        schema_config = {"use.latest.version": True, "auto.register.schemas": False}

    RuleRegistry.get_global_instance().register_executor(Reversing())
    topic = Secret()
    messages = [produced(topic, {**ONE, "note": f"note {i}"})[0][0] for i in range(3)]
    messages += [
        value for value, _ in produced(topic, [{**ONE, "note": f"note {i}"} for i in range(3, 6)], many=True)
    ]
    for i, data in enumerate(messages):
        assert f"note {i}"[::-1].encode() in data
        assert topic.deserialize(data, VALUE) == {**ONE, "note": f"note {i}"}
        assert (
            TheirDeserializer(kafka.schema_client)(data, SerializationContext("orders", VALUE))["note"] == f"note {i}"
        )


@pytest.mark.parametrize(
    ("conf", "rest"),
    [({"use.schema.id": 2}, b"\x04\x30\x0c"), ({"use.latest.version": True}, b"\x06\x01\xe0\x78"), ({}, b"\x02\x7b")],
)
def test_values_are_written_with_the_schema_of_their_id(
    registry: SchemaRegistry, conf: dict[str, Any], rest: bytes
) -> None:
    """Zero looks the same in all of them, so that only the second value tells."""

    def pay(scale: int) -> str:
        amount = {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": scale}
        return json.dumps({"type": "record", "name": "Pay", "fields": [{"name": "amount", "type": amount}]})

    ids = [registry.add("pay-value", pay(scale)) for scale in (2, 4, 5)]

    class Pay(AvroTopic):
        name = "pay"
        value_schema = pay(2)
        schema_config = {"auto.register.schemas": False, **conf}

    first, second = (Pay().serialize({"amount": decimal.Decimal(text)}, VALUE) for text in ("0", "1.23"))
    identity = {"use.schema.id": ids[1], "use.latest.version": ids[2]}.get(next(iter(conf), ""), ids[0])
    assert first == b"\0" + identity.to_bytes(4, "big") + b"\x02\x00"
    assert second == b"\0" + identity.to_bytes(4, "big") + rest


def test_ids_in_headers(registry: SchemaRegistry) -> None:
    class Headed(Orders):
        schema_config = {"schema.id.serializer": header_schema_id_serializer}

    guid = bytes(range(16))
    body = produced(Orders(), ONE)[0][0][5:]
    topic = Headed()
    with mock.patch.object(kafka.schema_client, "get_schema_by_guid", return_value=Schema(ORDER, "AVRO")) as asked:
        for _ in range(2):
            assert topic.deserialize(body, VALUE, headers=[("__value_schema_id", b"\1" + guid)]) == ONE
            assert topic.deserialize(body, VALUE, headers={"__value_schema_id": b"\1" + guid}) == ONE
    assert asked.call_count == 1


def test_overridden_deserializers_are_used(registry: SchemaRegistry) -> None:
    class Texts(Orders):
        def get_key_deserializer(self, **kwargs: Any) -> Any:
            return StringDeserializer(**kwargs)

    class Theirs(Orders):
        def get_value_deserializer(self, **kwargs: Any) -> Any:
            return TheirDeserializer(kafka.schema_client, **kwargs)

    value = produced(Orders(), ONE)[0][0]
    assert Texts().deserialize(b"text", KEY) == "text"
    assert Theirs().deserialize(value, VALUE) == ONE


def test_callables_given_with_each_message_do_not_pile_up(registry: SchemaRegistry) -> None:
    class Made(Orders):
        def get_value_deserializer(self, **kwargs: Any) -> Any:
            return super().get_value_deserializer(from_dict=self.make, **kwargs)

        def get_key_deserializer(self, **kwargs: Any) -> Any:
            return super().get_key_deserializer(from_dict=lambda key, _ctx: key["id"], **kwargs)

        def make(self, value: dict[str, Any], _ctx: SerializationContext) -> int:
            number: int = value["id"]
            return number

    [(value, key)] = produced(Orders(), ONE, key={"id": 7})
    topic = Made()
    _made.clear()
    for _ in range(3 * _made.MOST):
        assert topic.deserialize(value, VALUE) == 1
        assert topic.deserialize(key, KEY) == 7
    assert len(_made.objects) == _made.MOST
    kept = [made for made in _made.objects.values() if made[2].get("from_dict") == topic.make]
    assert len(kept) == 1, "the method is the same each time, and used each time"


def test_a_reference_to_a_type_inside_another_schema(registry: SchemaRegistry) -> None:
    address = {"type": "record", "name": "Address", "fields": [{"name": "street", "type": "string"}]}
    common = {"type": "record", "name": "Common", "namespace": "a", "fields": [{"name": "adr", "type": address}]}
    order = {"type": "record", "name": "Order", "namespace": "a", "fields": [{"name": "ship", "type": "a.Address"}]}
    registry.add("common", json.dumps(common))
    schema = Schema(json.dumps(order), "AVRO", [SchemaReference("a.Address", "common", 1)])

    class Shipments(AvroTopic):
        name = "shipments"
        value_schema = schema  # type: ignore[assignment]

    value, context = {"ship": {"street": "x"}}, SerializationContext("shipments", VALUE)
    client = SchemaRegistryClient({"url": registry.url})
    theirs = TheirSerializer(client, schema)(value, context)
    assert Shipments().serialize(value, VALUE) == theirs
    assert Shipments().deserialize(theirs, VALUE) == value == TheirDeserializer(client)(theirs, context)


def test_the_names_can_be_patched(registry: SchemaRegistry) -> None:
    topic = Orders()
    produced(topic, ONE)
    with mock.patch("django_kafka.topic.avro.AvroSerializer") as serializer:
        Orders().get_value_serializer(to_dict=str)
    serializer.assert_called_once_with(kafka.schema_client, schema_str=ORDER, conf=None, to_dict=str)
    with mock.patch("django_kafka.topic.avro.AvroDeserializer") as deserializer:
        Orders().deserialize(b"x", VALUE)
    deserializer.assert_called_once_with(kafka.schema_client)


def test_objects_of_ones_own(registry: SchemaRegistry) -> None:
    ctx = SerializationContext("orders", VALUE)
    serializer = AvroSerializer(kafka.schema_client, ORDER, to_dict=lambda obj, ctx: {**ONE, "id": obj})
    values = [serializer(5, ctx) for _ in range(3)]
    deserializer = AvroDeserializer(kafka.schema_client, from_dict=lambda value, ctx: value["id"])
    assert [deserializer(value, ctx) for value in values] == [5, 5, 5]


def test_errors_of_values(registry: SchemaRegistry) -> None:
    topic = Orders()
    produced(topic, ONE)
    with pytest.raises(EncodeError, match=r"^note: a str is wanted, not int"):
        produced(topic, {**ONE, "note": 5})
    with pytest.raises(EncodeError) as caught:
        produced(topic, {"id": 1})
    assert caught.value.path == "at"


def test_errors_of_messages(registry: SchemaRegistry) -> None:
    topic = Orders()
    value = produced(topic, ONE)[0][0]
    with pytest.raises(DecodeError, match="not produced with a schema registry"):
        topic.deserialize(b'{"id": 1}', VALUE)
    with pytest.raises(DecodeError) as caught:
        topic.deserialize(value[:8], VALUE)
    assert caught.value.path == "note"
    with pytest.raises(SchemaRegistryError) as unknown:  # the message's own fault
        topic.deserialize(b"\0\0\0\3\xe7\0", VALUE)
    assert unknown.value.http_status_code == 404


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_a_registry_that_is_away_is_not_the_messages_fault(registry: SchemaRegistry, status: int) -> None:
    conf = {"url": registry.url, "max.retries": 0}
    registry.fail_with = status
    with override_settings(DJANGO_KAFKA={"SCHEMA_REGISTRY": conf}):
        with pytest.raises(SchemaRegistryUnavailable):
            produced(Orders(), ONE)
        with pytest.raises(SchemaRegistryUnavailable, match=rf"^Schema id 1: .* does not answer: .*{status}"):
            Orders().deserialize(b"\0\0\0\0\1\2", VALUE)
        registry.fail_with = None
        assert Orders().deserialize(produced(Orders(), ONE)[0][0], VALUE) == ONE


@pytest.mark.parametrize(
    "page",
    [
        (200, "text/html", "<h1>Sign in</h1>"),
        (200, "application/json", ""),
        (200, "application/json", "null"),
        (200, "application/json", "[]"),
        (200, "application/json", '{"status": "UP"}'),
        (200, "application/json", '{"schema": 5}'),
        (302, "text/html", ""),
        (404, "text/html", "<h1>404 page not found</h1>"),
        (404, "application/json", '{"message": "no Route matched with those values"}'),
        (502, "text/html", "<h1>Bad gateway</h1>"),
    ],
)
def test_a_page_of_a_proxy_is_no_answer_of_the_registry(registry: SchemaRegistry, page: tuple[int, str, str]) -> None:
    """A wrong address, or something that stands in between: with 404 all messages would become dead letters."""
    registry.page = page
    with override_settings(DJANGO_KAFKA={"SCHEMA_REGISTRY": {"url": registry.url, "max.retries": 0}}):
        with pytest.raises(SchemaRegistryUnavailable, match=r"Schema id 1: .*registry"):
            Orders().deserialize(b"\0\0\0\0\1\2", VALUE)
        with pytest.raises(SchemaRegistryUnavailable, match="Schema GUID 00010203-0405-0607-0809-0a0b0c0d0e0f: "):
            Orders().deserialize(b"x", VALUE, headers=[("__value_schema_id", b"\1" + bytes(range(16)))])
        registry.page = None
        assert Orders().deserialize(produced(Orders(), ONE)[0][0], VALUE) == ONE


def test_a_registry_that_cannot_be_reached() -> None:
    with SchemaRegistry() as registry:
        url = registry.url
    with override_settings(DJANGO_KAFKA={"SCHEMA_REGISTRY": {"url": url, "max.retries": 0}}):
        with pytest.raises(SchemaRegistryUnavailable, match="SCHEMA_REGISTRY"):
            Orders().deserialize(b"\0\0\0\0\1\2", VALUE)
        with pytest.raises(SchemaRegistryUnavailable):
            produced(Orders(), ONE)


def test_a_pattern_is_no_subject(registry: SchemaRegistry) -> None:
    class All(AvroTopicConsumer):
        name = "^orders.*"

    value = produced(Orders(), ONE)[0][0]
    with mock.patch.object(kafka.schema_client, "get_schema", wraps=kafka.schema_client.get_schema) as asked:
        assert All().deserialize(value, VALUE) == ONE
    asked.assert_called_once_with(1, None)
