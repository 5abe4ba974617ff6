"""Consumer: configuration, membership, positions, questions, ending."""

from __future__ import annotations

import gc
import time
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from django_kafka import _native

Assigned = Callable[..., _native.Consumer]
Fill = Callable[..., None]


@pytest.mark.parametrize(
    ("config", "key", "text"),
    [
        ({"group.id": None}, "group.id", "group.id"),
        ({"no.such.key": 1}, "no.such.key", "no.such.key"),
        ({"bootstrap.server": "x"}, "bootstrap.server", "bootstrap.servers"),
        ({"fetch.wait.max.ms": "soon"}, "fetch.wait.max.ms", "soon"),
        ({"bootstrap.servers": ["a", "b"]}, "bootstrap.servers", "commas"),
        ({"bootstrap.servers": object()}, "bootstrap.servers", "object"),
        ({"client.id": lambda: 1}, "client.id", "callable"),
        ({"client.id": "a\0b"}, "client.id", "NUL"),
        ({5: "x"}, 5, "strings"),
        ({"default.topic.config": 5}, "default.topic.config", "dict"),
    ],
)
def test_bad_configuration_names_the_key(
    make_consumer: Assigned, config: dict[Any, Any], key: Any, text: str
) -> None:
    with pytest.raises(_native.ConfigError) as info:
        make_consumer(config)
    assert info.value.key == key
    assert text in str(info.value)
    assert isinstance(info.value, ValueError)
    assert isinstance(info.value, KafkaException)
    assert info.value.args[0].code() == KafkaError._INVALID_ARG
    assert type(info.value).__name__ == "ConfigError"


def test_configuration_values_of_all_kinds(make_consumer: Assigned, tmp_path: Any) -> None:
    consumer = make_consumer(
        {
            "enable.auto.commit": True,
            "session.timeout.ms": 10000,
            "client.id": b"bytes",
            "debug": None,
            "error_cb": None,
            "default.topic.config": {"auto.offset.reset": "latest", "on_commit": None},
        }
    )
    assert consumer.assignment() == []


@pytest.mark.parametrize("key", ["error_cb", "stats_cb", "throttle_cb", "oauth_cb", "on_commit", "logger"])
def test_callables_must_be_callable(make_consumer: Assigned, key: str) -> None:
    with pytest.raises(TypeError, match=key):
        make_consumer({key: 5})


def test_wrong_arguments(make_consumer: Assigned, conf: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="expected configuration dict"):
        _native.Consumer()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="expected configuration dict"):
        _native.Consumer("x")  # type: ignore[arg-type]
    for options in (
        {"drain_timeout": -1},
        {"batch_max_messages": 0},
        {"batch_max_bytes": 0},
        {"commit_interval": float("nan")},
    ):
        with pytest.raises(ValueError):
            make_consumer(**options)
    with pytest.raises(TypeError):
        make_consumer(logger=5)
    consumer = make_consumer()
    with pytest.raises(RuntimeError, match="twice"):
        consumer.__init__(conf)  # type: ignore[misc]


def test_methods_refuse_wrong_arguments(consumer: _native.Consumer) -> None:
    c: Any = consumer
    for call, match in [
        (lambda: c.subscribe("topic"), "list of topic"),
        (lambda: c.subscribe([5]), "list of topic"),
        (lambda: c.subscribe(["a"], on_assign=5), "on_assign expects a callable"),
        (lambda: c.assign(5), "list of TopicPartition"),
        (lambda: c.assign(None), "list of TopicPartition"),
        (lambda: c.pause([5]), "expected confluent_kafka.TopicPartition"),
        (lambda: c.seek(5), "TopicPartition"),
        (lambda: c.commit(message=5), "Message"),
        (lambda: c.commit(offsets=5), "list of TopicPartition"),
        (lambda: c.poll("x"), "real number"),
        (lambda: c.poll(1, 2), "at most 1"),
        (lambda: c.poll(timeouts=1), "unexpected keyword argument 'timeouts'"),
        (lambda: c.poll(1, timeout=1), "multiple values"),
        (lambda: c.assign(), "missing required argument 'partitions'"),
        (lambda: c.get_watermark_offsets(5), "TopicPartition"),
        (lambda: c.list_topics(5), "topic must be str"),
    ]:
        with pytest.raises(TypeError, match=match):
            call()
    for call in (
        lambda: c.commit(message=_native.Message("t"), offsets=[]),
        lambda: c.commit(message=_native.Message("t")),
        lambda: c.store_offsets(),
        lambda: c.poll(float("nan")),
        lambda: c.subscribe(["a\0b"]),
        lambda: c.fetch(0, -1),
        lambda: c.assign([TopicPartition("t", 2**31 - 1), _Partition("t", 2**40)]),
    ):
        with pytest.raises(ValueError):
            call()


