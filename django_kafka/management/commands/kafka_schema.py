# SPDX-License-Identifier: MIT
"""manage.py kafka_schema: Avro schemas of models and topics, and how they stand to the registry."""

from __future__ import annotations

import difflib
import json
from typing import Any

from confluent_kafka.schema_registry import Schema
from confluent_kafka.schema_registry.error import SchemaRegistryError
from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.module_loading import import_string

from django_kafka import kafka
from django_kafka.exceptions import DjangoKafkaError
from django_kafka.schema.avro import AvroSchema
from django_kafka.schema.registry import ask

ACTIONS = {
    "show": "print the schema",
    "diff": "compare it with the latest version in the registry",
    "check": "ask the registry whether it is compatible with the latest version",
    "register": "register it as a new version",
}


class Command(BaseCommand):
    help = "Show the Avro schema of a model or topic, compare it with the registry, check it there, or register it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=list(ACTIONS), help="; ".join(f"{k}: {v}" for k, v in ACTIONS.items()))
        parser.add_argument("source", help="a model (app_label.Model) or the Python path of an AvroTopic")
        parser.add_argument(
            "--key",
            action="store_true",
            help="the schema of the key instead of the value (for a model: its primary key, or --fields)",
        )
        parser.add_argument("--fields", help="for a model: the fields to include, separated by commas")
        parser.add_argument("--exclude", help="for a model: the fields to exclude, separated by commas")
        parser.add_argument("--namespace", help="for a model: the namespace of its record (default: none)")
        parser.add_argument(
            "--precision",
            choices=["millis", "micros"],
            default="millis",
            help="for a model: the precision of its times (default: millis)",
        )
        parser.add_argument(
            "--defaults", action="store_true", help="for a model: include the constant defaults of its fields"
        )
        parser.add_argument("--docs", action="store_true", help="for a model: include the help texts of its fields")
        parser.add_argument(
            "--subject", help="the subject in the registry (default for a topic: NAME-value or NAME-key)"
        )
        parser.add_argument("--compact", action="store_true", help="print the schema on one line")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            schema, subject = self._find(options)
            getattr(self, f"_{options['action']}")(schema, options["subject"] or subject, options)
        except (DjangoKafkaError, SchemaRegistryError, ValueError) as error:
            raise CommandError(str(error)) from error

    def _find(self, options: dict[str, Any]) -> tuple[Schema, str | None]:
        """The schema, and the subject it belongs to, if that is known."""
        source: str = options["source"]
        model = self._model(source)
        if model is None:
            return self._of_topic(source, options["key"])
        return Schema(self._of_model(model, options).to_json(), "AVRO"), None

    @staticmethod
    def _of_model(model: Any, options: dict[str, Any]) -> AvroSchema:
        fields, exclude = (
            [name.strip() for name in options[key].split(",")] if options[key] else None
            for key in ("fields", "exclude")
        )
        if options["key"]:
            return AvroSchema.key_from_model(model, fields or "pk", options["namespace"])
        details = {name: options[name] for name in ("namespace", "precision", "defaults", "docs")}
        return AvroSchema.from_model(model, fields, exclude or False, **details)

    @staticmethod
    def _model(source: str) -> Any:
        if source.count(".") != 1:
            return None
        try:
            return apps.get_model(source)
        except (LookupError, ValueError):
            return None

    @staticmethod
    def _of_topic(source: str, key: bool) -> tuple[Schema, str]:
        try:
            topic = import_string(source)
        except ImportError as error:
            raise CommandError(
                f"{source} is neither a model (app_label.Model) nor the path of a topic: {error}"
            ) from error
        attribute = "key_schema" if key else "value_schema"
        schema = getattr(topic, attribute, None)
        if schema is None:
            raise CommandError(f"{source} has no `{attribute}`.")
        # What refers to other schemas, or has rules, is a Schema: all of it goes to the registry.
        found = schema if isinstance(schema, Schema) else Schema(str(schema), "AVRO")
        return found, f"{topic.name}-{'key' if key else 'value'}"

    def _show(self, schema: Schema, subject: str | None, options: dict[str, Any]) -> None:
        content = _content(schema)
        self.stdout.write(json.dumps(content) if options["compact"] else _pretty(content))

    def _diff(self, schema: Schema, subject: str | None, options: dict[str, Any]) -> None:
        latest = self._latest(_needed(subject))
        if latest is None:
            self.stdout.write(f"{subject}: not in the registry yet.")
            return
        lines = list(
            difflib.unified_diff(
                _lines(latest.schema),
                _lines(schema),
                f"{subject} version {latest.version}",
                options["source"],
                lineterm="",
            )
        )
        self.stdout.write("\n".join(lines) if lines else f"{subject}: as version {latest.version} in the registry.")

    def _check(self, schema: Schema, subject: str | None, options: dict[str, Any]) -> None:
        name = _needed(subject)
        if self._latest(name) is None:
            self.stdout.write(f"{name}: not in the registry yet, any schema may be registered.")
            return
        if not ask(kafka.schema_client.test_compatibility, name, schema):
            raise CommandError(
                f"{name}: NOT compatible with the latest version; `kafka_schema diff` shows what differs."
            )
        self.stdout.write(self.style.SUCCESS(f"{name}: compatible with the latest version."))

    def _register(self, schema: Schema, subject: str | None, options: dict[str, Any]) -> None:
        name = _needed(subject)
        schema_id = ask(kafka.schema_client.register_schema, name, schema)
        self.stdout.write(self.style.SUCCESS(f"{name}: registered with id {schema_id}."))

    @staticmethod
    def _latest(subject: str) -> Any:
        try:
            return ask(kafka.schema_client.get_latest_version, subject)
        except SchemaRegistryError as error:
            if error.http_status_code == 404:
                return None
            raise


def _content(schema: Schema) -> Any:
    return json.loads(schema.schema_str or "null")


def _pretty(schema: Any) -> str:
    return json.dumps(schema, indent=2)


def _lines(schema: Schema) -> list[str]:
    """For a comparison. What a schema refers to is part of it, though not of its text."""
    references = (f"{name.name}: {name.subject} version {name.version}" for name in schema.references or ())
    return [*_pretty(_content(schema)).splitlines(), *references]


def _needed(subject: str | None) -> str:
    if subject is None:
        raise CommandError("For a model the subject is not known: name it, as in --subject TOPIC-value.")
    return subject
