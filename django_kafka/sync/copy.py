# SPDX-License-Identifier: MIT
"""Sends rows in COPY's binary form through Django's own connection, and writes them into a model's table.

All of it happens inside the transaction that is open on the connection. A pooler may give another connection of its
own to each transaction (PgBouncer's transaction mode), so the temporary tables may be missing in any."""

from __future__ import annotations

import io
from typing import Any

from django.db import ProgrammingError

from django_kafka.failures.database import state_of
from django_kafka.sync.upsert import Statements

_MISSING = ("42P01", "3F000")  # the table; the schema of temporary tables, where there was none yet


class TablesMissingError(Exception):
    """The transaction has failed: it has to be begun again, with prepare()."""


class CopyWriter:
    """Writes what messages of one shape say. Owned by the thread whose connection it is.

    careful: look whether the temporary tables are there and empty before each use. Else they have to be, since
    nothing else was done in the transaction; if they are not there, TablesMissingError says so."""

    def __init__(self, connection: Any, statements: Statements) -> None:
        self.connection = connection
        self.statements = statements

    def prepare(self) -> None:
        """Make the temporary tables that are missing."""
        with self.connection.cursor() as cursor:
            cursor.execute(self.statements.create_rows)
            cursor.execute(self.statements.create_keys)

    def delete(self, keys: Any, *, careful: bool) -> None:
        """keys: COPY's binary form of the key columns of rows that go, as a buffer."""
        sql = self.statements
        with self.connection.cursor() as cursor:
            self._fill(cursor, sql.keys, sql.copy_keys, keys, careful)
            cursor.execute(sql.delete)

    def deleted_keys(self, keys: Any, *, careful: bool) -> list[tuple[Any, ...]]:
        """The keys as Python objects, for models whose rows Django has to delete itself."""
        sql = self.statements
        with self.connection.cursor() as cursor:
            self._fill(cursor, sql.keys, sql.copy_keys, keys, careful)
            cursor.execute(f"SELECT * FROM {sql.keys}")
            found: list[tuple[Any, ...]] = cursor.fetchall()
        return found

    def upsert(self, rows: Any, *, careful: bool) -> None:
        """rows: COPY's binary form of the shape's columns, each key once, as a buffer."""
        sql = self.statements
        with self.connection.cursor() as cursor:
            self._fill(cursor, sql.rows, sql.copy_rows, rows, careful)
            if sql.is_complete:
                cursor.execute(sql.upsert, sql.parameters())
                return
            if sql.update:
                cursor.execute(sql.update, sql.update_parameters())
            cursor.execute(sql.insert_missing, sql.parameters())

    def _fill(self, cursor: Any, table: str, copy: str, block: Any, careful: bool) -> None:
        """The temporary table holds exactly these rows."""
        if careful:
            cursor.execute("SELECT to_regclass(%s)", [table])
            if cursor.fetchone()[0] is None:
                self.prepare()
            cursor.execute(f"DELETE FROM {table}")
        try:
            with self.connection.wrap_database_errors:
                _send(cursor.cursor, copy, block)
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