class _Partition:
    """What looks like a TopicPartition does as one."""

    def __init__(self, topic: str, partition: int, offset: int = _native.OFFSET_BEGINNING) -> None:
        self.topic, self.partition, self.offset = topic, partition, offset


def test_look_alikes_do(make_consumer: Assigned, fill: Fill, topic: str) -> None:
    fill(topic, [b"a"])
    consumer = make_consumer()
    consumer.assign([_Partition(topic, 0)])  # type: ignore[list-item]
    msg = consumer.poll(10)
    assert msg is not None
    assert isinstance(consumer.assignment()[0], TopicPartition)


def test_membership(make_consumer: Assigned, topic: str, fill: Fill) -> None:
    fill(topic, [b"a"])
    consumer = make_consumer()
    assert consumer.memberid() is None
    consumer.subscribe([topic])
    assert consumer.subscription() == [topic]
    assert consumer.poll(20) is not None
    assert consumer.memberid()
    assert consumer.assignment() == [TopicPartition(topic, 0)]
    consumer.unsubscribe()
    assert consumer.subscription() == []


def test_manual_assignment(broker: _native.Broker, make_consumer: Assigned, topic: str) -> None:
    other = topic + "-b"
    broker.create_topic(other, 2)
    consumer = make_consumer()
    consumer.assign([TopicPartition(topic, 0)])
    consumer.incremental_assign([TopicPartition(other, 0), TopicPartition(other, 1)])
    assert len(consumer.assignment()) == 3
    consumer.incremental_unassign([TopicPartition(other, 1)])
    assert set(consumer.assignment()) == {TopicPartition(topic, 0), TopicPartition(other, 0)}
    with pytest.raises(KafkaException):
        consumer.incremental_unassign([TopicPartition(other, 9)])
    consumer.unassign()
    assert consumer.assignment() == []


def test_pause_resume_seek_position(make_consumer: Assigned, assigned: Assigned, fill: Fill, topic: str) -> None:
    fill(topic, [b"%d" % i for i in range(10)])
    consumer = assigned(topic)
    partition = TopicPartition(topic, 0)
    assert consumer.position([partition])[0].offset == _native.OFFSET_INVALID
    assert consumer.poll(10).value() == b"0"  # type: ignore[union-attr]
    assert consumer.position([partition])[0].offset == 1
    consumer.pause([partition])
    assert consumer.poll(0.2) is None
    consumer.resume([partition])
    assert consumer.poll(10).value() == b"1"  # type: ignore[union-attr]
    consumer.seek(TopicPartition(topic, 0, 7))
    assert consumer.poll(10).value() == b"7"  # type: ignore[union-attr]
    with pytest.raises(KafkaException, match="seek"):
        consumer.seek(TopicPartition(topic, 5, 7))


def test_questions(assigned: Assigned, fill: Fill, topic: str, broker: _native.Broker) -> None:
    fill(topic, [b"a", b"b"])
    consumer = assigned(topic)
    partition = TopicPartition(topic, 0)
    assert consumer.get_watermark_offsets(partition, 10) == (0, 2)
    assert consumer.get_watermark_offsets(partition, cached=True) is not None
    assert consumer.committed([partition], 10)[0].offset == _native.OFFSET_INVALID
    meta = consumer.list_topics(topic, 10)
    assert list(meta.topics) == [topic]
    assert meta.topics[topic].error is None
    assert list(meta.topics[topic].partitions) == [0]
    assert meta.topics[topic].partitions[0].leader == 1
    assert [f"{b.host}:{b.port}" for b in meta.brokers.values()] == [broker.bootstrap]
    assert topic in consumer.list_topics(timeout=10).topics
    consumer.set_sasl_credentials("user", "password")


def test_a_broker_that_is_not_there_is_a_timeout(make_consumer: Assigned) -> None:
    consumer = make_consumer({"bootstrap.servers": "127.0.0.1:1", "log_level": 0, "error_cb": lambda error: None})
    for call in (
        lambda: consumer.list_topics(timeout=0.1),
        lambda: consumer.committed([TopicPartition("t", 0)], 0.1),
        lambda: consumer.get_watermark_offsets(TopicPartition("t", 0), 0.1),
    ):
        with pytest.raises(KafkaException) as info:
            call()
        assert isinstance(info.value.args[0], KafkaError)
    assert consumer.poll(0.1) is None


