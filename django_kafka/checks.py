# SPDX-License-Identifier: MIT
"""System checks: what is wrong with the settings or with the registered consumers, before anything runs."""

from __future__ import annotations

import difflib
import importlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from django_kafka import DISTRIBUTION, kafka
from django_kafka.conf import DEFAULTS, FAILURE_TOPICS_DEFAULTS, NO_BROKERS, SETTINGS_KEY, has_brokers, load
from django_kafka.exceptions import DjangoKafkaError
from django_kafka.retry.settings import RetrySettings

Check = Callable[[Any], str | None]


def _is(types: type | tuple[type, ...], what: str, *, empty: bool = False) -> Check:
    """A check that a value is of one of these types. empty: None is right too."""

    def check(value: Any) -> str | None:
        if (empty and value is None) or (isinstance(value, types) and not _is_stray_bool(value, types)):
            return None
        return f"must be {what}, not {value!r}"

    return check


def _is_stray_bool(value: Any, types: type | tuple[type, ...]) -> bool:
    return isinstance(value, bool) and bool not in (types if isinstance(types, tuple) else (types,))


def _suffix(value: Any) -> str | None:
    if isinstance(value, str) and value and all(c.isascii() and (c.isalnum() or c in "._-") for c in value):
        return None
    return f"must be a part of a topic name (letters, digits, '.', '_', '-'), not {value!r}"


def _positive(value: Any) -> str | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
        return None
    return f"must be a number of seconds greater than zero, not {value!r}"


def _importable(value: Any) -> str | None:
    if not isinstance(value, str):
        return f"must be a dotted path, not {value!r}"
    try:
        loaded = load(value, "it")
    except DjangoKafkaError as error:
        return str(error).removeprefix("it: ").rstrip(".")
    return None if callable(loaded) else f"{value!r} is not callable"


def _retry_settings(value: Any) -> str | None:
    if not value:
        return None
    if not isinstance(value, Mapping):
        return f"must be a dict of arguments for RetrySettings, not {value!r}"
    for name in ("include", "exclude"):
        if not isinstance(value.get(name, ()), (list, tuple, set, frozenset, type(None))):
            return f"{name} must be a list of exception classes, not {value[name]!r}"
    try:
        rules = RetrySettings(**value)
    except (TypeError, ValueError) as error:
        return str(error).removeprefix("RetrySettings.__init__() ")
    return _retry_classes(rules)


def _retry_classes(rules: Any) -> str | None:
    """What is wrong with `include` or `exclude`: isinstance() would say so with the first message that fails."""
    for name in ("include", "exclude"):
        for item in getattr(rules, name, None) or ():
            if not (isinstance(item, type) and issubclass(item, BaseException)):
                return f"{name} must be a list of exception classes, {item!r} is none"
    return None


def _database_errors(value: Any) -> str | None:
    return None if value in ("wait", "fail") else f"must be 'wait' or 'fail', not {value!r}"


def _count(value: Any) -> str | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        return None
    return f"must be a whole number greater than zero, or None, not {value!r}"


_FAILURE_TOPICS: dict[str, Check] = {
    "create": _is(bool, "True or False"),
    "partitions": _count,
    "replication": _count,
    "config": _is(Mapping, "a dict"),
    "timeout": _positive,
}


def _failure_topics(value: Any) -> str | None:
    if not isinstance(value, Mapping):
        return f"must be a dict, not {value!r}"
    unknown = [
        f"{key!r}{_near(str(key), FAILURE_TOPICS_DEFAULTS)}" for key in value if key not in FAILURE_TOPICS_DEFAULTS
    ]
    if unknown:
        return f"has unknown keys: {', '.join(unknown)}"
    for key, check in _FAILURE_TOPICS.items():
        if key in value and (wrong := check(value[key])) is not None:
            return f"{key!r} {wrong}"
    return None


def _connect_auth(value: Any) -> str | None:
    if value is None or callable(value) or (isinstance(value, tuple) and len(value) == 2):
        return None
    return "must be a tuple of user and password, or a requests.auth.AuthBase"


_MAPPING = _is(Mapping, "a dict")
_TEXT = _is(str, "a string")
_TEXT_OR_NONE = _is(str, "a string or None", empty=True)

