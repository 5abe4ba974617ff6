# SPDX-License-Identifier: MIT
"""Producer: configuration, what it passes on, forks."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from typing import Any, ClassVar
from unittest import mock

import pytest
from confluent_kafka import KafkaError, KafkaException
from django.conf import settings
from django.test import override_settings

from django_kafka import kafka
from django_kafka._native import ConfigError
from django_kafka.error_handlers import ClientErrorHandler
from django_kafka.exceptions import ConfigurationError, DjangoKafkaError
from django_kafka.producer import Producer, suppress
from django_kafka.testing.broker import LocalBroker, kafka_broker
from django_kafka.topic import Topic


@pytest.fixture
def client() -> Iterator[mock.Mock]:
    with mock.patch("django_kafka.producer.ConfluentProducer") as cls:
        yield cls


def test_configuration_order(client: mock.Mock) -> None:
    class Mine(Producer):
        config = {"c": "class", "d": "class"}

    with override_settings(
        DJANGO_KAFKA={
            "CLIENT_ID": "me",
            "GLOBAL_CONFIG": {"a": "global", "b": "global"},
            "PRODUCER_CONFIG": {"b": "producer", "c": "producer"},
        }
    ):
        Mine({"d": "argument"})
    (config,), options = client.call_args
    handler = config.pop("error_cb")
    assert isinstance(handler, ClientErrorHandler)
    assert config == {"client.id": "me", "a": "global", "b": "producer", "c": "class", "d": "argument"}
    assert options == {"logger": Producer.default_logger}


def test_own_logger_and_error_handler(client: mock.Mock) -> None:
    logger, handler = mock.Mock(), mock.Mock()
    Producer(logger=logger, error_cb=handler)
    assert client.call_args.args[0]["error_cb"] is handler
    assert client.call_args.kwargs == {"logger": logger}


def test_wrong_error_handler_is_named(client: mock.Mock) -> None:
    with (
        override_settings(DJANGO_KAFKA={"ERROR_HANDLER": "nowhere.Handler"}),
        pytest.raises(ConfigurationError, match=r"ERROR_HANDLER.*nowhere\.Handler"),
    ):
        Producer()


def test_unknown_attributes_are_the_clients(client: mock.Mock) -> None:
    producer = Producer()
    assert producer.flush(3) is client.return_value.flush.return_value
    assert producer.list_topics is client.return_value.list_topics
    with pytest.raises(AttributeError, match="config"):
        producer.config  # noqa: B018


def test_produce(client: mock.Mock) -> None:
    producer = Producer()
    producer.produce("t", b"v", key=b"k")
    client.return_value.produce.assert_called_once_with("t", b"v", key=b"k")


def test_produce_obeys_suppression(client: mock.Mock) -> None:
    producer = Producer()
    with suppress(["t"]):
        producer.produce("t", b"v")
        assert producer.produce_many("t", [b"v"]) == 0
        producer.produce("other", b"v")
    client.return_value.produce.assert_called_once_with("other", b"v")


def test_produce_many(client: mock.Mock) -> None:
    client.return_value.produce_many.return_value = 2
    assert Producer().produce_many("t", [b"1", b"2"], [b"a", b"b"], partition=0) == 2
    client.return_value.produce_many.assert_called_once_with("t", [b"1", b"2"], [b"a", b"b"], partition=0)


def test_d11_object_made_before_a_fork_works_in_the_child(client: mock.Mock) -> None:
    client.side_effect = lambda *_args, **_options: mock.Mock(pid=os.getpid())
    producer = Producer()
    pid = os.fork()
    if pid == 0:
        os._exit(0 if producer.pid == os.getpid() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert producer.pid == os.getpid()


def test_retire_reports_what_is_lost(client: mock.Mock, log: pytest.LogCaptureFixture) -> None:
    client.return_value.flush.return_value = 2
    Producer().retire(0.1)
    assert "2 messages could not be delivered within 0.1 s." in log.text


def test_wrong_configuration_says_where_it_is() -> None:
    with override_settings(DJANGO_KAFKA={"PRODUCER_CONFIG": {"lingerms": 5}}), pytest.raises(ConfigError) as caught:
        Producer()
    assert caught.value.__notes__ == [
        "The configuration of Producer is wrong (it is in DJANGO_KAFKA['PRODUCER_CONFIG'])."
    ]
    with pytest.raises(ConfigError) as caught:
        Producer({"acks": "some"})
    assert "its argument `config`" in caught.value.__notes__[0]


def test_producer_without_brokers_warns(log: pytest.LogCaptureFixture) -> None:
    with override_settings(DJANGO_KAFKA={}):
        Producer().close()
    assert "there is no 'bootstrap.servers': set it in DJANGO_KAFKA['GLOBAL_CONFIG']" in log.text


# ---- a client that has failed for good -----------------------------------------------------------------------------

PRODUCE = 0  # Kafka's number of the request


class Telling:
    """An ERROR_HANDLER that keeps what it is told."""

    errors: ClassVar[list[KafkaError]] = []

    def __call__(self, error: KafkaError) -> None:
        self.errors.append(error)


@pytest.fixture
def broker() -> Iterator[LocalBroker]:
    with kafka_broker({"events": 1}) as broker:
        yield broker


def wait_until(condition: Callable[[], Any], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


@pytest.fixture
def failing(broker: LocalBroker) -> Iterator[Callable[[Any], Any]]:
    """Make the client of a producer fail for good, with a message of topic "events" on its way."""
    Telling.errors.clear()

    def fail(producer: Any) -> Any:
        client = producer._producer
        broker.native.push_errors(PRODUCE, [KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER])
        client.produce("events", b"lost", on_delivery=lambda error, msg: told.append(error))
        wait_until(lambda: client.poll(0.05) is not None and (told or any(e.fatal() for e in Telling.errors)), 30)
        return client

    told: list[Any] = []
    with override_settings(DJANGO_KAFKA={**settings.DJANGO_KAFKA, "ERROR_HANDLER": f"{__name__}.Telling"}):
        yield fail
    wait_until(lambda: told, 10)
    assert [error is not None for error in told] == [True], "it was told, once, that it has not arrived"


class Events(Topic):
    name = "events"


def test_a_failed_producer_is_replaced(
    broker: LocalBroker, failing: Callable[[Any], Any], log: pytest.LogCaptureFixture
) -> None:
    """The message that finds it so is sent by another one, and nothing twice."""
    producer = Producer()
    client = failing(producer)
    producer.produce("events", b"1")
    assert producer._producer is not client
    assert producer.produce_many("events", [b"2", b"3"], [b"k", b"k"]) == 2
    assert producer.flush(10) == 0
    assert [msg.value() for msg in broker.collect("events", 3)] == [b"1", b"2", b"3"]
    assert "The producer has failed for good" in log.text
    producer.close()


def test_topics_go_on_with_another_producer(broker: LocalBroker, failing: Callable[[Any], Any]) -> None:
    client = failing(kafka.producer)
    Events().produce("1")
    assert kafka.producer._producer is not client
    failed = failing_again(broker)
    assert Events().produce_many(["2", "3"]) == 2
    assert kafka.producer._producer is not failed
    kafka.producer.flush(10)
    assert [msg.value() for msg in broker.collect("events", 3)] == [b"1", b"2", b"3"]


def failing_again(broker: LocalBroker) -> Any:
    client = kafka.producer._producer
    kafka.producer.flush(10)
    broker.native.push_errors(PRODUCE, [KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER])
    before = len(Telling.errors)
    client.produce("events", b"lost")
    wait_until(lambda: client.poll(0.05) is not None and any(e.fatal() for e in Telling.errors[before:]), 30)
    return client


def test_the_default_handler_ends_no_web_process(broker: LocalBroker) -> None:
    """It raises for a fatal error, in whatever call takes notice: the next message goes to another client."""
    producer = Producer()
    client = producer._producer
    broker.native.push_errors(PRODUCE, [KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER])
    producer.produce("events", b"lost")
    with contextlib.suppress(DjangoKafkaError):  # unless the thread that serves idle clients was quicker
        client.flush(30)
    producer.produce("events", b"1")
    assert producer.flush(10) == 0
    assert [msg.value() for msg in broker.collect("events", 1)] == [b"1"]
    producer.close()


def test_what_was_queued_before_the_failure_is_not_queued_again(client: mock.Mock) -> None:
    fatal = KafkaException(KafkaError(KafkaError._FATAL, "fenced", True))
    fatal.queued = 2  # type: ignore[attr-defined]
    failed, another = mock.Mock(), mock.Mock()
    failed.produce_many.side_effect = fatal
    another.produce_many.return_value = 1
    client.side_effect = [failed, another]
    assert Producer().produce_many("t", [b"1", b"2", b"3"], [b"a", b"b", b"c"]) == 3
    another.produce_many.assert_called_once_with("t", [b"3"], [b"c"])
    failed.close.assert_called_once_with(5.0)


def test_other_errors_are_the_callers(client: mock.Mock) -> None:
    error = KafkaException(KafkaError(KafkaError._UNKNOWN_TOPIC))
    client.return_value.produce.side_effect = error
    producer = Producer()
    with pytest.raises(KafkaException) as raised:
        producer.produce("t", b"v")
    assert raised.value is error
    assert client.call_count == 1


def test_a_transaction_that_was_lost_is_told(client: mock.Mock) -> None:
    """The next transaction begins with another client."""
    fatal = KafkaException(KafkaError(KafkaError._FENCED, "fenced", True))
    failed, another = mock.Mock(), mock.Mock()
    failed.produce.side_effect = fatal
    client.side_effect = [failed, another]
    producer = Producer({"transactional.id": "t"})
    with pytest.raises(KafkaException):
        producer.produce("t", b"v")
    another.produce.assert_not_called()
    producer.produce("t", b"v")
    another.produce.assert_called_once_with("t", b"v")


def test_what_a_callback_raises_meanwhile_is_raised(client: mock.Mock) -> None:
    """Then nothing of this message is queued."""
    failed, another = mock.Mock(), mock.Mock()
    failed.produce.side_effect = KafkaException(KafkaError(KafkaError._FATAL, "x", True))
    failed.close.side_effect = [DjangoKafkaError(failed.produce.side_effect.args[0]), ZeroDivisionError, True]
    client.side_effect = [failed, another]
    producer = Producer()
    with pytest.raises(ZeroDivisionError):
        producer.produce("t", b"v")
    another.produce.assert_not_called()
    producer.produce("t", b"w")
    another.produce.assert_called_once_with("t", b"w")


def test_a_batch_of_dicts(broker: LocalBroker, failing: Callable[[Any], Any]) -> None:
    producer = Producer()
    with suppress(["events"]):
        assert producer.produce_batch("events", [{"value": b"no"}]) == 0
    failing(producer)
    messages = [{"value": b"1", "key": b"k"}, {"value": b"2"}]
    assert producer.produce_batch("events", messages) == 2
    assert producer.flush(10) == 0
    assert [msg.value() for msg in broker.collect("events", 2)] == [b"1", b"2"]
    assert not any("_error" in message for message in messages)
    producer.close()
