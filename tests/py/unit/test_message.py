"""Message: those made by hand, those of the engine, and what happens to borrowed parts."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable

import pytest
from confluent_kafka import KafkaError
from confluent_kafka import Message as ConfluentMessage

from django_kafka import _native
from django_kafka._native import Message


def test_empty_message_answers_as_confluents_does() -> None:
    ours, theirs = Message(), ConfluentMessage()
    for name in (
        "topic",
        "partition",
        "offset",
        "key",
        "value",
        "headers",
        "timestamp",
        "error",
        "latency",
        "leader_epoch",
    ):
        assert getattr(ours, name)() == getattr(theirs, name)(), name
    assert len(ours) == len(theirs) == 0


def test_constructor_keeps_what_it_is_given() -> None:
    error = KafkaError(KafkaError._PARTITION_EOF)
    msg = Message("t", 3, 7, "key", b"value", [("h", b"1")], error, (1, 99), 0.5, 2)
    assert msg.topic() == "t"
    assert msg.value() == b"value"
    assert msg.key() == "key"
    assert msg.headers() == [("h", b"1")]
    assert msg.error() is error
    assert (msg.partition(), msg.offset(), msg.timestamp(), msg.latency(), msg.leader_epoch()) == (
        3,
        7,
        (1, 99),
        0.5,
        2,
    )
    assert len(msg) == 5


@pytest.mark.parametrize(
    "fields",
    [
        {"topic": 5},
        {"partition": "1"},
        {"offset": 1.5},
        {"leader_epoch": "x"},
        {"timestamp": 5},
        {"timestamp": (1, "x")},
    ],
)
def test_constructor_refuses_wrong_types(fields: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        Message(**fields)  # type: ignore[arg-type]


def test_setters_replace_parts() -> None:
    msg = Message("t", value=b"v")
    msg.set_value({"any": "thing"})
    msg.set_key(5)
    msg.set_headers([("a", b"b")])
    msg.set_topic("u")
    error = KafkaError(KafkaError._FAIL)
    msg.set_error(error)
    assert (msg.value(), msg.key(), msg.headers(), msg.topic()) == ({"any": "thing"}, 5, [("a", b"b")], "u")
    assert msg.error() is error
    msg.set_error(None)
    assert msg.error() is None
    with pytest.raises(TypeError):
        msg.set_topic(b"u")  # type: ignore[arg-type]


def test_subclasses_work() -> None:
    class Mine(Message):
        extra = 1

    msg = Mine("t", value=b"v")
    msg.more = 2  # type: ignore[attr-defined]
    assert msg.value() == b"v"
    del msg


def test_engine_messages_have_all_parts(
    fill: Callable[..., None], assigned: Callable[..., _native.Consumer], topic: str
) -> None:
    headers = [("a", b"1"), ("a", None), ("text", "späße"), ("empty", b"")]
    fill(topic, [b"x" * 50], keys=["schlüssel"], headers=headers, timestamp=1234567890123)
    batch = assigned(topic).fetch(10)
    assert batch is not None
    assert batch.next_topic() == topic
    msg = next(batch)
    assert msg.topic() == topic
    assert msg.topic() is msg.topic()
    assert (msg.partition(), msg.offset()) == (0, 0)
    assert msg.key() == "schlüssel".encode()
    assert msg.value() == b"x" * 50
    assert msg.value() is msg.value()
    assert msg.headers() == [("a", b"1"), ("a", None), ("text", "späße".encode()), ("empty", b"")]
    assert msg.timestamp() == (_native.TIMESTAMP_CREATE_TIME, 1234567890123)
    assert msg.error() is None
    assert msg.latency() is None
    assert len(msg) == 50


def test_null_and_empty_differ(
    fill: Callable[..., None], assigned: Callable[..., _native.Consumer], topic: str
) -> None:
    fill(topic, [None, b"", b"v"], keys=[b"", None, b"k"])
    batch = assigned(topic).fetch(10)
    assert batch is not None
    assert [(msg.key(), msg.value(), msg.headers()) for msg in batch] == [
        (b"", None, None),
        (None, b"", None),
        (b"k", b"v", None),
    ]


def test_kept_messages_stay_what_they_were(
    fill: Callable[..., None], assigned: Callable[..., _native.Consumer], topic: str
) -> None:
    values = [b"%d" % i for i in range(100)]
    fill(topic, values)
    consumer = assigned(topic)
    kept: list[Message] = []
    while len(kept) < 100:
        batch = consumer.fetch(10)
        assert batch is not None
        for msg in batch:
            kept.append(msg)
        batch.close()
        del batch
    assert len({id(msg) for msg in kept}) == 100
    assert [msg.value() for msg in kept] == values
    assert [msg.offset() for msg in kept] == list(range(100))
    assert kept[5].detach() is kept[5]
    del consumer
    gc.collect()
    assert [msg.value() for msg in kept] == values
    assert (kept[5].topic(), kept[5].partition(), kept[5].offset()) == (topic, 0, 5)


def test_a_message_that_was_changed_is_not_used_again(
    fill: Callable[..., None], assigned: Callable[..., _native.Consumer], topic: str
) -> None:
    fill(topic, [b"%d" % i for i in range(20)])
    batch = assigned(topic).fetch(10)
    assert batch is not None
    seen = []
    for msg in batch:
        seen.append((msg.value(), msg.error(), msg.key(), msg.headers()))
        msg.set_value("changed")
        msg.set_error(KafkaError(KafkaError._FAIL))
        msg.set_key(msg)
        msg.set_headers([msg])
    assert seen == [(b"%d" % i, None, None, None) for i in range(len(seen))]


def test_cycles_through_messages_are_collected(
    fill: Callable[..., None], assigned: Callable[..., _native.Consumer], topic: str
) -> None:
    class Probe:
        pass

    fill(topic, [b"1", b"2"], headers={"a": b"b"})
    batch = assigned(topic).fetch(10)
    assert batch is not None
    msg = next(batch)
    probe = Probe()
    probe.msg = msg  # type: ignore[attr-defined]
    msg.set_value(probe)
    other = batch[1]
    headers = other.headers()
    assert headers is not None
    second = Probe()
    headers.append((other, second))  # type: ignore[arg-type]
    watch = [weakref.ref(probe), weakref.ref(second)]
    batch.close()
    del batch, msg, probe, other, headers, second
    gc.collect()
    assert [ref() for ref in watch] == [None, None]
