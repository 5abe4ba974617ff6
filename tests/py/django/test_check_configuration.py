# SPDX-License-Identifier: MIT
"""Faults of configuration that would make every message of a topic a dead letter: `check` knows them before, and at
run time they are no message's fault."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.serialization import MessageField
from django.conf import settings as django_settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import override_settings

from django_kafka import _native, checks, kafka
from django_kafka.consumer import Consumer, Topics
from django_kafka.registry import ConsumersRegistry
from django_kafka.retry.settings import RetrySettings
from django_kafka.testing import kafka_broker, run_consumer_until
from django_kafka.topic import TopicConsumer
from django_kafka.topic.avro import AvroTopicConsumer
from django_kafka.topic.json import JSONTopicConsumer
from django_kafka.topic.protobuf import ProtobufTopicConsumer
from tests.py.django.helpers import Recorder, consumer_of
from tests.py.schema_registry import SchemaRegistry


def found(registry: ConsumersRegistry, cls: Any, **settings: Any) -> list[tuple[str, str]]:
    """What is said of a consumer class that is registered."""
    registry()(cls)
    with override_settings(DJANGO_KAFKA={"GLOBAL_CONFIG": {"bootstrap.servers": "127.0.0.1:1"}, **settings}):
        messages = checks.check_consumers()
    return [(str(message.id).removeprefix("django_kafka."), message.msg) for message in messages]


class Handler(TopicConsumer):
    name = "events"

    def consume(self, msg: Any) -> None: ...


def topic_with(consume: Any, **members: Any) -> TopicConsumer:
    topic: TopicConsumer = type("T", (Handler,), {"consume": consume, **members})()
    return topic


async def asynchronous(self: Any, msg: Any) -> None: ...


def generating(self: Any, msg: Any) -> Any:
    yield msg


def without_message(self: Any) -> None: ...


def with_more(self: Any, msg: Any, more: Any) -> None: ...


@pytest.mark.parametrize("consume", [asynchronous, generating, without_message, with_more])
def test_a_consume_that_cannot_be_called(registry: ConsumersRegistry, consume: Any) -> None:
    assert [number for number, _ in found(registry, consumer_of(topic_with(consume)))] == ["E041"]


@pytest.mark.parametrize("consume", [lambda self, *args: None, lambda self, msg, more=1: None, staticmethod(print)])
def test_a_consume_that_can_be_called(registry: ConsumersRegistry, consume: Any) -> None:
    assert found(registry, consumer_of(topic_with(consume))) == []


@pytest.mark.parametrize("name", ["consume", "process_message", "commit_offset", "get_topic", "handle_exception"])
def test_methods_of_a_consumer(registry: ConsumersRegistry, name: str) -> None:
    assert [number for number, _ in found(registry, consumer_of(Handler(), **{name: asynchronous}))] == ["E041"]


def test_methods_of_a_consumer_that_take_what_they_get(registry: ConsumersRegistry) -> None:
    members = {name: lambda self, *args, **kwargs: None for name in ("consume", "retry_msg", "blocking_retry")}
    assert found(registry, consumer_of(Handler(), **members)) == []


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"bootstrap.server": "x"}, 'did you mean "bootstrap.servers"'),
        ({"auto.ofset.reset": "earliest"}, 'did you mean "auto.offset.reset"'),
        ({"auto.offset.reset": "earlyest"}, 'value "earlyest" is refused'),
        ({"fetch.min.bytes": "many"}, '"fetch.min.bytes"'),
        ({"session.timeout.ms": 0}, "outside allowed range"),
        ({"security.protocol": "ssl", "ssl.ca.location": "/nowhere.pem"}, "ssl.ca.location"),
        ({"max.poll.interval.ms": 1}, "must be >="),
        ({"enable.auto.commit": "no"}, "enable.auto.commit"),
        ({"enable.auto.commit": " false"}, "enable.auto.commit"),
        ({"enable.auto.commit": 2}, "enable.auto.commit"),
        ({"enable.auto.offset.store": "maybe"}, "'enable.auto.offset.store' is neither true nor false"),
        ({"enable.partition.eof": "yes"}, "enable.partition.eof"),
    ],
)
def test_what_the_client_refuses(registry: ConsumersRegistry, config: dict[str, Any], words: str) -> None:
    cls = consumer_of(Handler(), config=config)
    ((number, text),) = found(registry, cls)
    assert number == "E040"
    assert words in text


def test_where_it_is_written_and_nothing_secret(registry: ConsumersRegistry) -> None:
    config = {"sasl.jaas.config": 'x password="hunter2"'}
    ((number, text),) = found(registry, consumer_of(Handler()), CONSUMER_CONFIG=config)
    assert number == "E040"
    assert "it is in DJANGO_KAFKA['CONSUMER_CONFIG']" in text
    assert "hunter2" not in text


@pytest.mark.parametrize("key", ["enable.auto.commit", "auto.offset.reset", "fetch.min.bytes", "client.rack.x"])
def test_an_address_that_is_in_the_wrong_place_keeps_its_password(registry: ConsumersRegistry, key: str) -> None:
    cls = consumer_of(Handler(), config={key: "http://me:hunter2@host"})
    ((number, text),) = found(registry, cls)
    assert number == "E040"
    assert f'"{key}"' in text
    assert "hunter2" not in text


def test_the_retry_consumers_own_configuration(registry: ConsumersRegistry) -> None:
    topic = topic_with(Handler.consume, retry_settings=RetrySettings(1, 1, blocking=False))
    ((number, text),) = found(registry, consumer_of(topic), RETRY_CONSUMER_CONFIG={"fetch.min.byte": 1})
    assert (number, ".retry is wrong" in text) == ("E040", True)


def test_the_producers_configuration() -> None:
    with override_settings(DJANGO_KAFKA={"PRODUCER_CONFIG": {"acks": 0, "enable.idempotence": True}}):
        ((number, text),) = [(message.id, message.msg) for message in checks.check_settings()]
    assert number == "django_kafka.E040"
    assert "`acks` must be set to `all`" in text


def test_a_producers_boolean() -> None:
    with override_settings(DJANGO_KAFKA={"PRODUCER_CONFIG": {"delivery.report.only.error": "maybe"}}):
        ((number, text),) = [(message.id, message.msg) for message in checks.check_settings()]
    assert number == "django_kafka.E040"
    assert '"delivery.report.only.error"' in text


def test_nobody_is_connected_to(registry: ConsumersRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no callback of the project's can be called."""
    given: list[dict[str, Any]] = []

    def noting(make: Any) -> Any:
        return lambda config, **options: (given.append(config), make(config, **options))[1]

    for name in ("Consumer", "Producer"):
        monkeypatch.setattr(_native, name, noting(getattr(_native, name)))
    callbacks = dict.fromkeys(("stats_cb", "error_cb", "throttle_cb", "on_commit"), print)
    config = {"sasl.oauthbearer.method": "oidc", "fetch.min.bytes": 7, **callbacks}
    assert found(registry, consumer_of(Handler(), config=config)) == []
    with override_settings(DJANGO_KAFKA={"GLOBAL_CONFIG": {"metadata.broker.list": "127.0.0.1:1", "linger.ms": 7}}):
        assert checks.check_settings() == []
    kinds = {("fetch.min.bytes" in config, "linger.ms" in config) for config in given}
    assert {(True, False), (False, True)} <= kinds, "a consumer and a producer were made"
    away = {"bootstrap.servers", "metadata.broker.list", "sasl.oauthbearer.method", *callbacks}
    assert [away & config.keys() for config in given if away & config.keys()] == []


