# SPDX-License-Identifier: MIT
"""Columns whose value Debezium does not have: large ones that an update has left alone.

A row that is there keeps what it has. A row that is not there cannot be made of such a message: nobody would see that
its default is not the source's value. That is so above all when a primary key changes, which Debezium tells as a
deletion and a new row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connections

from django_kafka.sync.change import Change
from django_kafka.sync.convert.unfit import UnfitValue
from django_kafka.sync.rows import chunks, condition, key_in, key_of, manager_of
from django_kafka.sync.target import target_of
from django_kafka.sync.versions import State, is_older, state_after, state_of, states_of_deleted

_EXPECTED = (
    "a value, and no row is there that has one. After a change of a primary key only a table with REPLICA IDENTITY "
    "FULL has it; of rows that are missing here, a snapshot"
)


def check_unavailable(changes: Sequence[Change], topic: Any, using: str) -> None:
    """Before they are written, in their transaction if there is one. Errors: UnfitValue for a row that would be made
    without a value of such a column; its `index` is that of the change's message."""
    if not any(change.unavailable for change in changes):
        return
    for (model, names), rows in _tables(changes).items():
        there = _find(rows, model, names, topic, using)
        for key, own in rows.items():
            _check(own, key in there, there.get(key), topic, using)


def _tables(changes: Sequence[Change]) -> dict[Any, dict[Any, list[Change]]]:
    """By model and names of the key, the changes of each row that one with such a column is among."""
    places = [_place(change) for change in changes]
    wanted = {place for place, change in zip(places, changes, strict=True) if change.unavailable}
    found: dict[Any, dict[Any, list[Change]]] = {}
    for place, change in zip(places, changes, strict=True):
        if place in wanted:
            table, key = place
            found.setdefault(table, {}).setdefault(key, []).append(change)
    return found


def _place(change: Change) -> tuple[Any, Any]:
    names = tuple(change.lookup)
    if not target_of(change.model).is_plain(names):
        return (change.model, None), id(change)  # looked up by itself
    try:
        return (change.model, names), key_of(change.lookup)
    except TypeError:
        return (change.model, None), id(change)


def _find(
    rows: dict[Any, list[Change]], model: Any, names: Sequence[str] | None, topic: Any, using: str
) -> dict[Any, State | None]:
    """Which rows are there, by key, and their states where versions count."""
    found = {} if names is None else _find_by_keys(rows, model, names, topic, using)
    if names is None or not rows.keys() >= found.keys():  # the database may not tell `a` from `A`
        manager = manager_of(model, using)
        for key, own in rows.items():
            if key not in found and manager.filter(**own[0].lookup).exists():
                found[key] = None
    return found


def _find_by_keys(
    keys: Iterable[Any], model: Any, names: Sequence[str], topic: Any, using: str
) -> dict[Any, State | None]:
    found: dict[Any, State | None] = {}
    for part in chunks(names, keys):
        there = manager_of(model, using).filter(condition(names, part)).order_by(*names)
        if connections[using].in_atomic_block:  # nobody takes them away before they are written
            there = there.select_for_update()
        if topic.version_field:
            found.update((key_in(row, names), state_of(row, topic)) for row in there)
        else:
            found.update((row[0] if len(row) == 1 else row, None) for row in there.values_list(*names))
    return found


def _check(own: Sequence[Change], there: bool, state: State | None, topic: Any, using: str) -> None:
    """own: changes of one row."""
    names = tuple(own[0].lookup)
    unknown: dict[str, Change] = {}
    if topic.version_field and not there:
        gone = states_of_deleted(topic, own[0].model, using, names, [key_of(own[0].lookup)])
        state = next(iter(gone.values()), None)
    for change in own:
        if topic.version_field and is_older(change, state):
            continue
        if change.delete:
            there, unknown = False, {}
        elif there:
            unknown = {name: first for name, first in unknown.items() if name not in change.values}
        else:
            there, unknown = True, dict.fromkeys(change.unavailable, change)
        if topic.version_field and change.version is not None:
            state = state_after(change, topic, names)
    for name, change in unknown.items():
        error = UnfitValue(f"{change.model.__name__}.{name}", topic.unavailable_value, _EXPECTED)
        error.index = change.index  # type: ignore[attr-defined]
        raise error
