# SPDX-License-Identifier: MIT
"""The path of models that something of the project's own is called for (receivers of signals, save(), managers): per
message the same as update_or_create() or get().delete(), in order. Only the rows are fetched many at a time.

Rows are fetched for a *wave*: changes of as many different rows as come one after the other. Whatever else writes to
the table meanwhile (a receiver, a cascade) ends it, so that each message finds the row as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError, connections, transaction

from django_kafka.sync.change import Change
from django_kafka.sync.rows import (
    MOST_COMPOUND_KEYS,
    MOST_KEYS,
    delete_row,
    key_in,
    key_of,
    locked,
    manager_of,
)
from django_kafka.sync.target import target_of
from django_kafka.sync.versions import State, is_older, remember_deleted, state_of, states_of_deleted


def write(changes: Sequence[Change], topic: Any, using: str) -> None:
    """Errors: whatever save(), delete() and receivers raise; its `index` is that of the change's message."""
    start = 0
    while start < len(changes):
        stop = _wave_end(changes, start)
        if stop - start == 1:
            _write_alone(changes[start], topic, using)
        else:
            stop = start + _write_wave(changes[start:stop], topic, using)
        start = stop


def _write_alone(change: Change, topic: Any, using: str) -> None:
    try:
        write_one(change, topic, using)
    except Exception as error:
        error.index = change.index  # type: ignore[attr-defined]
        raise


def write_one(change: Change, topic: Any, using: str) -> Any:
    """What update_or_create() returns; None for a deletion, and for an event that is older than the row."""
    manager = manager_of(change.model, using)
    if topic.version_field and change.version is not None:
        with transaction.atomic(using=using):
            return _write_versioned(change, manager, topic)
    return _apply(change, manager, topic)


def _write_versioned(change: Change, manager: Any, topic: Any) -> Any:
    """The row is locked before it is looked at. One that is not there cannot be: when somebody else makes it
    meanwhile, it is looked at then. Inside a transaction."""
    row = manager.select_for_update().filter(**change.lookup).first()
    if row is None and not change.delete and target_of(change.model).is_plain(change.lookup):
        if is_older(change, _state_of_deleted(change, manager, topic)):
            return None
        try:
            with transaction.atomic(using=manager.db):
                return manager.create(**{**change.lookup, **change.values}), True
        except IntegrityError:
            row = manager.select_for_update().filter(**change.lookup).first()
            if row is None:
                raise
    current = _state_of_deleted(change, manager, topic) if row is None else state_of(row, topic)
    if is_older(change, current):
        return None
    done = _apply(change, manager, topic)
    _remember(change, manager, topic)
    return done


def _state_of_deleted(change: Change, manager: Any, topic: Any) -> State | None:
    found = states_of_deleted(topic, change.model, manager.db, tuple(change.lookup), change.lookup.values())
    return next(iter(found.values()), None)


def _remember(change: Change, manager: Any, topic: Any) -> None:
    """A deletion, once it is done."""
    if change.delete and topic.version_field:
        versions = {next(iter(change.lookup.values())): change.version}
        remember_deleted(topic, change.model, manager.db, tuple(change.lookup), versions)


def _apply(change: Change, manager: Any, topic: Any) -> Any:
    if not change.delete:
        return manager.update_or_create(**change.lookup, defaults=change.values)
    try:
        delete_row(manager.get(**change.lookup), topic)
    except ObjectDoesNotExist:
        pass
    return None


def _wave_end(changes: Sequence[Change], start: int) -> int:
    """Where the changes of different rows of one model end, all looked up by the same columns."""
    first = changes[start]
    names = tuple(first.lookup)
    if not target_of(first.model).is_plain(names):
        return start + 1
    most = MOST_KEYS if len(names) == 1 else MOST_COMPOUND_KEYS
    keys: set[Any] = set()
    for stop in range(start, min(len(changes), start + most)):
        change = changes[stop]
        if change.model is not first.model or tuple(change.lookup) != names or None in change.lookup.values():
            return max(stop, start + 1)
        try:
            key = key_of(change.lookup)
        except TypeError:
            return max(stop, start + 1)
        if key in keys:
            return stop
        keys.add(key)
    return min(len(changes), start + most)


