# SPDX-License-Identifier: MIT
"""What of a registered schema does not fit a model, and the other way round. For commands."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from collections.abc import Iterator
from typing import Any

from django.db import connections, models, router

from django_kafka.management.records import Record, RecordField, family_of
from django_kafka.sync.convert.fields import converter
from django_kafka.sync.convert.semantic import VARIABLE_DECIMAL, Modes, Semantic
from django_kafka.sync.convert.unfit import Unfit
from django_kafka.sync.read import takes_null
from django_kafka.sync.target import target_of

# Of each family, values of which a field has to take one. What is in a text nobody knows beforehand.
_TEXTS = ("1", "true", "2024-01-31", "12:30:00", "2024-01-31T12:30:00Z", "PT1S", str(uuid.UUID(int=1)), "{}", "YQ==")
_SAMPLES: dict[str, tuple[Any, ...]] = {
    "boolean": (True,),
    "int": (1,),
    "long": (1,),
    "float": (1.5,),
    "text": ("a", *_TEXTS),
    "bytes": (b"a",),
    "array": ([],),
    "map": ({"a": "b"},),
    "date": (dt.date(2024, 1, 31), 1, "2024-01-31"),
    "time": (dt.time(12, 30), 1, "12:30:00Z"),
    "timestamp": (dt.datetime(2024, 1, 31, 12, 30, tzinfo=dt.UTC), 1, "2024-01-31T12:30:00Z"),
    "duration": (1, "P1D"),
    "decimal": (decimal.Decimal(1), b"\1"),
    "json": ("{}",),
    "uuid": (str(uuid.UUID(int=1)),),
}


def superfluous(model: Any, record: Record, deletion_key: str | None) -> list[str]:
    """The fields of the schema that the model has no column for; not those that Debezium adds for itself."""
    columns = target_of(model).columns
    return [name for name in record.fields if name not in columns and name != deletion_key and name[:2] != "__"]


def misfits(model: Any, record: Record) -> Iterator[str]:
    """What would go wrong, a sentence for each."""
    target = target_of(model)
    using = router.db_for_write(model)
    given = set()
    for name, field in record.fields.items():
        column = target.columns.get(name)
        if column is not None:
            given.add(column)
            yield from _against(name, column, field, using)
    if not given.intersection(target.pk_fields):
        yield (
            f"{target.pk_name} is the primary key, but not in the value: rows are found if it is in the message's "
            "key, or if the key's fields are fields of the model."
        )
    for column in target.fields:
        if column not in given and column not in target.pk_fields and (reason := _without(column)):
            yield reason


def _against(name: str, column: Any, field: RecordField, using: str) -> Iterator[str]:
    kind = type(column).__name__
    family = family_of(field.semantic)
    if family and (expected := _refusal(column, field.semantic, family, using)):
        yield f"{name} is {_shown(field.semantic, family)}, but {kind} takes {expected}."
    elif family == "long" and not field.semantic.name and (limits := _limits(column, using)):
        yield f"{name} is a long, but {kind} takes only {limits[0]} to {limits[1]}."
    if field.nullable and not takes_null(column):
        yield f"{name} may be null in a message, but not in the model: such a message fails."


def _refusal(column: Any, semantic: Semantic, family: str, using: str) -> str | None:
    """What the field takes instead, if it takes no value of this family."""
    convert = converter(column, semantic, Modes(), using)
    samples = ({"scale": 0, "value": b"\1"},) if semantic.name == VARIABLE_DECIMAL else _SAMPLES[family]
    expected = None
    for sample in samples:
        try:
            convert(sample)
        except Unfit as error:
            expected = str(error)
        else:
            return None
    return expected


def _shown(semantic: Semantic, family: str) -> str:
    return f"{'an' if family[0] in 'aeio' else 'a'} {family}" + (f" ({semantic.name})" if semantic.name else "")


def _limits(column: Any, using: str) -> tuple[int, int] | None:
    """Of an integer that is smaller than a long."""
    while column.remote_field is not None and hasattr(column, "target_field"):
        column = column.target_field
    if not isinstance(column, models.IntegerField):
        return None
    low, high = connections[using].ops.integer_field_range(column.get_internal_type())
    return (
        (low, high) if low is not None and high is not None and (low > -(1 << 63) or high < (1 << 63) - 1) else None
    )


def _without(column: Any) -> str | None:
    """What becomes of a column that messages have nothing for, if that is not what its default says."""
    if takes_null(column) or column.has_default() or getattr(column, "generated", False):
        return None
    if getattr(column, "db_default", models.NOT_PROVIDED) is not models.NOT_PROVIDED:
        return None
    if column.get_default() is not None:
        return f"{column.name} is not in the messages and has no default: new rows get {column.get_default()!r}."
    return f"{column.name} is not in the messages, has no default and may not be null: no new row can be inserted."
