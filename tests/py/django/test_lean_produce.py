# SPDX-License-Identifier: MIT
"""The short ways of produce() and produce_many(): taken where nobody has a say, left where somebody has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from confluent_kafka.serialization import SerializationError, StringSerializer

from django_kafka import kafka
from django_kafka._native import EncodeError
from django_kafka.testing.broker import LocalBroker, kafka_broker
from django_kafka.topic import Topic, TopicProducer
from django_kafka.topic.avro import AvroTopic, AvroTopicProducer
from tests.py.django.helpers import project_registry
from tests.py.schema_registry import SchemaRegistry


class Both(Topic):
    name = "lean"


class Written(TopicProducer):
    name = "lean"


class Numbers(AvroTopic):
    name = "lean"
    key_schema = '"string"'
    value_schema = '"long"'


class WrittenNumbers(AvroTopicProducer):
    name = "lean"
    key_schema = '"string"'
    value_schema = '"long"'


@pytest.fixture
def broker() -> Iterator[LocalBroker]:
    with kafka_broker({"lean": 1}) as broker:
        yield broker


@pytest.fixture
def registry(broker: LocalBroker) -> Iterator[SchemaRegistry]:
    with project_registry() as registry:
        yield registry


def sent(broker: LocalBroker, count: int) -> list[tuple[Any, Any]]:
    assert kafka.producer.flush(20) == 0
    return [(message.key(), message.value()) for message in broker.collect("lean", count)]


@pytest.mark.parametrize("cls", [Both, Written])
def test_text_needs_no_serializer(broker: LocalBroker, cls: type[TopicProducer]) -> None:
    """Topics that are also consumed went the long way, since context() is TopicConsumer's there."""
    topic = cls()
    with mock.patch.object(StringSerializer, "__call__", side_effect=AssertionError):
        topic.produce("é")
        topic.produce("a", key="k")
        topic.produce(None, key="tombstone")
        topic.produce("b", key=None)
        assert topic.produce_many(["c", None], keys=["x", None]) == 2
    assert sent(broker, 6) == [
        (None, "é".encode()), (b"k", b"a"), (b"tombstone", None), (None, b"b"), (b"x", b"c"), (None, None),
    ]  # fmt: skip


@pytest.mark.parametrize("cls", [Numbers, WrittenNumbers])
def test_known_schemas_need_no_serializer(registry: SchemaRegistry, broker: LocalBroker, cls: Any) -> None:
    topic = cls()
    topic.produce(0, key="k0")
    topic.produce(1, key="k1")
    with mock.patch("django_kafka.schema.serializers.AvroSerializer.__call__", side_effect=AssertionError):
        topic.produce(2, key="k2")
        topic.produce(None, key="k3")
        topic.produce(4, key=None)
        topic.produce_many([5, None], keys=["k5", "k6"])
    text = [f"\0\0\0\0\1\4k{i}".encode() for i in range(7)]
    number = [b"\0\0\0\0\2" + bytes([2 * i]) for i in range(7)]
    assert sent(broker, 7) == [
        (text[0], number[0]), (text[1], number[1]), (text[2], number[2]), (text[3], None), (None, number[4]),
        (text[5], number[5]), (text[6], None),
    ]  # fmt: skip


HOOKS = ["serialize", "context", "get_key_serializer", "get_value_serializer"]


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("cls", [Both, Written, Numbers, WrittenNumbers])
@pytest.mark.parametrize("how", ["subclass", "patch"])
def test_whoever_has_a_say_is_asked(registry: SchemaRegistry, hook: str, cls: Any, how: str) -> None:
    calls: list[str] = []

    def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(hook)
        return getattr(super(changed, self), hook)(*args, **kwargs)

    changed = type("Changed", (cls,), {hook: watched} if how == "subclass" else {})
    value: Any = 1 if issubclass(cls, AvroTopicProducer) else "v"
    topic = changed()
    for _ in range(3):
        topic.produce(value, key="k")
    calls.clear()
    with mock.patch.object(changed, hook, watched) if how == "patch" else mock.MagicMock():
        if how == "patch":
            topic = changed()  # what a topic of Avro has learned, it does not look up again
        topic.produce(value, key="k")
        topic.produce_many([value], keys=["k"])
    assert len(calls) >= 2
    assert kafka.producer.flush(20) == 0


def test_the_key_comes_first(broker: LocalBroker) -> None:
    order: list[Any] = []

    class Watched(Both):
        def serialize(self, value: Any, field: Any, headers: Any = None, **kwargs: Any) -> Any:
            order.append(field)
            return super().serialize(value, field, headers, **kwargs)

    Watched().produce("v", key="k")
    assert order == ["key", "value"]


def test_what_cannot_be_text(broker: LocalBroker) -> None:
    with pytest.raises(SerializationError):
        Both().produce("v", key="\ud800")
    with pytest.raises(SerializationError):
        Both().produce("\ud800", key="k")
    with pytest.raises(SerializationError) as caught:
        Both().produce_many(["a", "b", "\ud800"])
    assert caught.value.__notes__ == ["It was values[2] of produce_many()."]
    assert len(kafka.producer) == 0


@pytest.mark.parametrize("cls", [Both, Numbers])
def test_many_from_any_iterable(registry: SchemaRegistry, broker: LocalBroker, cls: Any) -> None:
    values: list[Any] = [1, 2, 3] if cls is Numbers else ["1", "2", "3"]
    topic = cls()
    assert topic.produce_many(iter(values), keys=(f"k{i}" for i in range(3))) == 3
    assert topic.produce_many(dict.fromkeys(values).keys(), keys=tuple("abc")) == 3
    assert topic.produce_many(iter([])) == topic.produce_many((), keys=[]) == 0
    found = sent(broker, 6)
    assert [value for _, value in found[:3]] == [value for _, value in found[3:]]
    assert [key[-2:] for key, _ in found[:3]] == [b"k0", b"k1", b"k2"]


@pytest.mark.parametrize("cls", [Both, Numbers])
def test_what_is_not_many(registry: SchemaRegistry, cls: Any) -> None:
    for one in ("text", b"bytes", {"id": 1}):
        with pytest.raises(TypeError, match="takes a list of values, not one"):
            cls().produce_many(one)
    with pytest.raises(TypeError, match="takes a list of keys, not one str"):
        cls().produce_many(["a", "b"], keys="ab")
    with pytest.raises(ValueError, match="There are 2 values, but 1 keys"):
        cls().produce_many(["a", "b"], keys=["a"])
    assert not registry.requests
    assert len(kafka.producer) == 0


@pytest.mark.parametrize("known", [False, True])
def test_none_of_many_is_sent_if_one_does_not_fit(registry: SchemaRegistry, broker: LocalBroker, known: bool) -> None:
    topic = Numbers()
    if known:
        topic.produce(0, key="k")
        topic.produce(0, key="k")
        sent(broker, 2)
    with pytest.raises(EncodeError, match=r"\[2\]: an int is wanted, not str"):
        topic.produce_many([1, 2, "three", 4])
    with pytest.raises(EncodeError, match=r"\[1\]: a str is wanted, not int"):
        topic.produce_many([1, 2], keys=["k", 5])
    assert len(kafka.producer) == 0
    assert len(broker.collect("lean", timeout=0.1)) == (2 if known else 0)
