# SPDX-License-Identifier: MIT
"""Topics of Protobuf messages, by confluent's (de)serializers: install confluent-kafka with its extra `protobuf`."""

from __future__ import annotations

import importlib
from abc import ABC
from typing import Any

from django_kafka import kafka
from django_kafka.exceptions import ConfigurationError
from django_kafka.schema.registry import Asking
from django_kafka.topic import Topic, TopicConsumer, TopicProducer

_CONFLUENT = "confluent_kafka.schema_registry.protobuf"


def _made(topic: Any, name: str, message: Any, kwargs: dict[str, Any]) -> Any:
    """confluent's (de)serializer of a message class, kept with the topic."""
    client = kafka.schema_client
    key = (name, message, id(client), repr(sorted(kwargs.items())))
    kept = topic.__dict__.setdefault("_protobuf_serializers", {})
    if key not in kept:
        try:
            cls = getattr(importlib.import_module(_CONFLUENT), name)
        except ImportError as error:
            raise ConfigurationError(
                f"A ProtobufTopic needs Protobuf ({error}): pip install 'django-kafka-native[protobuf]'."
            ) from error
        arguments = (message, client) if name == "ProtobufSerializer" else (message,)
        if name == "ProtobufDeserializer":
            kwargs = {"schema_registry_client": client, **kwargs}
        kept[key] = (client, Asking(cls(*arguments, **kwargs), client, "PROTOBUF"))
    return kept[key][1]


def _message(topic: Any, attribute: str) -> Any:
    message = getattr(topic, attribute)
    if message is None:
        cls = type(topic)
        raise ConfigurationError(
            f"{cls.__module__}.{cls.__qualname__} has no `{attribute}`: set it to the class that protoc made, "
            f"or override `get_{attribute.removesuffix('_message')}_serializer` and its counterpart."
        )
    return message


class ProtobufTopicProducer(TopicProducer, ABC):
    """A topic to which Protobuf messages are written. `key_message`, `value_message`: their classes."""

    key_message: Any = None
    value_message: Any = None
    schema_config: dict[str, Any] = {"use.deprecated.format": False}

    def get_key_serializer(self, **kwargs: Any) -> Any:
        return self._serializer("key_message", kwargs) if self.key_message else super().get_key_serializer(**kwargs)

    def get_value_serializer(self, **kwargs: Any) -> Any:
        return self._serializer("value_message", kwargs)

    def _serializer(self, attribute: str, kwargs: dict[str, Any]) -> Any:
        return _made(self, "ProtobufSerializer", _message(self, attribute), {"conf": self.schema_config, **kwargs})


class ProtobufTopicConsumer(TopicConsumer, ABC):
    """A topic whose values are Protobuf messages, and its keys if it has a `key_message`."""

    key_message: Any = None
    value_message: Any = None
    deserializer_config: dict[str, Any] = {"use.deprecated.format": False}

    def get_key_deserializer(self, **kwargs: Any) -> Any:
        return (
            self._deserializer("key_message", kwargs) if self.key_message else super().get_key_deserializer(**kwargs)
        )

    def get_value_deserializer(self, **kwargs: Any) -> Any:
        return self._deserializer("value_message", kwargs)

    def _deserializer(self, attribute: str, kwargs: dict[str, Any]) -> Any:
        conf = {"conf": self.deserializer_config, **kwargs}
        return _made(self, "ProtobufDeserializer", _message(self, attribute), conf)


class ProtobufTopic(ProtobufTopicConsumer, ProtobufTopicProducer, Topic, ABC):
    """A topic of Protobuf messages that is both produced and consumed."""
