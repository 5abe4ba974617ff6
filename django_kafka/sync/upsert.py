# SPDX-License-Identifier: MIT
"""The statements of the copy path: a temporary table, what is written from it into the model's, what is deleted.

The temporary table belongs to the connection and is emptied at the end of each transaction, so that a steady state
creates nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django_kafka.sync.columns import Column, Table

# Types without an operator `=`: two values are the same when their texts are.
_WITHOUT_EQUALITY = ("json", "xml", "point", "polygon", "box", "circle", "path", "line", "lseg")


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

    @property
    def is_complete(self) -> bool:
        """Whether a new row can be made of what is there. Else only rows that exist can be written: PostgreSQL looks
        at NOT NULL before it looks for a conflict."""
        given = {column.name for column in self.columns}
        given.update(item.column for item in self.fixed if item.value() is not None)
        return all(
            name in given or not column.not_null or column.has_default or column.generated
            for name, column in self.table.columns.items()
        )


class Statements:
    """SQL for a shape. Made once; immutable."""

    def __init__(self, shape: Shape, quote: Any) -> None:
        """quote: connection.ops.quote_name"""
        self.shape = shape
        self._quote = quote
        self.rows = f"pg_temp.{quote(self._name('rows', shape.columns))}"
        self.keys = f"pg_temp.{quote(self._name('keys', self._key_columns()))}"
        self.create_rows = self._create(self.rows, shape.columns)
        self.create_keys = self._create(self.keys, self._key_columns())
        self.copy_rows = f"COPY {self.rows} FROM STDIN (FORMAT binary)"
        self.copy_keys = f"COPY {self.keys} FROM STDIN (FORMAT binary)"
        self.delete = self._delete()
        self.upsert = self._upsert()
        self.update = self._update()
        self.insert_missing = self._insert_missing()
        self.is_complete = shape.is_complete

    # ---- the temporary tables ----

    def _key_columns(self) -> tuple[Column, ...]:
        return tuple(self.shape.table.columns[name] for name in self.shape.key)

    def _name(self, what: str, columns: Sequence[Column]) -> str:
        text = repr((self.shape.table.quoted, what, [(column.name, column.travels_as) for column in columns]))
        return f"django_kafka_{what}_{hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()[:16]}"

    def _create(self, name: str, columns: Sequence[Column]) -> str:
        parts = ", ".join(f"{self._quote(column.name)} {column.travels_as}" for column in columns)
        return f"CREATE TEMPORARY TABLE IF NOT EXISTS {name} ({parts}) ON COMMIT DELETE ROWS"

    # ---- the model's table ----

    def _cast(self, alias: str, column: Column) -> str:
        name = f"{alias}.{self._quote(column.name)}"
        return f"{name}::{column.type}" if column.is_cast else name

    def _same_key(self) -> str:
        """The row t of the table is that of r."""
        columns = self.shape.table.columns
        return " AND ".join(f"t.{self._quote(name)} = {self._cast('r', columns[name])}" for name in self.shape.key)

    def _is_one_of(self, source: str) -> str:
        """The row t is one of the temporary table's. As an array: the planner knows nothing of a table that was
        filled a moment ago, and would rather read all of ours than look single rows up."""
        (column,) = self._key_columns()
        return f"t.{self._quote(column.name)} = ANY (ARRAY(SELECT {self._cast('r', column)} FROM {source} AS r))"

    def _delete(self) -> str:
        return f"DELETE FROM {self.shape.table.quoted} AS t WHERE {self._is_one_of(self.keys)}"

    def _inserted(self) -> str:
        names = [column.name for column in self.shape.columns] + [item.column for item in self.shape.fixed]
        return ", ".join(map(self._quote, names))

    def _selected(self) -> str:
        parts = [self._cast("r", column) for column in self.shape.columns]
        for item in self.shape.fixed:
            parts.append(f"%s::{self.shape.table.columns[item.column].type}")
        return ", ".join(parts)

    def _updated(self) -> list[Column]:
        key = set(self.shape.key)
        columns = [column for column in self.shape.columns if column.name not in key]
        return columns + [self.shape.table.columns[item.column] for item in self.shape.fixed if item.updates]

    def _differs(self, new: str) -> str:
        """Whether the row t is not what it is going to be."""
        old_parts, new_parts = [], []
        for column in self._updated():
            suffix = "::text" if column.type.split("(")[0] in _WITHOUT_EQUALITY else ""
            value = f"{new}.{self._quote(column.name)}" if new == "EXCLUDED" else self._cast(new, column)
            old_parts.append(f"t.{self._quote(column.name)}{suffix}")
            new_parts.append(f"({value}){suffix}" if suffix else value)
        return f"({', '.join(old_parts)}) IS DISTINCT FROM ({', '.join(new_parts)})"

    def _upsert(self) -> str:
        shape = self.shape
        key = ", ".join(map(self._quote, shape.key))
        text = f"INSERT INTO {shape.table.quoted} AS t ({self._inserted()})"
        text += f" SELECT {self._selected()} FROM {self.rows} AS r"
        updated = self._updated()
        if not updated:
            return f"{text} ON CONFLICT ({key}) DO NOTHING"
        assigned = ", ".join(f"{self._quote(c.name)} = EXCLUDED.{self._quote(c.name)}" for c in updated)
        text += f" ON CONFLICT ({key}) DO UPDATE SET {assigned}"
        return f"{text} WHERE {self._differs('EXCLUDED')}" if shape.skips_unchanged else text

    def _update(self) -> str:
        """The first half of what _upsert() does, where a new row could not be made of every message."""
        shape = self.shape
        fixed = {item.column for item in shape.fixed}
        assigned = []
        for column in self._updated():
            value = f"%s::{column.type}" if column.name in fixed else self._cast("r", column)
            assigned.append(f"{self._quote(column.name)} = {value}")
        if not assigned:
            return ""
        text = f"UPDATE {shape.table.quoted} AS t SET {', '.join(assigned)} FROM {self.rows} AS r"
        return f"{text} WHERE {self._is_one_of(self.rows)} AND {self._same_key()}"

    def _insert_missing(self) -> str:
        shape = self.shape
        return (
            f"INSERT INTO {shape.table.quoted} ({self._inserted()}) SELECT {self._selected()} FROM {self.rows} AS r"
            f" WHERE NOT EXISTS (SELECT 1 FROM {shape.table.quoted} AS t WHERE {self._same_key()})"
        )

    # ---- their parameters ----

    def parameters(self) -> tuple[Any, ...]:
        """Of upsert and insert_missing."""
        return tuple(item.value() for item in self.shape.fixed)

    def update_parameters(self) -> tuple[Any, ...]:
        updated = {item.column: item.value for item in self.shape.fixed if item.updates}
        return tuple(updated[column.name]() for column in self._updated() if column.name in updated)
