# SPDX-License-Identifier: MIT
"""Answers of a schema registry with status 200 that no registry gives: no message is to blame for them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka.schema_registry import Schema, topic_subject_name_strategy
from confluent_kafka.serialization import SerializationError
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from django_kafka import kafka
from django_kafka._native import SchemaError
from django_kafka.exceptions import ConfigurationError, SchemaRegistryUnavailable
from django_kafka.failures.blame import is_nobodys
from django_kafka.topic import VALUE
from django_kafka.topic.avro import AvroTopic
from django_kafka.topic.json import JSONTopic
from django_kafka.topic.protobuf import ProtobufTopic
from tests.py.django.helpers import project_registry
from tests.py.schema_registry import SchemaRegistry


def make_message_class() -> Any:
    """What protoc makes of `message Given { string a = 1; }`."""
    file = FileDescriptorProto(name="given.proto", syntax="proto3")
    kind = file.message_type.add(name="Given")
    kind.field.add(
        name="a", number=1, type=FieldDescriptorProto.TYPE_STRING, label=FieldDescriptorProto.LABEL_OPTIONAL
    )
    return GetMessageClass(
        DescriptorPool().AddSerializedFile(file.SerializeToString()).message_types_by_name["Given"]
    )


Given = make_message_class()

# The default one asks the registry before, and takes {} for "nothing known".
BY_TOPIC = {"subject.name.strategy": topic_subject_name_strategy}


class Jsons(JSONTopic):
    name = "jsons"
    value_schema = '{"type": "object"}'
    schema_config = BY_TOPIC


class Avros(AvroTopic):
    name = "avros"
    value_schema = '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}]}'
    schema_config = BY_TOPIC


class Protobufs(ProtobufTopic):
    name = "protobufs"
    value_message = Given
    schema_config = {**ProtobufTopic.schema_config, **BY_TOPIC}
    deserializer_config = {**ProtobufTopic.deserializer_config, **BY_TOPIC}


TOPICS: dict[str, tuple[Any, Any]] = {
    "json": (Jsons, {"a": 1}),
    "avro": (Avros, {"a": 1}),
    "protobuf": (Protobufs, Given(a="1")),
}


@pytest.fixture
def registry() -> Iterator[SchemaRegistry]:
    with project_registry() as registry:
        yield registry


def answer(registry: SchemaRegistry, said: Any) -> None:
    registry.page = None if said is None else (200, "application/json", json.dumps(said))
    kafka.schema_client.clear_caches()


def schema_of(kind: str, text: Any, **more: Any) -> dict[str, Any]:
    return {"schemaType": kind.upper(), "schema": text, **more}


ANY: list[Any] = [{}, {"status": "UP"}, {"schema": None}, {"schema": 5}, {"schema": ""}, {"schema": {"a": 1}}]
ODD: list[dict[str, Any]] = [
    {"references": {"name": "a"}},
    {"references": "abc"},
    {"references": 5},
    {"references": [{}]},
    {"references": [{"name": "a", "subject": "a", "version": "1"}]},
    {"references": [5]},
    {"schemaType": 5},
    {"metadata": "abc"},
    {"ruleSet": []},
]


@pytest.mark.parametrize("kind", TOPICS)
@pytest.mark.parametrize("said", [*ANY, *ODD], ids=repr)
def test_a_schema_that_is_none(registry: SchemaRegistry, kind: str, said: dict[str, Any]) -> None:
    topic, value = TOPICS[kind]
    data = topic().serialize(value, VALUE)
    if said in ODD:
        said = {**schema_of(kind, registry.schemas[-1]["schema"]), **said}
    answer(registry, said)
    for _ in range(2):  # nothing is kept of it
        with pytest.raises(SchemaRegistryUnavailable, match="What answers is not a schema registry") as raised:
            topic().deserialize(data, VALUE)
        assert is_nobodys(raised.value)
    answer(registry, None)
    assert topic().deserialize(data, VALUE) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *((kind, text) for kind in ("json", "avro") for text in ("<p>", "5", "null", "{", "[" * 100_000)),
        ("json", "[]"),
        ("json", '"string"'),
        ("protobuf", "<p>"),
        ("protobuf", "MTIz"),
        ("protobuf", 'syntax = "proto3"; message A {}'),
    ],
)
def test_a_text_that_is_no_schema(registry: SchemaRegistry, kind: str, text: str) -> None:
    topic, value = TOPICS[kind]
    data = topic().serialize(value, VALUE)
    answer(registry, schema_of(kind, text))
    for _ in range(2):
        with pytest.raises(SchemaRegistryUnavailable, match="is not a schema registry"):
            topic().deserialize(data, VALUE)
    answer(registry, None)
    assert topic().deserialize(data, VALUE) == value


@pytest.mark.parametrize("kind", TOPICS)
@pytest.mark.parametrize("said", [{}, {"id": None}, {"id": "7"}, {"id": [7]}, {"id": True}], ids=repr)
def test_a_schema_without_an_id(registry: SchemaRegistry, kind: str, said: dict[str, Any]) -> None:
    topic, value = TOPICS[kind]
    answer(registry, said)
    with pytest.raises(SchemaRegistryUnavailable, match="is not a schema registry"):
        topic().serialize(value, VALUE)
    answer(registry, None)
    assert topic().deserialize(topic().serialize(value, VALUE), VALUE) == value


@pytest.mark.parametrize("said", [{"id": 1, "version": 1}, {"id": 1, "schema": '"int"'}, {"version": 1}], ids=repr)
def test_a_version_that_is_none(registry: SchemaRegistry, said: dict[str, Any]) -> None:
    class Latest(JSONTopic):
        name = "jsons"
        value_schema = '{"type": "object"}'
        schema_config = {"auto.register.schemas": False, "use.latest.version": True}

    registry.add("jsons-value", '{"type": "object"}', schemaType="JSON")
    answer(registry, said)
    with pytest.raises(SchemaRegistryUnavailable, match="is not a schema registry"):
        Latest().serialize({}, VALUE)
    answer(registry, None)
    assert Latest().serialize({}, VALUE).endswith(b"{}")


def test_what_says_nothing_about_compatibility(registry: SchemaRegistry) -> None:
    answer(registry, {"is_compatible": "false"})
    with pytest.raises(SchemaRegistryUnavailable, match="whether schemas are compatible"):
        kafka.schema_client.test_compatibility("avros-value", Schema('"int"'))


@pytest.mark.parametrize(
    ("kind", "other"), [("avro", "JSON"), ("avro", "PROTOBUF"), ("protobuf", "AVRO"), ("json", "PROTOBUF")]
)
def test_a_message_that_names_a_schema_of_another_type(registry: SchemaRegistry, kind: str, other: str) -> None:
    """Whoever may produce can write any id into a message: that stops no partition."""
    topic, value = TOPICS[kind]
    data = topic().serialize(value, VALUE)
    number = registry.add("others", "MTIz" if other == "PROTOBUF" else '{"type": "object"}', schemaType=other)
    with pytest.raises((SerializationError, SchemaError), match=f"of type {other}, not {kind.upper()}") as raised:
        topic().deserialize(data[:1] + number.to_bytes(4, "big") + data[5:], VALUE)
    assert not is_nobodys(raised.value)


def test_a_schema_of_the_projects_that_is_none(registry: SchemaRegistry) -> None:
    class Wrong(JSONTopic):
        name = "jsons"
        value_schema = '{"type": "nothing"}'

    with pytest.raises(ConfigurationError, match="The topic's schema is no JSON schema"):
        Wrong().serialize({}, VALUE)
