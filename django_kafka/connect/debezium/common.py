# SPDX-License-Identifier: MIT
"""What Debezium's connectors have in common: models, their tables, formats of messages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from django.apps import apps
from django.db import connections
from django.db.models import Model
from django.db.models.base import ModelBase

from django_kafka.conf import SETTINGS_KEY, settings
from django_kafka.connect.connector import Connector
from django_kafka.exceptions import ConfigurationError

CONVERTERS = ("json", "json_schemas", "avro")
SKIP_FIELD = "kafka_skip"
# What regular expressions of Java take for more than itself. A comma would end the name: nothing escapes it.
_SPECIAL = re.compile(r"([\\^$.|?*+()\[\]{}])")


class DebeziumConnector(Connector):
    """A connector of tables of models. Subclass one of its kinds and set `models`."""

    # Model classes, or "app.Model". Tables of parents come with them; auto-made tables of many-to-many fields do not.
    models: ClassVar[Sequence[type[Model] | str]] = ()
    # The database, by its name in DATABASES.
    using: ClassVar[str] = "default"
    # What the topics' names begin with: PREFIX.SCHEMA.TABLE. None: the name of the database.
    topic_prefix: ClassVar[str | None] = None
    # How keys and values are written: "json", "json_schemas" (each message brings its schema) or "avro".
    converter: ClassVar[str] = "json"
    # Instead of the password in DATABASES: a reference to a config provider, "${file:/run/secrets/db:password}".
    password: ClassVar[str | None] = None
    # Options of the connector, by their names. They win over what is made here; None takes an option away.
    options: ClassVar[dict[str, Any]] = {}

    connector_class: ClassVar[str]

    @property
    def config(self) -> dict[str, Any]:
        """Errors: ConfigurationError when it cannot be made of the settings."""
        made = {"connector.class": self.connector_class, **self.made_options(), **self.options}
        return {option: _text(value) for option, value in made.items() if value is not None}

    def made_options(self) -> dict[str, Any]:
        """The options that follow from settings and models."""
        raise NotImplementedError

    def database(self) -> dict[str, Any]:
        """The entry of DATABASES. Errors: ConfigurationError."""
        if self.using not in connections:
            raise ConfigurationError(f"{self.where()}: DATABASES has no {self.using!r}.")
        entry: dict[str, Any] = connections[self.using].settings_dict
        if not self.models:
            raise ConfigurationError(f"{self.where()} has no `models`.")
        return entry

    def host(self, option: str) -> str:
        """Errors: ConfigurationError for a database that is reached by a socket of this machine."""
        host = str(self.database().get("HOST") or "")
        if (not host or host.startswith(("/", "@"))) and option not in self.options:
            raise ConfigurationError(
                f"{self.where()}: DATABASES[{self.using!r}] has no HOST that Kafka Connect could reach: set "
                f'options = {{"{option}": "…"}}.'
            )
        return host

    def secret(self) -> str:
        return self.password if self.password is not None else str(self.database().get("PASSWORD") or "")

    @property
    def prefix(self) -> str:
        return self.topic_prefix or str(self.database()["NAME"])

    def tables(self) -> list[tuple[str, str]]:
        """(schema, table) of the models and their parents, each once; the schema is "" where none is written."""
        found = dict.fromkeys(
            split_table(owner._meta.db_table) for model in self.model_classes() for owner in _owners_of(model)
        )
        return list(found)

    def columns(self) -> dict[str, list[str]]:
        """Of each table of the models and their parents, those that are written."""
        found: dict[str, dict[str, None]] = {}
        for model in self.model_classes():
            for owner in _owners_of(model):
                fields = [each for each in owner._meta.local_concrete_fields if not getattr(each, "generated", False)]
                found.setdefault(owner._meta.db_table, {}).update(dict.fromkeys(each.column for each in fields))
        return {table: list(columns) for table, columns in found.items()}

    def model_classes(self) -> Iterator[type[Model]]:
        """Errors: ConfigurationError for a name that is none of a model."""
        for model in self.models:
            found: Any
            try:
                found = apps.get_model(model) if isinstance(model, str) else model
            except (LookupError, ValueError) as error:
                raise ConfigurationError(f"{self.where()}: {model!r} is no model: {error}") from error
            if not isinstance(found, ModelBase) or found._meta.abstract:
                raise ConfigurationError(f"{self.where()}: {found!r} is no model with a table.")
            yield found

    def converters(self) -> dict[str, Any]:
        """Errors: ConfigurationError for an unknown one, or for Avro without a registry."""
        if self.converter not in CONVERTERS:
            raise ConfigurationError(
                f"{self.where()}: its converter is {self.converter!r}, not {', '.join(CONVERTERS)}."
            )
        if self.converter == "avro":
            url = (settings.SCHEMA_REGISTRY or {}).get("url")
            if not url:
                raise ConfigurationError(f"{self.where()}: Avro needs {SETTINGS_KEY}['SCHEMA_REGISTRY']['url'].")
            both = {"": "io.confluent.connect.avro.AvroConverter", ".schema.registry.url": url}
        else:
            both = {
                "": "org.apache.kafka.connect.json.JsonConverter",
                ".schemas.enable": self.converter == "json_schemas",
            }
        return {f"{part}.converter{key}": value for part in ("key", "value") for key, value in both.items()}

    def where(self) -> str:
        return f"{type(self).__module__}.{type(self).__qualname__}"


def split_table(name: str) -> tuple[str, str]:
    """A model's db_table as (schema, table). Django quotes it as a whole unless it is quoted; so `"shop"."orders"`
    and `shop"."orders` have a schema, and a dot without quotes is part of the table's name."""
    quoted = name if name.startswith('"') and name.endswith('"') else f'"{name}"'
    schema, _, table = quoted[1:-1].rpartition('"."')
    return schema, table


def exactly(name: str) -> str:
    """A regular expression for this name alone."""
    return _SPECIAL.sub(r"\\\1", name)


def identifier(text: str) -> str:
    """A name for a slot or a publication: lower-case letters, digits, underscores; at most 63."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:63]


def _owners_of(model: Any) -> Iterator[Any]:
    """The models whose tables its rows are in."""
    model = model._meta.concrete_model
    yield model
    for parent in model._meta.get_parent_list():
        if not parent._meta.proxy:
            yield parent


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
