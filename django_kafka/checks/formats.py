# SPDX-License-Identifier: MIT
"""What topics need to read and write their messages: packages, schemas, the registry. Nothing is asked of it."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error

from django_kafka import kafka
from django_kafka.conf import SETTINGS_KEY, settings
from django_kafka.exceptions import DjangoKafkaError

ID = "django_kafka.E042"
METHODS = ("get_key_deserializer", "get_value_deserializer", "get_key_serializer", "get_value_serializer")


def check_registry() -> list[CheckMessage]:
    """The setting SCHEMA_REGISTRY: whether a client can be made of it."""
    config = settings.SCHEMA_REGISTRY
    if not config:
        return []
    urls = config.get("url")
    if isinstance(urls, str):
        parts = [part.strip() for part in urls.split(",")]
        if not all(part.startswith(("http://", "https://")) for part in parts):
            text = f"{SETTINGS_KEY}['SCHEMA_REGISTRY']: its 'url' must begin with http:// or https://."
            return [Error(text, id=ID)]
    try:
        _ = kafka.schema_client
    except DjangoKafkaError as error:
        return [Error(str(error), id=ID)]
    return []


def check_format(where: str, topic: Any) -> list[CheckMessage]:
    """Whether the (de)serializers of a topic can be made. Only this package's own methods are called for it."""
    reasons: dict[str, str] = {}
    for name in METHODS:
        method = getattr(type(topic), name, None)
        if not getattr(method, "__module__", "").startswith("django_kafka."):
            continue
        try:
            getattr(topic, name)()
        except Exception as error:  # of a package, a schema, the registry's client: all are the configuration's
            reasons.setdefault(str(error), name)
    return [
        Error(f"{where}: {name}() fails: {reason}", hint=_hint(reason), obj=type(topic), id=ID)
        for reason, name in reasons.items()
    ]


def _hint(reason: str) -> str | None:
    if "SCHEMA_REGISTRY" in reason and "not defined" in reason:
        return f'Set {SETTINGS_KEY}[\'SCHEMA_REGISTRY\'] to {{"url": "http://…"}}.'
    return None
