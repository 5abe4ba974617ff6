# SPDX-License-Identifier: MIT
"""Topics whose keys and values are Avro, with their schemas in a registry.

The (de)serializers here are used as confluent's, whose configuration they take, but the values go through the C
codec. Overriding `get_value_deserializer` and its like with classes of confluent's or of one's own works as ever."""

from __future__ import annotations

import weakref
from abc import ABC
from collections.abc import Sequence
from functools import update_wrapper
from threading import Lock
from types import MethodType
from typing import TYPE_CHECKING, Any

from django.core.signals import setting_changed

from django_kafka import kafka
from django_kafka._native import AvroMethod, AvroReader, AvroSchema, wire_parse
from django_kafka.conf import SETTINGS_KEY
from django_kafka.exceptions import DjangoKafkaError
from django_kafka.schema.registry import WriterSchema, writer_schema
from django_kafka.schema.serializers import AvroDeserializer, AvroSerializer, schema_header
from django_kafka.topic import CONTEXTS, KEY, VALUE, Topic, TopicConsumer, TopicProducer

if TYPE_CHECKING:
    from confluent_kafka.serialization import MessageField

__all__ = ["AvroDeserializer", "AvroSerializer", "AvroTopic", "AvroTopicConsumer", "AvroTopicProducer"]

_OWN_SERIALIZER = AvroSerializer
_OWN_DESERIALIZER = AvroDeserializer
_FRAMED = 5  # bytes of Confluent's framing
_WRITTEN_MOST = 1000  # schemas that a topic remembers


class _Made:
    """(De)serializers that topics share: parsing a schema once per message would cost more than the message.

    Only the last ones that were used stay: a topic may give another callable with each message."""

    MOST = 100

    def __init__(self) -> None:
        self.objects: dict[Any, Any] = {}  # the last used is the last
        self.lock = Lock()
        # Topics that keep something made of these objects, and under which names.
        self.kept: weakref.WeakKeyDictionary[Any, set[str]] = weakref.WeakKeyDictionary()
        self.methods: list[AvroMethod] = []  # which remember what a topic keeps

    def clear(self) -> None:
        self.objects.clear()
        for topic, names in list(self.kept.items()):
            for name in names:
                topic.__dict__.pop(name, None)
        self.kept.clear()
        for method in self.methods:
            method.forget()

    def keep(self, topic: Any, name: str, value: Any) -> None:
        """topic.name = value, until clear()."""
        self.kept.setdefault(topic, set()).add(name)
        topic.__dict__[name] = value

    def get(self, cls: Any, own: Any, client: Any, kwargs: dict[str, Any]) -> Any:
        """cls(client, **kwargs), made once for equal arguments if cls is ours."""
        if cls is not own:  # replaced by somebody, in a test perhaps, who wants to see each call
            return cls(client, **kwargs)
        key = (cls, id(client), *((name, _key(value)) for name, value in sorted(kwargs.items())))
        with self.lock:
            made = self.objects.pop(key, None)
            if made is not None and made[0] is client:
                self.objects[key] = made
                return made[1]
        made = (client, cls(client, **kwargs), kwargs)
        with self.lock:
            self.objects[key] = made
            if len(self.objects) > self.MOST:
                del self.objects[next(iter(self.objects))]
        return made[1]


