# SPDX-License-Identifier: MIT
"""Registered connectors, and where Kafka Connect is. Nothing is asked over the network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning, register

from django_kafka import kafka
from django_kafka.conf import SETTINGS_KEY, settings
from django_kafka.exceptions import ConfigurationError


@register(Tags.compatibility, "django_kafka")
def check_connectors(app_configs: Any = None, **_: Any) -> list[CheckMessage]:
    """The classes of connectors, and CONNECT_HOST."""
    messages = [message for name in kafka.connectors for message in _check_class(name, kafka.connectors[name])]
    return messages + _check_host()


def _check_class(name: str, cls: Any) -> list[CheckMessage]:
    where = f"Connector {name}"
    if not isinstance(name, str) or not name:
        text = f"The name of connector {cls.__module__}.{cls.__qualname__} must be a string, not {name!r}."
        return [Error(text, obj=cls, id="django_kafka.E030")]
    config = getattr(cls, "config", None)
    if cls.mark_for_removal:
        return []
    if isinstance(config, property):
        return _check_made(where, cls, config)
    if not isinstance(config, Mapping):
        return [Error(f"{where}: its config must be a dict.", obj=cls, id="django_kafka.E030")]
    if "connector.class" not in config:
        hint = (
            "Write the Java class of the connector, io.debezium.connector.postgresql.PostgresConnector for example."
        )
        return [Error(f"{where}: its config has no 'connector.class'.", hint=hint, obj=cls, id="django_kafka.E030")]
    if strange := [str(option) for option, value in config.items() if isinstance(value, (Mapping, list, tuple, set))]:
        text = f"{where}: Kafka Connect takes no lists and no dicts, which these options are: {', '.join(strange)}."
        return [Error(text, hint="Write a string with commas.", obj=cls, id="django_kafka.E030")]
    return []


def _check_made(where: str, cls: Any, config: property) -> list[CheckMessage]:
    """A configuration that a method makes. Only this package's own are called for it: a project's may ask anybody."""
    if not getattr(config.fget, "__module__", "").startswith("django_kafka."):
        return []
    try:
        config.__get__(object.__new__(cls))  # a client of Kafka Connect is not needed for it
    except ConfigurationError as error:
        return [Error(f"{where}: {error}", obj=cls, id="django_kafka.E030")]
    return []


def _check_host() -> list[CheckMessage]:
    host = settings.CONNECT_HOST
    if host and isinstance(host, str):
        if all(part.strip().startswith(("http://", "https://")) for part in host.split(",") if part.strip()):
            return []
        text = f"{SETTINGS_KEY}['CONNECT_HOST']: each host must be a URL that begins with http:// or https://."
        return [Error(text, id="django_kafka.E031")]
    if not len(kafka.connectors) or host:
        return []
    return [
        Warning(
            f"Connectors are registered, but there is no {SETTINGS_KEY}['CONNECT_HOST'].",
            hint="kafka_connect needs it.",
            id="django_kafka.W030",
        )
    ]
