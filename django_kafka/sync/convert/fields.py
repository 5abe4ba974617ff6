# SPDX-License-Identifier: MIT
"""The converter of a field: a function that takes a message's value, not None, and gives what the field holds.

Fields of classes of the project's own have that of the nearest class of Django's. A field of which nothing is known
gets what the schema says that the value is, or the value itself. Converters raise `unfit.Unfit`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connections, models

from django_kafka.sync.convert import collections, numbers, texts, times
from django_kafka.sync.convert.semantic import BITS, DECIMALS, JSON, NONE, VARIABLE_DECIMAL, Modes, Semantic

Converter = Callable[[Any], Any]


def converter(field: Any, semantic: Semantic, modes: Modes, using: str) -> Converter:
    """The converter of a model's field for values of this type. using: the database that the field is stored in."""
    while field.remote_field is not None and hasattr(field, "target_field"):
        field = field.target_field
    for module in ("array", "range", "hstore"):
        made = _postgres(module, field, semantic, modes, using)
        if made is not None:
            return made
    if isinstance(field, models.IntegerField):
        low, high = connections[using].ops.integer_field_range(field.get_internal_type())
        return numbers.integer_of(semantic, modes, low, high)
    if semantic.name == BITS or _is_of_bits(field, using):
        return _bits(field, semantic, modes, using)
    if isinstance(field, (models.CharField, models.TextField, models.FileField)):
        return texts.text_of(semantic, modes, _limit(field, using))
    if isinstance(field, models.DecimalField):
        return numbers.decimal_of(semantic, modes, field.decimal_places, field.max_digits)
    if isinstance(field, models.JSONField):
        return texts.json_of(semantic, modes, field)
    if isinstance(field, models.GenericIPAddressField):
        return texts.address_of(semantic, modes, field, connections[using].vendor == "postgresql")
    for cls, make in _SIMPLE:
        if isinstance(field, cls):
            return make(semantic, modes)
    return _unknown(semantic, modes)


def _is_of_bits(field: Any, using: str) -> bool:
    """Whether a field of the project's own is in a column of bits."""
    return str(field.db_type(connections[using])).startswith(("bit", "varbit"))


def _bits(field: Any, semantic: Semantic, modes: Modes, using: str) -> Converter:
    for cls, make in _SIMPLE:
        if isinstance(field, cls):
            return make(semantic, modes)
    if isinstance(field, models.DecimalField):
        return numbers.decimal_of(semantic, modes, field.decimal_places, field.max_digits)
    kind = str(field.db_type(connections[using]))
    width = semantic.scale
    if kind.startswith(("varbit", "bit varying")):
        width = None
    elif kind.startswith("bit"):
        width = int(kind.partition("(")[2].rstrip(")") or 1)
    return texts.bits_of(semantic, modes, width)


_SIMPLE: tuple[tuple[type, Callable[[Semantic, Modes], Converter]], ...] = (
    (models.BooleanField, numbers.boolean_of),
    (models.FloatField, numbers.float_of),
    (models.DateTimeField, times.datetime_of),
    (models.DateField, times.date_of),
    (models.TimeField, times.time_of),
    (models.DurationField, times.duration_of),
    (models.UUIDField, texts.uuid_of),
    (models.BinaryField, texts.binary_of),
)


def needs_none(field: Any, semantic: Semantic, using: str) -> bool:
    """Whether values that are exactly of this type are what the field holds."""
    kinds = _HOLDS.get(semantic.base, ())
    if semantic.name or type(field).__module__ != "django.db.models.fields" or field.remote_field is not None:
        return False
    return field.get_internal_type() in kinds and (semantic.base != "string" or _limit(field, using) is None)


_HOLDS = {
    "boolean": ("BooleanField",),
    "int": ("IntegerField", "BigIntegerField", "AutoField", "BigAutoField"),
    "long": ("BigIntegerField", "BigAutoField"),
    "float": ("FloatField",),
    "double": ("FloatField",),
    "string": ("TextField", "CharField"),
}


def _limit(field: Any, using: str) -> int | None:
    """SQLite stores what is too long, as Django lets it."""
    if connections[using].vendor == "sqlite" or isinstance(field, models.TextField):
        return None
    limit: int | None = field.max_length
    return limit


def _postgres(kind: str, field: Any, semantic: Semantic, modes: Modes, using: str) -> Converter | None:
    """Fields of django.contrib.postgres, which cannot be imported without psycopg: told by what they have."""
    if kind == "range" and hasattr(field, "range_type"):
        bound = converter(field.base_field, NONE, _WRITTEN_OUT, using)
        return collections.range_of(field.range_type, bound)
    if kind == "array" and hasattr(field, "base_field") and not hasattr(field, "range_type"):
        item = converter(field.base_field, semantic.items or NONE, modes, using)
        return collections.array_of(semantic, modes, item)
    if kind == "hstore" and field.get_internal_type() == "HStoreField":
        return collections.hstore_of(semantic, modes)
    return None


# However a connector writes decimals, those in a range's text are digits.
_WRITTEN_OUT = Modes(decimal="string")


def _unknown(semantic: Semantic, modes: Modes) -> Converter:
    if semantic.name in DECIMALS or semantic.name == VARIABLE_DECIMAL:
        return numbers.decimal_of(semantic, modes, None, None)
    if semantic.name == JSON:
        return texts.json_of(semantic, modes, None)
    return times.natural(semantic, modes) or _itself


def _itself(value: Any) -> Any:
    return value
