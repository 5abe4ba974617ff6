# SPDX-License-Identifier: MIT
"""Topics whose keys and values are Avro, with their schemas in a registry.

The (de)serializers here are used as confluent's, whose configuration they take, but the values go through the C
codec. Overriding `get_value_deserializer` and its like with classes of confluent's or of one's own works as ever."""

from __future__ import annotations

import weakref
from abc import ABC
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.core.signals import setting_changed

from django_kafka import kafka
from django_kafka.conf import SETTINGS_KEY
from django_kafka.schema.serializers import AvroDeserializer, AvroSerializer
from django_kafka.topic import KEY, VALUE, Topic, TopicConsumer, TopicProducer

if TYPE_CHECKING:
    from confluent_kafka.serialization import MessageField

__all__ = ["AvroDeserializer", "AvroSerializer", "AvroTopic", "AvroTopicConsumer", "AvroTopicProducer"]

_OWN_SERIALIZER = AvroSerializer
_OWN_DESERIALIZER = AvroDeserializer


class _Made:
    """(De)serializers that topics share: parsing a schema once per message would cost more than the message."""

    def __init__(self) -> None:
        self.objects: dict[Any, Any] = {}
        # Topics that keep something made of these objects, and under which names.
        self.kept: weakref.WeakKeyDictionary[Any, set[str]] = weakref.WeakKeyDictionary()

    def clear(self) -> None:
        self.objects.clear()
        for topic, names in list(self.kept.items()):
            for name in names:
                topic.__dict__.pop(name, None)
        self.kept.clear()

    def keep(self, topic: Any, name: str, value: Any) -> None:
        """topic.name = value, until clear()."""
        self.kept.setdefault(topic, set()).add(name)
        topic.__dict__[name] = value

    def get(self, cls: Any, own: Any, client: Any, kwargs: dict[str, Any]) -> Any:
        """cls(client, **kwargs), made once for equal arguments if cls is ours."""
        if cls is not own:  # replaced by somebody, in a test perhaps, who wants to see each call
            return cls(client, **kwargs)
        key = (cls, id(client), *((name, _key(value)) for name, value in sorted(kwargs.items())))
        made = self.objects.get(key)
        if made is None or made[0] is not client:
            made = self.objects[key] = (client, cls(client, **kwargs), kwargs)
        return made[1]


def _key(value: Any) -> Any:
    """What two arguments have to have in common to be the same. Objects stay alive with what was made of them."""
    if isinstance(value, dict):
        return tuple(sorted((name, _key(item)) for name, item in value.items()))
    return value if isinstance(value, (str, bool, int, type(None))) else (type(value), id(value))


_made = _Made()


def _forget(*, setting: str, **_: object) -> None:
    if setting == SETTINGS_KEY:
        _made.clear()


setting_changed.connect(_forget, dispatch_uid="django_kafka.topic.avro.forget")


