# SPDX-License-Identifier: MIT
"""manage.py kafka_model_topic: writes the class of a model topic, and says what would not fit."""

from __future__ import annotations

import re
from typing import Any

from confluent_kafka.schema_registry.error import SchemaRegistryError
from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_kafka.conf.kinds import near
from django_kafka.exceptions import DjangoKafkaError
from django_kafka.management import drafts, subjects
from django_kafka.management.fitting import misfits, superfluous
from django_kafka.management.records import Record, record_of
from django_kafka.topic.model import ModelTopicConsumer

_TOPIC = re.compile(r"\^.*|[a-zA-Z0-9._-]{1,249}")
# Names that say nothing of what a record is about.
_NAMELESS = frozenset({"Value", "Envelope", "Key", "ConnectDefault"})


class Command(BaseCommand):
    help = (
        "Print the class of a topic whose messages are rows of a model, and as comments what of the schema that is "
        "registered for it would not fit the model. With --schema alone: print a sketch of a model as well."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model", nargs="?", metavar="app.Model", help="The model, such as shop.Order.")
        parser.add_argument(
            "--topic", metavar="NAME", help="The topic's name. Default: the schema's, or the table's."
        )
        parser.add_argument(
            "--format", choices=list(drafts.FORMATS), default="avro", help="How messages are written. Default: avro."
        )
        parser.add_argument("--debezium", action="store_true", help="The topic is Debezium's.")
        parser.add_argument(
            "--schema",
            metavar="SUBJECT",
            help="The schema's subject in the registry. Default: NAME-value of the topic, for Avro.",
        )
        parser.add_argument("--no-connect", action="store_true", help="Do not ask the schema registry.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["model"] is None and options["schema"] is None:
            raise CommandError("Name a model, as in shop.Order, or a subject of the schema registry by --schema.")
        if options["schema"] is not None and options["no_connect"]:
            raise CommandError("--schema needs the schema registry, which --no-connect says not to ask.")
        if (topic := options["topic"]) is not None and not _TOPIC.fullmatch(topic):
            raise CommandError(f"{topic!r} cannot be a topic's name: letters, digits, '.', '_' and '-' can.")
        if options["model"] is None:
            text = of_schema(options)
        else:
            text = of_model(find_model(options["model"]), options)
        self.stdout.write(text)


# ---- for a model ---------------------------------------------------------------------------------------------------


def find_model(label: str) -> Any:
    """Errors: CommandError when there is none."""
    try:
        return apps.get_model(label)
    except (LookupError, ValueError):
        labels = [model._meta.label for model in apps.get_models()]
        by_name = {one.rpartition(".")[2].lower(): one for one in labels}
        meant = by_name.get(label.rpartition(".")[2].lower())
        hint = f" (did you mean {meant!r}?)" if meant else near(label, labels)
        raise CommandError(f"`{label}` is not a model, as in shop.Order{hint}.") from None


def of_model(model: Any, options: dict[str, Any]) -> str:
    remarks: list[str] = []
    topic = options["topic"] or topic_of(options["schema"])
    if topic is None:
        topic = model._meta.db_table
        remarks.append("The topic's name is that of the table: --topic NAME gives another one.")
    record = find_record(options, topic, remarks)
    exclude: list[str] = []
    if record is not None:
        exclude = superfluous(model, record, ModelTopicConsumer.deletion_key)
        if exclude:
            remarks.append(f"{model.__name__} has no column for: {', '.join(exclude)}.")
        remarks += misfits(model, record)
    debezium = options["debezium"] or (record is not None and record.debezium)
    imported, called = drafts.model_import(model)
    imports = [*drafts.topic_imports(options["format"], debezium), imported]
    name = f"{model.__name__}Topic"
    topic_class = drafts.topic_class(name, topic, called, options["format"], debezium, exclude)
    return joined(remarks, sorted(imports), topic_class)


def find_record(options: dict[str, Any], topic: str, remarks: list[str]) -> Record | None:
    """What the topic's messages are like, if it is known. Errors: CommandError, if it was asked for by --schema."""
    if options["schema"] is not None:
        return asked(options["schema"])
    if options["format"] != "avro" or options["no_connect"]:
        remarks.append("No schema was looked at.")
        return None
    subject = f"{topic}-value"
    try:
        return asked(subject)
    except CommandError as error:
        remarks.append(f"No schema was looked at. {error}")
        return None


def asked(subject: str) -> Record:
    """Errors: CommandError."""
    try:
        registered = subjects.latest(subject)
    except (DjangoKafkaError, SchemaRegistryError) as error:
        raise CommandError(str(error)) from error
    if registered is None:
        raise CommandError(f"The schema registry has no subject {subject!r}.")
    record = record_of(registered.schema) if registered.is_avro else None
    if record is None:
        raise CommandError(f"The schema of {subject!r} is not of a record in Avro.")
    return record


def topic_of(subject: str | None) -> str | None:
    return None if subject is None else subject.removesuffix("-value")


# ---- for a schema --------------------------------------------------------------------------------------------------


def of_schema(options: dict[str, Any]) -> str:
    """A sketch of a model, and its topic."""
    record = asked(options["schema"])
    topic = options["topic"] or topic_of(options["schema"]) or ""
    own = record.name.rpartition(".")[2]
    name = drafts.class_name(topic.rpartition(".")[2] if own in _NAMELESS or not own else own)
    sketch = drafts.Sketch(name, record, keys_of(topic, record))
    debezium = options["debezium"] or record.debezium
    imports = ["from django.db import models", *drafts.topic_imports(options["format"], debezium)]
    topic_class = drafts.topic_class(f"{name}Topic", topic, name, options["format"], debezium, [])
    return joined(sketch.remarks, imports, str(sketch), topic_class)


def keys_of(topic: str, record: Record) -> list[str]:
    """The fields of the registered schema of the messages' keys that are in the rows."""
    try:
        key = asked(f"{topic}-key")
    except CommandError:
        return []
    return [name for name in key.fields if name in record.fields]


def joined(remarks: list[str], imports: list[str], *classes: str) -> str:
    """A Python file."""
    head = "\n".join([*map(drafts.comment, remarks), *imports])
    return "\n\n\n".join([head, *classes])
