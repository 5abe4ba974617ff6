# SPDX-License-Identifier: MIT
"""Messages through a real broker, there and back: every part of them, every codec, every size."""

from __future__ import annotations

from typing import Any

import pytest

from tests.live.clients import (
    assert_exactly,
    consumer,
    fetch_count,
    numbered,
    plain,
    producer,
    reference_consume,
    reference_produce,
)
from tests.live.servers import KafkaServer

# (key, value, headers, timestamp): null and empty are different things, and header names may repeat.
PARTS: list[tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]], int]] = [
    (b"key", b"value", [], 1_700_000_000_001),
    (None, b"no key", [], 1_700_000_000_002),
    (b"tombstone", None, [], 1_700_000_000_003),
    (None, None, [], 1_700_000_000_004),
    (b"", b"", [], 1_700_000_000_005),
    (b"\x00\xff", b"\x00" * 3, [("a", b"1"), ("b", b""), ("a", b"2"), ("null", None)], 1_700_000_000_006),
    ("schlüssel".encode(), "wert ✓ 😀".encode(), [("überschrift", "ü".encode())], 1_700_000_000_007),
    (b"old", b"from 1970", [("t", b"x")], 1),
]


def as_messages(topic: str) -> list[dict[str, Any]]:
    names = ("key", "value", "headers", "timestamp")
    return [{"topic": topic, "partition": 0, **dict(zip(names, parts, strict=True))} for parts in PARTS]


EXPECTED = [(key, value, tuple(headers), timestamp) for key, value, headers, timestamp in PARTS]


def test_every_part_arrives_from_our_producer(broker: KafkaServer, name: str) -> None:
    broker.create_topic(name)
    reports: list[tuple[Any, Any]] = []
    with producer(broker.bootstrap) as client:
        for message in as_messages(name):
            client.produce(**message, on_delivery=lambda error, msg: reports.append((error, msg)))
        assert client.flush(60) == 0
    assert [error for error, _ in reports] == [None] * len(PARTS)
    assert [msg.offset() for _, msg in reports] == list(range(len(PARTS)))
    assert [(msg.key(), msg.value()) for _, msg in reports] == [(key, value) for key, value, _, _ in PARTS]
    got = reference_consume(broker.bootstrap, [name], len(PARTS))
    assert [message.content for message in got] == EXPECTED


def test_every_part_arrives_at_our_consumer(broker: KafkaServer, name: str) -> None:
    broker.create_topic(name)
    reference_produce(broker.bootstrap, as_messages(name))
    client = consumer(broker.bootstrap, name)
    client.subscribe([name])
    got = fetch_count(client, len(PARTS))
    client.close(30)
    assert [message.content for message in got] == EXPECTED
    assert [(message.topic, message.partition, message.offset) for message in got] == [
        (name, 0, offset) for offset in range(len(PARTS))
    ]


def test_poll_and_consume_give_the_same_messages(broker: KafkaServer, name: str) -> None:
    """The calls of confluent's client, for code that was written for it."""
    broker.create_topic(name)
    reference_produce(broker.bootstrap, as_messages(name))
    client = consumer(broker.bootstrap, name)
    client.subscribe([name])
    got = []
    while len(got) < 3:
        message = client.poll(20)
        assert message is not None
        got.append(plain(message))
    while len(got) < len(PARTS):
        messages = client.consume(len(PARTS) - len(got), 20)
        assert messages
        got += [plain(message) for message in messages]
    client.close(30)
    assert [message.content for message in got] == EXPECTED


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_compression(broker: KafkaServer, name: str, codec: str) -> None:
    broker.create_topic(name, partitions=2)
    count = 4000
    padding = b"compressible " * 20
    with producer(broker.bootstrap, compression_type=codec, linger_ms=20) as client:
        for message in numbered(name, count, 2):
            client.produce(**message, headers=[("padding", padding)])
        assert client.flush(60) == 0
    sizes = sum(path.stat().st_size for path in broker.node.log_dir.glob(f"{name}-*/*.log"))
    plain_size = count * len(padding)
    assert (sizes > plain_size) if codec == "none" else (sizes < plain_size / 4), f"{sizes} bytes on disk"
    client = consumer(broker.bootstrap, name)
    client.subscribe([name])
    got = fetch_count(client, count)
    client.close(30)
    assert_exactly(got, count, 2)
    assert all(message.headers == (("padding", padding),) for message in got)


