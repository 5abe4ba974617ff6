"""Producer: records, reports, back-pressure, ending."""

from __future__ import annotations

import array
import gc
import logging
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from django_kafka import _native

Make = Callable[..., _native.Producer]
DEAD = {"bootstrap.servers": "127.0.0.1:1", "log_level": 0, "error_cb": lambda error: None}


class Boom(Exception):
    pass


def read(assigned: Callable[..., _native.Consumer], topic: str, n: int) -> list[_native.Message]:
    msgs = assigned(topic).consume(n, 20)
    assert len(msgs) == n
    return msgs


def test_produce_and_its_report(producer: _native.Producer, assigned: Any, topic: str) -> None:
    reports: list[tuple[KafkaError | None, _native.Message]] = []
    producer.produce(
        topic, "wert", key="schlüssel", timestamp=1234567890123, headers={"a": "x", "b": None, "c": b"\0"},
        partition=0, on_delivery=lambda error, msg: reports.append((error, msg)),
    )  # fmt: skip
    assert len(producer) == 1
    assert producer.flush(20) == 0
    assert len(producer) == 0
    error, msg = reports[0]
    assert error is None
    assert (msg.topic(), msg.partition(), msg.offset(), msg.key(), msg.value()) == (
        topic,
        0,
        0,
        "schlüssel".encode(),
        b"wert",
    )
    assert msg.timestamp()[0] != _native.TIMESTAMP_NOT_AVAILABLE  # the embedded broker answers with a time of its own
    assert msg.error() is None
    latency = msg.latency()
    assert latency is not None
    assert 0 < latency < 20
    got = read(assigned, topic, 1)[0]
    assert got.headers() == [("a", b"x"), ("b", None), ("c", b"\0")]
    assert got.timestamp() == (_native.TIMESTAMP_CREATE_TIME, 1234567890123)
    assert producer.counters() == {"produced": 1, "delivered": 1, "failed": 0, "events_dropped": 0}


@pytest.mark.parametrize("value", [None, b"", b"v", "text", bytearray(b"ba"), memoryview(b"mv")])
def test_values(producer: _native.Producer, assigned: Any, topic: str, value: Any) -> None:
    producer.produce(topic, value, value)
    producer.flush(20)
    msg = read(assigned, topic, 1)[0]
    expected = value.encode() if isinstance(value, str) else None if value is None else bytes(value)
    assert (msg.value(), msg.key()) == (expected, expected)


def test_which_callable_is_called(make_producer: Make, topic: str) -> None:
    calls: list[str] = []
    producer = make_producer({"on_delivery": lambda e, m: calls.append("config")})
    producer.produce(topic, b"1")
    producer.produce(topic, b"2", on_delivery=lambda e, m: calls.append("on_delivery"))
    producer.produce(topic, b"3", callback=lambda e, m: calls.append("callback"))
    producer.produce(topic, b"4", None, 0, lambda e, m: calls.append("both"), lambda e, m: calls.append("wrong"))
    producer.produce_many(topic, [b"5", b"6"])
    producer.flush(20)
    assert calls == ["config", "on_delivery", "callback", "both", "config", "config"]


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({}, TypeError, "missing required argument 'topic'"),
        ({"topic": 5}, TypeError, "topic must be str"),
        ({"topic": "a\0b"}, ValueError, "NUL"),
        ({"value": 5}, TypeError, "value must be bytes, str or None, not int"),
        ({"key": 1.5}, TypeError, "key must be bytes, str or None, not float"),
        ({"value": "\ud800"}, UnicodeEncodeError, "surrogates"),
        ({"partition": -5}, ValueError, "partition must be from -1"),
        ({"partition": 2**40}, ValueError, "partition"),
        ({"partition": "1"}, TypeError, "int"),
        ({"timestamp": -2}, ValueError, "timestamp"),
        ({"callback": 5}, TypeError, "callback expects a callable"),
        ({"on_delivery": 5}, TypeError, "on_delivery expects a callable"),
        ({"headers": 5}, TypeError, "expected headers to be dict or list"),
        ({"headers": [5]}, TypeError, "tuples"),
        ({"headers": [("a", b"b", b"c")]}, TypeError, "tuples"),
        ({"headers": [(1, b"b")]}, TypeError, "header's name"),
        ({"headers": [("a", 5)]}, TypeError, "expected header value to be None, binary, or unicode string, not int"),
        ({"nonsense": 5}, TypeError, "unexpected keyword argument 'nonsense'"),
    ],
)
def test_wrong_arguments(
    producer: _native.Producer, arguments: dict[str, Any], error: type[Exception], text: str
) -> None:
    if arguments and "topic" not in arguments:
        arguments = {"topic": "t", **arguments}
    with pytest.raises(error, match=text):
        producer.produce(**arguments)
    assert len(producer) == 0


