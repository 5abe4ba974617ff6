# SPDX-License-Identifier: MIT
"""Configurations tried out: clients are made without an address, so that they connect to nobody, and are closed.

Who will read a configuration judges it: keys, values, files of certificates, options that exclude one another."""

from __future__ import annotations

import importlib
import logging
import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaException
from django.core.checks import CheckMessage, Error

from django_kafka.conf import SETTINGS_KEY, settings, written_where
from django_kafka.exceptions import ConfigurationError

ID = "django_kafka.E040"
# Addresses, and what would be asked for tokens over the network.
_AWAY = frozenset({"bootstrap.servers", "metadata.broker.list", "sasl.oauthbearer.method"})

_silent = logging.getLogger("django_kafka.trial")
_silent.propagate = False
_silent.addHandler(logging.NullHandler())


def try_consumer(key: str, cls: Any, topics: list[str]) -> list[CheckMessage]:
    """Whether a client can be made for this consumer class, and subscribe. key: for the text."""
    client = importlib.import_module("django_kafka.consumer.client")
    native = importlib.import_module("django_kafka._native")
    layers = client.layers_of(cls, f"{cls.__module__}.{cls.__qualname__}", *cls._config_settings)
    try:
        made = client.make_client(native.Consumer, _offline(cls.build_config()), key, layers)
    except ConfigurationError as error:
        return [Error(str(error), obj=cls, id=ID)]
    try:
        return [
            Error(
                f"Consumer {key}: the client does not take the pattern {pattern!r}: it is no POSIX extended regular "
                "expression.",
                hint="It is read by the C library's regcomp().",
                obj=cls,
                id="django_kafka.E013",
            )
            for pattern in topics
            if pattern.startswith("^") and not _is_taken(made, pattern)
        ]
    finally:
        made.close()


def try_producer() -> list[CheckMessage]:
    """Whether a producer can be made of the settings."""
    native = importlib.import_module("django_kafka._native")
    layers = [(f"{SETTINGS_KEY}['{name}']", getattr(settings, name)) for name in ("GLOBAL_CONFIG", "PRODUCER_CONFIG")]
    config = {"client.id": settings.CLIENT_ID, **settings.GLOBAL_CONFIG, **settings.PRODUCER_CONFIG}
    try:
        native.Producer(_offline(config)).close(0)
    except (native.ConfigError, TypeError) as error:
        text = f"The producer's configuration is wrong: {str(error).strip()}{written_where(error, layers)}."
        return [Error(text, id=ID)]
    return []


def _offline(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of a client that asks nobody, and calls nothing of the project's."""
    has_tokens = callable(config.get("oauth_cb")) or config.get("sasl.oauthbearer.method") == "oidc"
    return {
        **{
            key: value
            for key, value in config.items()
            if key not in _AWAY and not str(key).endswith("_cb") and not str(key).startswith("on_")
        },
        **({"oauth_cb": _some_token} if has_tokens else {}),
        "logger": _silent,
        "sasl.kerberos.min.time.before.relogin": 0,  # or librdkafka would run kinit
    }


def _some_token(config: str) -> tuple[str, float]:
    """For nobody to see: the client connects to nobody."""
    return "token", time.time() + 3600


def _is_taken(client: Any, pattern: str) -> bool:
    try:
        client.subscribe([pattern])
    except KafkaException:
        return False
    return True