def test_sizes_from_one_byte_to_a_megabyte(broker: KafkaServer, name: str) -> None:
    broker.create_topic(name)
    sizes = [1, 0, 1 << 20, 1, 1_000_000, 100, 1 << 20, 1 << 20, 1]
    values = [bytes([i]) * size for i, size in enumerate(sizes)]
    with producer(broker.bootstrap, message_max_bytes=1_100_000) as client:
        for value in values:
            client.produce(name, value)
        assert client.flush(60) == 0
    client = consumer(broker.bootstrap, name)
    client.subscribe([name])
    got = fetch_count(client, len(values))
    client.close(30)
    assert [message.value for message in got] == values


def test_a_message_larger_than_the_limit_is_refused_at_once(broker: KafkaServer, name: str) -> None:
    """And it takes nothing else with it."""
    broker.create_topic(name)
    with producer(broker.bootstrap) as client:
        client.produce(name, b"before")
        with pytest.raises(Exception, match=r"(?i)size|large"):
            client.produce(name, b"x" * 1_100_000)
        client.produce(name, b"behind")
        assert client.flush(60) == 0
    got = reference_consume(broker.bootstrap, [name], 2)
    assert [message.value for message in got] == [b"before", b"behind"]


def test_produce_many_is_produce_many_times(broker: KafkaServer, name: str) -> None:
    broker.create_topic(name)
    values: list[bytes | str | None] = [b"%d" % i for i in range(20_000)]
    values[7] = None
    keys: list[bytes | str | None] = [b"k%d" % i if i % 3 else None for i in range(20_000)]
    delivered: list[int] = []
    with producer(broker.bootstrap) as client:
        count = client.produce_many(
            name, values, keys, headers=[("h", b"x")], on_delivery=lambda error, msg: delivered.append(msg.offset())
        )
        assert count == len(values)
        assert client.flush(60) == 0
    assert delivered == list(range(len(values)))
    got = reference_consume(broker.bootstrap, [name], len(values))
    assert [(message.key, message.value) for message in got] == list(zip(keys, values, strict=True))
    assert all(message.headers == (("h", b"x"),) for message in got)


def test_many_partitions_of_many_topics(broker: KafkaServer, name: str) -> None:
    topics = [broker.create_topic(f"{name}-{i}", partitions=4) for i in range(3)]
    count = 3000
    with producer(broker.bootstrap) as client:
        for messages in zip(*(numbered(topic, count, 4) for topic in topics), strict=True):
            for message in messages:
                client.produce(**message)
        assert client.flush(60) == 0
    client = consumer(broker.bootstrap, name)
    client.subscribe(topics)
    got = fetch_count(client, count * len(topics))
    client.close(30)
    for topic in topics:
        assert_exactly([message for message in got if message.topic == topic], count, 4, topic=topic)


def test_keys_choose_partitions_as_the_reference_client_does(broker: KafkaServer, name: str) -> None:
    """Ours and confluent's producers may write the same topic: a key has to land in the same partition."""
    ours = broker.create_topic(f"{name}-ours", partitions=6)
    theirs = broker.create_topic(f"{name}-theirs", partitions=6)
    keys = [b"key-%d" % i for i in range(300)]
    with producer(broker.bootstrap) as client:
        for key in keys:
            client.produce(ours, b"v", key)
        assert client.flush(60) == 0
    reference_produce(broker.bootstrap, [{"topic": theirs, "value": b"v", "key": key} for key in keys])
    places = [
        {message.key: message.partition for message in reference_consume(broker.bootstrap, [topic], len(keys))}
        for topic in (ours, theirs)
    ]
    assert places[0] == places[1]
    assert len(set(places[0].values())) == 6


def test_a_topic_that_does_not_exist_is_named(broker: KafkaServer, name: str) -> None:
    """The delivery report says so, and the producer goes on."""
    reports: list[Any] = []
    with producer(broker.bootstrap, allow_auto_create_topics=False) as client:
        client.produce("no topic/has this:name", b"x", on_delivery=lambda error, msg: reports.append((error, msg)))
        assert client.flush(60) == 0
    [(error, message)] = reports
    assert error is not None
    assert error.name() in ("_UNKNOWN_TOPIC", "UNKNOWN_TOPIC_OR_PART", "TOPIC_EXCEPTION"), error
    assert message.topic() == "no topic/has this:name"