def test_counters(assigned: Assigned, fill: Fill, topic: str) -> None:
    fill(topic, [b"a", b"b"])
    consumer = assigned(topic)
    assert consumer.counters()["in_hand_ms"] == -1
    batch = consumer.fetch(10)
    assert batch is not None
    next(batch)
    counters = consumer.counters()
    assert counters["fetched"] == 2
    assert (counters["in_hand_topic"], counters["in_hand_partition"], counters["in_hand_offset"]) == (topic, 0, 0)
    list(batch)
    assert consumer.counters()["finished"] == 2


def test_partition_counters(assigned: Assigned, make_consumer: Assigned, fill: Fill, topic: str) -> None:
    assert make_consumer().partition_counters() == []
    fill(topic, [b"a", b"b", b"c"])
    consumer = assigned(topic)
    batch = consumer.fetch(10)
    assert batch is not None
    (counters,) = consumer.partition_counters()
    assert (counters["topic"], counters["partition"], counters["end"]) == (topic, 0, 3)
    assert (counters["position"], counters["handled"]) == (None, 0)
    list(batch)
    batch.close()
    (counters,) = consumer.partition_counters()
    assert (counters["position"], counters["handled"]) == (3, 3)
    assert (counters["failed"], counters["held"], counters["outstanding"]) == (0, 0, 0)


def test_everything_is_refused_after_close(make_consumer: Assigned, topic: str) -> None:
    consumer = make_consumer()
    with consumer as same:
        assert same is consumer
    consumer.close()
    partition = TopicPartition(topic, 0)
    calls: list[Callable[[], Any]] = [
        lambda: consumer.fetch(0),
        lambda: consumer.poll(0),
        lambda: consumer.consume(1, 0),
        lambda: consumer.subscribe([topic]),
        consumer.unsubscribe,
        consumer.partition_counters,
        consumer.subscription,
        lambda: consumer.assign([partition]),
        consumer.unassign,
        consumer.assignment,
        lambda: consumer.pause([partition]),
        lambda: consumer.resume([partition]),
        lambda: consumer.seek(partition),
        lambda: consumer.position([partition]),
        lambda: consumer.committed([partition], 1),
        lambda: consumer.store_offsets(offsets=[partition]),
        consumer.commit,
        lambda: consumer.get_watermark_offsets(partition, 1),
        lambda: consumer.list_topics(timeout=1),
        consumer.memberid,
        consumer.__enter__,
    ]
    for call in calls:
        with pytest.raises(RuntimeError, match="Consumer closed"):
            call()
    consumer.stop()
    consumer.wake()
    consumer.counters()


def test_closing_commits_and_leaves(fill: Fill, assigned: Assigned, topic: str) -> None:
    fill(topic, [b"a", b"b"])
    consumer = assigned(topic)
    batch = consumer.fetch(10)
    assert batch is not None
    assert len(list(batch)) == 2
    consumer.close()
    assert assigned(topic).committed([TopicPartition(topic, 0)], 10)[0].offset == 2


def test_a_consumer_that_is_not_closed_warns_and_does_not_wait(
    conf: dict[str, Any], topic: str, quickest: Callable[..., float]
) -> None:
    def drop() -> float:
        consumer = _native.Consumer(conf)
        consumer.subscribe([topic])
        consumer.poll(0)
        begin = time.monotonic()
        with pytest.warns(ResourceWarning, match="was not closed"):
            del consumer
        return time.monotonic() - begin

    assert quickest(drop) < 0.2


def test_a_consumer_that_was_never_made_whole() -> None:
    consumer = _native.Consumer.__new__(_native.Consumer)
    with pytest.raises(RuntimeError, match="__init__"):
        consumer.poll(0)
    consumer.close()
    consumer.stop()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del consumer
        gc.collect()


def test_subclass_and_cycle(conf: dict[str, Any]) -> None:
    class Mine(_native.Consumer):
        def __init__(self, name: str) -> None:
            super().__init__({**conf, "error_cb": self.on_error})
            self.name = name

        def on_error(self, error: KafkaError) -> None: ...

    mine = Mine("x")
    assert mine.name == "x"
    mine.close()
    import weakref

    ref = weakref.ref(mine)
    del mine
    gc.collect()
    assert ref() is None
