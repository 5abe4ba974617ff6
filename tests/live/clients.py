# SPDX-License-Identifier: MIT
"""Our client and the reference client (confluent_kafka's) behind the same few verbs, and messages as plain tuples."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import confluent_kafka

from django_kafka import _native


class Plain(NamedTuple):
    """Everything that a message carries."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    timestamp: int

    @property
    def content(self) -> tuple[object, ...]:
        """Without what the broker gave it."""
        return self.key, self.value, self.headers, self.timestamp


def plain(msg: Any) -> Plain:
    """A message of either client."""
    assert msg.error() is None, msg.error()
    kind, milliseconds = msg.timestamp()
    assert kind in (confluent_kafka.TIMESTAMP_CREATE_TIME, confluent_kafka.TIMESTAMP_LOG_APPEND_TIME)
    headers = tuple((name, value) for name, value in msg.headers() or ())
    return Plain(msg.topic(), msg.partition(), msg.offset(), msg.key(), msg.value(), headers, milliseconds)


def consumer_config(bootstrap: str, group: str, **extra: Any) -> dict[str, Any]:
    """Keyword names stand for librdkafka's: max_poll_interval_ms."""
    return {
        "bootstrap.servers": bootstrap,
        "group.id": group,
        "auto.offset.reset": "earliest",
        "fetch.wait.max.ms": 50,
        **{key.replace("_", "."): value for key, value in extra.items()},
    }


_opened: list[_native.Consumer] = []


def consumer(bootstrap: str, group: str, **extra: Any) -> _native.Consumer:
    """Our consumer; the test closes it, or, when it fails, close_consumers() does."""
    client = _native.Consumer(consumer_config(bootstrap, group, **extra))
    _opened.append(client)
    return client


def close_consumers() -> None:
    """Close what tests have left open, so that a failure stays with its test."""
    while _opened:
        _opened.pop().close(30)


def producer(bootstrap: str, **extra: Any) -> _native.Producer:
    return _native.Producer({"bootstrap.servers": bootstrap, **{k.replace("_", "."): v for k, v in extra.items()}})


def fetch(
    client: _native.Consumer, enough: Callable[[list[Plain]], bool], timeout: float = 60.0, *, step: float = 0.2
) -> list[Plain]:
    """Fetch batches until `enough` says so of what came; an AssertionError after `timeout` s."""
    seen: list[Plain] = []
    deadline = time.monotonic() + timeout
    while not enough(seen):
        assert time.monotonic() < deadline, f"{len(seen)} messages, then not enough for {timeout:g} s"
        seen += fetch_once(client, step)
    return seen


def fetch_once(client: _native.Consumer, timeout: float = 0.2) -> list[Plain]:
    """One batch, as plain messages; all of it counts as handled."""
    seen: list[Plain] = []
    batch = client.fetch(timeout)
    if batch is not None:
        with batch:
            while batch.next_topic() is not None:
                seen += [plain(message) for message in batch]
    return seen


def fetch_count(client: _native.Consumer, count: int, timeout: float = 60.0) -> list[Plain]:
    """Exactly `count` messages, and none behind them."""
    seen = fetch(client, lambda found: len(found) >= count, timeout)
    seen += fetch_once(client, 0.3)
    assert len(seen) == count
    return seen


def reference_consume(bootstrap: str, topics: Sequence[str], count: int, timeout: float = 60.0) -> list[Plain]:
    """`count` messages from the beginning of some topics, read by confluent_kafka's consumer."""
    client = confluent_kafka.Consumer(
        consumer_config(bootstrap, f"reference-{time.time_ns()}", enable_auto_commit=False)
    )
    seen: list[Plain] = []
    deadline = time.monotonic() + timeout
    try:
        client.subscribe(list(topics))
        while len(seen) < count:
            assert time.monotonic() < deadline, f"{len(seen)} of {count} messages, then none"
            seen += [plain(message) for message in client.consume(1000, 0.2)]
    finally:
        client.close()
    return seen


def reference_produce(bootstrap: str, messages: Iterable[dict[str, Any]], **config: Any) -> None:
    """Produce with confluent_kafka's client; each has to be delivered. A message is produce()'s keywords."""
    errors: list[Any] = []

    def report(error: Any, _message: Any) -> None:
        if error:
            errors.append(error)

    # Idempotent, or a request that is sent again (a new topic's leader is not ready, say) is overtaken by the next.
    settings = {"bootstrap.servers": bootstrap, "linger.ms": 5, "enable.idempotence": True, **config}
    client = confluent_kafka.Producer(settings)
    for message in messages:
        client.produce(on_delivery=report, **message)
        client.poll(0)
    assert client.flush(60) == 0
    assert not errors, errors[:3]


def numbered(topic: str, count: int, partitions: int, *, first: int = 0) -> list[dict[str, Any]]:
    """`count` messages whose value is their number, dealt to the partitions in turn, keyed by the partition."""
    return [
        {"topic": topic, "partition": i % partitions, "key": b"%d" % (i % partitions), "value": b"%d" % i}
        for i in range(first, first + count)
    ]


def by_partition(messages: Iterable[Any]) -> dict[tuple[str, int], list[Any]]:
    """Messages per partition, in the order in which they came."""
    result: dict[tuple[str, int], list[Any]] = defaultdict(list)
    for message in messages:
        result[message.topic, message.partition].append(message)
    return dict(result)


def assert_exactly(messages: Iterable[Any], count: int, partitions: int, *, topic: str | None = None) -> None:
    """What `numbered` made came completely, once, and in order within each partition."""
    found = by_partition(messages)
    expected = {p: [b"%d" % i for i in range(count) if i % partitions == p] for p in range(partitions)}
    for (name, partition), items in found.items():
        assert topic is None or name == topic
        values = [item.value for item in items]
        assert values == expected[partition], difference(values, expected[partition], partition)
        offsets = [item.offset for item in items]
        assert offsets == sorted(set(offsets))
    assert {partition for _, partition in found} == {p for p, values in expected.items() if values}


def first_seen(messages: Iterable[Any]) -> tuple[list[Any], int]:
    """Without repeats, and how many repeats there were: for what is promised at least once."""
    seen: set[tuple[str, int, int]] = set()
    result = []
    repeats = 0
    for message in messages:
        place = (message.topic, message.partition, message.offset)
        if place in seen:
            repeats += 1
        else:
            seen.add(place)
            result.append(message)
    return result, repeats


def difference(got: list[Any], expected: list[Any], partition: int) -> str:
    """Where two lists part, for the message of an assertion."""
    at = next(
        (i for i, (a, b) in enumerate(zip(got, expected, strict=False)) if a != b), min(len(got), len(expected))
    )
    around = slice(max(0, at - 2), at + 3)
    return (
        f"partition {partition}: {len(got)} messages, {len(expected)} expected; "
        f"at {at}: got {got[around]}, expected {expected[around]}"
    )
