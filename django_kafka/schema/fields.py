# SPDX-License-Identifier: MIT
"""Avro types of Django's model fields and of Python's types."""

from __future__ import annotations

import datetime as dt
import decimal
import types
import typing
import uuid
from collections.abc import Callable
from typing import Any, Union, get_args, get_origin

from django.db import models
from django.db.models.fields import NOT_PROVIDED

from django_kafka.exceptions import DjangoKafkaError

AvroType = Any  # a schema as JSON has it: str, dict or list


def logical(base: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": base, "logicalType": name, **more}


def _decimal(field: Any) -> AvroType:
    return logical("bytes", "decimal", precision=field.max_digits, scale=field.decimal_places)


# The first class that a field is an instance of decides; subclasses stand before their bases.
DJANGO_FIELD_TO_AVRO: dict[type, AvroType | Callable[[Any], AvroType]] = {
    models.BooleanField: "boolean",
    models.BigAutoField: "long",
    models.SmallAutoField: "int",
    models.AutoField: "int",
    models.BigIntegerField: "long",
    models.PositiveBigIntegerField: "long",
    models.PositiveIntegerField: "int",
    models.IntegerField: "int",
    models.FloatField: "double",
    models.DecimalField: _decimal,
    models.DateTimeField: logical("long", "timestamp-micros"),
    models.DateField: logical("int", "date"),
    models.TimeField: logical("long", "time-micros"),
    models.DurationField: "long",  # microseconds
    models.UUIDField: logical("string", "uuid"),
    models.BinaryField: "bytes",
    models.JSONField: "string",  # JSON text
    models.FileField: "string",
    models.CharField: "string",
    models.TextField: "string",
    models.GenericIPAddressField: "string",
    models.FilePathField: "string",
}

PYTHON_TYPE_TO_AVRO: dict[Any, AvroType] = {
    type(None): "null",
    bool: "boolean",
    int: "long",
    float: "double",
    str: "string",
    bytes: "bytes",
    dt.datetime: logical("long", "timestamp-micros"),
    dt.date: logical("int", "date"),
    dt.time: logical("long", "time-micros"),
    uuid.UUID: logical("string", "uuid"),
    decimal.Decimal: logical("bytes", "decimal", precision=38, scale=9),
}


def django_field_to_avro(field: Any) -> dict[str, Any]:
    """The field of a record for a field of a model: name, type, and a default where null or a constant is one.

    A relation is its column (`customer_id`) with the type of the key it points to.
    Errors: DjangoKafkaError for a field class that nothing is known of."""
    name = field.attname if field.is_relation else field.name
    avro = _base_type(field)
    described: dict[str, Any] = {"name": name, "type": avro}
    if field.null:
        described["type"] = ["null", avro]
        described["default"] = None
    elif (default := _constant_default(field, avro)) is not NOT_PROVIDED:
        described["default"] = default
    if field.help_text:
        described["doc"] = str(field.help_text)
    return described


def _base_type(field: Any) -> AvroType:
    if field.is_relation:
        target = field.target_field
        return _base_type(target)
    if hasattr(field, "base_field"):  # an array of PostgreSQL
        item = _base_type(field.base_field)
        return {"type": "array", "items": ["null", item] if field.base_field.null else item}
    for cls, avro in DJANGO_FIELD_TO_AVRO.items():
        if isinstance(field, cls):
            return avro(field) if callable(avro) else avro
    raise DjangoKafkaError(
        f"No Avro type is known for {field.model.__name__}.{field.name} ({type(field).__name__}): add the class to "
        "django_kafka.schema.fields.DJANGO_FIELD_TO_AVRO, or leave the field out."
    )


def _constant_default(field: Any, avro: AvroType) -> Any:
    """Defaults that JSON can hold and that every writer would agree on; a callable is none."""
    default = field.default
    kinds = {"boolean": bool, "int": int, "long": int, "double": (int, float), "string": str}
    if callable(default) or not isinstance(avro, str) or avro not in kinds:
        return NOT_PROVIDED
    if isinstance(default, bool) and avro != "boolean":
        return NOT_PROVIDED
    return default if isinstance(default, kinds[avro]) else NOT_PROVIDED  # type: ignore[arg-type]


def python_type_to_avro(annotation: Any) -> AvroType:
    """The Avro type of an annotation: scalars, list[...], dict[str, ...], optional ones and unions.

    Errors: DjangoKafkaError for anything else."""
    if annotation in PYTHON_TYPE_TO_AVRO:
        return PYTHON_TYPE_TO_AVRO[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        branches = [python_type_to_avro(argument) for argument in arguments]
        return sorted(branches, key=lambda branch: branch != "null")
    if origin in (list, set, tuple, frozenset) and arguments:
        return {"type": "array", "items": python_type_to_avro(arguments[0])}
    if origin is dict and len(arguments) == 2 and arguments[0] is str:
        return {"type": "map", "values": python_type_to_avro(arguments[1])}
    if origin is typing.Annotated:
        return python_type_to_avro(arguments[0])
    raise DjangoKafkaError(f"No Avro type is known for {annotation!r}.")