def _write_wave(changes: Sequence[Change], topic: Any, using: str) -> int:
    """How many of the changes were written: fewer than there are when their rows have to be fetched again."""
    model = changes[0].model
    names = tuple(changes[0].lookup)
    rows = _fetch(changes, model, names, using)
    if rows is None:
        _write_alone(changes[0], topic, using)
        return 1
    manager = manager_of(model, using)
    gone = _states_of_deleted(changes, rows, names, manager, topic)
    watch = _Watch(model)
    with connections[using].execute_wrapper(watch):
        for done, change in enumerate(changes, 1):
            try:
                key = key_of(change.lookup)
                _write_to(change, rows.get(key), gone.get(key), manager, topic)
            except Exception as error:
                error.index = change.index  # type: ignore[attr-defined]
                raise
            if watch.others_wrote():
                return done
    return len(changes)


def _states_of_deleted(
    changes: Sequence[Change], rows: dict[Any, Any], names: Sequence[str], manager: Any, topic: Any
) -> dict[Any, State]:
    if not topic.version_field:
        return {}
    missing = [key for change in changes if (key := key_of(change.lookup)) not in rows]
    return states_of_deleted(topic, changes[0].model, manager.db, names, missing)


class _Several:
    """In the place of a row, where there are two."""


def _fetch(changes: Sequence[Change], model: Any, names: Sequence[str], using: str) -> dict[Any, Any] | None:
    """Rows by key; None when the database finds rows by other keys (it may not tell `a` from `A`)."""
    wanted = {key_of(change.lookup) for change in changes}
    rows: dict[Any, Any] = {}
    for row in locked(model, using, names, wanted):
        key = key_in(row, names)
        if key not in wanted:
            return None
        rows[key] = _Several if key in rows else row
    return rows


def _write_to(change: Change, row: Any, gone: State | None, manager: Any, topic: Any) -> None:
    """As update_or_create() does it, with a row that was just read. None: there is none; gone: what is known of it
    then."""
    if row is _Several:
        raise change.model.MultipleObjectsReturned(
            f"More than one {change.model.__name__} has {change.lookup}: the key has to name one row."
        )
    if topic.version_field and is_older(change, gone if row is None else state_of(row, topic)):
        return
    if change.delete:
        if row is not None:
            delete_row(row, topic)
        _remember(change, manager, topic)
    elif row is None and topic.version_field:
        _write_versioned(change, manager, topic)
    elif row is None:
        manager.create(**{**change.lookup, **change.values})
    else:
        for name, value in change.values.items():
            setattr(row, name, value)
        row.save(using=manager.db, **_update_fields(change))


def _update_fields(change: Change) -> dict[str, Any]:
    """What update_or_create() tells save(): which fields, unless the primary key or something that is no column is
    among them."""
    names = frozenset(change.values)
    target = target_of(change.model)
    if not target.updatable.issuperset(names):
        return {}
    return {"update_fields": names | target.saved_anyway}


class _Watch:
    """Sees the statements of a wave, and whether there are more of them that write to the model's tables than it
    takes to write one row."""

    def __init__(self, model: Any) -> None:
        tables = {field.model._meta.db_table for field in model._meta.concrete_fields}
        self.tables = tuple(tables)
        self.writes = 0

    def __call__(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        if not isinstance(sql, str):
            self.writes += len(self.tables) + 1
        elif sql.lstrip()[:6].upper() not in _READS and any(table in sql for table in self.tables):
            self.writes += 1
        return execute(sql, params, many, context)

    def others_wrote(self) -> bool:
        writes, self.writes = self.writes, 0
        return writes > len(self.tables)


_READS = frozenset({"SELECT", "SAVEPO", "RELEAS"})
