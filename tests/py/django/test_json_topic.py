# SPDX-License-Identifier: MIT
"""Topics of JSON, plain; and what is said where an extra of confluent's is missing."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from typing import Any
from unittest import mock

import pytest
from confluent_kafka.serialization import MessageField, SerializationError

from django_kafka.exceptions import ConfigurationError, SchemaRegistryUnavailable
from django_kafka.topic.json import JSONTopic
from django_kafka.topic.protobuf import ProtobufTopic
from tests.py.django.helpers import project_registry

KEY, VALUE = MessageField.KEY, MessageField.VALUE


class Events(JSONTopic):
    name = "events"


class Messages(ProtobufTopic):
    name = "messages"


def test_values_there_and_back() -> None:
    topic = Events()
    for value in ({"a": [1, 2.5, None, True], "é": "€"}, [], "text", 5):
        assert topic.deserialize(topic.serialize(value, VALUE), VALUE) == value
    assert topic.serialize({"é": 1}, VALUE) == '{"é":1}'.encode()
    assert topic.serialize(None, VALUE) is None
    assert topic.deserialize(None, VALUE) is None
    assert topic.deserialize(b"", VALUE) is None


def test_what_django_can_write() -> None:
    value = {
        "at": dt.datetime(2024, 2, 29, tzinfo=dt.UTC),
        "id": uuid.UUID(int=1),
        "n": decimal.Decimal("1.50"),
    }
    topic = Events()
    assert topic.deserialize(topic.serialize(value, VALUE), VALUE) == {
        "at": "2024-02-29T00:00:00Z",
        "id": "00000000-0000-0000-0000-000000000001",
        "n": "1.50",
    }


def test_options_per_call() -> None:
    topic = Events()
    assert topic.serialize({"b": 1, "a": 2}, VALUE, sort_keys=True) == b'{"a":2,"b":1}'
    assert topic.deserialize(b"1.5", VALUE, parse_float=decimal.Decimal) == decimal.Decimal("1.5")


def test_errors() -> None:
    with pytest.raises(SerializationError, match="cannot be written as JSON"):
        Events().serialize(object(), VALUE)
    with pytest.raises(SerializationError, match="not JSON"):
        Events().deserialize(b"{", VALUE)
    with pytest.raises(SerializationError):
        Events().deserialize(b"\xff", VALUE)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_json_is_not_written(number: float) -> None:
    with pytest.raises(SerializationError, match="not JSON compliant"):
        Events().serialize({"price": [number]}, VALUE)
    assert Events().serialize(number, VALUE, allow_nan=True) in (b"NaN", b"Infinity", b"-Infinity")


@pytest.mark.parametrize(
    ("data", "what"),
    [(b"\0\0\0\0\7{}", r"id of a schema \(7\)"), (b"\1" + bytes(16) + b"{}", "GUID of a schema"), (b"\0\0", None)],
)
def test_confluents_framing_is_named(data: bytes, what: str | None) -> None:
    with pytest.raises(SerializationError) as caught:
        Events().deserialize(data, VALUE)
    assert ("value_schema" in str(caught.value)) == (what is not None)
    if what is not None:
        caught.match(what)


@pytest.mark.parametrize("part", ["key", "value"])
def test_schemas_go_through_confluents_classes(part: str) -> None:
    class Checked(JSONTopic):
        name = "checked"
        key_schema = '{"type": "object"}' if part == "key" else None
        value_schema = '{"type": "object"}' if part == "value" else None
        schema_config = {"auto.register.schemas": True}

    topic: Any = Checked()
    module = mock.Mock()
    with (
        mock.patch("django_kafka.topic.json.kafka", schema_client="the client"),
        mock.patch("django_kafka.topic.json.importlib.import_module", return_value=module),
    ):
        field = KEY if part == "key" else VALUE
        for _ in range(2):
            topic.serialize({}, field)
            topic.deserialize(b"x", field)
        assert topic.serialize({}, VALUE if part == "key" else KEY) == b"{}"
    module.JSONSerializer.assert_called_once_with(
        '{"type": "object"}', schema_registry_client="the client", conf={"auto.register.schemas": True}
    )
    module.JSONDeserializer.assert_called_once_with('{"type": "object"}', schema_registry_client="the client")


@pytest.mark.parametrize("topic", ["json", "protobuf"])
def test_a_registry_that_is_away_is_not_the_messages_fault(topic: str) -> None:
    """It was, and a short outage of the registry filled the dead-letter topic."""

    class Checked(JSONTopic):
        name = "checked"
        value_schema = '{"type": "object"}'

    class Given(ProtobufTopic):
        name = "messages"
        value_message = dict

    module = mock.Mock()
    for name in ("JSONDeserializer", "JSONSerializer", "ProtobufDeserializer", "ProtobufSerializer"):
        getattr(module, name).return_value.side_effect = ConnectionRefusedError("nobody there")
    made: Any = Checked() if topic == "json" else Given()
    with (
        mock.patch(f"django_kafka.topic.{topic}.kafka", schema_client="the client"),
        mock.patch(f"django_kafka.topic.{topic}.importlib.import_module", return_value=module),
    ):
        with pytest.raises(SchemaRegistryUnavailable):
            made.deserialize(b"x", VALUE)
        with pytest.raises(SchemaRegistryUnavailable):
            made.serialize({}, VALUE)


@pytest.mark.parametrize("page", [("text/html", "<html>Log in</html>"), ("application/json", "null")])
def test_a_page_instead_of_the_registry_is_not_the_messages_fault(page: tuple[str, str]) -> None:
    class Checked(JSONTopic):
        name = "checked"
        value_schema = '{"type": "object"}'

    with project_registry() as registry:
        value = Checked().serialize({"a": 1}, VALUE)
        registry.page = (200, *page)
        with pytest.raises(SchemaRegistryUnavailable, match="is not a schema registry"):
            Checked().deserialize(value, VALUE)
        registry.page = None
        assert Checked().deserialize(value, VALUE) == {"a": 1}


def test_a_protobuf_topic_without_a_message_class() -> None:
    with (
        mock.patch("django_kafka.topic.protobuf.kafka", schema_client="the client"),
        pytest.raises(ConfigurationError, match="`value_message`"),
    ):
        Messages().serialize(object(), VALUE)


def test_a_protobuf_topic_without_protobuf() -> None:
    class Given(ProtobufTopic):
        name = "messages"
        value_message = object

    with (
        mock.patch("django_kafka.topic.protobuf.kafka", schema_client="the client"),
        mock.patch("django_kafka.topic.protobuf.importlib.import_module", side_effect=ImportError("no protobuf")),
        pytest.raises(ConfigurationError, match=r"django-kafka-native\[protobuf\]"),
    ):
        Given().serialize(object(), VALUE)


def test_a_protobuf_topic_uses_confluents_classes() -> None:
    class Given(ProtobufTopic):
        name = "messages"
        value_message = dict

    topic, module = Given(), mock.Mock()
    with (
        mock.patch("django_kafka.topic.protobuf.kafka", schema_client="the client"),
        mock.patch("django_kafka.topic.protobuf.importlib.import_module", return_value=module),
    ):
        topic.serialize({}, VALUE)
        topic.deserialize(b"x", VALUE)
    conf = {"use.deprecated.format": False}
    module.ProtobufSerializer.assert_called_once_with(dict, "the client", conf=conf)
    module.ProtobufDeserializer.assert_called_once_with(dict, schema_registry_client="the client", conf=conf)
