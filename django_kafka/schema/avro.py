# SPDX-License-Identifier: MIT
"""Avro schemas in Python: made of Django models, types or JSON, changed, and written as JSON.

By default a model or type gives the schema that django-kafka gives, to the letter: with another one a project that
switches would register new versions of all its subjects. What that schema leaves out is an argument away.
"""

from __future__ import annotations

import json
import typing
from collections.abc import Iterable, Sequence
from copy import deepcopy
from typing import Any

from django.db import models

from django_kafka import _native, kafka
from django_kafka.exceptions import DjangoKafkaError, SchemaSourceError
from django_kafka.schema.fields import constant_default, django_field_to_avro, finer, python_type_to_avro
from django_kafka.schema.registry import fetch

__all__ = ["AvroSchema", "get_writer_schema"]

Field = dict[str, Any]  # of a record, as JSON has it


def get_writer_schema(raw_bytes: bytes) -> str:
    """The schema with which a message in Confluent's framing was written, from the registry: its JSON text.

    Errors: DecodeError when there is no framing, and those of the registry."""
    identity, _ = _native.wire_parse(raw_bytes)
    return fetch(kafka.schema_client, identity, None).schema_str or "null"


class AvroSchema:
    """A record schema: `name`, `fields` (as in JSON) and `namespace`.

    Where a schema is wanted give its JSON: `value_schema = AvroSchema.from_model(Order).to_json()`."""

    def __init__(self, name: str, fields: Iterable[Field], namespace: str | None = None) -> None:
        """Errors: SchemaError when that is no valid schema."""
        self._set(name, fields, namespace)
        _native.AvroSchema(self.to_json(), strict=True)

    def _set(self, name: str, fields: Iterable[Field], namespace: str | None) -> None:
        self.name = name
        self.fields = [dict(field) for field in fields]
        self.namespace = namespace

    @classmethod
    def from_model(
        cls,
        model: type[models.Model],
        fields: Sequence[str] | None = None,
        exclude: bool | Sequence[str] = False,
        namespace: str | None = None,
        name: str | None = None,
        *,
        precision: str = "millis",
        defaults: bool = False,
        docs: bool = False,
    ) -> AvroSchema:
        """A record with the columns of a model; `null=True` is a union with null.

        fields: names of those wanted, None for all; with exclude=True, of those not wanted. exclude may also be the
        names of those not wanted. name: the class's unless given.
        precision: of datetimes and times; "micros" loses nothing that Django keeps. defaults: whether constants that
        are a field's default are the record's, too. docs: whether help texts are its documentation.
        Errors: SchemaSourceError for a name that the model does not have, or a field that has no Avro type."""
        return cls(
            name or model.__name__,
            [_record_field(field, precision, defaults, docs) for field in _columns(model, fields, exclude)],
            namespace,
        )

    @classmethod
    def key_from_model(
        cls,
        model: type[models.Model],
        lookup_fields: str | Sequence[str] = "pk",
        namespace: str | None = None,
        name: str = "Key",
    ) -> AvroSchema:
        """A record of the fields by which an object is found, for keys of messages. Nothing in it is optional.

        lookup_fields: a name or some; "pk" is the primary key, whatever it consists of.
        Errors: as from_model()."""
        known = _by_name(model)
        record: list[Field] = []
        for lookup in (lookup_fields,) if isinstance(lookup_fields, str) else lookup_fields:
            for wanted in _primary_key(model) if lookup == "pk" else [lookup]:
                if wanted not in known:
                    raise SchemaSourceError(f"Lookup field '{wanted}' not found on model {model.__name__}.")
                record.append({"name": known[wanted].column, "type": django_field_to_avro(known[wanted])})
        return cls(name, record, namespace)

    @classmethod
    def from_json(cls, schema_str: str | dict[str, Any]) -> AvroSchema:
        """What the text says. Its types are not looked at: they may be those of other schemas that it refers to.

        Errors: DjangoKafkaError when it is not the schema of a record."""
        schema = json.loads(schema_str) if isinstance(schema_str, str) else schema_str
        if not isinstance(schema, dict) or schema.get("type") != "record":
            raise DjangoKafkaError("AvroSchema.from_json() takes the schema of a record.")
        return cls._unchecked(schema["name"], schema["fields"], schema.get("namespace"))

    @classmethod
    def _unchecked(cls, name: str, fields: Iterable[Field], namespace: str | None) -> AvroSchema:
        schema = cls.__new__(cls)
        cls._set(schema, name, fields, namespace)
        return schema

    @classmethod
    def from_type(cls, annotation_type: type, namespace: str | None = None, name: str | None = None) -> AvroSchema:
        """A record with the annotated attributes of a class (a TypedDict, a dataclass, …).

        Errors: SchemaSourceError for an annotation that has no Avro type."""
        hints = typing.get_type_hints(annotation_type)
        fields = [{"name": attribute, "type": python_type_to_avro(hint)} for attribute, hint in hints.items()]
        return cls(name or annotation_type.__name__, fields, namespace)

    def extend(self, annotation_type: type | Iterable[Field], name: str | None = None) -> AvroSchema:
        """A schema with more fields: those of a class's annotations, or as JSON has them. One of a name that is there
        already takes its place."""
        extra = type(self).from_type(annotation_type).fields if isinstance(annotation_type, type) else annotation_type
        more = {field["name"]: field for field in extra}
        kept = [more.pop(field["name"], field) for field in self.fields]
        return self._unchecked(name or self.name, [*kept, *more.values()], self.namespace)

    def to_dict(self) -> dict[str, Any]:
        """The schema as JSON has it, the caller's own to change."""
        schema: dict[str, Any] = {"type": "record", "name": self.name, "fields": deepcopy(self.fields)}
        if self.namespace:
            schema["namespace"] = self.namespace
        return schema

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


