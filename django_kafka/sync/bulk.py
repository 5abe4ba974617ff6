# SPDX-License-Identifier: MIT
"""The path of models that nothing of the project's own is called for: one delete and one upsert for many messages.

The last value of each row counts. A row that is deleted and written again within the messages is a new one. Rows are
written by bulk_create(update_conflicts=True), so that columns that are not in the messages keep what they have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.db import IntegrityError, connections, transaction
from django.db.models import DEFERRED, Field, Model
from django.db.models.base import ModelState
from django.db.models.signals import post_init, post_save, pre_init

from django_kafka.sync import instances
from django_kafka.sync.change import Change
from django_kafka.sync.rows import chunks, condition, delete_rows, key_in, key_of, locked, manager_of
from django_kafka.sync.target import Target, target_of
from django_kafka.sync.versions import State, is_older, remember_deleted, state_after, state_of, states_of_deleted


class NotBulkError(ValueError):
    """These changes cannot be written together; nothing was written."""


def write(changes: Sequence[Change], topic: Any, using: str) -> None:
    """Errors: the database's, of all changes together."""
    for part in _parts(changes):
        try:
            table = _Table(part, topic, using)
        except NotBulkError:
            instances.write(part, topic, using)
        else:
            _write(table, part)


def _write(table: _Table, changes: Sequence[Change]) -> None:
    if not table.topic.version_field:
        table.write()
        return
    while True:
        try:
            with transaction.atomic(using=table.using):
                table.write()
            return
        except IntegrityError:
            # Somebody else has made a row that was not there, and its version counts too.
            again = _Table(changes, table.topic, table.using)
            if again.there <= table.there:
                raise
            table = again


def _parts(changes: Sequence[Change]) -> Iterator[Sequence[Change]]:
    """Changes by model; as they come, if rows of the models refer to one another: then a deletion can be that of
    other rows too, and a row has to be there before what refers to it."""
    by_model: dict[Any, list[Change]] = {}
    for change in changes:
        by_model.setdefault(change.model, []).append(change)
    deletes = any(change.delete for change in changes)
    if not _refer(list(by_model), deletes):
        yield from by_model.values()
        return
    start = 0
    for stop in range(1, len(changes) + 1):
        first = changes[start]
        if stop == len(changes) or changes[stop].model is not first.model or changes[stop].delete != first.delete:
            yield changes[start:stop]
            start = stop


def _refer(models: list[Any], deletes: bool) -> bool:
    """Whether one of the models has a relation to another, or to itself where rows are deleted."""
    concrete = [model._meta.concrete_model for model in models]
    return any(
        field.remote_field is not None
        and field.related_model is not None
        and field.related_model._meta.concrete_model in concrete
        and (deletes or field.related_model._meta.concrete_model is not model)
        for model in concrete
        for field in model._meta.concrete_fields
    )


class _Table:
    """What is to become of the rows of one model."""

    def __init__(self, changes: Sequence[Change], topic: Any, using: str) -> None:
        self.topic = topic
        self.using = using
        self.model = changes[0].model
        self.target: Target = target_of(self.model)
        self.names = tuple(changes[0].lookup)
        self.manager = manager_of(self.model, using)
        self.deleted: dict[Any, Any] = {}  # with the version of the deletion
        self.rows: dict[Any, dict[str, Any]] = {}
        if frozenset(self.names) not in self.target.uniques:
            raise NotBulkError
        # With a version_field: the rows that are there, locked, and what is known of them and of those that are gone.
        self.there: set[Any] = set()
        self.states: dict[Any, State | None] = {}
        if topic.version_field:
            self._look(changes)
        for change in changes:
            self._fold(change)
        self.groups = self._groups()

    def _look(self, changes: Sequence[Change]) -> None:
        keys = {self._key(change) for change in changes}
        for row in locked(self.model, self.using, self.names, keys):
            self.states[key_in(row, self.names)] = state_of(row, self.topic)
        self.there = set(self.states)
        missing = keys - self.there
        self.states.update(states_of_deleted(self.topic, self.model, self.using, self.names, missing))

    def _key(self, change: Change) -> Any:
        lookup = change.lookup
        if len(lookup) == 1:
            try:
                key = lookup[self.names[0]]
                hash(key)
            except (KeyError, TypeError):
                raise NotBulkError from None
            if key is None:
                raise NotBulkError
            return key
        if tuple(lookup) != self.names or None in lookup.values():
            raise NotBulkError
        try:
            return key_of(lookup)
        except TypeError:
            raise NotBulkError from None

    def _fold(self, change: Change) -> None:
        key = self._key(change)
        if self.topic.version_field:
            if is_older(change, self.states.get(key)):
                return
            name = self.target.columns[self.topic.version_field].attname
            if change.delete or name in change.values:  # else the row's version stays what it is
                self.states[key] = state_after(change, self.topic, self.names)
        if change.delete:
            self.rows.pop(key, None)
            self.deleted[key] = change.version
            return
        values = dict(change.values) if self.topic.version_field else change.values  # which may be looked at again
        for name, item in change.lookup.items():
            if values.setdefault(name, item) != item:
                raise NotBulkError
        known = self.rows.get(key)
        if known is None:
            self.rows[key] = values
        else:
            known.update(values)

    def _groups(self) -> list[_Group]:
        """Rows with the same columns."""
        by_names: dict[tuple[str, ...], list[Any]] = {}
        for key, values in self.rows.items():
            by_names.setdefault(tuple(values), []).append(key)
        return [_Group(self, names, keys) for names, keys in by_names.items()]

    def write(self) -> None:
        self._delete()
        if not self.topic.send_signals or not post_save.has_listeners(self.model):
            for group in self.groups:
                group.write()
            return
        there = self.existing(self.rows)
        for group in self.groups:
            group.write()
        self._send(there)

    def _delete(self) -> None:
        versioned = self.topic.version_field
        for part in chunks(self.names, self.there.intersection(self.deleted) if versioned else self.deleted):
            delete_rows(self.manager.filter(condition(self.names, part)), self.topic)
        if versioned:
            remember_deleted(self.topic, self.model, self.using, self.names, self.deleted)

    def is_new(self, key: Any) -> bool:
        """Whether a row that is to be written has to be one that is not there: with a version_field, where any other
        row has to be looked at before."""
        return bool(self.topic.version_field) and (key not in self.there or key in self.deleted)

    def existing(self, keys: Any) -> set[Any]:
        found: set[Any] = set()
        for part in chunks(self.names, keys):
            rows = self.manager.filter(condition(self.names, part)).order_by().values_list(*self.names)
            found.update(row[0] if len(row) == 1 else row for row in rows)
        return found

    def _send(self, there: set[Any]) -> None:
        """post_save of all rows, as they are now."""
        for part in chunks(self.names, self.rows):
            rows = {
                key_in(row, self.names): row for row in self.manager.filter(condition(self.names, part)).order_by()
            }
            for key in part:
                fields = frozenset(self.rows[key]) if key in there else None
                arguments = {"created": key not in there, "update_fields": fields, "raw": False, "using": self.using}
                if key in rows:
                    post_save.send(sender=self.model, instance=rows[key], **arguments)


