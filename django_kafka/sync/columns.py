# SPDX-License-Identifier: MIT
"""What PostgreSQL knows of a model's table: its columns, their types, and by which of them rows are unique."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

# format_type() of a column -> the name of the kind that the engine writes in COPY's binary form (dk/pgcopy.h).
_KINDS = {
    "boolean": "bool",
    "smallint": "int2",
    "integer": "int4",
    "bigint": "int8",
    "real": "float4",
    "double precision": "float8",
    "numeric": "numeric",
    "text": "text",
    "character varying": "varchar",
    "character": "char",
    "bytea": "bytea",
    "date": "date",
    "time without time zone": "time",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
    "interval": "interval",
    "uuid": "uuid",
    "json": "json",
    "jsonb": "jsonb",
    "inet": "inet",
    "cidr": "cidr",
}
# "character varying(20)", "numeric(10,2)", "timestamp(3) with time zone", each perhaps with [].
_TYPE = re.compile(r"^(?P<head>[a-z ]+?)(?:\((?P<args>[\d,]+)\))?(?P<tail> with(?:out)? time zone)?(?P<array>\[\])?$")

_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated <> '', a.atthasdef
FROM pg_attribute a
WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
"""
# Only what INSERT … ON CONFLICT can name by its columns alone: not partial, not on expressions, not deferrable.
_UNIQUE = """
SELECT array(SELECT a.attname::text FROM unnest(i.indkey::int2[]) WITH ORDINALITY k (attnum, place)
             JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
             WHERE k.place <= i.indnkeyatts ORDER BY k.place)
FROM pg_index i
WHERE i.indrelid = %s::regclass AND i.indisunique AND i.indimmediate AND i.indisvalid
  AND i.indpred IS NULL AND i.indexprs IS NULL
"""


@dataclass(frozen=True)
class Column:
    """A column of the table, as PostgreSQL describes it."""

    name: str
    type: str  # as format_type() writes it
    not_null: bool
    generated: bool
    has_default: bool
    of_ranges: bool = False  # a range field's, which the engine writes; to others it is read from text

    @property
    def kind(self) -> str:
        """What the engine writes: a kind of dk/pgcopy.h; "text" for what PostgreSQL has to read from text."""
        parts = _TYPE.match(self.type)
        if self.of_ranges:
            return self.type.removesuffix("[]")
        return _KINDS.get(_head(parts), "text") if parts else "text"

    @property
    def is_cast(self) -> bool:
        """Whether the column travels as text, and the statement makes its type of it."""
        parts = _TYPE.match(self.type)
        return not self.of_ranges and (parts is None or _head(parts) not in _KINDS)

    @property
    def is_array(self) -> bool:
        return self.type.endswith("[]") and not self.is_cast

    @property
    def arguments(self) -> tuple[int, ...]:
        """Length of a varchar; precision and scale of a numeric."""
        parts = _TYPE.match(self.type)
        return tuple(map(int, parts["args"].split(","))) if parts and parts["args"] else ()

    @property
    def travels_as(self) -> str:
        """The type of the column of the temporary table."""
        return "text" if self.is_cast else self.type


def _head(parts: re.Match[str]) -> str:
    return parts["head"] + (parts["tail"] or "")


@dataclass(frozen=True)
class Table:
    """A model's table."""

    quoted: str  # as SQL names it
    columns: dict[str, Column]
    unique: tuple[frozenset[str], ...]

    def is_unique(self, names: set[str]) -> bool:
        """Whether INSERT … ON CONFLICT can name these columns."""
        return frozenset(names) in self.unique


def describe_table(connection: Any, db_table: str) -> Table | None:
    """None: there is no such table. connection: Django's, to PostgreSQL."""
    quoted = connection.ops.quote_name(db_table)
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [quoted])
        if cursor.fetchone()[0] is None:
            return None
        cursor.execute(_COLUMNS, [quoted])
        columns = {row[0]: Column(*row) for row in cursor.fetchall()}
        cursor.execute(_UNIQUE, [quoted])
        unique = tuple(frozenset(row[0]) for row in cursor.fetchall())
    return Table(quoted, columns, unique)