# Settings of later versions of the original that have no effect here are accepted as they are.
VALUES: dict[str, Check] = {
    "CLIENT_ID": _TEXT,
    "ERROR_HANDLER": _importable,
    "GLOBAL_CONFIG": _MAPPING,
    "PRODUCER_CONFIG": _MAPPING,
    "CONSUMER_CONFIG": _MAPPING,
    "POLLING_FREQUENCY": _positive,
    "RETRY_CONSUMER_CONFIG": _MAPPING,
    "RETRY_SETTINGS": _retry_settings,
    "RETRY_TOPIC_SUFFIX": _suffix,
    "DEAD_LETTER_TOPIC_SUFFIX": _suffix,
    "DATABASE_ERRORS": _database_errors,
    "FAILURE_TOPICS": _failure_topics,
    "FAILURE_LOG_LIMIT": _count,
    "SLOW_HANDLER_SECONDS": _is((int, float), "a number of seconds or None", empty=True),
    "SCHEMA_REGISTRY": _is(Mapping, "a dict or None", empty=True),
    "CONNECT_HOST": _TEXT_OR_NONE,
    "CONNECT_AUTH": _connect_auth,
    "CONNECT_RETRY": _is(Mapping, "a dict or None", empty=True),
    "CONNECT_REQUESTS_TIMEOUT": _is((int, float, tuple), "a number of seconds", empty=True),
    "CONNECTOR_NAME_PREFIX": _TEXT_OR_NONE,
    "REPRODUCER_CONFIG": _MAPPING,
    "CONNECT_DATABASE": _is(Mapping, "a dict or None", empty=True),
    "RELATION_RESOLVER_DAEMON_INTERVAL": _is(timedelta, "a timedelta"),
}


def _near(key: str, names: Iterable[str], cutoff: float = 0.6) -> str:
    """The name that was probably meant, for the end of a sentence."""
    by_folded = {name.lower().replace("-", "_"): name for name in names}
    found = difflib.get_close_matches(key.lower().replace("-", "_"), by_folded, n=1, cutoff=cutoff)
    return f" (did you mean {by_folded[found[0]]!r}?)" if found else ""


@register(Tags.compatibility, "django_kafka")
def check_settings(app_configs: Any = None, **_: Any) -> list[CheckMessage]:
    """DJANGO_KAFKA: its type, its keys and the type of each value."""
    user = getattr(django_settings, SETTINGS_KEY, None)
    if user is None:
        return []
    if not isinstance(user, Mapping):
        return [Error(f"{SETTINGS_KEY} must be a dict, not {type(user).__name__}.", id="django_kafka.E001")]
    messages: list[CheckMessage] = []
    for key, value in user.items():
        if key not in DEFAULTS:
            messages.append(_unknown_key(key))
        elif (check := VALUES.get(key)) is not None and (wrong := check(value)) is not None:
            number = "E004" if check is _importable else "E003"
            messages.append(Error(f"{SETTINGS_KEY}[{key!r}]: {wrong}.", id=f"django_kafka.{number}"))
    if not messages:
        messages += _check_clients(user)
    return messages


def _unknown_key(key: Any) -> CheckMessage:
    """Something misspelt is an error; a key like none of ours may be the project's own, which the original allows."""
    near = _near(str(key), DEFAULTS, cutoff=0.8)
    hint = (
        "The keys are listed in django_kafka.conf.DEFAULTS, and explained in "
        "share/doc/django-kafka-native/docs/settings.md of this Python environment."
    )
    if near:
        return Error(f"{SETTINGS_KEY} has an unknown key {key!r}{near}.", hint=hint, id="django_kafka.E002")
    text = f"{SETTINGS_KEY} has a key {key!r} that is none of django_kafka's."
    return Warning(text, hint=hint, id="django_kafka.W004")


def _check_clients(user: Mapping[str, Any]) -> list[CheckMessage]:
    """Client options that have no effect, because the engine keeps track of offsets by itself."""
    messages: list[CheckMessage] = []
    for key in ("GLOBAL_CONFIG", "PRODUCER_CONFIG", "CONSUMER_CONFIG", "RETRY_CONSUMER_CONFIG"):
        messages += check_client_config(user.get(key, {}), f"{SETTINGS_KEY}[{key!r}]")
    return messages