class AvroTopicProducer(TopicProducer, ABC):
    """A topic to which values (and keys, if it has a `key_schema`) are written as Avro."""

    key_schema: str
    value_schema: str
    schema_config: dict[str, Any]

    def get_key_serializer(self, **kwargs: Any) -> Any:
        return self._serializer("key_schema", kwargs)

    def get_value_serializer(self, **kwargs: Any) -> Any:
        return self._serializer("value_schema", kwargs)

    def _serializer(self, attribute: str, kwargs: dict[str, Any]) -> Any:
        if "schema_str" not in kwargs:
            kwargs["schema_str"] = getattr(self, attribute, None)
        if "conf" not in kwargs:
            kwargs["conf"] = getattr(self, "schema_config", None)
        return _made.get(AvroSerializer, _OWN_SERIALIZER, kafka.schema_client, kwargs)

    def _is_plain(self) -> bool:
        cls = type(self)
        return (
            AvroSerializer is _OWN_SERIALIZER
            and cls.serialize is TopicProducer.serialize
            and cls.context is _context_of(cls)
            and cls.get_key_serializer is AvroTopicProducer.get_key_serializer
            and cls.get_value_serializer is AvroTopicProducer.get_value_serializer
        )

    # (encode, prefix) for what has a schema that the registry was asked about
    _value_writer: tuple[Any, bytes] | None = None
    _key_writer: tuple[Any, bytes] | None = None

    def _find_writer(self, field: MessageField) -> tuple[Any, bytes] | None:
        """How the values of a field are written in one call; None: not known yet, or never."""
        if not self._is_plain():
            return None
        serializer = self.get_value_serializer() if field == VALUE else self.get_key_serializer()
        known = serializer.prefixed(self.context(field)) if serializer.takes_values else None
        if known is None:
            return None
        writer = (known.codec.encode, known.prefix)
        if known.expires is None:
            _made.keep(self, "_value_writer" if field == VALUE else "_key_writer", writer)
        return writer

    def _serialize(self, value: Any, field: MessageField, headers: Any, kwargs: dict[str, Any] | None) -> Any:
        if not kwargs and value is not None:
            writer = self._value_writer if field is VALUE else self._key_writer
            if writer is not None:
                return writer[0](value, writer[1])
        elif kwargs:
            return self.serialize(value, field, headers, **kwargs)
        elif self._is_plain():
            return None
        writer = self._find_writer(field)
        if writer is None:
            return self.serialize(value, field, headers)
        return writer[0](value, writer[1])

    def _serialize_many(
        self, values: Sequence[Any], field: MessageField, headers: Any, kwargs: dict[str, Any] | None
    ) -> list[Any]:
        written: list[Any] = []
        for i, value in enumerate(values):
            writer = None if kwargs else self._find_writer(field)
            if writer is not None:  # from the second value on, if not before
                return written + writer[0].__self__.encode_many(values[i:], writer[1])
            written.append(self._serialize(value, field, headers, kwargs))
        return written


def _unknown(value: Any) -> Any:
    """The decode() of a topic that has not decoded anything yet."""
    raise KeyError


def _context_of(cls: type) -> Any:
    """context() as TopicProducer, or for topics of both kinds TopicConsumer, has it."""
    return TopicConsumer.context if issubclass(cls, TopicConsumer) else TopicProducer.context


class AvroTopicConsumer(TopicConsumer, ABC):
    """A topic whose keys and values are Avro, written with schemas that the registry knows.

    lazy: records come as read-only mappings that decode a field when it is read. Faster when few fields are; what is
    wrong with a field is found out when it is read."""

    lazy: bool = False

    def get_key_deserializer(self, **kwargs: Any) -> Any:
        return self._deserializer(kwargs)

    def get_value_deserializer(self, **kwargs: Any) -> Any:
        return self._deserializer(kwargs)

    def _deserializer(self, kwargs: dict[str, Any]) -> Any:
        if self.lazy and AvroDeserializer is _OWN_DESERIALIZER:
            kwargs.setdefault("lazy", True)
        return _made.get(AvroDeserializer, _OWN_DESERIALIZER, kafka.schema_client, kwargs)

    # What decodes a message in one call, and raises KeyError for a schema that has not been met; None: nothing does.
    _value_decode: Any = staticmethod(_unknown)
    _key_decode: Any = staticmethod(_unknown)

    def deserialize(self, value: Any, field: MessageField, headers: Any = None, **kwargs: Any) -> Any:
        if not headers and not kwargs:
            decode = self._value_decode if field is VALUE else self._key_decode if field is KEY else None
            if decode is not None:
                try:
                    return decode(value)
                except KeyError:
                    self._find_decode(field)
        return super().deserialize(value, field, headers, **kwargs)

    def _find_decode(self, field: MessageField) -> None:
        cls = type(self)
        plain = (
            AvroDeserializer is _OWN_DESERIALIZER
            and cls.get_key_deserializer is AvroTopicConsumer.get_key_deserializer
            and cls.get_value_deserializer is AvroTopicConsumer.get_value_deserializer
            and cls.context is TopicConsumer.context
        )
        decode = self._deserializer({}).decode if plain else None
        _made.keep(self, "_value_decode" if field is VALUE else "_key_decode", decode)


class AvroTopic(AvroTopicConsumer, AvroTopicProducer, Topic, ABC):
    """A topic of Avro that is both produced and consumed."""