class _Group:
    """Rows of which the same columns are written."""

    def __init__(self, table: _Table, names: tuple[str, ...], keys: list[Any]) -> None:
        self.table = table
        self.keys = keys
        target = table.target
        given = frozenset(names)
        others = given.difference(table.names)
        if any(name not in target.columns for name in given) or others & target.pk_attnames:
            raise NotBulkError
        updated = set(others)
        for field in target.fields:
            if getattr(field, "auto_now_add", False):
                if field.attname in given:  # which is not written when the row is made, but is when it changes
                    raise NotBulkError
            elif type(field).pre_save is not Field.pre_save and getattr(field, "auto_now", False):
                updated.add(field.attname)
        self.updated = sorted(updated)
        self.make = _maker(target, given)

    def write(self) -> None:
        table = self.table
        new = [key for key in self.keys if table.is_new(key)]
        self._insert(new)
        others = [key for key in self.keys if not table.is_new(key)] if new else self.keys
        if self.updated:
            self._upsert(others)
        else:
            there = table.existing(others)
            self._insert([key for key in others if key not in there])

    def _insert(self, keys: list[Any]) -> None:
        table = self.table
        if keys:
            table.manager.bulk_create([self.make(table.rows[key]) for key in keys])

    def _upsert(self, keys: list[Any]) -> None:
        table = self.table
        features = connections[table.using].features
        table.manager.bulk_create(
            [self.make(table.rows[key]) for key in keys],
            update_conflicts=True,
            update_fields=self.updated,
            unique_fields=list(table.names) if features.supports_update_conflicts_with_target else None,
            batch_size=_batch_size(table.using, len(table.target.fields)),
        )


def _maker(target: Target, given: frozenset[str]) -> Callable[[dict[str, Any]], Any]:
    """Makes objects of values: by filling them if nobody would notice, else with all columns in their order."""
    model = target.model
    if model.__init__ is Model.__init__ and not pre_init.has_listeners(model) and not post_init.has_listeners(model):
        return _filler(target, given)
    columns: list[tuple[str, Callable[[], Any] | None]] = []
    for field in target.fields:
        if getattr(field, "generated", False):
            columns.append((field.attname, _deferred))
        else:
            columns.append((field.attname, None if field.attname in given else field.get_default))

    def make(values: dict[str, Any]) -> Any:
        return model(*[values[name] if default is None else default() for name, default in columns])

    return make


def _filler(target: Target, given: frozenset[str]) -> Callable[[dict[str, Any]], Any]:
    """As objects are made again of what was pickled: they get their columns and a state, and __init__() is not
    called."""
    model = target.model
    defaults = [
        (field.attname, field.get_default)
        for field in target.fields
        if field.attname not in given and not getattr(field, "generated", False)
    ]

    def make(values: dict[str, Any]) -> Any:
        made = model.__new__(model)
        inside = made.__dict__
        inside["_state"] = ModelState()
        inside.update(values)
        for name, default in defaults:
            inside[name] = default()
        return made

    return make


def _deferred() -> Any:
    return DEFERRED


def _batch_size(using: str, columns: int) -> int | None:
    """PostgreSQL takes 65,535 parameters of a statement, if it is the server that puts them in."""
    options = connections[using].settings_dict.get("OPTIONS") or {}
    return 65_535 // columns if options.get("server_side_binding") else None
