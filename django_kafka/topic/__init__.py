# SPDX-License-Identifier: MIT
"""Topics: a name, how keys and values are written and read, and what to do with a message."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from confluent_kafka.serialization import (
    Deserializer,
    MessageField,
    SerializationContext,
    SerializationError,
    Serializer,
    StringDeserializer,
    StringSerializer,
)
from django.db import DEFAULT_DB_ALIAS

from django_kafka import kafka
from django_kafka.conf import settings
from django_kafka.exceptions import BatchError, DjangoKafkaError
from django_kafka.producer import Producer
from django_kafka.serialization import make
from django_kafka.suppression import Suppression, active_suppressions
from django_kafka.utils.dialects import in_python

if TYPE_CHECKING:
    from django_kafka._native import AvroSchema, Message
    from django_kafka._native import Producer as ConfluentProducer
    from django_kafka.keywords import ProduceManyOptions, ProduceOptions
    from django_kafka.retry.settings import RetrySettings

KEY = MessageField.KEY
VALUE = MessageField.VALUE


class _DefaultRetrySettings:
    """`retry_settings` of a topic that sets none: the setting RETRY_SETTINGS, read when it is needed."""

    def __get__(self, obj: object | None, owner: type | None = None) -> RetrySettings | None:
        return settings.get_retry_settings()


class TopicProducer(ABC):  # noqa: B024 - `name` is abstract
    """A topic to which messages are produced."""

    key_serializer: type[Serializer] = StringSerializer
    value_serializer: type[Serializer] = StringSerializer

    if TYPE_CHECKING:
        name: Any  # a class attribute or a property, as the project likes
    else:

        @property
        @abstractmethod
        def name(self) -> str:
            """The topic's name; usually a plain class attribute."""

    def __init__(self) -> None:
        super().__init__()
        if self.name.startswith("^"):
            raise DjangoKafkaError(f"TopicProducer name cannot be regex: {self.name}")

    def get_key_serializer(self, **kwargs: Any) -> Any:
        return make(self.key_serializer, kwargs)

    def get_value_serializer(self, **kwargs: Any) -> Any:
        return make(self.value_serializer, kwargs)

    def context(self, field: MessageField, headers: Any = None) -> SerializationContext:
        return SerializationContext(self.name, field, headers=headers)

    def serialize(self, value: Any, field: MessageField, headers: Any = None, **kwargs: Any) -> Any:
        """The bytes of a key or value. kwargs: arguments for the serializer.

        Errors: DjangoKafkaError for another field, and what the serializer raises."""
        if field == VALUE:
            serializer = self.get_value_serializer(**kwargs)
        elif field == KEY:
            serializer = self.get_key_serializer(**kwargs)
        else:
            raise DjangoKafkaError(f"Unsupported serialization field {field}.")
        return serializer(value, self.context(field, headers))

    def _is_plain(self) -> bool:
        """Whether nothing between a value and its serializer was overridden."""
        cls = type(self)
        return (
            cls.serialize is _SERIALIZE
            and cls.context in CONTEXTS
            and cls.get_key_serializer is _GET_KEY_SERIALIZER
            and cls.get_value_serializer is _GET_VALUE_SERIALIZER
        )

    def _serialize(self, value: Any, field: MessageField, headers: Any, kwargs: dict[str, Any] | None) -> Any:
        """serialize(), without its cost for text and None when the topic does nothing of its own."""
        if kwargs:
            return self.serialize(value, field, headers, **kwargs)
        cls = self.value_serializer if field is VALUE else self.key_serializer
        if cls is StringSerializer and (value is None or type(value) is str) and self._is_plain():
            if value is None:
                return None
            try:
                return value.encode()
            except UnicodeError as error:
                raise SerializationError(str(error)) from error
        return self.serialize(value, field, headers)

    def _serialize_many(
        self, values: Sequence[Any], field: MessageField, headers: Any, kwargs: dict[str, Any] | None
    ) -> list[Any]:
        return [self._serialize_one(i, value, field, headers, kwargs) for i, value in enumerate(values)]

    def _serialize_one(
        self, i: int, value: Any, field: MessageField, headers: Any, kwargs: dict[str, Any] | None
    ) -> Any:
        """_serialize(), whose exception tells which of many it was."""
        try:
            return self._serialize(value, field, headers, kwargs)
        except Exception as error:
            error.add_note(f"It was {'values' if field is VALUE else 'keys'}[{i}] of produce_many().")
            raise

    def produce(self, value: Any, **kwargs: Unpack[ProduceOptions]) -> None:
        """Queue a message for this topic; it is sent in the background.

        A `key` is serialized only when given (None too). key_serializer_kwargs and value_serializer_kwargs go to the
        serializers, everything else (headers, partition, timestamp, on_delivery) to the client. Does nothing while
        the topic is suppressed."""
        if active_suppressions() and Suppression.active(self.name):
            return
        producer = kafka.producer
        client = producer.direct() if type(producer) is Producer else None
        if client is not None and (not kwargs or (len(kwargs) == 1 and "key" in kwargs)):
            try:
                self._write(client, value, kwargs)
            except Exception as error:
                self._write(producer.go_on_after(error, client), value, kwargs)
            return
        key_options = kwargs.pop("key_serializer_kwargs", None)
        value_options = kwargs.pop("value_serializer_kwargs", None)
        headers = kwargs.get("headers")
        if "key" in kwargs:
            kwargs["key"] = self._serialize(kwargs["key"], KEY, headers, key_options)
        payload = self._serialize(value, VALUE, headers, value_options)
        target: Any = producer
        target.produce(self.name, payload, **kwargs)
        target.poll(0)

    def _write(self, client: ConfluentProducer, value: Any, kwargs: ProduceOptions) -> None:
        """produce() of a value, and a key if kwargs has one: in a call of C where they only have to be encoded."""
        key = key_encoder = None
        if kwargs:
            key, key_encoder = kwargs["key"], self._key_encoder
            if key_encoder is None:
                key = self._serialize(key, KEY, None, None)
        encoder = self._value_encoder
        if encoder is None:
            value = self._serialize(value, VALUE, None, None)
        client.write(self.name, value, encoder, key, key_encoder)

    def produce_many(
        self, values: Iterable[Any], keys: Iterable[Any] | None = None, **kwargs: Unpack[ProduceManyOptions]
    ) -> int:
        """Queue a message per value, with the key at the same place in `keys`. Returns how many were queued.

        kwargs as for produce(), for all messages alike. Everything is serialized before the first one is queued: a
        value that cannot be leaves none of them behind. If the client then refuses one (BufferError when its queue
        stays full for `max_block`, a message that is too large), those before are sent: `queued` of the exception is
        their number.
        Errors: TypeError for one text or mapping instead of many values, ValueError for another number of keys."""
        values = _sequence(values, "values")
        if keys is not None:
            keys = _sequence(keys, "keys")
            if len(keys) != len(values):
                raise ValueError(f"There are {len(values)} values, but {len(keys)} keys.")
        if Suppression.active(self.name):
            return 0
        options: Any = kwargs
        key_options = options.pop("key_serializer_kwargs", None)
        value_options = options.pop("value_serializer_kwargs", None)
        headers = options.get("headers")
        producer: Any = kafka.producer
        direct = type(producer) is Producer and producer.direct() is not None
        if keys is not None:
            encoder = self._find_encoder(KEY) if direct and not key_options else None
            if encoder is not None:
                options["key_encoder"] = encoder
            options["keys"] = keys if encoder else self._serialize_many(keys, KEY, headers, key_options)
        encoder = self._find_encoder(VALUE) if direct and not value_options else None
        if encoder is not None:
            options["value_encoder"] = encoder
        payloads = values if encoder else self._serialize_many(values, VALUE, headers, value_options)
        queued: int = producer.produce_many(self.name, payloads, **options)
        producer.poll(0)
        return queued

    # What makes bytes of all values and keys in C, where nothing else is to be done with them: (AvroSchema, prefix).
    _value_encoder: tuple[AvroSchema, bytes] | None = None
    _key_encoder: tuple[AvroSchema, bytes] | None = None

    def _find_encoder(self, field: MessageField) -> tuple[AvroSchema, bytes] | None:
        return None


