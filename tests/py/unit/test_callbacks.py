"""Callables of a consumer's configuration and of subscribe(): what they are given, and what happens if they raise."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError, ThrottleEvent, TopicPartition

from django_kafka import _native

Make = Callable[..., Any]
Fill = Callable[..., None]
QUICK = {"session.timeout.ms": 2000, "heartbeat.interval.ms": 100}


class Boom(Exception):
    pass


def boom(*args: Any) -> None:
    raise Boom


def test_on_assign_and_on_revoke(make_consumer: Make, fill: Fill, topic: str, wait: Make) -> None:
    fill(topic, [b"a"])
    calls: list[tuple[str, Any, list[TopicPartition]]] = []
    consumer = make_consumer(QUICK)
    consumer.subscribe(
        [topic],
        on_assign=lambda c, p: calls.append(("assign", c, p)),
        on_revoke=lambda c, p: calls.append(("revoke", c, p)),
    )
    assert consumer.poll(20).value() == b"a"
    assert [(kind, c is consumer, p) for kind, c, p in calls] == [("assign", True, [TopicPartition(topic, 0)])]
    consumer.close()
    assert [kind for kind, _, _ in calls] == ["assign", "revoke"]
    assert calls[1][2] == [TopicPartition(topic, 0)]


def test_on_rebalance_is_told_before_the_others(make_consumer: Make, fill: Fill, topic: str) -> None:
    fill(topic, [b"a"])
    calls: list[tuple[str, list[TopicPartition]]] = []
    consumer = make_consumer(QUICK)
    assert consumer.on_rebalance is None
    consumer.on_rebalance = lambda what, parts: calls.append((what, parts))
    consumer.subscribe([topic], on_revoke=lambda c, p: calls.append(("given back", p)))
    assert consumer.poll(20).value() == b"a"
    consumer.close()
    parts = [TopicPartition(topic, 0)]
    assert calls == [("assigned", parts), ("revoked", parts), ("given back", parts)]


def test_what_on_rebalance_raises_is_told_and_no_more(
    make_consumer: Make, fill: Fill, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(topic, [b"a"])
    raised: list[Any] = []
    monkeypatch.setattr("sys.unraisablehook", lambda args: raised.append(args.exc_type))
    calls: list[str] = []
    consumer = make_consumer(QUICK)
    consumer.on_rebalance = boom
    consumer.subscribe([topic], on_assign=lambda c, p: calls.append("assign"))
    assert consumer.poll(20).value() == b"a"
    consumer.close()
    assert calls == ["assign"]
    assert raised == [Boom, Boom]


def test_partitions_are_ours_until_on_revoke_has_returned(make_consumer: Make, fill: Fill, topic: str) -> None:
    fill(topic, [b"%d" % i for i in range(4)])
    results: list[Any] = []

    def revoke(consumer: Any, partitions: list[TopicPartition]) -> None:
        results.append(consumer.commit(offsets=[TopicPartition(topic, 0, 3)], asynchronous=False))

    consumer = make_consumer({**QUICK, "enable.auto.commit": False})
    consumer.subscribe([topic], on_revoke=revoke)
    assert consumer.poll(20) is not None
    consumer.unsubscribe()
    while not results:
        consumer.poll(0.1)
    assert results[0][0].offset == 3
    assert consumer.committed([TopicPartition(topic, 0)], 10)[0].offset == 3


def test_an_exception_in_on_assign_loses_no_message(make_consumer: Make, fill: Fill, topic: str) -> None:
    fill(topic, [b"a", b"b"])
    consumer = make_consumer()
    consumer.subscribe([topic], on_assign=boom)
    with pytest.raises(Boom):
        while True:
            assert consumer.poll(20) is None
    assert [consumer.poll(20).value(), consumer.poll(20).value()] == [b"a", b"b"]


def test_an_exception_in_on_revoke_comes_from_close(make_consumer: Make, fill: Fill, topic: str) -> None:
    fill(topic, [b"a"])
    consumer = make_consumer()
    consumer.subscribe([topic], on_revoke=boom)
    assert consumer.poll(20) is not None
    with pytest.raises(Boom):
        consumer.close()
    with pytest.raises(RuntimeError, match="Consumer closed"):
        consumer.poll(0)


def test_on_commit(make_consumer: Make, fill: Fill, topic: str) -> None:
    fill(topic, [b"a"])
    results: list[tuple[KafkaError | None, list[TopicPartition]]] = []
    consumer = make_consumer({"on_commit": lambda error, partitions: results.append((error, partitions))})
    consumer.assign([TopicPartition(topic, 0, _native.OFFSET_BEGINNING)])
    assert consumer.poll(10) is not None
    consumer.commit()
    while not results:
        consumer.poll(0.1)
    error, partitions = results[0]
    assert error is None
    assert [(p.topic, p.partition, p.offset, p.error) for p in partitions] == [(topic, 0, 1, None)]


def test_on_commit_is_told_of_errors(make_consumer: Make, fill: Fill, topic: str, broker: _native.Broker) -> None:
    fill(topic, [b"a"])
    results: list[tuple[KafkaError | None, list[TopicPartition]]] = []
    consumer = make_consumer({"on_commit": lambda *args: results.append(args)}, commit_interval=-1)
    consumer.assign([TopicPartition(topic, 0, _native.OFFSET_BEGINNING)])
    assert consumer.poll(10) is not None
    broker.push_errors(8, [KafkaError.OFFSET_METADATA_TOO_LARGE])
    consumer.commit()
    while not results:
        consumer.poll(0.1)
    error, partitions = results[0]
    codes = [error.code() if error else 0, *(p.error.code() if p.error else 0 for p in partitions)]
    assert KafkaError.OFFSET_METADATA_TOO_LARGE in codes


def test_stats(make_consumer: Make, topic: str) -> None:
    seen: list[str] = []
    consumer = make_consumer({"stats_cb": seen.append, "statistics.interval.ms": 50})
    while not seen:
        consumer.poll(0.1)
    assert json.loads(seen[0])["type"] == "consumer"


def test_errors_go_to_error_cb(make_consumer: Make) -> None:
    seen: list[KafkaError] = []
    consumer = make_consumer({"bootstrap.servers": "127.0.0.1:1", "error_cb": seen.append, "log_level": 0})
    while len({error.code() for error in seen}) < 2:
        consumer.poll(0.1)
    assert {error.code() for error in seen} == {KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN}
    assert not seen[0].fatal()
    assert seen[0].str()


def test_an_exception_in_error_cb_comes_from_poll(make_consumer: Make) -> None:
    errors: list[KafkaError] = []

    def fail_once(error: KafkaError) -> None:
        errors.append(error)
        if len(errors) == 1:
            raise Boom

    consumer = make_consumer({"bootstrap.servers": "127.0.0.1:1", "error_cb": fail_once, "log_level": 0})
    with pytest.raises(Boom):
        consumer.poll(10)


def test_partition_errors_of_fetch_go_to_error_cb(make_consumer: Make, fill: Fill, topic: str) -> None:
    fill(topic, [b"a"])
    seen: list[KafkaError] = []
    consumer = make_consumer({"enable.partition.eof": True, "error_cb": seen.append})
    consumer.assign([TopicPartition(topic, 0, _native.OFFSET_BEGINNING)])
    assert [m.value() for m in consumer.fetch(10)] == [b"a"]
    while not seen:
        assert consumer.fetch(0.1) is None
    assert seen[0].code() == KafkaError._PARTITION_EOF


def test_without_error_cb_errors_are_logged(make_consumer: Make, caplog: pytest.LogCaptureFixture) -> None:
    consumer = make_consumer({"bootstrap.servers": "127.0.0.1:1", "log_level": 0})
    with caplog.at_level(logging.DEBUG, "django_kafka.client"):
        while not any("_ALL_BROKERS_DOWN" in record.getMessage() for record in caplog.records):
            consumer.poll(0.1)
    assert all(record.levelno == logging.ERROR for record in caplog.records)


@pytest.mark.parametrize("where", ["config", "keyword"])
def test_logger(make_consumer: Make, caplog: pytest.LogCaptureFixture, where: str) -> None:
    logger = logging.getLogger(f"test-{where}")
    config: dict[str, Any] = {"debug": "conf"}
    if where == "config":
        consumer = make_consumer({**config, "logger": logger})
    else:
        consumer = make_consumer(config, logger=logger)
    with caplog.at_level(logging.DEBUG, logger.name):
        while not any(record.levelno == logging.DEBUG and record.name == logger.name for record in caplog.records):
            consumer.poll(0.05)


def test_a_logger_that_raises_does_no_harm(
    make_consumer: Make, fill: Fill, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unraised: list[type[BaseException]] = []
    monkeypatch.setattr("sys.unraisablehook", lambda args: unraised.append(args.exc_type))

    class Broken:
        def log(self, *args: Any) -> None:
            raise Boom

    fill(topic, [b"a"])
    consumer = make_consumer({"debug": "conf", "logger": Broken()})
    consumer.assign([TopicPartition(topic, 0, _native.OFFSET_BEGINNING)])
    assert consumer.poll(10).value() == b"a"
    assert unraised
    assert set(unraised) == {Boom}
    consumer.close()


def test_throttle(make_consumer: Make, broker: _native.Broker, fill: Fill, topic: str) -> None:
    """The embedded broker never throttles; the callable is at least accepted, and its argument can be made."""
    fill(topic, [b"a"])
    consumer = make_consumer({"throttle_cb": lambda event: None})
    consumer.assign([TopicPartition(topic, 0, _native.OFFSET_BEGINNING)])
    assert consumer.poll(10) is not None
    assert ThrottleEvent("b", 1, 0.5).throttle_time == 0.5
