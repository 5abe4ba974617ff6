# SPDX-License-Identifier: MIT
"""The settings: one dict, DJANGO_KAFKA, in Django's settings. Each is read when it is needed, never at import.

options.py declares them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.conf import settings as django_settings
from django.core.signals import setting_changed

from django_kafka.conf.loading import load
from django_kafka.conf.options import FAILURE_TOPICS, OPTIONS
from django_kafka.exceptions import ConfigurationError
from django_kafka.retry.settings import RetrySettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "DEFAULTS",
    "FAILURE_TOPICS_DEFAULTS",
    "NO_BROKERS",
    "SETTINGS_KEY",
    "Setting",
    "Settings",
    "has_brokers",
    "load",
    "settings",
    "written_where",
]

T = TypeVar("T")

SETTINGS_KEY = "DJANGO_KAFKA"

DEFAULTS: dict[str, Any] = {name: option.default for name, option in OPTIONS.items()}
FAILURE_TOPICS_DEFAULTS: dict[str, Any] = {option.name: option.default for option in FAILURE_TOPICS}


class Settings:
    """The user's value, else the default. A nested dict replaces the default's, it is not merged with it."""

    def __getattr__(self, name: str) -> Any:
        try:
            return _read(name)
        except KeyError:
            raise AttributeError(f"Invalid setting: '{name}'") from None

    def get_retry_settings(self) -> RetrySettings | None:
        """RETRY_SETTINGS as an object, None when there are none.

        Errors: ConfigurationError when the setting is not what RetrySettings takes."""
        options = self.RETRY_SETTINGS
        if not options:
            return None
        known = self.__dict__.get("_retry")
        if known is not None and known[0] == options:
            made: RetrySettings = known[1]
            return made
        try:
            made = RetrySettings(**options)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"{SETTINGS_KEY}['RETRY_SETTINGS'] is wrong: {error}.") from error
        self.__dict__["_retry"] = (dict(options), made)
        return made

    def get_failure_topics(self) -> dict[str, Any]:
        """FAILURE_TOPICS, completed by what it leaves out."""
        return {**FAILURE_TOPICS_DEFAULTS, **self.FAILURE_TOPICS}

    def reload(self) -> None:
        """Forget what was derived from settings."""
        self.__dict__.pop("_retry", None)


def _read(name: str) -> Any:
    user: Mapping[str, Any] = getattr(django_settings, SETTINGS_KEY, None) or {}
    return user[name] if name in user else DEFAULTS[name]


class _Known:
    """A known setting, found on the class: what is not found there costs Python an AttributeError before it asks
    __getattr__(), and some settings are read at each failure."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, obj: object | None, owner: type | None = None) -> Any:
        return _read(self.name)


for _name in DEFAULTS:
    setattr(Settings, _name, _Known(_name))

settings = Settings()


class Setting(Generic[T]):
    """A class attribute that is a setting: read at each access, and simply replaced by a subclass that assigns it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, obj: object | None, owner: type | None = None) -> T:
        value: T = getattr(settings, self.name)
        return value


# Where a client's configuration can say which brokers there are. Without any it waits for ever, and says nothing.
_BROKER_KEYS = ("bootstrap.servers", "metadata.broker.list", "test.mock.num.brokers")
NO_BROKERS = f"there is no 'bootstrap.servers': set it in {SETTINGS_KEY}['GLOBAL_CONFIG']"


def has_brokers(config: Mapping[str, Any]) -> bool:
    """Whether a client's configuration names brokers."""
    return any(config.get(key) for key in _BROKER_KEYS)


def written_where(error: Exception, layers: Iterable[tuple[str, Mapping[str, Any]]]) -> str:
    """Where the key that an error of the client is about was written, " (it is in ...)", as far as one can tell.

    layers: configurations with what they are called; of those that have the key the last one counts."""
    key = getattr(error, "key", None)
    places = [name for name, layer in layers if key in layer]
    return f" (it is in {places[-1]})" if places else ""


def _on_setting_changed(*, setting: str, **_: object) -> None:
    if setting == SETTINGS_KEY:
        settings.reload()


setting_changed.connect(_on_setting_changed, dispatch_uid="django_kafka.conf.reload")
