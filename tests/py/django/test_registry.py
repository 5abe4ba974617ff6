# SPDX-License-Identifier: MIT
"""Registries: keys, order, duplicates, retry consumers."""

from __future__ import annotations

from unittest import mock

import pytest
from django.test import override_settings

from django_kafka import hooks, kafka
from django_kafka.consumer import Consumer, Topics
from django_kafka.exceptions import ConfigurationError, DjangoKafkaError, TopicNotRegisteredError
from django_kafka.registry import ConnectorsRegistry, ConsumersRegistry, Registry
from django_kafka.retry.consumer import RetryConsumer
from tests.py.django.helpers import Recorder, consumer_of


def test_decorator_registers_and_returns_the_class() -> None:
    registry: Registry[object] = Registry()

    @registry()
    class Thing:
        pass

    assert registry.get_key(Thing) == f"{__name__}.Thing"
    assert registry[f"{__name__}.Thing"] is Thing
    assert Thing in registry
    assert object not in registry
    assert list(registry) == [f"{__name__}.Thing"]


def test_unknown_and_duplicate_keys() -> None:
    registry: Registry[object] = Registry()
    with pytest.raises(DjangoKafkaError, match=r"^`nobody` is not registered.$"):
        registry["nobody"]
    registry.register(int)
    with pytest.raises(DjangoKafkaError, match=r"^`builtins.int` is already registered.$"):
        registry.register(int)


def test_connectors_are_known_by_name() -> None:
    registry = ConnectorsRegistry()
    cls = type("Whatever", (), {"name": "prefix.Whatever"})
    registry()(cls)
    assert list(registry) == ["prefix.Whatever"]


def test_retry_consumer_is_registered_beside_its_consumer(registry: ConsumersRegistry) -> None:
    topic = Recorder()
    kafka.retry(max_retries=1, delay=1, blocking=False)(topic)
    first = kafka.consumers()(consumer_of(topic, group="g"))
    key = registry.get_key(first)
    assert list(registry) == [key, f"{key}.retry"]
    assert issubclass(registry[f"{key}.retry"], RetryConsumer)
    assert issubclass(registry[f"{key}.retry"], first)


def test_no_retry_consumer_for_blocking_retries(registry: ConsumersRegistry) -> None:
    topic = Recorder()
    kafka.retry(max_retries=1, delay=1)(topic)
    kafka.consumers()(consumer_of(topic))
    assert len(list(registry)) == 1


def test_retry_consumer_is_built_through_the_class(registry: ConsumersRegistry) -> None:
    with mock.patch("django_kafka.retry.consumer.RetryConsumer.build", return_value=None) as build:
        cls = kafka.consumers()(consumer_of(Recorder()))
    build.assert_called_once_with(cls)


def test_retry_consumers_of_what_was_registered_before_django_was_set_up(
    registry: ConsumersRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = Recorder()
    kafka.retry(max_retries=1, delay=1, blocking=False)(topic)
    built = hooks.build_retry_consumer
    monkeypatch.setattr(hooks, "build_retry_consumer", None)
    first = kafka.consumers()(consumer_of(topic, group="g"))
    second = kafka.consumers()(type("Second", (Consumer,), {"topics": Topics(Recorder())}))
    assert len(registry) == 2
    monkeypatch.setattr(hooks, "build_retry_consumer", built)
    key = registry.get_key(first)
    assert list(registry) == [key, f"{key}.retry", registry.get_key(second)]


NON_BLOCKING = {"RETRY_SETTINGS": {"max_retries": 3, "delay": 1, "blocking": False}}


def test_retry_consumers_follow_overridden_settings(registry: ConsumersRegistry) -> None:
    first = kafka.consumers()(consumer_of(Recorder("orders"), group="g"))
    last = kafka.consumers()(type("Last", (Consumer,), {"topics": Topics(Recorder()), "config": {"group.id": "h"}}))
    one, two = registry.get_key(first), registry.get_key(last)
    assert list(registry) == [one, two]
    with override_settings(DJANGO_KAFKA=NON_BLOCKING):
        assert list(registry) == [one, f"{one}.retry", two, f"{two}.retry"]
        assert registry[f"{one}.retry"].topics.names == [r"^g\.orders\.retry\.([0-9]+)$"]
        with override_settings(DJANGO_KAFKA={"RETRY_SETTINGS": {"max_retries": 3, "delay": 1}}):
            assert list(registry) == [one, two]
        assert f"{one}.retry" in registry
    assert list(registry) == [one, two]
    assert f"{one}.retry" not in registry


def test_a_group_from_overridden_settings_names_the_retry_topics(registry: ConsumersRegistry) -> None:
    topic = Recorder("orders")
    kafka.retry(max_retries=1, delay=1, blocking=False)(topic)
    cls = kafka.consumers()(type("FromSettings", (Consumer,), {"topics": Topics(topic)}))
    for group in ("a", "b"):
        with override_settings(DJANGO_KAFKA={"CONSUMER_CONFIG": {"group.id": group}}):
            assert registry[f"{registry.get_key(cls)}.retry"].config["group.id"] == f"{group}.retry"


def test_a_consumer_that_was_taken_out_stays_out(registry: ConsumersRegistry) -> None:
    kafka.consumers()(consumer_of(Recorder("orders"), group="g"))
    registry._classes.clear()
    with override_settings(DJANGO_KAFKA=NON_BLOCKING):
        assert list(registry) == []


def test_group_is_needed_for_retry_topics(registry: ConsumersRegistry) -> None:
    topic = Recorder()
    kafka.retry(max_retries=1, delay=1, blocking=False)(topic)
    cls = type("Groupless", (Consumer,), {"topics": Topics(topic)})
    with pytest.raises(ConfigurationError, match=r"non-blocking retries but no 'group.id'"):
        RetryConsumer.build(cls)
    assert kafka.consumers()(cls) is cls  # the system check says it, and the consumer does not start
    assert list(registry) == [f"{__name__}.Groupless"]
    with override_settings(DJANGO_KAFKA={"CONSUMER_CONFIG": {"group.id": "from-settings"}}):
        assert RetryConsumer.build(cls).config == {"group.id": "from-settings.retry"}  # type: ignore[union-attr]


def test_forgotten_parentheses(registry: ConsumersRegistry) -> None:
    with pytest.raises(TypeError, match=r"parentheses, @kafka.consumers\(\)"):
        kafka.consumers(consumer_of(Recorder()))  # type: ignore[arg-type]
    assert list(registry) == []


def test_topic_of_a_name(registry: ConsumersRegistry) -> None:
    orders, logs = Recorder("orders"), Recorder("^logs-")
    registry.register(consumer_of(orders))
    registry._classes["other"] = consumer_of(logs)
    assert registry.topic("orders") is orders
    assert registry.topic("logs-1") is logs
    with pytest.raises(TopicNotRegisteredError, match=r"^No topic registered for `nothing`$"):
        registry.topic("nothing")
