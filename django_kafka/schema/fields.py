# SPDX-License-Identifier: MIT
"""Avro types of Django's model fields and of Python's types.

The two maps may be added to: `DJANGO_FIELD_TO_AVRO[MoneyField] = "long"`. A class that is not in them has the type of
its nearest base that is.
"""

from __future__ import annotations

import datetime as dt
import decimal
import types
import typing
import uuid
from collections.abc import Callable
from typing import Any, Union, get_args, get_origin

from django.db import models

from django_kafka.exceptions import SchemaSourceError

AvroType = Any  # a schema as JSON has it: str, dict or list


def logical(base: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": base, "logicalType": name, **more}


def _decimal(field: Any) -> AvroType:
    return logical("bytes", "decimal", precision=field.max_digits, scale=field.decimal_places)


_UUID = logical("string", "uuid")
_DATE = logical("int", "date")
_DATETIME = logical("long", "timestamp-millis")
_TIME = logical("int", "time-millis")
_FINER = {"timestamp-millis": logical("long", "timestamp-micros"), "time-millis": logical("long", "time-micros")}

# A type, or what makes one of a field.
DJANGO_FIELD_TO_AVRO: dict[type, AvroType | Callable[[Any], AvroType]] = {
    models.AutoField: "int",
    models.SmallAutoField: "int",
    models.BigAutoField: "long",
    models.SmallIntegerField: "int",
    models.IntegerField: "int",
    models.BigIntegerField: "long",
    models.PositiveSmallIntegerField: "int",
    models.PositiveIntegerField: "int",
    models.PositiveBigIntegerField: "long",
    models.FloatField: "double",
    models.DecimalField: _decimal,
    models.BooleanField: "boolean",
    models.CharField: "string",
    models.TextField: "string",
    models.FileField: "string",
    models.FilePathField: "string",
    models.GenericIPAddressField: "string",
    models.JSONField: "string",  # JSON text
    models.UUIDField: _UUID,
    models.DateField: _DATE,
    models.DateTimeField: _DATETIME,
    models.TimeField: _TIME,
    models.DurationField: "long",  # microseconds
    models.BinaryField: "bytes",
}

PYTHON_TYPE_TO_AVRO: dict[Any, AvroType] = {
    type(None): "null",
    bool: "boolean",
    int: "int",  # as in django-kafka; for larger ones annotate with a class of your own, and add it here as "long"
    float: "double",
    str: "string",
    bytes: "bytes",
    dt.datetime: _DATETIME,
    dt.date: _DATE,
    dt.time: _TIME,
    uuid.UUID: _UUID,
    decimal.Decimal: logical("bytes", "decimal", precision=38, scale=9),
}


def django_field_to_avro(field: Any) -> AvroType:
    """The Avro type of a model's field, whether or not it may be null. A relation has the type of what it points to.

    Errors: SchemaSourceError for a class of field that nothing is known of."""
    if field.is_relation:
        return django_field_to_avro(field.target_field)
    if hasattr(field, "base_field"):  # an array of PostgreSQL
        item = django_field_to_avro(field.base_field)
        return {"type": "array", "items": ["null", item] if field.base_field.null else item}
    for cls in type(field).__mro__:
        if (avro := DJANGO_FIELD_TO_AVRO.get(cls)) is not None:
            return avro(field) if callable(avro) else avro
    raise SchemaSourceError(
        f"No Avro type is known for {field} ({type(field).__name__}): add the class to "
        "django_kafka.schema.fields.DJANGO_FIELD_TO_AVRO, or leave the field out."
    )


def finer(avro: AvroType) -> AvroType:
    """The type with microseconds instead of milliseconds, if it is one of time."""
    if isinstance(avro, list):
        return [finer(branch) for branch in avro]
    if not isinstance(avro, dict):
        return avro
    if "items" in avro:
        return {**avro, "items": finer(avro["items"])}
    return _FINER.get(avro.get("logicalType", ""), avro)


def constant_default(field: Any, avro: AvroType) -> dict[str, Any]:
    """{"default": value} where that is one that JSON can hold and every writer would agree on; a callable is none."""
    default = field.default
    kinds: dict[str, Any] = {"boolean": bool, "int": int, "long": int, "double": (int, float), "string": str}
    if not isinstance(avro, str) or avro not in kinds or isinstance(default, bool) is not (avro == "boolean"):
        return {}
    return {"default": default} if isinstance(default, kinds[avro]) else {}


def python_type_to_avro(python_type: Any) -> AvroType:
    """The Avro type of an annotation: scalars, list[...], dict[str, ...], optional ones and unions.

    Errors: SchemaSourceError for anything else."""
    if python_type in PYTHON_TYPE_TO_AVRO:
        return PYTHON_TYPE_TO_AVRO[python_type]
    origin, arguments = get_origin(python_type), get_args(python_type)
    if origin in (Union, types.UnionType):
        branches = [python_type_to_avro(argument) for argument in arguments]
        return sorted(branches, key=lambda branch: branch != "null")
    if origin in (list, set, tuple, frozenset) and arguments:
        return {"type": "array", "items": python_type_to_avro(arguments[0])}
    if origin is dict and len(arguments) == 2 and arguments[0] is str:
        return {"type": "map", "values": python_type_to_avro(arguments[1])}
    if origin in (typing.Annotated, typing.Required, typing.NotRequired):
        return python_type_to_avro(arguments[0])
    raise SchemaSourceError(f"No Avro type is known for {python_type!r}.")
