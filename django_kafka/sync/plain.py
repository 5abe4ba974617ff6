# SPDX-License-Identifier: MIT
"""Which fields of a model Django stores as the engine would, without a method of Python's that has a say in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from django.db import models

from django_kafka.sync.columns import Column, Table
from django_kafka.sync.convert.semantic import DEBEZIUM, Semantic

# Fields whose values become what PostgreSQL stores without anything that a subclass could have changed.
_FIELDS: tuple[type, ...] = (
    models.BooleanField,
    models.IntegerField,
    models.AutoField,
    models.FloatField,
    models.DecimalField,
    models.CharField,
    models.TextField,
    models.BinaryField,
    models.DateField,
    models.TimeField,
    models.DurationField,
    models.UUIDField,
    models.JSONField,
    models.GenericIPAddressField,
    models.ForeignKey,
)
# Of these, an ArrayField's items.
_ITEMS: tuple[type, ...] = tuple(
    cls for cls in _FIELDS if cls not in (models.JSONField, models.GenericIPAddressField, models.ForeignKey)
)
_DJANGO = ("django.db.models.", *(f"django.contrib.postgres.fields.{name}" for name in ("array", "hstore", "ranges")))
_METHODS = ("get_prep_value", "get_db_prep_value", "get_db_prep_save", "get_placeholder", "pre_save", "get_default")

# What each kind of field is stored as, so that both sides agree what a value is.
_KINDS: tuple[tuple[type, frozenset[str]], ...] = (
    (models.BooleanField, frozenset({"bool"})),
    (models.IntegerField, frozenset({"int2", "int4", "int8"})),
    (models.FloatField, frozenset({"float8"})),
    (models.DecimalField, frozenset({"numeric"})),
    (models.BinaryField, frozenset({"bytea"})),
    (models.DateTimeField, frozenset({"timestamptz", "timestamp"})),
    (models.DateField, frozenset({"date"})),
    (models.TimeField, frozenset({"time"})),
    (models.DurationField, frozenset({"interval"})),
    (models.UUIDField, frozenset({"uuid"})),
    (models.JSONField, frozenset({"jsonb"})),
    (models.GenericIPAddressField, frozenset({"inet"})),
    (models.CharField, frozenset({"varchar", "text"})),
    (models.TextField, frozenset({"text", "varchar"})),
)


def items_of(field: Any) -> Any:
    """The field of an ArrayField's items; None for other fields. Told by what it has: django.contrib.postgres cannot
    be imported without psycopg."""
    return None if hasattr(field, "range_type") else getattr(field, "base_field", None)


def leaf_of(field: Any) -> Any:
    """The field of what is in its arrays, however many dimensions they have; other fields as they are."""
    while items := items_of(field):
        field = items
    return field


def _dimensions(field: Any) -> int:
    dimensions = 0
    while field := items_of(field):
        dimensions += 1
    return dimensions


# What the bounds of Django's range fields are, and what their columns are.
_RANGES: dict[type, str] = {
    models.IntegerField: "int4range",
    models.BigIntegerField: "int8range",
    models.DecimalField: "numrange",
    models.DateTimeField: "tstzrange",
    models.DateField: "daterange",
}


def is_range(field: Any) -> bool:
    """Whether it is a range field: told by what it has, too."""
    return hasattr(field, "range_type")


def with_ranges(table: Table, fields: Iterable[Any]) -> Table:
    """The table, with those columns marked that hold the ranges of such fields."""
    columns = dict(table.columns)
    for field in fields:
        leaf, column = leaf_of(field), columns.get(field.column)
        kind = _RANGES.get(type(leaf.base_field)) if is_range(leaf) else None
        if column is not None and column.type.removesuffix("[]") == kind:
            columns[column.name] = replace(column, of_ranges=True)
    return replace(table, columns=columns)


def is_hstore(field: Any) -> bool:
    """The same for an HStoreField."""
    return bool(field.get_internal_type() == "HStoreField")


# Types whose values are texts, which a field of the project's own stores as they are.
_TEXTS = frozenset({"", *(f"{DEBEZIUM}data.{name}" for name in ("Enum", "Ltree", "Xml", "Uuid"))})


def is_of_texts(field: Any, column: Column, semantic: Semantic) -> bool:
    """Whether a field of the project's own, with a `db_type()` and nothing else, stores the texts that messages have:
    PostgreSQL makes its type of them."""
    nearest = next(cls for cls in type(field).__mro__ if cls.__module__.startswith("django."))
    return nearest is models.Field and column.is_cast and semantic.base == "string" and semantic.name in _TEXTS


def against_field(field: Any) -> str | None:
    """Whether a field of the project's own does something to values."""
    if is_hstore(field):
        return against_methods(field)
    if is_range(field):
        return _against_range(field)
    if isinstance(field, models.GenericIPAddressField) and field.unpack_ipv4:
        return "unpack_ipv4 makes other addresses of some"
    if items := items_of(field):
        if not items_of(items) and not is_range(items) and not isinstance(items, _ITEMS):
            return f"its items are of a {type(items).__name__}"
        return against_methods(field) or against_field(items)
    if isinstance(field, models.FileField) or not isinstance(field, _FIELDS):
        return f"{type(field).__name__} is not one of Django's plain fields"
    if reason := against_methods(field):
        return reason
    if isinstance(field, models.ForeignKey):
        return against_field(field.target_field)
    if isinstance(field, models.JSONField) and (field.encoder or field.decoder):
        return "the JSONField has an encoder or a decoder of its own"
    return None


