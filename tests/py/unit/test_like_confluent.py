"""Small things that confluent_kafka's clients do, asked of both."""

from __future__ import annotations

import enum
import logging
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import confluent_kafka
import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from django_kafka import _native

Make = Callable[..., Any]


@pytest.fixture(params=[confluent_kafka, _native], ids=["confluent", "ours"])
def library(request: pytest.FixtureRequest) -> ModuleType:
    return request.param


@pytest.fixture
def producer(library: ModuleType, broker: _native.Broker) -> Iterator[Any]:
    made = library.Producer({"bootstrap.servers": broker.bootstrap})
    yield made
    made.close()


@pytest.fixture
def consumer(library: ModuleType, conf: dict[str, Any]) -> Iterator[Any]:
    made = library.Consumer({**conf, "enable.auto.offset.store": False})
    yield made
    made.close()


@pytest.mark.parametrize("library", [_native])
def test_headers_named_in_bytes(producer: Any, consumer: Any, topic: str) -> None:
    """confluent's takes their str(): b'a' with its quotes."""
    producer.produce(topic, b"v", headers=[(b"a", b"1"), ("b", "2")])
    producer.produce(topic, b"v", headers={b"c": None})
    producer.flush()
    consumer.assign([TopicPartition(topic, 0, 0)])
    found = [consumer.poll(20).headers() for _ in range(2)]
    assert found == [[("a", b"1"), ("b", b"2")], [("c", None)]]


def test_no_timestamp(producer: Any, consumer: Any, topic: str) -> None:
    producer.produce(topic, b"v", timestamp=-1)
    producer.flush()
    consumer.assign([TopicPartition(topic, 0, 0)])
    assert consumer.poll(20).timestamp()[1] <= 0


class Acks(enum.StrEnum):
    ALL = "all"


class Lazy:
    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text


def test_values_by_their_text(library: ModuleType, broker: _native.Broker) -> None:
    client = library.Producer({"bootstrap.servers": Lazy(broker.bootstrap), "acks": Acks.ALL})
    assert client.list_topics(timeout=10).brokers
    client.close()


def test_keywords(library: ModuleType, broker: _native.Broker) -> None:
    client = library.Producer(**{"bootstrap.servers": broker.bootstrap})
    assert client.list_topics(timeout=10).brokers
    client.close()
    client = library.Producer({"bootstrap.servers": "127.0.0.1:1"}, **{"bootstrap.servers": broker.bootstrap})
    assert client.list_topics(timeout=10).brokers
    client.close()
    with pytest.raises(TypeError, match="expected configuration dict"):
        library.Producer()
    library.Consumer(**{"bootstrap.servers": broker.bootstrap, "group.id": "g"}).close()


def test_cluster_id(producer: Any, consumer: Any) -> None:
    assert producer.cluster_id(10).startswith("mockCluster")
    assert consumer.cluster_id(timeout=10) == producer.cluster_id()


def test_close_of_a_producer(library: ModuleType, broker: _native.Broker) -> None:
    client = library.Producer({"bootstrap.servers": broker.bootstrap})
    assert client.close() is True
    assert client.close() is True
    with pytest.raises(RuntimeError, match=r"[Cc]losed"):
        client.produce("t", b"v")


def test_offsets_of_partitions_that_it_has_not(consumer: Any, topic: str) -> None:
    with pytest.raises(KafkaException) as raised:
        consumer.store_offsets(offsets=[TopicPartition(topic, 0, 1)])
    assert raised.value.args[0].code() == KafkaError._UNKNOWN_PARTITION
    consumer.assign([TopicPartition(topic, 0, 0)])
    consumer.store_offsets(offsets=[TopicPartition(topic, 0, 1, "")])
    consumer.store_offsets(offsets=[])


@pytest.mark.parametrize("text", ["", "x"])
def test_metadata_of_an_offset(consumer: Any, topic: str, text: str) -> None:
    """Brokers do not tell none from an empty one."""
    consumer.assign([TopicPartition(topic, 0, 0)])
    consumer.commit(offsets=[TopicPartition(topic, 0, 1, text)], asynchronous=False)
    found = consumer.committed([TopicPartition(topic, 0)], timeout=10)[0].metadata
    assert (found or "") == text


def test_a_batch_of_dicts(producer: Any, consumer: Any, topic: str) -> None:
    told: list[str] = []
    messages: list[Any] = [
        {"value": b"1", "key": b"k"},
        {"value": "2", "partition": 0, "callback": lambda error, msg: told.append("own")},
        {"value": None},
    ]
    count = producer.produce_batch(topic, messages, on_delivery=lambda error, msg: told.append("default"))
    assert count == 3
    producer.flush()
    assert sorted(told) == ["default", "default", "own"]
    consumer.assign([TopicPartition(topic, 0, 0)])
    assert [consumer.poll(20).value() for _ in range(3)] == [b"1", b"2", None]
    for wrong in ([3], "text"):
        with pytest.raises(TypeError):
            producer.produce_batch(topic, wrong)


def test_a_refused_message_of_a_batch(broker: _native.Broker, topic: str) -> None:
    client = _native.Producer({"bootstrap.servers": broker.bootstrap, "message.max.bytes": 1000})
    messages = [{"value": b"1"}, {"value": b"x" * 2000}, {"value": b"2"}]
    assert client.produce_batch(topic, messages) == 2
    assert [m.get("_error") and m["_error"].code() for m in messages] == [None, KafkaError.MSG_SIZE_TOO_LARGE, None]
    client.close()


def test_a_line_of_the_log_is_nothing_to_wait_for(library: ModuleType) -> None:
    """Without an address the client logs a warning at once."""
    stats: list[str] = []
    client = library.Producer(
        {"bootstrap.servers": None, "statistics.interval.ms": 20, "stats_cb": stats.append},
        **({"logger": logging.getLogger("silent.client")} if library is _native else {}),
    )
    assert client.poll(20) == 1
    assert stats
    client.close()


@pytest.mark.parametrize("value", [["a"], ("a",), {"a"}, {"a": 1}])
def test_what_is_refused_by_name(value: Any) -> None:
    """confluent's takes its str(), which librdkafka then looks up as the name of a host."""
    with pytest.raises(_native.ConfigError, match=r'"bootstrap.servers" is a .*write the values as one string'):
        _native.Producer({"bootstrap.servers": value})
