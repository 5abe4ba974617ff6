# SPDX-License-Identifier: MIT
"""The flag and the version of whatever a deletion touches: the rows, those that go with them, those that lose a
reference.

Django's Collector knows all of them, whoever deletes what. It has no hook but signals, and a receiver of those makes
it load each row that it now deletes with one statement. So its delete() is wrapped; without models that have the flag
it does what it did."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from django.db import models, transaction
from django.db.models.deletion import Collector
from django.db.models.sql import DeleteQuery

from django_kafka.connect.flag import NAME, RESET
from django_kafka.connect.graves import bury, locked_versions
from django_kafka.connect.versions import VERSION, has_version, next_version
from django_kafka.suppression import Suppression

MOST_KEYS = 500  # in one query
DELETION = "_kafka_skip_of_deletion"  # of an object or a queryset that is deleted: the flag that its deletion has


class _Losing(models.QuerySet[Any]):
    """Rows that lose a reference. What Django's update() of them writes, it writes with the flag."""

    value: ClassVar[bool]

    def update(self, **kwargs: Any) -> int:
        return super().update(**{**kwargs, NAME: self.value})


class _LosingOwn(_Losing):
    """They are changed by the project: a version counts up."""

    value = False

    def update(self, **kwargs: Any) -> int:
        return super().update(**kwargs, **({VERSION: next_version()} if has_version(self.model) else {}))


class _LosingSynced(_Losing):
    value = True


def install() -> None:
    """Wrap Collector.delete(), once."""
    original: Any = Collector.delete
    if getattr(original, DELETION, False):
        return

    @functools.wraps(original)
    def delete(self: Any) -> Any:
        return _delete(self, original) if _touches_flags(self) else original(self)

    setattr(delete, DELETION, True)
    Collector.delete = delete


def _delete(collector: Any, original: Any) -> tuple[int, dict[str, int]]:
    given = getattr(collector.origin, "__dict__", {}).get(DELETION)
    value = Suppression.active() if given is None else bool(given)
    alias = collector.using
    with transaction.atomic(using=alias, savepoint=False):
        versions = _versions(collector)
        for model, rows in _loaded(collector):
            for part in _parts([row.pk for row in rows]):
                _mark(model, alias, part, value)
        if not value:
            _count_up(collector)
        marked = {rows.model: _mark_found(rows, alias, value) for rows in collector.fast_deletes if _has(rows.model)}
        _give_to_losing(collector, value)
        by_query = not collector.data
        count, by_model = original(collector)
        for model, known in versions:
            bury(model, alias, known)
        if not by_query:
            return count, by_model
        # The queryset itself is deleted with one statement, and may find its rows by the flag: no longer those that
        # are marked.
        totals = Counter(by_model)
        for model, keys in marked.items():
            if keys:
                totals[model._meta.label] += DeleteQuery(model).delete_batch(keys, alias)
        totals = +totals
        return sum(totals.values()), dict(totals)


def _has(model: Any) -> bool:
    return hasattr(model, RESET)


def _touches_flags(collector: Any) -> bool:
    touched = [*collector.data, *(rows.model for rows in collector.fast_deletes)]
    return any(map(_has, touched)) or any(_has(field.model) for field, _ in collector.field_updates)


def _loaded(collector: Any) -> Iterator[tuple[Any, Iterable[Any]]]:
    """Models and their rows that are in memory, to be deleted or to lose a reference. A row with a parent has the
    flag there; the parent's row is among them unless it is kept."""
    for model, rows in collector.data.items():
        if _has(model):
            owner = model._meta.get_field(NAME).model
            if owner is model._meta.concrete_model or owner not in collector.data:
                yield model, rows
    for lists in collector.field_updates.values():
        for rows in lists:
            if not _is_lazy(rows) and rows and _has(rows[0]):
                yield type(rows[0]), rows


def _versions(collector: Any) -> list[tuple[Any, dict[Any, int]]]:
    """Of the rows that are to be deleted, by model, the parent's where the parent has it."""
    alias = collector.using
    found = []
    for model, rows in collector.data.items():
        if has_version(model) and model._meta.get_field(VERSION).model is model._meta.concrete_model:
            found.append((model, locked_versions(model, alias, [row.pk for row in rows])))
    for rows in collector.fast_deletes:
        if has_version(rows.model):
            keys = models.QuerySet(rows.model, rows.query.chain(), alias).order_by().values_list("pk", flat=True)
            found.append((rows.model, locked_versions(rows.model, alias, keys)))
    return found


def _count_up(collector: Any) -> None:
    """The versions of rows in memory that lose a reference."""
    for lists in collector.field_updates.values():
        for rows in lists:
            if not _is_lazy(rows) and rows and has_version(type(rows[0])):
                for part in _parts([row.pk for row in rows]):
                    changed = models.QuerySet(type(rows[0]), using=collector.using).filter(pk__in=part)
                    changed.update(**{VERSION: next_version()})


def _is_lazy(rows: Any) -> bool:
    """As Collector.delete() tells rows that it updates by a query from those that it has read."""
    return isinstance(rows, models.QuerySet) and rows._result_cache is None  # noqa: SLF001


def _give_to_losing(collector: Any, value: bool) -> None:
    kind = _LosingSynced if value else _LosingOwn
    for (field, _), lists in collector.field_updates.items():
        if _has(field.model):
            lists[:] = [
                kind(rows.model, rows.query.chain(), collector.using) if _is_lazy(rows) else rows for rows in lists
            ]


def _mark_found(rows: Any, alias: str, value: bool) -> list[Any]:
    """Set the flag of the rows that have it otherwise. Returns their primary keys."""
    found = models.QuerySet(rows.model, rows.query.chain(), alias).order_by().filter(**{NAME: not value})
    keys = list(found.values_list("pk", flat=True))
    for part in _parts(keys):
        _mark(rows.model, alias, part, value)
    return keys


def _mark(model: Any, alias: str, keys: list[Any], value: bool) -> None:
    models.QuerySet(model, using=alias).filter(**{"pk__in": keys, NAME: not value}).update(**{NAME: value})


def _parts(keys: list[Any]) -> Iterator[list[Any]]:
    return (keys[start : start + MOST_KEYS] for start in range(0, len(keys), MOST_KEYS))