def _against_range(field: Any) -> str | None:
    bound = field.base_field
    if type(bound) not in _RANGES or getattr(bound, "max_digits", None) or getattr(bound, "decimal_places", None):
        return f"its bounds are of a {type(bound).__name__} of the project's own"
    if not field.range_type.__module__.startswith("psycopg"):
        return f"its ranges are of a {field.range_type.__name__}"
    return against_methods(field)


def against_methods(field: Any) -> str | None:
    """Whether a method that sees values is not Django's."""
    for method in _METHODS:
        function = getattr(type(field), method, None)
        if function is not None and not getattr(function, "__module__", "").startswith(_DJANGO):
            return f"{type(field).__name__}.{method}() is the project's own"
    return None


def against_column(field: Any, column: Column) -> str | None:
    """Whether the column holds something else than the field says."""
    while field.remote_field is not None and hasattr(field, "target_field"):
        field = field.target_field
    if column.is_cast and _is_cast_from(field, column):
        return None
    items, leaf = items_of(field), leaf_of(field)
    kinds = next((kinds for cls, kinds in _KINDS if isinstance(leaf, cls)), frozenset())
    if is_range(leaf):
        kinds = frozenset({_RANGES[type(leaf.base_field)]})
    if column.is_array != bool(items) or column.is_cast or column.kind not in kinds:
        return f"a {type(field).__name__} in a column of type {column.type}"
    return None


def kind_of(field: Any, column: Column) -> str:
    """What CopyPlan writes into the column."""
    if column.is_cast:
        limit = getattr(field, "max_length", None)
        return f"varchar({limit})" if limit and isinstance(field, models.CharField) else "text"
    kind = column.kind
    if column.arguments and kind in ("varchar", "char", "numeric"):
        kind += f"({','.join(map(str, column.arguments))})"
    return kind + "[]" * _dimensions(field)


def _is_cast_from(field: Any, column: Column) -> bool:
    """Whether a column of a type that the engine does not write takes the text that it writes for the field."""
    if is_hstore(field):
        return column.type.rpartition(".")[2] == "hstore"
    # A project's db_type(): an enum, citext.
    return isinstance(field, (models.CharField, models.TextField)) and not column.type.endswith("[]")
