# SPDX-License-Identifier: MIT
"""What is to be known of a model to write its rows: looked at once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from django.db import models
from django.db.models.constants import LOOKUP_SEP

SKIP_FIELD = "kafka_skip"
SKIP_MODEL = "KafkaConnectSkipModel"


class Target:
    """A model, with its fields by all names that a message may have for them.

    columns: field by name, attname (`customer_id`) and, where no field is called so, by database column."""

    def __init__(self, model: Any) -> None:
        self.model = model
        opts = model._meta
        self.fields: tuple[Any, ...] = tuple(opts.concrete_fields)
        self.columns: dict[str, Any] = {}
        for field in self.fields:
            self.columns.setdefault(field.column, field)
        for field in self.fields:
            self.columns[field.attname] = field
        for field in self.fields:
            self.columns[field.name] = field
        self.pk_fields: tuple[Any, ...] = tuple(getattr(opts, "pk_fields", None) or (opts.pk,))
        self.pk_name: str = opts.pk.name
        pks = set(self.pk_fields)
        # What save(update_fields=…) takes: no primary keys, of parents neither.
        self.updatable = frozenset(
            name
            for field in self.fields
            if not field.primary_key and field not in pks
            for name in (field.name, field.attname)
        )
        # What update_or_create() adds to them: fields that set themselves.
        self.saved_anyway = frozenset(
            name
            for field in opts.local_concrete_fields
            if field not in pks and type(field).pre_save is not models.Field.pre_save
            for name in (field.name, field.attname)
        )
        self.pk_attnames = frozenset(field.attname for field in self.pk_fields)
        self.is_composite = len(self.pk_fields) > 1
        self.uniques = frozenset(_uniques(model))
        self.skips = any(cls.__name__ == SKIP_MODEL for cls in model.__mro__) and SKIP_FIELD in self.columns

    def pk_in(self, row: Any) -> str | None:
        """Under which name a mapping has the primary key."""
        if self.is_composite or not hasattr(row, "keys"):
            return None
        field = self.pk_fields[0]
        return next((name for name in (self.pk_name, field.attname, field.column) if name in row), None)

    def has_property(self, name: str) -> bool:
        """Whether it is the name of a property, which QuerySet.update_or_create() sets as well."""
        return isinstance(getattr(self.model, name, None), property)

    def is_plain(self, lookup: Any) -> bool:
        """Whether all that is looked for are values of columns."""
        return all(LOOKUP_SEP not in name and name in self.columns for name in lookup)


def _uniques(model: Any) -> Iterator[frozenset[str]]:
    """Sets of attnames whose values no two rows have in common, null or not."""
    opts = model._meta
    pk_fields = tuple(getattr(opts, "pk_fields", None) or (opts.pk,))
    yield frozenset(field.attname for field in pk_fields)
    for field in opts.local_concrete_fields:
        if field.unique and not field.null:
            yield frozenset({field.attname})
    groups = [tuple(group) for group in opts.unique_together]
    for constraint in opts.constraints:
        if (
            isinstance(constraint, models.UniqueConstraint)
            and constraint.fields
            and constraint.condition is None
            and getattr(constraint, "deferrable", None) is None
        ):
            groups.append(tuple(constraint.fields))
    for group in groups:
        fields = [opts.get_field(name) for name in group]
        if not any(field.null for field in fields):
            yield frozenset(field.attname for field in fields)


@lru_cache(maxsize=1000)
def target_of(model: Any) -> Target:
    return Target(model)
