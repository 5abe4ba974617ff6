# SPDX-License-Identifier: MIT
"""Topics of JSON: plain, or with JSON Schemas in the registry by confluent's classes."""

from __future__ import annotations

import importlib
import json
from abc import ABC
from typing import Any

from confluent_kafka.serialization import Deserializer, SerializationContext, SerializationError, Serializer
from django.core.serializers.json import DjangoJSONEncoder

from django_kafka import kafka
from django_kafka.exceptions import ConfigurationError
from django_kafka.schema.registry import Asking
from django_kafka.topic import Topic, TopicConsumer, TopicProducer

# confluent's module needs packages of its extra `json`, which plain JSON can do without.
_CONFLUENT = "confluent_kafka.schema_registry.json_schema"
_FRAMED = 5  # bytes of Confluent's framing


class JSONSerializer(Serializer):
    """Values as UTF-8 JSON; dates, decimals and UUIDs as Django writes them. None stays None (a tombstone)."""

    def __init__(self, **options: Any) -> None:
        """options: for json.dumps(). NaN and infinities are refused, unless `allow_nan` is: they are no JSON."""
        self.options = {
            "cls": DjangoJSONEncoder,
            "separators": (",", ":"),
            "ensure_ascii": False,
            "allow_nan": False,
            **options,
        }

    def __call__(self, obj: Any, ctx: SerializationContext | None = None) -> bytes | None:
        if obj is None:
            return None
        try:
            return json.dumps(obj, **self.options).encode()
        except (TypeError, ValueError) as error:
            raise SerializationError(f"The value cannot be written as JSON: {error}") from error


class JSONDeserializer(Deserializer):
    """What JSON says. An empty or absent value is None."""

    def __init__(self, **options: Any) -> None:
        """options: for json.loads()."""
        self.options = options

    def __call__(self, data: bytes | None, ctx: SerializationContext | None = None) -> Any:
        if not data:
            return None
        try:
            return json.loads(data, **self.options)
        except ValueError as error:
            raise SerializationError(f"The value is not JSON: {error}{_framing(data)}") from error


def _framing(data: Any) -> str:
    """What follows when it is in Confluent's framing, which begins with a byte that no JSON begins with."""
    if not isinstance(data, (bytes, bytearray)) or data[:1] not in (b"\0", b"\1") or len(data) < _FRAMED:
        return ""
    schema = f"id of a schema ({int.from_bytes(data[1:5], 'big')})" if data[0] == 0 else "GUID of a schema"
    return (
        f". It begins with the {schema}, as Confluent's serializers write it: give the topic the JSON Schema as its "
        "`value_schema` (or `key_schema`); a topic of Avro is an AvroTopic, one of Protobuf a ProtobufTopic."
    )


class JSONTopicProducer(TopicProducer, ABC):
    """A topic to which JSON is written. With `key_schema` or `value_schema` (JSON Schema texts) that part goes
    through confluent's JSONSerializer, configured by `schema_config`."""

    key_schema: str | None = None
    value_schema: str | None = None
    schema_config: dict[str, Any] | None = None

    def get_key_serializer(self, **kwargs: Any) -> Any:
        return self._serializer(self.key_schema, kwargs)

    def get_value_serializer(self, **kwargs: Any) -> Any:
        return self._serializer(self.value_schema, kwargs)

    def _serializer(self, schema: str | None, kwargs: dict[str, Any]) -> Any:
        schema = kwargs.pop("schema_str", schema)
        if schema is None:
            return JSONSerializer(**kwargs)
        kwargs.setdefault("conf", self.schema_config)
        return _kept(self, "JSONSerializer", schema, kwargs)


class JSONTopicConsumer(TopicConsumer, ABC):
    """A topic whose keys and values are JSON; those with a `key_schema` or `value_schema` are in confluent's framing
    and are validated by confluent's JSONDeserializer."""

    key_schema: str | None = None
    value_schema: str | None = None

    def get_key_deserializer(self, **kwargs: Any) -> Any:
        return self._deserializer(self.key_schema, kwargs)

    def get_value_deserializer(self, **kwargs: Any) -> Any:
        return self._deserializer(self.value_schema, kwargs)

    def find_copy_source(self) -> str | None:
        """How the engine can read keys and values by itself: "json", None when something else reads them."""
        cls = type(self)
        plain = (
            cls.deserialize is TopicConsumer.deserialize
            and cls.context is TopicConsumer.context
            and cls.get_key_deserializer is JSONTopicConsumer.get_key_deserializer
            and cls.get_value_deserializer is JSONTopicConsumer.get_value_deserializer
            and cls._deserializer is JSONTopicConsumer._deserializer
            and not self.key_schema
            and not self.value_schema
        )
        return "json" if plain and not _METHODS & self.__dict__.keys() else None

    def _deserializer(self, schema: str | None, kwargs: dict[str, Any]) -> Any:
        schema = kwargs.pop("schema_str", schema)
        if schema is None:
            return JSONDeserializer(**kwargs)
        return _kept(self, "JSONDeserializer", schema, kwargs)


_METHODS = frozenset({"deserialize", "context", "get_key_deserializer", "get_value_deserializer"})


def _kept(topic: Any, name: str, schema: str, kwargs: dict[str, Any]) -> Any:
    """confluent's (de)serializer, kept with the topic: it parses its schema when it is made."""
    client = kafka.schema_client
    key = (name, schema, id(client), repr(sorted(kwargs.items())))
    kept = topic.__dict__.setdefault("_json_serializers", {})
    if key not in kept:
        try:
            cls = getattr(importlib.import_module(_CONFLUENT), name)
        except ImportError as error:
            raise ConfigurationError(
                f"A JSONTopic with a schema needs jsonschema ({error}): pip install 'django-kafka-native[json]'."
            ) from error
        kept[key] = (client, Asking(cls(schema, schema_registry_client=client, **kwargs), client, "JSON"))
    return kept[key][1]


class JSONTopic(JSONTopicConsumer, JSONTopicProducer, Topic, ABC):
    """A topic of JSON that is both produced and consumed."""