def _key(value: Any) -> Any:
    """What two arguments have to have in common to be the same. Objects stay alive with what was made of them."""
    if isinstance(value, dict):
        return tuple(sorted((name, _key(item)) for name, item in value.items()))
    if isinstance(value, (str, bool, int, type(None), MethodType)):  # a method is made each time, and equal
        return value
    return (type(value), id(value))


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
            and cls.context in CONTEXTS
            and cls.get_key_serializer is AvroTopicProducer.get_key_serializer
            and cls.get_value_serializer is AvroTopicProducer.get_value_serializer
        )

    def _find_encoder(self, field: MessageField) -> tuple[AvroSchema, bytes] | None:
        """None: the registry was not asked yet, or something else has a say in what is written."""
        kept = self._value_encoder if field is VALUE else self._key_encoder
        if kept is not None or not self._is_plain():
            return kept
        serializer = self.get_value_serializer() if field == VALUE else self.get_key_serializer()
        known = serializer.prefixed(self.context(field)) if serializer.takes_values else None
        if known is None:
            return None
        encoder = (known.codec, known.prefix)
        if known.expires is None:
            _made.keep(self, "_value_encoder" if field == VALUE else "_key_encoder", encoder)
        return encoder

    def _serialize(self, value: Any, field: MessageField, headers: Any, kwargs: dict[str, Any] | None) -> Any:
        encoder = self._value_encoder if field is VALUE else self._key_encoder
        if encoder is not None and value is not None and not kwargs:
            return encoder[0].encode(value, encoder[1])
        if kwargs:
            return self.serialize(value, field, headers, **kwargs)
        if value is None and self._is_plain():
            return None
        encoder = None if value is None else self._find_encoder(field)
        return self.serialize(value, field, headers) if encoder is None else encoder[0].encode(value, encoder[1])

    def _serialize_many(
        self, values: Sequence[Any], field: MessageField, headers: Any, kwargs: dict[str, Any] | None
    ) -> list[Any]:
        written: list[Any] = []
        for i, value in enumerate(values):
            encoder = None if kwargs else self._find_encoder(field)
            if encoder is not None:  # from the second value on; all of them, so that an error counts from the first
                return encoder[0].encode_many(values, encoder[1])
            written.append(self._serialize_one(i, value, field, headers, kwargs))
        return written


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

    # What AvroMethod reads messages with; False: not looked for yet, None: something was overridden.
    _value_reader: AvroReader | bool | None = False
    _key_reader: AvroReader | bool | None = False

    def deserialize(self, value: Any, field: MessageField, headers: Any = None, **kwargs: Any) -> Any:
        """The object behind the bytes of a key or value. kwargs: arguments for the deserializer.

        Errors: DecodeError, SchemaRegistryUnavailable, and what else the deserializer raises."""
        name = {VALUE: "_value_reader", KEY: "_key_reader"}.get(field)
        if name is not None and getattr(self, name) is False:
            _made.keep(self, name, self._find_reader())
        return super().deserialize(value, field, headers, **kwargs)

    if not TYPE_CHECKING:
        # Messages of schemas that were met before are done in C, the others come to the function above.
        deserialize = update_wrapper(AvroMethod(deserialize, KEY, VALUE), deserialize)
        _made.methods.append(deserialize)

    # The schemas of messages that somebody asked for.
    _written: dict[int | bytes, WriterSchema] | None = None

    def written_schema(self, data: Any, field: MessageField, headers: Any = None) -> WriterSchema | None:
        """The schema that a key or value was written with, always the same object for the same schema; None when it
        names none.

        Errors: those of the schema registry's client, SchemaRegistryUnavailable."""
        if headers:
            header = schema_header(headers, field)
        else:
            header = None
        if header is None and (not isinstance(data, bytes) or data[:1] != b"\0" or len(data) < _FRAMED):
            return None
        identity = int.from_bytes(data[1:5], "big") if header is None else wire_parse(data, header)[0]
        known = self._written
        if known is None:
            known = {}
            _made.keep(self, "_written", known)
        if identity not in known:
            known[identity] = writer_schema(kafka.schema_client, identity, None)
            known[identity].exact = self._find_reader() is not None
            if len(known) > _WRITTEN_MOST:
                del known[next(iter(known))]
        return known[identity]

    def find_copy_source(self) -> str | None:
        """How the engine can read keys and values by itself: "avro", None when something of the project's own reads
        them."""
        plain = type(self).deserialize is AvroTopicConsumer.deserialize and "deserialize" not in self.__dict__
        try:
            return "avro" if plain and self._find_reader() is not None else None
        except DjangoKafkaError:
            return "avro"  # no registry is configured: whoever reads a message is told so

    def _find_reader(self) -> AvroReader | None:
        cls = type(self)
        plain = (
            AvroDeserializer is _OWN_DESERIALIZER
            and cls.get_key_deserializer is AvroTopicConsumer.get_key_deserializer
            and cls.get_value_deserializer is AvroTopicConsumer.get_value_deserializer
            and cls.context is TopicConsumer.context
        )
        reader: AvroReader | None = self._deserializer({}).reader if plain else None
        return reader


class AvroTopic(AvroTopicConsumer, AvroTopicProducer, Topic, ABC):
    """A topic of Avro that is both produced and consumed."""
