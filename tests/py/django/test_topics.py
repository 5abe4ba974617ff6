# SPDX-License-Identifier: MIT
"""Topics: names, patterns, serializers, contexts, what is produced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from confluent_kafka.serialization import (
    IntegerSerializer,
    MessageField,
    SerializationContext,
    SerializationError,
    Serializer,
    StringDeserializer,
    StringSerializer,
)

from django_kafka import kafka
from django_kafka.consumer import Topics
from django_kafka.exceptions import DjangoKafkaError, TopicNotRegisteredError
from django_kafka.producer import suppress
from django_kafka.serialization import NoOpSerializer
from django_kafka.topic import Topic, TopicConsumer, TopicProducer


class Both(Topic):
    name = "both"


class Plain(TopicProducer):
    name = "plain"


@pytest.fixture
def producer() -> Iterator[mock.Mock]:
    with mock.patch.object(kafka, "producer", create=True) as client:
        client.produce_many.side_effect = lambda _name, values, **_: len(values)
        yield client


class TestNames:
    def test_name_is_required(self) -> None:
        with pytest.raises(TypeError, match="abstract"):
            type("Nameless", (TopicProducer,), {})()

    def test_pattern_cannot_be_produced_to(self) -> None:
        with pytest.raises(DjangoKafkaError, match=r"^TopicProducer name cannot be regex: \^x$"):
            type("Pattern", (TopicProducer,), {"name": "^x"})()
        with pytest.raises(DjangoKafkaError, match="cannot be regex"):
            type("Pattern", (Topic,), {"name": "^x"})()

    def test_pattern_can_be_consumed(self) -> None:
        topic = type("Pattern", (TopicConsumer,), {"name": "^ab.*[0-9]$"})()
        assert topic.is_regex()
        assert topic.matches("ab7")
        assert not topic.matches("xab7")
        assert not topic.matches("ab")

    def test_plain_name_is_compared(self) -> None:
        topic = Both()
        assert not topic.is_regex()
        assert topic.matches("both")
        assert not topic.matches("both2")
        assert not topic.matches("bo.h")

    def test_name_can_be_a_property(self) -> None:
        class Dynamic(TopicProducer):
            @property
            def name(self) -> str:
                return "dynamic"

        assert Dynamic().name == "dynamic"


class TestTopics:
    def test_look_up(self) -> None:
        first = type("A", (TopicConsumer,), {"name": "^a"})()
        second = type("B", (TopicConsumer,), {"name": "ab"})()
        topics = Topics(first, second)
        assert topics.get("ab") is topics.get(topic_name="ab") is first
        assert list(topics) == [first, second]
        assert topics.names == ["^a", "ab"]
        with pytest.raises(TopicNotRegisteredError, match=r"^No topic registered for `c`$"):
            topics.get("c")

    def test_owner_and_truth(self) -> None:
        class Owner:
            topics = Topics(Both())

        assert Owner.topics.owner is Owner
        assert Owner.topics
        assert not Topics()

    def test_retryable(self) -> None:
        blocking, free, none = (type("T", (TopicConsumer,), {"name": str(i)})() for i in range(3))
        kafka.retry(max_retries=1, delay=1)(blocking)
        kafka.retry(max_retries=1, delay=1, blocking=False)(free)
        topics = Topics(blocking, free, none)
        assert topics.get_retryable() == topics.get_retryable(blocking=False) == [free]
        assert topics.get_retryable(blocking=True) == [blocking]


class TestSerializing:
    def test_defaults(self) -> None:
        assert TopicProducer.key_serializer is TopicProducer.value_serializer is StringSerializer
        assert TopicConsumer.key_deserializer is TopicConsumer.value_deserializer is StringDeserializer

    def test_there_and_back(self) -> None:
        topic = Both()
        for field in (MessageField.KEY, MessageField.VALUE):
            assert topic.serialize("ä", field) == "ä".encode()
            assert topic.deserialize("ä".encode(), field) == "ä"
            assert topic.serialize(None, field) is topic.deserialize(None, field) is None

    def test_other_field(self) -> None:
        with pytest.raises(DjangoKafkaError, match=r"^Unsupported serialization field x\.$"):
            Both().serialize("v", "x")
        with pytest.raises(DjangoKafkaError, match=r"^Unsupported deserialization field x\.$"):
            Both().deserialize(b"v", "x")

    def test_context(self) -> None:
        context = Both().context(MessageField.KEY, headers=[("a", b"b")])
        assert isinstance(context, SerializationContext)
        assert (context.topic, context.field, context.headers) == ("both", "key", [("a", b"b")])

    def test_serializer_gets_value_context_and_arguments(self) -> None:
        made: list[dict[str, Any]] = []

        class Mine(Serializer):
            def __init__(self, **kwargs: Any) -> None:
                made.append(kwargs)

            def __call__(self, obj: Any, ctx: Any = None) -> bytes:
                return f"{obj}|{ctx.topic}|{ctx.field}|{ctx.headers}".encode()

        class Topical(Topic):
            name = "topical"
            value_serializer = Mine
            value_deserializer = Mine

        topic = Topical()
        assert topic.serialize(1, MessageField.VALUE, [("h", b"x")], a=2) == b"1|topical|value|[('h', b'x')]"
        topic.deserialize(b"1", MessageField.VALUE, b=3)
        topic.serialize(1, MessageField.VALUE)
        assert made == [{"a": 2}, {"b": 3}, {}]

    def test_d22_stateless_serializers_are_made_once(self) -> None:
        topic = Both()
        assert topic.get_value_serializer() is topic.get_value_serializer()
        assert topic.get_key_deserializer() is topic.get_key_deserializer()
        assert topic.get_value_serializer(codec="latin-1") is not topic.get_value_serializer(codec="latin-1")


class TestProduce:
    def test_value_only(self, producer: mock.Mock) -> None:
        assert Plain().produce("v") is None
        producer.produce.assert_called_once_with("plain", b"v")
        producer.poll.assert_called_once_with(0)

    def test_key_and_client_arguments(self, producer: mock.Mock) -> None:
        callback = mock.Mock()
        Plain().produce("v", key="k", headers={"h": b"x"}, partition=2, timestamp=3, on_delivery=callback)
        producer.produce.assert_called_once_with(
            "plain", b"v", key=b"k", headers={"h": b"x"}, partition=2, timestamp=3, on_delivery=callback
        )

    def test_key_none_is_serialized_a_missing_one_not(self, producer: mock.Mock) -> None:
        class Keyed(TopicProducer):
            name = "keyed"

            def serialize(self, value: Any, field: Any, headers: Any = None, **kwargs: Any) -> Any:
                return (value, field, headers, kwargs)

        Keyed().produce("v")
        Keyed().produce("v", key=None)
        assert [call.kwargs for call in producer.produce.call_args_list] == [{}, {"key": (None, "key", None, {})}]

    def test_serializer_arguments(self, producer: mock.Mock) -> None:
        Plain().produce("ä", key="ö", value_serializer_kwargs={"codec": "latin-1"}, key_serializer_kwargs=None)
        producer.produce.assert_called_once_with("plain", "ä".encode("latin-1"), key="ö".encode())

    def test_tombstone(self, producer: mock.Mock) -> None:
        Plain().produce(None, key="k")
        producer.produce.assert_called_once_with("plain", None, key=b"k")

    def test_other_serializers(self, producer: mock.Mock) -> None:
        class Numbers(TopicProducer):
            name = "numbers"
            key_serializer = IntegerSerializer
            value_serializer = NoOpSerializer

        Numbers().produce(b"raw", key=1)
        producer.produce.assert_called_once_with("numbers", b"raw", key=b"\0\0\0\1")

    def test_overridden_getter_is_used(self, producer: mock.Mock) -> None:
        class Own(TopicProducer):
            name = "own"

            def get_value_serializer(self, **kwargs: Any) -> Any:
                return lambda value, context: f"{value}@{context.topic}{kwargs}".encode()

        Own().produce("v", value_serializer_kwargs={"a": 1})
        Own().produce("v")
        assert [call.args[1] for call in producer.produce.call_args_list] == [b"v@own{'a': 1}", b"v@own{}"]

    def test_text_that_is_none_fails(self, producer: mock.Mock) -> None:
        with pytest.raises(SerializationError):
            Plain().produce("\ud800")
        assert not producer.produce.called

    def test_patched_serializer_is_used(self, producer: mock.Mock) -> None:
        with mock.patch("django_kafka.topic.TopicProducer.value_serializer") as serializer:
            Plain().produce("v")
        producer.produce.assert_called_once_with("plain", serializer.return_value.return_value)

    def test_suppressed_before_serializing(self, producer: mock.Mock) -> None:
        with mock.patch("django_kafka.topic.TopicProducer.serialize") as serialize, suppress(["plain"]):
            Plain().produce("v")
            assert Plain().produce_many(["v"]) == 0
        assert not serialize.called
        assert not producer.produce.called

    def test_many(self, producer: mock.Mock) -> None:
        assert Plain().produce_many(["a", None], keys=["1", "2"], headers={"h": b"x"}) == 2
        producer.produce_many.assert_called_once_with("plain", [b"a", None], keys=[b"1", b"2"], headers={"h": b"x"})

    def test_many_are_all_serialized_first(self, producer: mock.Mock) -> None:
        with pytest.raises(SerializationError):
            Plain().produce_many(["a", "\ud800"])
        assert not producer.produce_many.called


class TestConsume:
    def test_missing_method_is_named(self) -> None:
        with pytest.raises(NotImplementedError, match=r"Both has no consume\(self, msg\)"):
            Both().consume(mock.Mock())

    def test_relations(self) -> None:
        class Related(TopicConsumer):
            name = "r"

            def get_relations(self, msg: Any) -> Iterator[Any]:
                yield 1

        assert list(Both().get_relations(mock.Mock())) == []
        assert not Both().use_relations_resolver
        assert Related().use_relations_resolver
