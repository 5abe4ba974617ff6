# SPDX-License-Identifier: MIT
"""Rows by COPY into a temporary table: for many of them, and for all types.

The temporary table belongs to the connection and is emptied at the end of each transaction, so that a steady state
creates nothing. A pooler may give another connection of its own to each transaction (PgBouncer's transaction mode):
then it may be missing in any."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import ProgrammingError

from django_kafka.failures.driver_errors import state_of
from django_kafka.sync.columns import Column
from django_kafka.sync.upsert import Shape

_MISSING = ("42P01", "3F000")  # the table; the schema of temporary tables, where there was none yet


class TablesMissingError(Exception):
    """The transaction has failed: it has to be begun again, with prepare()."""


class TemporaryTables:
    """A source of statements: one table for rows, one for keys. Owned by the thread whose connection it is.

    careful: look whether they are there and empty before each use. Else they have to be, since nothing else was done
    in the transaction; if they are not there, TablesMissingError says so."""

    def __init__(self, connection: Any, shape: Shape) -> None:
        self.connection = connection
        self._table = shape.table.quoted
        self._quote = connection.ops.quote_name
        self.rows = self._name("rows", shape.columns)
        self.keys = self._name("keys", shape.key_columns())
        self.keys_of_rows = self.rows
        self._create = (self._creation(self.rows, shape.columns), self._creation(self.keys, shape.key_columns()))

    def _name(self, what: str, columns: Sequence[Column]) -> str:
        text = repr((self._table, what, [(column.name, column.travels_as) for column in columns]))
        digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()[:16]
        return f"pg_temp.{self._quote(f'django_kafka_{what}_{digest}')}"

    def _creation(self, name: str, columns: Sequence[Column]) -> str:
        parts = ", ".join(f"{self._quote(column.name)} {column.travels_as}" for column in columns)
        return f"CREATE TEMPORARY TABLE IF NOT EXISTS {name} ({parts}) ON COMMIT DELETE ROWS"

    def prepare(self) -> None:
        """Make the temporary tables that are missing."""
        with self.connection.cursor() as cursor:
            for statement in self._create:
                cursor.execute(statement)

    @contextmanager
    def with_rows(self, result: Any, *, careful: bool) -> Iterator[tuple[Any, dict[str, Any]]]:
        """A cursor, and parameters, for statements about a CopyResult's rows."""
        with self.connection.cursor() as cursor:
            self._fill(cursor, self.rows, result.block, careful)
            yield cursor, {}

    @contextmanager
    def with_keys(self, result: Any, *, careful: bool) -> Iterator[tuple[Any, dict[str, Any]]]:
        """The same for the keys of rows that go."""
        with self.connection.cursor() as cursor:
            self._fill(cursor, self.keys, result.deleted, careful)
            yield cursor, {}

    def _fill(self, cursor: Any, table: str, block: Any, careful: bool) -> None:
        """The temporary table holds exactly these rows."""
        if careful:
            cursor.execute("SELECT to_regclass(%s)", [table])
            if cursor.fetchone()[0] is None:
                self.prepare()
            cursor.execute(f"DELETE FROM {table}")
        try:
            with self.connection.wrap_database_errors:
                _send(cursor.cursor, f"COPY {table} FROM STDIN (FORMAT binary)", block)
        except ProgrammingError as error:
            if careful or state_of(error) not in _MISSING:
                raise
            raise TablesMissingError from error


def _send(cursor: Any, sql: str, block: Any) -> None:
    """cursor: the driver's."""
    if hasattr(cursor, "copy"):  # psycopg 3
        with cursor.copy(sql) as copy:
            copy.write(block)
    else:
        cursor.copy_expert(sql, io.BytesIO(block))