def _sequence(items: Iterable[Any], name: str) -> Sequence[Any]:
    """A list or tuple of what is given: an iterator can be read only once, a queryset would query for each part."""
    if isinstance(items, (list, tuple)):
        return items
    if isinstance(items, (str, bytes, bytearray, Mapping)):
        raise TypeError(f"produce_many() takes a list of {name}, not one {type(items).__name__}: use produce().")
    return list(items)


_SERIALIZE = TopicProducer.serialize
_GET_KEY_SERIALIZER = TopicProducer.get_key_serializer
_GET_VALUE_SERIALIZER = TopicProducer.get_value_serializer


class TopicConsumer(ABC):  # noqa: B024 - `name` is abstract
    """A topic, or with a name that begins with `^` all topics that match it, whose messages are handled.

    Define consume(msg), or consume_batch(messages)."""

    key_deserializer: type[Deserializer] = StringDeserializer
    value_deserializer: type[Deserializer] = StringDeserializer
    retry_settings: RetrySettings | None | _DefaultRetrySettings = _DefaultRetrySettings()

    # Messages that consume_batch() gets at most. None: what is there, up to 5000.
    batch_size: int | None = None
    # How long a smaller batch waits for more messages, in seconds.
    batch_timeout: float = 0
    # Whether each call of consume() or consume_batch() is a database transaction.
    atomic: bool = False
    # Whether the offsets of what was handled are stored in that transaction; the consumer goes on from there.
    offsets_in_database: bool = False
    # The database of the transaction, by its name in DATABASES. None: the default one.
    using: str | None = None

    if TYPE_CHECKING:
        name: Any  # a class attribute or a property, as the project likes
    else:

        @property
        @abstractmethod
        def name(self) -> str:
            """The topic's name or pattern; usually a plain class attribute."""

    def is_regex(self) -> bool:
        return self.name.startswith("^")

    def matches(self, topic_name: str) -> bool:
        """Whether messages of this topic are handled here."""
        if self.is_regex():
            return in_python(self.name).search(topic_name) is not None
        return self.name == topic_name

    def get_key_deserializer(self, **kwargs: Any) -> Any:
        return make(self.key_deserializer, kwargs)

    def get_value_deserializer(self, **kwargs: Any) -> Any:
        return make(self.value_deserializer, kwargs)

    def context(self, field: MessageField, headers: Any = None) -> SerializationContext:
        return SerializationContext(self.name, field, headers=headers)

    def deserialize(self, value: Any, field: MessageField, headers: Any = None, **kwargs: Any) -> Any:
        """The object behind the bytes of a key or value. kwargs: arguments for the deserializer.

        Errors: DjangoKafkaError for another field, and what the deserializer raises."""
        if field == VALUE:
            deserializer = self.get_value_deserializer(**kwargs)
        elif field == KEY:
            deserializer = self.get_key_deserializer(**kwargs)
        else:
            raise DjangoKafkaError(f"Unsupported deserialization field {field}.")
        return deserializer(value, self.context(field, headers))

    def get_relations(self, msg: Any) -> Iterator[Any]:
        """Relations that have to exist before the message can be handled; none by default."""
        yield from ()

    @property
    def use_relations_resolver(self) -> bool:
        return type(self).get_relations is not TopicConsumer.get_relations

    def get_using(self, model: Any = None) -> str:
        """The name of the database that transactions are of, and rows of a model are written to."""
        return self.using or DEFAULT_DB_ALIAS

    # Whether messages are handled faster if those that follow them in the log are there, too.
    reads_ahead: Any = False

    @property
    def takes_batches(self) -> bool:
        """Whether consume_batch() is defined, and not consume() by a class that inherits it."""
        for owner in (self, *type(self).__mro__):
            if owner is TopicConsumer:
                break
            if "consume_batch" in vars(owner):
                return True
            if "consume" in vars(owner):
                break
        return False

    def consume(self, msg: Any, /) -> Any:
        """Handle a message. An exception means that it was not handled. The result is not looked at."""
        if self.takes_batches:
            return self._consume_alone(msg)
        raise NotImplementedError(
            f"{type(self).__module__}.{type(self).__qualname__} has no consume(self, msg): define it, "
            f"it is called with each message of '{self.name}'. Or define consume_batch(self, messages)."
        )

    def _consume_alone(self, msg: Message) -> Any:
        failures: dict[int, Exception] = {}
        try:
            return self.consume_batch([msg])
        except BatchError as error:
            failures = error.of(1)
        for failure in failures.values():
            raise failure
        return None

    def consume_batch(self, messages: Sequence[Message], /) -> Any:
        """Handle messages, in order: define it instead of consume(). Each message's exception in a BatchError means
        that it was not handled, and the others were; any other exception that nothing is known of any."""
        raise NotImplementedError(
            f"{type(self).__module__}.{type(self).__qualname__} has no consume_batch(self, messages)."
        )


# context() as a topic has it that overrides nothing: of TopicProducer, and of both kinds.
CONTEXTS = (TopicProducer.context, TopicConsumer.context)


class Topic(TopicConsumer, TopicProducer, ABC):
    """A topic that is both produced and consumed."""