def test_many_headers(producer: _native.Producer, assigned: Any, topic: str) -> None:
    headers = [(f"h{i}", b"%d" % i) for i in range(40)]
    producer.produce(topic, b"x", headers=headers)  # type: ignore[arg-type]
    producer.flush(20)
    assert read(assigned, topic, 1)[0].headers() == headers


def test_a_message_that_is_too_large_is_refused(producer: _native.Producer, topic: str) -> None:
    with pytest.raises(KafkaException) as info:
        producer.produce(topic, b"x" * 2_000_000, on_delivery=lambda e, m: None)
    assert info.value.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE
    assert topic in str(info.value)
    assert producer.flush(5) == 0


@pytest.mark.parametrize("n", [1, 64, 65, 1000])
def test_any_number_and_kind_of_buffers(producer: _native.Producer, assigned: Any, topic: str, n: int) -> None:
    kinds: list[Callable[[bytes], Any]] = [
        bytearray,
        memoryview,
        lambda data: memoryview(bytes(b for pair in zip(data, data, strict=True) for b in pair))[::2],  # not in a row
        lambda data: array.array("B", data),
        lambda data: memoryview(bytearray(data[::-1]))[::-1],
    ]
    values = [kinds[i % len(kinds)](b"%05d" % i) for i in range(n)]
    keys = [kinds[(i + 1) % len(kinds)](b"%07d" % i) for i in range(n)]
    assert producer.produce_many(topic, values, keys) == n
    producer.produce(topic, values[n // 2], keys[n // 2])
    for value in values:
        if isinstance(value, bytearray):
            value.append(0)  # nobody holds it any more
    msgs = read(assigned, topic, n + 1)
    wanted = [(b"%05d" % i, b"%07d" % i) for i in [*range(n), n // 2]]
    assert [(msg.value(), msg.key()) for msg in msgs] == wanted


def test_a_buffer_that_cannot_be_read_is_no_full_queue(producer: _native.Producer, topic: str) -> None:
    """BufferError says that the queue is full, and whoever catches it tries again."""
    held = bytearray(5)
    released = memoryview(held)
    released.release()
    with pytest.raises(ValueError, match="released"):
        producer.produce_many(topic, [released])
    with pytest.raises(TypeError, match="each value must be bytes"):
        producer.produce_many(topic, [*[bytearray(5)] * 100, 5])  # type: ignore[list-item]
    held.append(0)


def test_produce_many(make_producer: Make, assigned: Any, topic: str) -> None:
    reports: list[Any] = []
    producer = make_producer({"queue.buffering.max.messages": 100})
    values = [b"%d" % i for i in range(1000)]
    assert producer.produce_many(topic, values, values, on_delivery=lambda e, m: reports.append(m.value())) == 1000
    producer.flush(20)
    assert reports == values
    assert [(m.key(), m.value()) for m in read(assigned, topic, 1000)] == [(v, v) for v in values]
    assert producer.produce_many(topic, []) == 0
    assert producer.produce_many(topic, ["a", None, b"c"], partition=0, headers={"h": "x"}, timestamp=5) == 3
    with pytest.raises(ValueError, match="differ in length: 2 and 1"):
        producer.produce_many(topic, [b"a", b"b"], [b"k"])
    with pytest.raises(TypeError, match="not one bytes"):
        producer.produce_many(topic, b"abc")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="each value must be bytes"):
        producer.produce_many(topic, [b"a", 5])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="at most 3 positional"):
        producer.produce_many(topic, [], [], 0)  # type: ignore[misc]
    producer.flush(20)
    assert producer.counters()["produced"] == 1003


def test_a_full_queue_blocks_then_raises(make_producer: Make, topic: str, quickest: Callable[..., float]) -> None:
    producer = make_producer({**DEAD, "queue.buffering.max.messages": 2}, max_block=0.3)
    producer.produce(topic, b"1")
    producer.produce(topic, b"2")
    begin = time.monotonic()
    with pytest.raises(BufferError, match="Local: Queue full"):
        producer.produce(topic, b"3")
    assert 0.25 < time.monotonic() - begin < 20
    with pytest.raises(BufferError):
        producer.produce_many(topic, [b"3", b"4"])
    producer.purge()
    assert producer.flush(5) == 0
    quick = make_producer({**DEAD, "queue.buffering.max.messages": 1}, max_block=0)
    quick.produce(topic, b"1")

    def refused() -> float:
        begin = time.monotonic()
        with pytest.raises(BufferError):
            quick.produce(topic, b"2")
        return time.monotonic() - begin

    assert quickest(refused) < 0.2
    quick.purge()


def test_a_full_queue_runs_callables_while_it_waits(make_producer: Make, topic: str) -> None:
    reports: list[bytes] = []
    producer = make_producer({"queue.buffering.max.messages": 10})
    for i in range(500):
        producer.produce(topic, b"%d" % i, on_delivery=lambda e, m: reports.append(m.value()))
    assert len(reports) >= 480
    producer.flush(20)
    assert len(reports) == 500


def test_failures_reach_callables(make_producer: Make, topic: str) -> None:
    reports: list[tuple[KafkaError, _native.Message]] = []
    producer = make_producer({**DEAD, "message.timeout.ms": 200})
    producer.produce(topic, b"v", b"k", on_delivery=lambda e, m: reports.append((e, m)))  # type: ignore[arg-type]
    assert producer.flush(20) == 0
    error, msg = reports[0]
    assert error.code() == KafkaError._MSG_TIMED_OUT
    assert msg.error() is not None
    assert (msg.topic(), msg.key(), msg.value(), msg.offset()) == (topic, b"k", b"v", None)


def test_failures_without_a_callable_are_logged(
    make_producer: Make, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    producer = make_producer({**DEAD, "message.timeout.ms": 200}, logger=logging.getLogger("mine"))
    producer.produce(topic, b"v")
    assert producer.flush(20) == 0
    records = [record for record in caplog.records if topic in record.getMessage()]
    assert [(record.name, record.levelno) for record in records] == [("mine", logging.ERROR)]
    assert "_MSG_TIMED_OUT" in records[0].getMessage()
    assert producer.counters()["failed"] == 1


def test_only_errors_are_reported_if_so_configured(make_producer: Make, topic: str) -> None:
    reports: list[Any] = []
    producer = make_producer({"delivery.report.only.error": True, "on_delivery": lambda e, m: reports.append(e)})
    producer.produce(topic, b"v")
    assert producer.flush(20) == 0
    assert reports == []


def test_exceptions_of_callables_come_from_flush(
    make_producer: Make, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unraised: list[Any] = []
    monkeypatch.setattr("sys.unraisablehook", lambda args: unraised.append(args.exc_type))
    calls: list[bytes | None] = []

    def fail(error: KafkaError | None, msg: _native.Message) -> None:
        calls.append(msg.value())
        raise Boom(msg.value())

    producer = make_producer({"linger.ms": 20})
    for value in (b"1", b"2", b"3"):
        producer.produce(topic, value, on_delivery=fail)
    raised = 0
    while len(producer):
        try:
            producer.flush(20)
        except Boom:
            raised += 1
    assert calls == [b"1", b"2", b"3"]
    assert raised + len(unraised) == 3
    assert raised >= 1


def test_poll(make_producer: Make, topic: str) -> None:
    producer = make_producer()
    assert producer.poll(0) == 0
    begin = time.monotonic()
    assert producer.poll(0.1) == 0
    assert 0.05 < time.monotonic() - begin < 20
    producer.produce(topic, b"v", on_delivery=lambda e, m: None)
    assert producer.poll(20) >= 1


def test_purge_reports_what_was_given_up(make_producer: Make, topic: str) -> None:
    codes: list[int] = []
    producer = make_producer(DEAD)
    producer.produce(topic, b"v", on_delivery=lambda e, m: codes.append(e.code() if e else 0))
    producer.purge()
    assert producer.flush(20) == 0
    assert codes == [KafkaError._PURGE_QUEUE]


def test_list_topics_and_credentials(producer: _native.Producer, topic: str) -> None:
    assert list(producer.list_topics(topic, 10).topics) == [topic]
    assert producer.list_topics(timeout=10).cluster_id
    producer.set_sasl_credentials("user", "password")
    with pytest.raises(TypeError):
        producer.set_sasl_credentials("user", None)  # type: ignore[arg-type]


def test_stats_and_errors(make_producer: Make) -> None:
    stats: list[str] = []
    errors: list[KafkaError] = []
    producer = make_producer(
        {**DEAD, "statistics.interval.ms": 50, "stats_cb": stats.append, "error_cb": errors.append}
    )
    while not (stats and errors):
        producer.poll(0.1)
    assert stats[0].startswith("{")


def test_transactions(make_producer: Make, broker: _native.Broker, topic: str) -> None:
    with pytest.raises(KafkaException) as info:
        make_producer().init_transactions(1)
    assert info.value.args[0].code() == KafkaError._NOT_CONFIGURED
    producer = make_producer({"transactional.id": "tx"})
    producer.init_transactions(20)
    producer.begin_transaction()
    producer.produce(topic, b"v", partition=0)
    producer.commit_transaction(20)
    producer.begin_transaction()
    producer.abort_transaction(20)
    with pytest.raises(KafkaException) as info:
        producer.commit_transaction(5)
    assert info.value.args[0].code() == KafkaError._STATE


def test_close(make_producer: Make, topic: str) -> None:
    producer = make_producer()
    with producer as same:
        assert same is producer
        producer.produce(topic, b"v")
    assert producer.close() is True
    assert not len(producer)
    assert producer
    for call in (
        lambda: producer.produce(topic),
        lambda: producer.poll(0),
        lambda: producer.flush(0),
        producer.__enter__,
    ):
        with pytest.raises(RuntimeError, match="Producer closed"):
            call()


def test_close_that_does_not_make_it_stays_open(make_producer: Make, topic: str) -> None:
    producer = make_producer(DEAD)
    producer.produce(topic, b"v")
    assert producer.close(0.1) is False
    assert len(producer) == 1
    producer.purge()
    assert producer.close(5) is True


def test_close_while_another_thread_waits(make_producer: Make) -> None:
    producer = make_producer()
    results: list[Any] = []

    def poll() -> None:
        try:
            results.append(producer.poll(0.5))
        except RuntimeError as error:
            results.append(error)

    thread = threading.Thread(target=poll)
    thread.start()
    time.sleep(0.05)
    assert producer.close() is True
    thread.join()
    assert len(results) == 1


def test_a_producer_that_is_dropped_still_delivers(
    broker: _native.Broker, assigned: Any, topic: str, quickest: Callable[..., float]
) -> None:
    def drop() -> float:
        producer = _native.Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 500})
        producer.produce(topic, b"v", on_delivery=lambda e, m: None)
        begin = time.monotonic()
        del producer
        return time.monotonic() - begin

    assert quickest(drop, 3) < 0.4  # it does not wait for the delivery
    assert [message.value() for message in read(assigned, topic, 3)] == [b"v"] * 3


def tasks() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def test_a_dropped_producer_ends_although_its_reports_were_not_taken(
    broker: _native.Broker, make_producer: Make, assigned: Any, topic: str, wait: Any
) -> None:
    reader = assigned(topic)
    make_producer().flush(10)
    # Those that other tests have dropped end now, or they would be counted below.
    before = wait(lambda: _made_and_closed(broker) and (n := tasks(), time.sleep(0.3), n)[2] == tasks() and n)
    producer = _native.Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 50})
    producer.produce(topic, b"v", on_delivery=lambda e, m: None)
    del producer
    gc.collect()
    assert [msg.value() for msg in reader.consume(1, 20)] == [b"v"]
    more = tasks() - before
    assert more > 0
    wait(lambda: _made_and_closed(broker) and tasks() < before + more)


