# SPDX-License-Identifier: MIT
"""Avro schemas in Python: made of Django models, types or JSON, changed, and written as JSON."""

from __future__ import annotations

import json
import typing
from collections.abc import Iterable, Sequence
from typing import Any

from django_kafka import _native, kafka
from django_kafka.exceptions import DjangoKafkaError
from django_kafka.schema.fields import django_field_to_avro, python_type_to_avro
from django_kafka.schema.registry import fetch

__all__ = ["AvroSchema", "get_writer_schema"]


def get_writer_schema(raw: bytes) -> dict[str, Any]:
    """The schema with which a message in Confluent's framing was written, from the registry, as JSON has it.

    Errors: DecodeError when there is no framing, and those of the registry."""
    identity, _ = _native.wire_parse(raw)
    schema: dict[str, Any] = json.loads(fetch(kafka.schema_client, identity, None).schema_str or "null")
    return schema


class AvroSchema:
    """A record schema: `name`, `fields` (as in JSON) and `namespace`.

    Where a schema is wanted give its JSON: `value_schema = AvroSchema.from_model(Order).to_json()`."""

    def __init__(self, name: str, fields: Iterable[dict[str, Any]], namespace: str | None = None) -> None:
        """Errors: SchemaError when that is no valid schema."""
        self.name = name
        self.fields = [dict(field) for field in fields]
        self.namespace = namespace
        _native.AvroSchema(self.to_json(), strict=True)

    @classmethod
    def from_model(
        cls,
        model: Any,
        fields: Sequence[str] | None = None,
        exclude: bool | Sequence[str] = False,
        namespace: str | None = None,
        name: str | None = None,
    ) -> AvroSchema:
        """A record with the columns of a model.

        fields: names of those wanted, None for all; with exclude=True, of those not wanted. exclude may also be the
        names of those not wanted. namespace and name: the app's label and the class's name unless given.
        Errors: DjangoKafkaError for a name that the model does not have, or a field that has no Avro type."""
        unwanted = set(exclude) if not isinstance(exclude, bool) else set(fields or ()) if exclude else set()
        wanted = None if fields is None or exclude is True else set(fields)
        columns = list(model._meta.concrete_fields)
        known = {known_name for field in columns for known_name in (field.name, field.attname)}
        for unknown in sorted(((wanted or set()) | unwanted) - known):
            raise DjangoKafkaError(f"{model.__name__} has no column for `{unknown}`.")
        chosen = [
            field
            for field in columns
            if (wanted is None or wanted & {field.name, field.attname}) and not unwanted & {field.name, field.attname}
        ]
        return cls(
            name or model.__name__,
            [django_field_to_avro(field) for field in chosen],
            model._meta.app_label if namespace is None else namespace,
        )

    @classmethod
    def key_from_model(cls, model: Any, namespace: str | None = None, name: str | None = None) -> AvroSchema:
        """A record of the model's primary key alone, for keys of messages."""
        return cls.from_model(model, [model._meta.pk.name], namespace=namespace, name=name or f"{model.__name__}Key")

    @classmethod
    def from_json(cls, text: str | dict[str, Any]) -> AvroSchema:
        """Errors: DjangoKafkaError when it is not the schema of a record."""
        schema = json.loads(text) if isinstance(text, str) else text
        if not isinstance(schema, dict) or schema.get("type") != "record":
            raise DjangoKafkaError("AvroSchema.from_json() takes the schema of a record.")
        return cls(schema["name"], schema["fields"], schema.get("namespace"))

    @classmethod
    def from_type(cls, source: type, namespace: str | None = None, name: str | None = None) -> AvroSchema:
        """A record with the annotated attributes of a class (a dataclass, a TypedDict, …); what may be None has null
        as its default."""
        fields = []
        for attribute, annotation in typing.get_type_hints(source).items():
            avro = python_type_to_avro(annotation)
            field: dict[str, Any] = {"name": attribute, "type": avro}
            if isinstance(avro, list) and avro[0] == "null":
                field["default"] = None
            fields.append(field)
        return cls(name or source.__name__, fields, namespace)

    def extend(self, fields: Iterable[dict[str, Any]], name: str | None = None) -> AvroSchema:
        """A schema with more fields; one of a name that is there already takes its place."""
        more = {field["name"]: field for field in fields}
        kept = [more.pop(field["name"], field) for field in self.fields]
        return type(self)(name or self.name, [*kept, *more.values()], self.namespace)

    def to_dict(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "record", "name": self.name}
        if self.namespace:
            schema["namespace"] = self.namespace
        return {**schema, "fields": self.fields}

    def to_json(self, indent: int | None = None) -> str:
        return json.dumps(self.to_dict(), indent=indent)

    def __str__(self) -> str:
        return self.to_json()

    def __repr__(self) -> str:
        return f"<AvroSchema {self.namespace + '.' if self.namespace else ''}{self.name}: {len(self.fields)} fields>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AvroSchema) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.name, self.namespace, len(self.fields)))