@pytest.mark.parametrize("pattern", [r"^orders\.(?:1|2)$", r"^orders\.(?!2)"])
def test_patterns_are_judged_by_who_matches_them(registry: ConsumersRegistry, pattern: str) -> None:
    ((number, text),) = found(registry, consumer_of(Recorder(pattern)))
    assert number == "E013"
    assert repr(pattern) in text


def test_a_topic_twice(registry: ConsumersRegistry) -> None:
    ((number, text),) = found(registry, consumer_of(Handler(), Handler()))
    assert (number, "2 topics called 'events'" in text) == ("E043", True)


@pytest.mark.parametrize("topics", [("events",), (object(),), (None,)])
def test_what_is_no_topic(registry: ConsumersRegistry, topics: Any) -> None:
    assert [number for number, _ in found(registry, consumer_of(*topics))] == ["E009"]


@pytest.mark.parametrize("rules", [{"max_retries": 3, "delay": 1}, 3, RetrySettings])
def test_rules_that_are_none(registry: ConsumersRegistry, rules: Any) -> None:
    cls = consumer_of(topic_with(Handler.consume, retry_settings=rules))
    assert [number for number, _ in found(registry, cls)] == ["E014"]


def test_a_class_that_is_no_consumer(registry: ConsumersRegistry) -> None:
    assert [number for number, _ in found(registry, Handler)] == ["E009"]


