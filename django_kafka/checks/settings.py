# SPDX-License-Identifier: MIT
"""DJANGO_KAFKA: its keys, and what each value has to be (django_kafka.conf.options)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from django_kafka.checks.client import check_client_config
from django_kafka.checks.formats import check_registry
from django_kafka.checks.trial import try_producer
from django_kafka.conf import SETTINGS_KEY
from django_kafka.conf.kinds import near
from django_kafka.conf.options import OPTIONS
from django_kafka.logs.clean import repr_of


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
        if key not in OPTIONS:
            messages.append(_unknown_key(key))
        elif (wrong := (kind := OPTIONS[key].kind).check(value)) is not None:
            messages.append(Error(f"{SETTINGS_KEY}[{key!r}]: {wrong}.", id=f"django_kafka.{kind.id}"))
    if not messages:
        messages += _check_clients(user)
    if not any(message.is_serious() for message in messages):
        messages += check_registry()
        if {"GLOBAL_CONFIG", "PRODUCER_CONFIG"} & user.keys():
            messages += try_producer()
    return messages


def _unknown_key(key: Any) -> CheckMessage:
    """Something misspelt is an error; a key like none of ours may be the project's own, which the original allows."""
    meant = near(str(key), OPTIONS, cutoff=0.8)
    hint = (
        "The keys are listed in django_kafka.conf.DEFAULTS, and explained in "
        "share/doc/django-kafka-native/docs/settings.md of this Python environment."
    )
    if meant:
        return Error(f"{SETTINGS_KEY} has an unknown key {repr_of(key)}{meant}.", hint=hint, id="django_kafka.E002")
    text = f"{SETTINGS_KEY} has a key {repr_of(key)} that is none of django_kafka's."
    return Warning(text, hint=hint, id="django_kafka.W004")


def _check_clients(user: Mapping[str, Any]) -> list[CheckMessage]:
    """Client options that have no effect, because the engine keeps track of offsets by itself."""
    messages: list[CheckMessage] = []
    for key in ("GLOBAL_CONFIG", "PRODUCER_CONFIG", "CONSUMER_CONFIG", "RETRY_CONSUMER_CONFIG"):
        messages += check_client_config(user.get(key, {}), f"{SETTINGS_KEY}[{key!r}]")
    return messages
