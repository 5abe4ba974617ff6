# SPDX-License-Identifier: MIT
"""The client of a consumer: how it is configured, and what is said when it cannot be."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django_kafka._native import ConfigError
from django_kafka.conf import SETTINGS_KEY, settings, written_where
from django_kafka.conf.shown import shown
from django_kafka.exceptions import ConfigurationError
from django_kafka.producer import make_error_handler


def build_config(cls: Any) -> dict[str, Any]:
    """The configuration of a consumer class's client: settings first, then its own `config`; later ones win."""
    config = {
        "client.id": settings.CLIENT_ID,
        **settings.GLOBAL_CONFIG,
        **settings.CONSUMER_CONFIG,
        "logger": cls.default_logger,
        "error_cb": make_error_handler(cls.default_error_handler),
        **getattr(cls, "config", {}),
    }
    return {key: _as_the_engine_reads(value) for key, value in config.items()}


def _as_the_engine_reads(value: Any) -> Any:
    """bytes and what is derived from str, an Enum for example, are the text that they hold, not what str() gives. Who
    asks for a value afterwards has the one that librdkafka gets."""
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    return str.__str__(value) if isinstance(value, str) else value


def make_client(
    make: Callable[..., Any], config: dict[str, Any], consumer: str, layers: Iterable[tuple[str, dict[str, Any]]]
) -> Any:
    """make(config), with offsets that follow outcomes alone, whatever the configuration says about storing them.

    consumer: its name, for errors. layers: where the configuration was written, as written_where() takes them.
    Errors: ConfigurationError names the wrong key and where it is set."""
    options: dict[str, Any] = {}
    if not is_boolean(stores := config.get("enable.auto.offset.store", False)):  # which librdkafka does not get
        text = f"the value {shown(stores)} of 'enable.auto.offset.store' is neither true nor false"
        raise ConfigurationError(f"The configuration of {consumer} is wrong: {text}.")
    if is_false(config.get("enable.auto.commit")):
        options["commit_interval"] = 0.0  # as asked for: no timer; what is finished is committed after each batch
    try:
        return make({**config, "enable.auto.offset.store": False}, **options)
    except ConfigError as error:
        text = f"{str(error).strip()}{written_where(error, layers)}"
        if not config.get("group.id"):
            text += f"; set 'group.id' in {consumer}.config or in {SETTINGS_KEY}['CONSUMER_CONFIG']"
        raise ConfigurationError(f"The configuration of {consumer} is wrong: {text}") from error
    except TypeError as error:  # a callback that cannot be called, or the like
        raise ConfigurationError(f"The configuration of {consumer} is wrong: {error}.") from error


def layers_of(cls: type, consumer: str, *settings_names: str) -> list[tuple[str, dict[str, Any]]]:
    """The configurations that a consumer class's is made of, with what they are called; later ones win."""
    layers = [(f"{SETTINGS_KEY}['{name}']", getattr(settings, name)) for name in settings_names]
    return [*layers, (f"{consumer}.config", getattr(cls, "config", {}))]


def call_subscribe(subscribe: Callable[..., Any], topics: Sequence[str], **callbacks: Any) -> None:
    """Call a consumer's subscribe(). A class may override it as subscribe(self, topics), as the original's client has
    it, or as subscribe(self)."""
    for arguments in ({"topics": topics, **callbacks}, {"topics": topics}, {}):
        try:
            inspect.signature(subscribe).bind(**arguments)
        except TypeError:
            continue
        break
    subscribe(**arguments)


# The spellings that librdkafka accepts of a value's text.
_FALSE, _TRUE = ("false", "f", "0"), ("true", "t", "1")


def is_boolean(value: Any) -> bool:
    """Whether librdkafka takes this for an option that is on or off."""
    return str(value).lower() in (*_FALSE, *_TRUE)


def is_false(value: Any) -> bool:
    """Whether a configuration value switches something off, as librdkafka reads it. What it refuses is the client's
    to refuse."""
    return str(value).lower() in _FALSE
