# SPDX-License-Identifier: MIT
"""Message as an object among others: compared, copied, pickled and freed as confluent_kafka's."""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Callable
from typing import Any

import confluent_kafka
import pytest
from confluent_kafka import KafkaError
from confluent_kafka import Message as ConfluentMessage

from django_kafka._native import AvroMethod, Broker, Consumer, Producer
from django_kafka.message import Message

GIVEN: dict[str, Any] = {
    "topic": "t",
    "partition": 1,
    "offset": 5,
    "key": b"k",
    "value": b"v",
    "headers": [("a", b"b")],
    "error": KafkaError(KafkaError._PARTITION_EOF),
    "timestamp": (1, 2),
    "leader_epoch": 4,
}
OTHER: dict[str, Any] = {
    "topic": "u",
    "partition": 2,
    "offset": 6,
    "key": "k",
    "value": None,
    "headers": [("a", b"c")],
    "error": KafkaError(KafkaError._ALL_BROKERS_DOWN),
    "timestamp": (1, 3),
    "leader_epoch": 5,
}


class Named(Message):
    """A constructor of its own, and an attribute."""

    def __init__(self, **kwargs: Any) -> None:
        self.name = "mine"


def parts(msg: Any) -> dict[str, Any]:
    return {name: getattr(msg, name)() for name in (*GIVEN, "latency")}


@pytest.mark.parametrize("field", list(GIVEN))
def test_equal_in_all_that_confluent_compares(field: str) -> None:
    assert Message(**GIVEN) == Message(**GIVEN)
    for cls in (Message, ConfluentMessage):
        assert cls(**GIVEN) != cls(**{**GIVEN, field: OTHER[field]}), cls


@pytest.mark.parametrize(
    ("one", "other"), [({"latency": 1.5}, {"latency": 2.5}), ({"timestamp": (1, 7)}, {"timestamp": (2, 7)})]
)
def test_what_confluent_does_not_compare(one: dict[str, Any], other: dict[str, Any]) -> None:
    for cls in (Message, ConfluentMessage):
        assert cls(**one) == cls(**other), cls


def test_no_order_no_hash_and_nothing_else_is_equal() -> None:
    msg = Message(**GIVEN)
    assert msg != ConfluentMessage(**GIVEN)
    assert msg != "t"
    with pytest.raises(TypeError):
        _ = msg < msg  # type: ignore[operator]
    with pytest.raises(TypeError, match="unhashable"):
        hash(msg)


def test_a_message_in_itself() -> None:
    a, b = Message(), Message()
    a.set_value(b)
    b.set_value(a)
    assert a == a
    with pytest.raises(RecursionError):
        _ = a == b


COPIES: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{
        f"pickle {n}": lambda msg, n=n: pickle.loads(pickle.dumps(msg, n)) for n in range(pickle.HIGHEST_PROTOCOL + 1)
    },
}


@pytest.mark.parametrize("how", COPIES)
def test_copies(how: str) -> None:
    msg = Message(**GIVEN, latency=0.5)
    made = COPIES[how](msg)
    assert made is not msg
    assert parts(made) == parts(msg)
    assert (made.headers() is msg.headers()) == (how == "copy")
    named = COPIES[how](Named(**GIVEN))
    assert (type(named), named.name, named.value()) == (Named, "mine", b"v")


def test_a_consumed_message_is_copied_whole(broker: Broker, producer: Producer, topic: str) -> None:
    producer.produce(topic, b"v", "k", headers={"h": b"1"})
    producer.flush()
    with Consumer({"bootstrap.servers": broker.bootstrap, "group.id": topic, "auto.offset.reset": "earliest"}) as c:
        c.subscribe([topic])
        msg = c.poll(20)
        assert msg is not None
        copies = [make(msg) for make in COPIES.values()]
        assert all(made == msg for made in copies)
        msg.set_value("changed")
        assert copy.copy(msg).value() == "changed"
    assert {made.value() for made in copies} == {b"v"}  # the batch is gone


def test_positional_arguments_in_the_order_of_the_installed_confluent(monkeypatch: pytest.MonkeyPatch) -> None:
    class Before:
        def __init__(self, topic: str, value: Any) -> None:
            pass

        def partition(self) -> None:
            return None

    assert Message("t", 3, 7, b"k").offset() == ConfluentMessage("t", 3, 7, b"k").offset() == 7
    monkeypatch.setattr(confluent_kafka, "Message", Before)
    msg = Message("t", b"v", b"k", None, None, 3, 7)
    assert (msg.value(), msg.key(), msg.partition(), msg.offset()) == (b"v", b"k", 3, 7)


def test_what_newer_confluents_have() -> None:
    msg = Message(**GIVEN)
    assert (msg.deserialized_key(), msg.deserialized_value(), msg.delivery_count()) == (b"k", b"v", None)
    assert {name for name in dir(ConfluentMessage) if not name.startswith("_")} <= set(dir(msg))


def test_long_chains_are_freed() -> None:
    """Each would take some hundred bytes of the C stack, were they freed one inside of another."""
    msg, method = Message(), AvroMethod(len, "key", "value")
    for _ in range(200_000):
        outer = Message(value=msg)
        msg = outer
        method = AvroMethod(method, "key", "value")
    assert sys.getrefcount(msg) > 0
    del msg, outer, method
