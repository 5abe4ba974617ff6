# SPDX-License-Identifier: MIT
"""Which schemas `kafka_schema` is about, and the subjects they belong to."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from confluent_kafka.schema_registry import Schema, topic_subject_name_strategy
from django.apps import apps
from django.core.management.base import CommandError
from django.utils.module_loading import import_string

from django_kafka import kafka
from django_kafka._native import SchemaError
from django_kafka.schema.avro import AvroSchema
from django_kafka.schema.registry import compile_schema
from django_kafka.topic.json import JSONTopicConsumer, JSONTopicProducer

_STRATEGIES = ("subject.name.strategy", "subject.name.strategy.type")


@dataclass(frozen=True)
class Source:
    """A schema of the project. name: as the user has written it. subject: None where it is not known, for the reason
    `unknown`."""

    name: str
    schema: Schema
    subject: str | None
    unknown: str = ""

    def needed_subject(self) -> str:
        if self.subject is None:
            raise CommandError(f"{self.name}: {self.unknown}", returncode=2)
        return self.subject

    def validate(self) -> None:
        """Errors: CommandError for what is no schema; those of the registry, which is asked for what it refers to."""
        try:
            if (self.schema.schema_type or "AVRO") == "AVRO":
                compile_schema(kafka.schema_client, self.schema)
            else:
                json.loads(self.schema.schema_str or "")
        except (SchemaError, ValueError) as error:
            raise CommandError(f"{self.name}: the schema is none: {error}", returncode=2) from error


def find_sources(options: dict[str, Any]) -> list[Source]:
    """Those that are named, or else those of all topics of registered consumers."""
    names: list[str] = options["source"]
    if names:
        return [_named(name, options) for name in names]
    if options["subject"]:
        raise CommandError("--subject is for one model or topic: name it.", returncode=2)
    found = list(_registered())
    if not found:
        raise CommandError(
            "No topic of a registered consumer has a `value_schema` or `key_schema`: name a model or a topic.",
            returncode=2,
        )
    return found


def _registered() -> Iterator[Source]:
    seen: set[type] = set()
    for key in kafka.consumers:
        for topic in getattr(kafka.consumers[key], "topics", None) or ():
            if type(topic) in seen:
                continue
            seen.add(type(topic))
            for is_key in (False, True):
                if getattr(topic, _attribute(is_key), None) is not None and not getattr(topic, "main_topic", None):
                    yield _of_topic(f"{type(topic).__module__}.{type(topic).__qualname__}", topic, is_key)


def _named(name: str, options: dict[str, Any]) -> Source:
    model = _model(name)
    if model is not None:
        why = "for a model the subject is not known: name it, as in --subject TOPIC-value."
        return Source(name, Schema(_of_model(model, options).to_json(), "AVRO"), options["subject"], why)
    try:
        topic = import_string(name)
    except ImportError as error:
        raise CommandError(
            f"{name} is neither a model (app_label.Model) nor the path of a topic: {error}", returncode=2
        ) from error
    source = _of_topic(name, topic, options["key"])
    return Source(name, source.schema, options["subject"]) if options["subject"] else source


def _of_model(model: Any, options: dict[str, Any]) -> AvroSchema:
    fields, exclude = (
        [name.strip() for name in options[key].split(",")] if options[key] else None for key in ("fields", "exclude")
    )
    if options["key"]:
        return AvroSchema.key_from_model(model, fields or "pk", options["namespace"])
    details = {name: options[name] for name in ("namespace", "precision", "defaults", "docs")}
    return AvroSchema.from_model(model, fields, exclude or False, **details)


def _model(source: str) -> Any:
    if source.count(".") != 1:
        return None
    try:
        return apps.get_model(source)
    except (LookupError, ValueError):
        return None


def _attribute(is_key: bool) -> str:
    return "key_schema" if is_key else "value_schema"


def _of_topic(name: str, topic: Any, is_key: bool) -> Source:
    """topic: a class or an object. What is a property of the class is read of an object."""
    if inspect.isclass(topic):
        try:
            topic = topic()
        except Exception as error:
            raise CommandError(f"{name} cannot be made: {type(error).__name__}: {error}", returncode=2) from error
    schema = getattr(topic, _attribute(is_key), None)
    if schema is None:
        raise CommandError(f"{name} has no `{_attribute(is_key)}`.", returncode=2)
    # What refers to other schemas, or has rules, is a Schema: all of it goes to the registry.
    if not isinstance(schema, Schema):
        kind = "JSON" if isinstance(topic, (JSONTopicConsumer, JSONTopicProducer)) else "AVRO"
        schema = Schema(str(schema), kind)
    unknown = _why_unknown(topic)
    return Source(name, schema, None if unknown else f"{topic.name}-{'key' if is_key else 'value'}", unknown)


def _why_unknown(topic: Any) -> str:
    """Why the subject does not follow from the topic's name."""
    if str(topic.name).startswith("^"):
        return "its `name` is a pattern, which has no subject: name one, as in --subject TOPIC-value."
    conf = getattr(topic, "schema_config", None) or {}
    if any(conf.get(key) not in (None, "", "TOPIC", topic_subject_name_strategy) for key in _STRATEGIES):
        return "its `schema_config` has a subject name strategy: name the subject (--subject)."
    return ""
