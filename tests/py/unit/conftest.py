"""Fixtures: one embedded broker for the folder, clients that are closed whatever happens."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from django_kafka import _native

_names = itertools.count(1)


def until(condition: Callable[[], Any], timeout: float = 60.0) -> Any:
    """Wait until condition() is true and return its value."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


@pytest.fixture(scope="session")
def broker() -> Iterator[_native.Broker]:
    with _native.Broker() as broker:
        yield broker


@pytest.fixture
def topic(broker: _native.Broker) -> str:
    """A fresh topic with one partition."""
    name = f"topic-{next(_names)}"
    broker.create_topic(name, 1)
    return name


@pytest.fixture
def group() -> str:
    return f"group-{next(_names)}"


@pytest.fixture
def conf(broker: _native.Broker, group: str) -> dict[str, Any]:
    """Configuration of a consumer that starts at the beginning."""
    return {
        "bootstrap.servers": broker.bootstrap,
        "group.id": group,
        "auto.offset.reset": "earliest",
        "fetch.wait.max.ms": 10,
    }


@pytest.fixture
def make_consumer(conf: dict[str, Any]) -> Iterator[Callable[..., _native.Consumer]]:
    made: list[_native.Consumer] = []

    def make(config: dict[str, Any] | None = None, **options: Any) -> _native.Consumer:
        made.append(_native.Consumer({**conf, **(config or {})}, **options))
        return made[-1]

    yield make
    for consumer in made:
        consumer.close(20)


@pytest.fixture
def consumer(make_consumer: Callable[..., _native.Consumer]) -> _native.Consumer:
    return make_consumer()


@pytest.fixture
def make_producer(broker: _native.Broker) -> Iterator[Callable[..., _native.Producer]]:
    made: list[_native.Producer] = []

    def make(config: dict[str, Any] | None = None, **options: Any) -> _native.Producer:
        made.append(
            _native.Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 0, **(config or {})}, **options)
        )
        return made[-1]

    yield make
    for producer in made:
        producer.close(20)


@pytest.fixture
def producer(make_producer: Callable[..., _native.Producer]) -> _native.Producer:
    return make_producer()


@pytest.fixture
def fill(make_producer: Callable[..., _native.Producer]) -> Callable[..., None]:
    """Produce these values to a topic and wait until they are there.

    They lie there as one piece, since nothing is sent before flush(): a fetch that brings one of them brings all."""
    producer = make_producer({"linger.ms": 60000})

    def fill(topic: str, values: list[bytes], **fields: Any) -> None:
        producer.produce_many(topic, values, **fields)
        assert producer.flush(20) == 0

    return fill


@pytest.fixture
def assigned(make_consumer: Callable[..., _native.Consumer]) -> Callable[..., _native.Consumer]:
    """A consumer that reads partition 0 of a topic from the beginning, without waiting for a group."""

    def assigned(topic: str, config: dict[str, Any] | None = None, **options: Any) -> _native.Consumer:
        consumer = make_consumer(config, **options)
        consumer.assign([TopicPartition(topic, 0, _native.OFFSET_BEGINNING)])
        return consumer

    return assigned


@pytest.fixture
def wait() -> Callable[..., Any]:
    return until


@pytest.fixture
def quickest() -> Callable[..., float]:
    """The least of some durations: a call that waits does so each time, a busy machine holds it up now and then."""

    def quickest(action: Callable[[], float], times: int = 10) -> float:
        return min(action() for _ in range(times))

    return quickest