def test_a_decorator_without_parentheses() -> None:
    with pytest.raises(TypeError, match=r"written with its rules: @kafka\.retry\(max_retries"):

        @kafka.retry  # type: ignore[arg-type, call-arg]
        class Orders(Handler): ...


@pytest.mark.parametrize(
    "rules",
    [
        {"max_retries": "3", "delay": 1},
        {"max_retries": True, "delay": 1},
        {"max_retries": 1.5, "delay": 1},
        {"max_retries": 1, "delay": "1"},
        {"max_retries": 1, "delay": 1, "blocking": "no"},
        {"max_retries": 1, "delay": 1, "backoff": 2},
        {"max_retries": 1, "delay": 1, "log_every": 1.5},
        {"max_retries": 1, "delay": 1, "jitter": "x"},
    ],
)
def test_rules_of_wrong_types(rules: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="must be"):
        RetrySettings(**rules)
    with override_settings(DJANGO_KAFKA={"RETRY_SETTINGS": rules}):
        assert [message.id for message in checks.check_settings()] == ["django_kafka.E003"]


class Avro(AvroTopicConsumer):
    name = "events"

    def __init__(self) -> None:
        self.tried: list[str] = []

    def consume(self, msg: Any) -> None:
        try:
            self.deserialize(msg.value(), MessageField.VALUE, msg.headers())
        except Exception as error:
            self.tried.append(str(error))
            raise


class Protobuf(ProtobufTopicConsumer):
    name = "events"

    def consume(self, msg: Any) -> None: ...


class Schema(JSONTopicConsumer):
    name = "events"
    value_schema = "{}"

    def consume(self, msg: Any) -> None: ...


URL = {"SCHEMA_REGISTRY": {"url": "http://127.0.0.1:1"}}


def test_formats_without_what_they_need(registry: ConsumersRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    ((number, text),) = found(registry, consumer_of(Avro()))
    assert (number, "`SCHEMA_REGISTRY` configuration is not defined" in text) == ("E042", True)
    registry._classes.clear()
    ((number, text),) = found(registry, consumer_of(Protobuf()), **URL)
    assert (number, "has no `value_message`" in text) == ("E042", True)
    registry._classes.clear()
    monkeypatch.setitem(sys.modules, "confluent_kafka.schema_registry.json_schema", None)
    ((number, text),) = found(registry, consumer_of(Schema()), **URL)
    assert (number, "pip install 'django-kafka-native[json]'" in text) == ("E042", True)
    registry._classes.clear()
    assert found(registry, consumer_of(Avro()), **URL) == []


def test_only_our_own_methods_are_called_for_it(registry: ConsumersRegistry) -> None:
    class Own(Avro):
        def get_value_deserializer(self, **kwargs: Any) -> Any:
            raise AssertionError("a project's method may ask a server")

        get_key_deserializer = get_value_deserializer

    assert found(registry, consumer_of(Own())) == []


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"url": "registry:8081"}, "must begin with http:// or https://"),
        ({"url": "https://user:hunter2@registry", "basic.auth.user": "x"}, "SCHEMA_REGISTRY"),
        ({"url": "https://r", "ssl.ca.location": "/nowhere.pem"}, "SCHEMA_REGISTRY"),
        ({}, None),
        ({"url": "http://a,http://b"}, None),
    ],
)
def test_the_registrys_configuration(config: dict[str, Any], words: str | None) -> None:
    with override_settings(DJANGO_KAFKA={"SCHEMA_REGISTRY": config}):
        texts = [message.msg for message in checks.check_settings()]
    assert len(texts) == (words is not None)
    assert "hunter2" not in str(texts)
    if words is not None:
        assert words in texts[0]


