# SPDX-License-Identifier: MIT
"""What `manage.py check` says of topics that take batches, and of those with transactions."""

from __future__ import annotations

from typing import Any

import pytest

from django_kafka import checks
from django_kafka.consumer import Consumer
from django_kafka.exceptions import ConfigurationError
from django_kafka.registry import ConsumersRegistry
from django_kafka.topic import TopicConsumer
from tests.py.django.helpers import consumer_of


def check(registry: ConsumersRegistry, topic: TopicConsumer, **members: Any) -> list[tuple[str, str]]:
    members.setdefault("config", {"bootstrap.servers": "127.0.0.1:1"})
    registry.register(consumer_of(topic, **members))
    return [(str(message.id).removeprefix("django_kafka."), message.msg) for message in checks.check_consumers()]


def topic_of(**members: Any) -> TopicConsumer:
    members.setdefault("consume_batch", lambda self, messages: None)
    cls: Any = type("Batches", (TopicConsumer,), {"name": "events", "__module__": "shop", **members})
    topic: TopicConsumer = cls()
    return topic


@pytest.mark.parametrize(
    "members", [{}, {"batch_size": 1}, {"batch_size": 5000, "batch_timeout": 0.5}, {"atomic": True}]
)
def test_what_is_right(registry: ConsumersRegistry, members: dict[str, Any]) -> None:
    assert check(registry, topic_of(offsets_in_database=True, **members)) == []


@pytest.mark.parametrize("size", [0, -1, 1.5, "100", True, 1_000_001])
def test_wrong_sizes(registry: ConsumersRegistry, size: Any) -> None:
    ((number, text),) = check(registry, topic_of(batch_size=size))
    assert number == "E015"
    assert f"its batch_size must be a number of messages from 1 to 1000000, not {size!r}." in text
    with pytest.raises(ConfigurationError, match="batch_size of "):
        consumer_of(topic_of(batch_size=size), config={"bootstrap.servers": "127.0.0.1:1"})().run()


@pytest.mark.parametrize("timeout", [-1, "1", None, float("inf"), float("nan"), True])
def test_wrong_timeouts(registry: ConsumersRegistry, timeout: Any) -> None:
    ((number, text),) = check(registry, topic_of(batch_timeout=timeout))
    assert number == "E015"
    assert "its batch_timeout must be a number of seconds, not " in text


async def _asynchronous(self: Any, messages: Any) -> None: ...


def _generator(self: Any, messages: Any) -> Any:
    yield


@pytest.mark.parametrize(
    ("method", "words"),
    [
        (lambda self: None, "cannot be called with a sequence of messages alone"),
        (lambda self, messages, more: None, "cannot be called with a sequence of messages alone"),
        (_asynchronous, "is asynchronous or a generator"),
        (_generator, "is asynchronous or a generator"),
    ],
)
def test_wrong_methods(registry: ConsumersRegistry, method: Any, words: str) -> None:
    ((number, text),) = check(registry, topic_of(consume_batch=method))
    assert number == "E016"
    assert words in text


def test_options_without_batches(registry: ConsumersRegistry) -> None:
    topic = topic_of(consume=lambda self, msg: None, batch_size=5)
    assert check(registry, topic) == []  # both in one class: batches
    single: Any = type("Single", (type(topic),), {"consume": lambda self, msg: None})
    registry._classes.clear()
    assert [number for number, _ in check(registry, single())] == ["W007"]


def test_transactions_of_no_database(registry: ConsumersRegistry) -> None:
    ((number, text),) = check(registry, topic_of(atomic=True, using="elsewhere"))
    assert number == "E017"
    assert "the database 'elsewhere', which DATABASES does not have" in text


@pytest.mark.parametrize("option", ["atomic", "offsets_in_database"])
def test_options_that_are_no_bool(registry: ConsumersRegistry, option: str) -> None:
    ((number, text),) = check(registry, topic_of(**{option: "yes"}))
    assert number == "E017"
    assert f"its {option} must be True or False, not 'yes'" in text


def test_stored_offsets_of_a_consumer_that_overrides(registry: ConsumersRegistry) -> None:
    members = {"consume": lambda self, msg: Consumer.consume(self, msg), "poll": lambda self: Consumer.poll(self)}
    ((number, text),) = check(registry, topic_of(offsets_in_database=True), **members)
    assert number == "E017"
    assert "which a consumer cannot do that overrides poll(), consume()" in text


def test_stored_offsets_of_a_long_group(registry: ConsumersRegistry) -> None:
    found = check(registry, topic_of(offsets_in_database=True), group="g" * 256)
    assert ("E017", True) in [(number, "at most 255 characters" in text) for number, text in found]
