# SPDX-License-Identifier: MIT
"""manage.py kafka_schema: Avro schemas of models and topics, and how they stand to the registry."""

from __future__ import annotations

import difflib
import json
from typing import Any

from confluent_kafka.schema_registry import Schema
from confluent_kafka.schema_registry.error import SchemaRegistryError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_kafka import kafka
from django_kafka.exceptions import DjangoKafkaError
from django_kafka.management.reasons import ask_compatibility, refusal
from django_kafka.management.schemas import Source, find_sources
from django_kafka.management.subjects import latest_version
from django_kafka.schema.registry import ask

ACTIONS = {
    "show": "print the schema",
    "diff": "compare it with the latest version in the registry",
    "check": "ask the registry whether it is compatible with the latest version",
    "register": "register it as a new version",
}


FAULTS = {
    "show": "",
    "diff": "{} of {} schemas differ from the registry's latest version.",
    "check": "{} of {} schemas are not compatible with the latest version; `kafka_schema diff` shows what differs.",
    "register": "{} of {} schemas were not registered.",
}


class Command(BaseCommand):
    help = (
        "Show schemas of models and topics, compare them with the registry, check them there, or register them. The "
        "exit code is 1 if one differs, is not compatible or is refused, and 2 if that could not be found out."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=list(ACTIONS), help="; ".join(f"{k}: {v}" for k, v in ACTIONS.items()))
        parser.add_argument(
            "source",
            nargs="*",
            help="models (app_label.Model) or Python paths of topics (default: keys and values of all topics of "
            "registered consumers that have a schema)",
        )
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
            sources = find_sources(options)
            if options["subject"] and len(sources) > 1:
                raise CommandError("--subject is for one model or topic.", returncode=2)
            action = getattr(self, f"_{options['action']}")
            faults = [source.name for source in sources if not action(source, options)]
        except SchemaRegistryError as error:
            raise CommandError(f"The schema registry says: {refusal(error)}.", returncode=2) from error
        except (DjangoKafkaError, ValueError) as error:
            raise CommandError(str(error), returncode=2) from error
        if faults:
            raise CommandError(FAULTS[options["action"]].format(len(faults), len(sources)))

    def _show(self, source: Source, options: dict[str, Any]) -> bool:
        content = _content(source.schema)
        self.stdout.write(json.dumps(content) if options["compact"] else _pretty(content))
        return True

    def _diff(self, source: Source, options: dict[str, Any]) -> bool:
        subject = source.needed_subject()
        source.validate()
        latest = latest_version(subject)
        if latest is None:
            self.stdout.write(f"{subject}: not in the registry yet.")
            return False
        old = _lines(latest.schema)
        lines = list(
            difflib.unified_diff(
                old, _lines(source.schema), f"{subject} version {latest.version}", source.name, lineterm=""
            )
        )
        self.stdout.write("\n".join(lines) if lines else f"{subject}: as version {latest.version} in the registry.")
        return not lines

    def _check(self, source: Source, options: dict[str, Any]) -> bool:
        subject = source.needed_subject()
        source.validate()
        if latest_version(subject) is None:
            self.stdout.write(f"{subject}: not in the registry yet, any schema may be registered.")
            return True
        compatible, reason = ask(ask_compatibility, kafka.schema_client, subject, source.schema)
        if compatible:
            self.stdout.write(self.style.SUCCESS(f"{subject}: compatible with the latest version."))
        else:
            self.stdout.write(
                self.style.ERROR(f"{subject}: NOT compatible with the latest version{': ' * bool(reason)}{reason}")
            )
        return compatible

    def _register(self, source: Source, options: dict[str, Any]) -> bool:
        subject = source.needed_subject()
        source.validate()
        try:
            schema_id = ask(kafka.schema_client.register_schema, subject, source.schema)
        except SchemaRegistryError as error:
            if error.http_status_code not in (409, 422):
                raise
            self.stdout.write(self.style.ERROR(f"{subject}: NOT registered: {refusal(error)}"))
            return False
        self.stdout.write(self.style.SUCCESS(f"{subject}: registered with id {schema_id}."))
        return True


def _content(schema: Schema) -> Any:
    return json.loads(schema.schema_str or "null")


def _pretty(schema: Any) -> str:
    return json.dumps(schema, indent=2)


def _lines(schema: Schema) -> list[str]:
    """For a comparison. What a schema refers to is part of it, though not of its text."""
    references = (f"{name.name}: {name.subject} version {name.version}" for name in schema.references or ())
    return [*_pretty(_content(schema)).splitlines(), *references]
