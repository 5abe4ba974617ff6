# SPDX-License-Identifier: MIT
"""The statements of the copy path: what is written into the model's table, what is deleted. Where the rows come from
is for a source to say."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from django_kafka.sync.columns import Column, Table

# Kinds of key columns that are sorted at next to no cost; texts by their bytes.
_TEXTS = ("text", "varchar", "char")
_SORTED = frozenset(("bool", "int2", "int4", "int8", "date", "time", "timestamp", "timestamptz", "uuid", *_TEXTS))


@dataclass(frozen=True)
class Fixed:
    """A column that no message has: what a new row gets, and an old one when `updates`."""

    column: str
    value: Callable[[], Any]  # asked before each statement
    updates: bool = False


@dataclass(frozen=True)
class Shape:
    """What one kind of message writes into a table."""

    table: Table
    columns: tuple[Column, ...]  # in the order in which the rows have them
    key: tuple[str, ...]  # names of the columns by which a row is found; unique in the table
    fixed: tuple[Fixed, ...] = ()
    # Whether a row that would not change is left alone. Not when something of it changes with every message.
    skips_unchanged: bool = True
    flag: str | None = None  # the column kafka_skip, where the topic writes it
    version: str | None = None  # the column with the version: a row with a smaller one changes nothing

    @property
    def is_complete(self) -> bool:
        """Whether a new row can be made of what is there. Else only rows that exist can be written: PostgreSQL looks
        at NOT NULL before it looks for a conflict."""
        return all(not column.not_null or column.has_default for column in self._left_out())

    @property
    def may_be_sorted(self) -> bool:
        """Whether the order in which rows are written shows nowhere: nothing counts them (serial, identity)."""
        return not any(column.not_null or column.has_default for column in self._left_out())

    def key_columns(self) -> tuple[Column, ...]:
        return tuple(self.table.columns[name] for name in self.key)

    def _left_out(self) -> list[Column]:
        """What the database has to fill."""
        given = {column.name for column in self.columns}
        given.update(item.column for item in self.fixed if item.value() is not None)
        return [c for c in self.table.columns.values() if c.name not in given and not c.generated]


def _to_the_letter(column: Column) -> str:
    """What makes `=` of a column tell any difference. "a" and "A" may be the same in citext or by a collation,
    2.5 and 2.50 are in jsonb and where a numeric has any scale, a day and 24 hours are. Others, json for one, have no
    `=` at all."""
    if column.is_cast or column.kind in ("json", "jsonb", "numrange", "interval"):
        return "::text"
    if column.kind == "numeric" and not column.arguments:
        return "::text"
    return ' COLLATE "C"' if column.kind in _TEXTS else ""


class Source(Protocol):
    """Where statements find rows and keys. Owned by the thread whose connection it is."""

    # What FROM takes in front of an alias.
    rows: str  # with the shape's columns
    keys: str  # of rows that go, with the key's columns
    keys_of_rows: str  # at least the key's columns of `rows`

    def with_rows(self, result: Any, *, careful: bool) -> AbstractContextManager[tuple[Any, dict[str, Any]]]:
        """A cursor, and parameters, for statements about a CopyResult's rows. careful: something was done in the
        transaction before."""

    def with_keys(self, result: Any, *, careful: bool) -> AbstractContextManager[tuple[Any, dict[str, Any]]]:
        """The same for the keys of rows that go."""


class Statements:
    """SQL for a shape. Made once; immutable. All of it takes parameters(), and those of the source."""

    def __init__(self, shape: Shape, quote: Any, source: Source) -> None:
        """quote: connection.ops.quote_name"""
        self.shape = shape
        self._quote = quote
        self.source = source
        self._fixed = {item.column: f"new{number}" for number, item in enumerate(shape.fixed)}
        self.mark = self._mark()
        self.delete = self._delete()
        self.keys = f"SELECT * FROM {source.keys} AS r"
        self.upsert = self._upsert()
        # The same for rows of which most are there already: they are looked up, and not locked as those are that meet
        # a conflict. Empty when it would be no different.
        self.upsert_changed = self._upsert(self._would_change())
        self.update = self._update()
        self.insert_missing = self._insert_missing()
        self.is_complete = shape.is_complete

    def _cast(self, alias: str, column: Column) -> str:
        name = f"{alias}.{self._quote(column.name)}"
        return f"{name}::{column.type}" if column.is_cast else name

    def _same_key(self) -> str:
        """The row t of the table is that of r."""
        columns = self.shape.table.columns
        return " AND ".join(f"t.{self._quote(name)} = {self._cast('r', columns[name])}" for name in self.shape.key)

    def _is_one_of(self, source: str) -> str:
        """The row t is one of the source's. As an array: the planner knows nothing of a table that was filled a
        moment ago, and would rather read all of ours than look single rows up."""
        columns = self.shape.key_columns()
        arrays = [f"ARRAY(SELECT {self._cast('r', column)} FROM {source} AS r)" for column in columns]
        names = [f"t.{self._quote(column.name)}" for column in columns]
        if len(columns) == 1:
            return f"{names[0]} = ANY ({arrays[0]})"
        return f"({', '.join(names)}) IN (SELECT * FROM unnest({', '.join(arrays)}))"

    def _delete(self) -> str:
        return f"DELETE FROM {self.shape.table.quoted} AS t WHERE {self._is_one_of(self.source.keys)}"

    def _mark(self) -> str:
        """Before rows are deleted: their kafka_skip, so that a connector sees whose deletion it is. Empty when it is
        not for the topic to write."""
        if self.shape.flag is None:
            return ""
        flag = self._quote(self.shape.flag)
        return (
            f"UPDATE {self.shape.table.quoted} AS t SET {flag} = %(flag)s"
            f" WHERE {self._is_one_of(self.source.keys)} AND t.{flag} <> %(flag)s"
        )

    def _inserted(self) -> str:
        names = [column.name for column in self.shape.columns] + [item.column for item in self.shape.fixed]
        return ", ".join(map(self._quote, names))

    def _selected(self) -> str:
        parts = [self._cast("r", column) for column in self.shape.columns]
        for item in self.shape.fixed:
            parts.append(self._parameter(self.shape.table.columns[item.column]))
        return ", ".join(parts)

    def _parameter(self, column: Column) -> str:
        """What a column gets that no message has."""
        return f"%({self._fixed[column.name]})s::{column.type}"

    def _updated(self) -> list[Column]:
        key = set(self.shape.key)
        columns = [column for column in self.shape.columns if column.name not in key]
        return columns + [self.shape.table.columns[item.column] for item in self.shape.fixed if item.updates]

    def _value(self, new: str, column: Column) -> str:
        """What a column is going to be: a parameter where no message has it."""
        if new == "EXCLUDED":
            return f"{new}.{self._quote(column.name)}"
        return self._parameter(column) if column.name in self._fixed else self._cast(new, column)

    def _differs(self, new: str) -> str:
        """Whether the row t is not what it is going to be."""
        old_parts, new_parts = [], []
        for column in self._updated():
            suffix = _to_the_letter(column)
            value = self._value(new, column)
            old_parts.append(f"t.{self._quote(column.name)}{suffix}")
            new_parts.append(f"({value}){suffix}" if suffix else value)
        return f"({', '.join(old_parts)}) IS DISTINCT FROM ({', '.join(new_parts)})"

    def _upsert(self, where: str | None = "") -> str:
        """where: which rows are looked at; None: there is no such statement."""
        if where is None:
            return ""
        shape = self.shape
        key = ", ".join(map(self._quote, shape.key))
        text = f"INSERT INTO {shape.table.quoted} AS t ({self._inserted()})"
        text += f" SELECT {self._selected()} FROM {self.source.rows} AS r{where}{self._order()}"
        updated = self._updated()
        if not updated:
            return f"{text} ON CONFLICT ({key}) DO NOTHING"
        assigned = ", ".join(f"{self._quote(c.name)} = EXCLUDED.{self._quote(c.name)}" for c in updated)
        text += f" ON CONFLICT ({key}) DO UPDATE SET {assigned}"
        conditions = self._conditions("EXCLUDED")
        return f"{text} WHERE {' AND '.join(conditions)}" if conditions else text

    def _conditions(self, new: str) -> list[str]:
        """On which the row t is written anew."""
        unequal = [self._differs(new)] if self.shape.skips_unchanged else []
        return unequal + self._not_older(new)

    def _would_change(self) -> str | None:
        """Of a row r, that the table has none or another one. A subquery for each row: the planner, who does not know
        how few they are, would rather read all of the table than join it by its index."""
        conditions = self._conditions("r")
        if not conditions or not self._updated():
            return None
        found = f"SELECT {' AND '.join(conditions)} FROM {self.shape.table.quoted} AS t WHERE {self._same_key()}"
        return f" WHERE ({found}) IS NOT FALSE"

    def _not_older(self, new: str) -> list[str]:
        if self.shape.version is None:
            return []
        column = self.shape.table.columns[self.shape.version]
        return [f"({self._value(new, column)} < t.{self._quote(column.name)}) IS NOT TRUE"]

    def _update(self) -> str:
        """The first half of what _upsert() does, where a new row could not be made of every message."""
        shape = self.shape
        assigned = []
        for column in self._updated():
            assigned.append(f"{self._quote(column.name)} = {self._value('r', column)}")
        if not assigned:
            return ""
        text = f"UPDATE {shape.table.quoted} AS t SET {', '.join(assigned)} FROM {self.source.rows} AS r"
        conditions = [self._is_one_of(self.source.keys_of_rows), self._same_key(), *self._not_older("r")]
        return f"{text} WHERE {' AND '.join(conditions)}"

    def _insert_missing(self) -> str:
        shape = self.shape
        return (
            f"INSERT INTO {shape.table.quoted} ({self._inserted()})"
            f" SELECT {self._selected()} FROM {self.source.rows} AS r"
            f" WHERE NOT EXISTS (SELECT 1 FROM {shape.table.quoted} AS t WHERE {self._same_key()}){self._order()}"
        )

    def _order(self) -> str:
        """By the key: neighbours in the index are written together, and two writers of the same rows meet in the same
        order. Messages of several partitions would else come by turns."""
        columns = self.shape.key_columns()
        if not self.shape.may_be_sorted or any(c.is_cast or c.is_array or c.kind not in _SORTED for c in columns):
            return ""
        names = [f"r.{self._quote(c.name)}" + (' COLLATE "C"' if c.kind in _TEXTS else "") for c in columns]
        return f" ORDER BY {', '.join(names)}"

    def parameters(self) -> dict[str, Any]:
        """Of each statement, asked for before it."""
        values: dict[str, Any] = {self._fixed[item.column]: item.value() for item in self.shape.fixed}
        if self.shape.flag is not None:
            values["flag"] = values.get(self._fixed.get(self.shape.flag, ""), False)
        return values