def check_client_config(config: Mapping[Any, Any], where: str) -> list[CheckMessage]:
    """What is wrong with a client's configuration. where: for the text."""
    messages: list[CheckMessage] = []
    if str(config.get("enable.auto.offset.store", False)).lower() in ("true", "1", "t", "yes"):
        messages.append(
            Warning(
                f"{where}: 'enable.auto.offset.store' is on. It would count a message as done as soon as it is "
                "fetched, and one whose handler fails or is interrupted would be lost. It is ignored.",
                hint="Remove it: django_kafka stores the offset of a message when its handler has succeeded.",
                id="django_kafka.W002",
            )
        )
    for key in config:
        if not isinstance(key, str):
            messages.append(Error(f"{where}: the key {key!r} is not a string.", id="django_kafka.E005"))
        elif "_" in key and not key.endswith("_cb") and key not in _KEYS_WITH_UNDERSCORE:
            messages.append(
                Error(
                    f"{where}: {key!r} is no client option (did you mean {key.replace('_', '.')!r}?).",
                    id="django_kafka.E005",
                )
            )
    return messages


# Callables are the only client options with an underscore in their names.
_KEYS_WITH_UNDERSCORE = frozenset({"on_commit", "on_delivery"})


@register(Tags.compatibility, "django_kafka")
def check_distributions(app_configs: Any = None, **_: Any) -> list[CheckMessage]:
    """The original and this replacement have the same import name: only one of them can be installed."""
    installed = [name for name in ("django-kafka", DISTRIBUTION) if _is_installed(name)]
    if len(installed) < 2:
        return []
    return [
        Warning(
            f"Both {installed[0]} and {installed[1]} are installed. They share the import name django_kafka, so that "
            "which of their files are in use depends on which was installed last.",
            hint=f"pip uninstall -y {installed[0]} {installed[1]} && pip install {DISTRIBUTION}",
            id="django_kafka.W001",
        )
    ]


def _is_installed(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True


@register(Tags.compatibility, "django_kafka")
def check_consumers(app_configs: Any = None, **_: Any) -> list[CheckMessage]:
    """Registered consumers: topics, group, handlers."""
    if any(message.is_serious() for message in check_settings()):
        return []  # what consumers make of wrong settings is worth no more words
    messages: list[CheckMessage] = []
    lost = []
    for key in kafka.consumers:
        if not key.endswith(".retry"):
            consumer = kafka.consumers[key]
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
    config = getattr(consumer, "config", {})
    if not isinstance(config, Mapping):
        text = f"The config of consumer {key} must be a dict, not {config!r}."
        return [Error(text, obj=consumer, id="django_kafka.E012")]
    topics = getattr(consumer, "topics", None)
    if topics is not None and not hasattr(topics, "get_retryable"):
        text = f"The topics of consumer {key} must be a Topics object, not {topics!r}."
        return [Error(text, hint="Write topics = Topics(MyTopic()).", obj=consumer, id="django_kafka.E009")]
    messages: list[CheckMessage] = []
    if topics is None or not list(topics):
        messages.append(
            Warning(
                f"Consumer {key} has no topics, so that there is nothing for it to consume.",
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
    for topic in topics if topics is not None else ():
        messages += check_topic(key, consumer, topic, group if isinstance(group, str) else None)
    return messages


def _check_group(key: str, consumer: Any, group: Any) -> list[CheckMessage]:
    if isinstance(group, str) and group:
        return []
    wrong = f"has a 'group.id' that is no string, {group!r}" if group else "has no 'group.id'"
    return [
        Error(
            f"Consumer {key} {wrong}.",
            hint=f"Set it in the config of the class, or in {SETTINGS_KEY}['CONSUMER_CONFIG'].",
            obj=consumer,
            id="django_kafka.E006",
        )
    ]


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
    if getattr(type(topic), "consume", None) is base.TopicConsumer.consume:
        messages.append(
            Error(
                f"{where} has no consume() method, so that none of its messages could be handled.",
                hint="Define consume(self, msg).",
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
    return (
        messages
        + _check_pattern(where, topic)
        + _check_rules(where, topic)
        + _check_failure_names(where, topic, group)
    )


def _check_pattern(where: str, topic: Any) -> list[CheckMessage]:
    if not topic.is_regex():
        return []
    try:
        re.compile(topic.name)
    except re.error as error:
        text = f"{where}: its name {topic.name!r} begins with '^' but is no regular expression ({error})."
        return [Error(text, obj=type(topic), id="django_kafka.E013")]
    return []


def _check_rules(where: str, topic: Any) -> list[CheckMessage]:
    """Retry rules, and relations: those are for a resolver that is not there."""
    messages: list[CheckMessage] = []
    if wrong := _retry_classes(topic.retry_settings):
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


__all__: Sequence[str] = ("check_consumers", "check_distributions", "check_settings")