@pytest.mark.parametrize("value", ['{"sasl.password": "hunter2"}', ["hunter2"], ("hunter2",)])
def test_no_value_of_a_setting_is_printed(value: Any) -> None:
    for key in ("GLOBAL_CONFIG", "PRODUCER_CONFIG", "SCHEMA_REGISTRY", "CONNECT_RETRY", "CLIENT_ID", "CONNECT_HOST"):
        with override_settings(DJANGO_KAFKA={key: value}):
            assert "hunter2" not in str(checks.check_settings())


def wrong_path(registry: SchemaRegistry) -> dict[str, Any]:
    text = '{"error_code": 404, "message": "HTTP 404 Not Found"}'
    registry.page = (404, "application/vnd.schemaregistry.v1+json", text)
    return {"url": registry.url}


def page_with_200(registry: SchemaRegistry) -> dict[str, Any]:
    registry.page = (200, "text/html", "<html>Log in</html>")
    return {"url": registry.url}


@pytest.mark.parametrize(
    "config",
    [
        lambda registry: {"url": registry.url, "ssl.ca.location": "/nowhere.pem"},
        lambda registry: {"url": "registry:8081"},
        lambda registry: {"url": registry.url, "basic.auth.user": "x"},
        lambda registry: {},
        wrong_path,
        page_with_200,
    ],
    ids=["no CA file", "no scheme", "unknown option", "nothing", "wrong path", "a page"],
)
def test_at_run_time_it_is_no_messages_fault(config: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="django_kafka")
    topic = Avro()
    with SchemaRegistry() as registry, kafka_broker(topics={"events": 1, "shop.events.dlt": 1}) as broker:
        client = config(registry)
        client = {**client, "max.retries": 0} if client else client
        with override_settings(DJANGO_KAFKA={**django_settings.DJANGO_KAFKA, "SCHEMA_REGISTRY": client}):
            broker.produce("events", b"\0\0\0\0\1\2")
            run_consumer_until(consumer_of(topic, group="shop"), lambda: len(topic.tried) >= 2, 10)
        assert broker.collect("shop.events.dlt") == []
    assert any("waits" in message or "paused" in message for message in caplog.messages), caplog.messages


@pytest.mark.parametrize(("more", "timeout"), [({}, 30), ({"timeout": 5}, 5)])
def test_a_registry_that_does_not_answer_is_given_up(more: dict[str, Any], timeout: float) -> None:
    config = {"url": "http://127.0.0.1:1", **more}
    with (
        override_settings(DJANGO_KAFKA={"SCHEMA_REGISTRY": config}),
        mock.patch.object(SchemaRegistryClient, "__init__", return_value=None) as init,
    ):
        _ = kafka.schema_client
    init.assert_called_once_with({**config, "timeout": timeout})


def test_the_command_validates_before_it_starts(registry: ConsumersRegistry, tmp_path: Path) -> None:
    """A check that is serious ends kafka_consume with exit code 1: SystemCheckError is a CommandError."""

    class Bad(Consumer):
        topics = Topics(Handler())
        config = {"group.id": "g", "fetch.min.byte": 1}

    registry()(Bad)
    with pytest.raises(CommandError, match="E040"):
        call_command("kafka_consume", skip_checks=False)