def _by_name(model: Any) -> dict[str, Any]:
    """A model's columns by all the names that they have: the field's, the attribute's and the column's."""
    columns = model._meta.concrete_fields
    names = {name: field for field in columns for name in (field.name, field.attname)}
    return {**names, **{field.column: field for field in columns}}


def _columns(model: Any, fields: Sequence[str] | None, exclude: bool | Sequence[str]) -> list[Any]:
    """The columns that are wanted, in the model's order. The arguments are those of from_model()."""
    known, columns = _by_name(model), model._meta.concrete_fields
    given = list(fields or ())
    named, unwanted = ([], given) if exclude is True else (given, list(exclude or ()))
    # With exclude=True an unknown name is no error in the original, either.
    missing = sorted({name for name in (*named, *(unwanted if exclude is not True else ())) if name not in known})
    if missing:
        raise SchemaSourceError(
            f"Fields not found on {model.__name__}: {missing}. Available: {[field.column for field in columns]}"
        )
    wanted = {known[name] for name in named} if named else set(columns)
    return [field for field in columns if field in wanted - {known.get(name) for name in unwanted}]


def _primary_key(model: Any) -> list[str]:
    """The attributes that a primary key consists of: several from Django 5.2 on."""
    return [field.attname for field in getattr(model._meta, "pk_fields", None) or [model._meta.pk]]


def _record_field(field: Any, precision: str, defaults: bool, docs: bool) -> Field:
    """A field of a record for a field of a model."""
    if precision not in ("millis", "micros"):
        raise SchemaSourceError(f"precision is 'millis' or 'micros', not {precision!r}.")
    avro = django_field_to_avro(field)
    if precision == "micros":
        avro = finer(avro)
    record: Field = {"name": field.column, "type": ["null", avro] if field.null else avro}
    if field.null and not field.has_default():
        record["default"] = None
    elif defaults and not field.null:
        record.update(constant_default(field, avro))
    if docs and field.help_text:
        record["doc"] = str(field.help_text)
    return record
