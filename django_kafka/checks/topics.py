# SPDX-License-Identifier: MIT
"""The topics of a consumer: names, patterns, handlers, retry rules."""

from __future__ import annotations

import importlib
import re
from typing import Any

from django.core.checks import CheckMessage, Error, Warning

from django_kafka.checks.batches import check_batches, check_transactions
from django_kafka.checks.formats import check_format
from django_kafka.checks.handlers import check_handler
from django_kafka.checks.model_topics import check_model_topic
from django_kafka.conf.kinds import retry_classes
from django_kafka.exceptions import ConfigurationError
from django_kafka.retry.settings import RetrySettings
from django_kafka.utils import dialects

PATTERN_HINT = 'Which expressions all readers share is in docs/topics-and-consumers.md, "Patterns".'


def check_topic(key: str, consumer: Any, topic: Any, group: str | None) -> list[CheckMessage]:
    """What is wrong with one topic of a consumer."""
    base = importlib.import_module("django_kafka.topic")
    messages: list[CheckMessage] = []
    where = f"Topic {type(topic).__module__}.{type(topic).__qualname__} of consumer {key}"
    if isinstance(topic, type):
        return [
            Error(
                f"Topics of consumer {key} contains the class {topic.__qualname__}, not an object of it.",
                hint=f"Write Topics({topic.__qualname__}()).",
                obj=consumer,
                id="django_kafka.E009",
            )
        ]
    if not isinstance(topic, base.TopicConsumer):
        return [
            Error(
                f"Topics of consumer {key} contains {getattr(topic, 'name', topic)!r:.80} of type "
                f"{type(topic).__name__}, which is no TopicConsumer.",
                hint="Define class MyTopic(TopicConsumer), and write Topics(MyTopic()).",
                obj=consumer,
                id="django_kafka.E009",
            )
        ]
    if not isinstance(topic.name, str) or not topic.name:
        text = f"{where}: its name must be the name of a topic or a pattern, not {topic.name!r}."
        return [Error(text, obj=type(topic), id="django_kafka.E009")]
    if getattr(type(topic), "consume", None) is base.TopicConsumer.consume and not topic.takes_batches:
        messages.append(
            Error(
                f"{where} has no consume() method, so none of its messages could be handled.",
                hint="Define consume(self, msg), or consume_batch(self, messages).",
                obj=type(topic),
                id="django_kafka.E007",
            )
        )
    elif isinstance(topic, base.TopicProducer) and topic.name.startswith("^"):
        messages.append(
            Error(
                f"{where} is also a producer: a topic to produce to cannot be named by a pattern ({topic.name!r}).",
                obj=type(topic),
                id="django_kafka.E010",
            )
        )
    elif not topic.takes_batches:
        messages += check_handler(where, topic)
    return (
        messages
        + check_format(where, topic)
        + _check_pattern(where, consumer, topic)
        + _check_rules(where, topic)
        + _check_failure_names(where, topic, group)
        + check_batches(where, topic)
        + check_transactions(where, topic, consumer, group)
        + check_model_topic(where, topic)
    )


def _check_pattern(where: str, consumer: Any, topic: Any) -> list[CheckMessage]:
    """Whether all that read a pattern read the same."""
    if not topic.is_regex():
        return []
    try:
        dialects.in_python(topic.name)
    except re.error as error:
        text = f"{where}: its name {topic.name!r} begins with '^' but is not a regular expression ({error})."
        return [Error(text, obj=type(topic), id="django_kafka.E013")]
    by_broker = dialects.is_consumer_protocol(consumer.build_config())
    if found := dialects.faults(topic.name, by_broker=by_broker):
        reader = "The broker, which gets the pattern with group.protocol=consumer," if by_broker else "librdkafka"
        text = f"{where}: {reader} does not read {topic.name!r} as Python does: {'; '.join(found)}."
        return [Error(text, hint=PATTERN_HINT, obj=type(topic), id="django_kafka.E013")]
    rules = topic.retry_settings
    if rules is not None and not getattr(rules, "blocking", True):
        try:
            importlib.import_module("django_kafka.retry.topic").middle_of(topic)
        except ConfigurationError as error:
            return [Error(f"{where}: {error}", obj=type(topic), id="django_kafka.E018")]
    return []


def _check_rules(where: str, topic: Any) -> list[CheckMessage]:
    """Retry rules, and relations: those are for a resolver that is not there."""
    messages: list[CheckMessage] = []
    rules = topic.retry_settings
    if rules is not None and not isinstance(rules, RetrySettings):
        text = f"{where}: its retry_settings must be RetrySettings(…) or None, not {type(rules).__name__}."
        messages.append(Error(text, hint="Decorate it: @kafka.retry(…).", obj=type(topic), id="django_kafka.E014"))
    elif wrong := retry_classes(rules):
        messages.append(Error(f"{where}: in its retry rules {wrong}.", obj=type(topic), id="django_kafka.E014"))
    if topic.use_relations_resolver:
        messages.append(
            Warning(
                f"{where} defines get_relations(), which is not called: there is no relations resolver here.",
                hint="Let consume() raise while a relation is missing, with @kafka.retry(max_retries=-1, delay=10).",
                obj=type(topic),
                id="django_kafka.W006",
            )
        )
    return messages


def _check_failure_names(where: str, topic: Any, group: str | None) -> list[CheckMessage]:
    """Whether retry and dead-letter topics can have the names that follow from group and topic."""
    if not group or topic.is_regex():
        return []
    route = importlib.import_module("django_kafka.failures.names").route_of(group)
    try:
        route.retry_topic(topic.name)
        route.dead_topic(topic.name)
    except ValueError as error:
        return [Error(f"{where}: {error}", obj=type(topic), id="django_kafka.E011")]
    return []
