# SPDX-License-Identifier: MIT
"""Model topics: their models, the attributes that say how their messages are read, and how rows are written."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, Error, Warning
from django.db import connections

from django_kafka.connect.versions import has_version
from django_kafka.exceptions import ConfigurationError

# What an attribute of a topic may be.
CHOICES = {
    "tombstones": ("delete", "ignore"),
    "on_truncate": ("skip", "error"),
    "decimal_handling_mode": ("", "precise", "string", "double"),
    "binary_handling_mode": ("", "bytes", "base64", "base64-url-safe", "hex"),
    "time_precision_mode": (
        "",
        "adaptive",
        "adaptive_time_microseconds",
        "connect",
        "microseconds",
        "nanoseconds",
        "isostring",
    ),
}


def check_model_topic(where: str, topic: Any) -> list[CheckMessage]:
    """What is wrong with a model topic; nothing for other topics."""
    base = importlib.import_module("django_kafka.topic.model").ModelTopicConsumer
    if not isinstance(topic, base):
        return []
    messages = list(_check_attributes(where, topic))
    if not messages:
        for model in topic.known_models():
            messages += _check_model(where, topic, model)
    return messages


def _check_attributes(where: str, topic: Any) -> Iterator[CheckMessage]:
    models = topic.known_models()
    if not models and "get_model" not in topic.overridden():
        yield Error(
            f"{where} has no model, so nobody knows what its messages are rows of.",
            hint="Set `model`, or define get_model(self, key, value).",
            obj=type(topic),
            id="django_kafka.E020",
        )
    for model in models:
        if not hasattr(model, "_meta") or getattr(model._meta, "abstract", False):
            text = f"{where}: {model!r} is no model that has a table."
            yield Error(text, obj=type(topic), id="django_kafka.E020")
    if isinstance(topic.exclude_fields, str):
        text = f"{where}: exclude_fields must be a list of names, not the text {topic.exclude_fields!r}."
        yield Error(text, obj=type(topic), id="django_kafka.E021")
    for name, choices in CHOICES.items():
        value = getattr(topic, name)
        if value not in choices:
            allowed = ", ".join(choice for choice in choices if choice)
            text = f"{where}: {name} is {value!r}, not one of {allowed}."
            yield Error(text, obj=type(topic), id="django_kafka.E021")
    if topic.using is not None and topic.using not in connections:
        text = f"{where}: using is {topic.using!r}, which is not in DATABASES."
        yield Error(text, obj=type(topic), id="django_kafka.E021")


def _check_model(where: str, topic: Any, model: Any) -> Iterator[CheckMessage]:
    names = {field.name for field in model._meta.concrete_fields}
    if topic.version_field and topic.version_field not in names:
        text = f"{where}: version_field is {topic.version_field!r}, but {model.__name__} has no such field."
        yield Error(text, obj=type(topic), id="django_kafka.E022")
    elif topic.version_field and topic.tombstones == "delete":
        yield Warning(
            f"{where} has a version_field, but a tombstone carries no version: an old one deletes a newer row.",
            hint="If deletions are marked with __deleted too, set tombstones = 'ignore'.",
            obj=type(topic),
            id="django_kafka.W020",
        )
    elif not topic.version_field and has_version(model):
        yield Warning(
            f"{where} has no version_field, but rows of {model.__name__} have versions: an older event overwrites a "
            "newer row.",
            hint="Set version_field = 'kafka_version'.",
            obj=type(topic),
            id="django_kafka.W021",
        )
    try:
        topic.plan(model)
    except ConfigurationError as error:
        yield Error(f"{where}: {error}", obj=type(topic), id="django_kafka.E023")
