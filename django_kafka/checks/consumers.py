# SPDX-License-Identifier: MIT
"""Registered consumers: topics, group, configuration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning, register

from django_kafka import kafka
from django_kafka.checks.client import check_client_config
from django_kafka.checks.handlers import check_methods
from django_kafka.checks.settings import check_settings
from django_kafka.checks.topics import check_topic
from django_kafka.checks.trial import try_consumer
from django_kafka.conf import NO_BROKERS, SETTINGS_KEY, has_brokers
from django_kafka.conf.shown import shown
from django_kafka.exceptions import DjangoKafkaError


@register(Tags.compatibility, "django_kafka")
def check_consumers(app_configs: Any = None, **_: Any) -> list[CheckMessage]:
    """Registered consumers: topics, group, handlers."""
    if any(message.is_serious() for message in check_settings()):
        return []  # what consumers make of wrong settings is worth no more words
    messages: list[CheckMessage] = []
    lost = []
    for key in kafka.consumers:
        if not key.endswith(".retry"):
            consumer: Any = kafka.consumers[key]
            found = check_consumer(key, consumer)
            messages += found
            if not any(message.is_serious() for message in found) and not has_brokers(consumer.build_config()):
                lost.append(key)
    if lost:
        messages.append(
            Warning(
                f"For {', '.join(lost)} {NO_BROKERS}.",
                hint="Without it they do not start, and what the project produces goes nowhere.",
                id="django_kafka.W005",
            )
        )
    return messages


def check_consumer(key: str, consumer: Any) -> list[CheckMessage]:
    """What is wrong with one consumer class."""
    if not hasattr(consumer, "build_config"):
        text = f"{key} is registered as a consumer, but is not derived from django_kafka.consumer.Consumer."
        return [Error(text, obj=consumer, id="django_kafka.E009")]
    config = getattr(consumer, "config", {})
    if not isinstance(config, Mapping):
        text = f"The config of consumer {key} must be a dict, not {shown(config)}."
        return [Error(text, obj=consumer, id="django_kafka.E012")]
    topics = getattr(consumer, "topics", None)
    if topics is not None and not hasattr(topics, "get_retryable"):
        text = f"The topics of consumer {key} must be a Topics object, not {type(topics).__name__}."
        return [Error(text, hint="Write topics = Topics(MyTopic()).", obj=consumer, id="django_kafka.E009")]
    messages: list[CheckMessage] = []
    if topics is None or not list(topics):
        messages.append(
            Warning(
                f"Consumer {key} has no topics, so there is nothing to consume.",
                hint="Set topics = Topics(MyTopic()) on the class.",
                obj=consumer,
                id="django_kafka.W003",
            )
        )
    try:
        group = consumer.build_config().get("group.id")
    except DjangoKafkaError as error:
        return [*messages, Error(f"Consumer {key}: {error}", obj=consumer, id="django_kafka.E008")]
    messages += _check_group(key, consumer, group)
    messages += check_client_config(config, f"The config of consumer {key}")
    messages += check_methods(key, consumer)
    own = list(topics) if topics is not None else []
    for topic in own:
        messages += check_topic(key, consumer, topic, group if isinstance(group, str) else None)
    if any(message.is_serious() for message in messages):
        return messages
    messages += _check_names(key, consumer, own)
    messages += try_consumer(key, consumer, [topic.name for topic in own])
    if f"{key}.retry" in kafka.consumers and not messages:
        messages += try_consumer(f"{key}.retry", kafka.consumers[f"{key}.retry"], [])
    return messages


def _check_names(key: str, consumer: Any, topics: list[Any]) -> list[CheckMessage]:
    """The first of two topics of one name would get all messages."""
    names = Counter(topic.name for topic in topics)
    return [
        Error(
            f"Consumer {key} has {count} topics called {name!r}: only the first one would get messages.",
            obj=consumer,
            id="django_kafka.E043",
        )
        for name, count in names.items()
        if count > 1
    ]


def _check_group(key: str, consumer: Any, group: Any) -> list[CheckMessage]:
    if isinstance(group, str) and group:
        return []
    wrong = f"has a 'group.id' that is not a string, {shown(group)}" if group else "has no 'group.id'"
    return [
        Error(
            f"Consumer {key} {wrong}.",
            hint=f"Set it in the config of the class, or in {SETTINGS_KEY}['CONSUMER_CONFIG'].",
            obj=consumer,
            id="django_kafka.E006",
        )
    ]