def _made_and_closed(broker: _native.Broker) -> bool:
    """Making a producer is when those that were dropped are looked at."""
    return _native.Producer({"bootstrap.servers": broker.bootstrap}).close(10)


def test_callables_are_let_go(make_producer: Make, topic: str) -> None:
    class Report:
        def __call__(self, error: KafkaError | None, msg: _native.Message) -> None: ...

    producer = make_producer()
    report = Report()
    watch = weakref.ref(report)
    producer.produce(topic, b"v", on_delivery=report)
    producer.produce_many(topic, [b"v"] * 5, on_delivery=report)
    with pytest.raises(TypeError):
        producer.produce(topic, 5, on_delivery=report)  # type: ignore[arg-type]
    del report
    assert watch() is not None
    producer.flush(20)
    assert watch() is None


def test_cycle_through_configuration(broker: _native.Broker) -> None:
    class Mine(_native.Producer):
        def __init__(self) -> None:
            super().__init__({"bootstrap.servers": broker.bootstrap, "on_delivery": self.report})

        def report(self, error: KafkaError | None, msg: _native.Message) -> None: ...

    watch = weakref.ref(Mine())
    gc.collect()
    assert watch() is None


def test_bad_configuration(make_producer: Make) -> None:
    with pytest.raises(_native.ConfigError, match=r"linger\.ms"):
        make_producer({"linger.ms": "x"})
    with pytest.raises(_native.ConfigError, match=r"no\.such"):
        make_producer({"no.such": 1})
    with pytest.raises(TypeError):
        _native.Producer()  # type: ignore[call-arg]


def test_partitions(broker: _native.Broker, producer: _native.Producer, make_consumer: Any, topic: str) -> None:
    name = topic + "-p"
    broker.create_topic(name, 3)
    for partition in range(3):
        producer.produce(name, b"%d" % partition, partition=partition)
    producer.flush(20)
    consumer = make_consumer()
    consumer.assign([TopicPartition(name, p, _native.OFFSET_BEGINNING) for p in range(3)])
    assert sorted((m.partition(), m.value()) for m in consumer.consume(3, 20)) == [(0, b"0"), (1, b"1"), (2, b"2")]
    failures: list[int] = []
    try:
        producer.produce(name, b"x", partition=9, on_delivery=lambda e, m: failures.append(e.code() if e else 0))
        producer.flush(20)
    except KafkaException as error:
        failures.append(error.args[0].code())
    assert failures == [KafkaError._UNKNOWN_PARTITION]
