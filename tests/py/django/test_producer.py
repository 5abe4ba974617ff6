# SPDX-License-Identifier: MIT
"""Producer: configuration, what it passes on, forks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from unittest import mock

import pytest
from django.test import override_settings

from django_kafka._native import ConfigError
from django_kafka.error_handlers import ClientErrorHandler
from django_kafka.exceptions import ConfigurationError
from django_kafka.producer import Producer, suppress


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
