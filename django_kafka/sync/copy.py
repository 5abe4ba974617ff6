# SPDX-License-Identifier: MIT
"""Sends rows in COPY's binary form through Django's own connection, and writes them into a model's table.

All of it happens inside the transaction that is open on the connection."""

from __future__ import annotations

import io
from typing import Any

from django_kafka.sync.upsert import Statements


class CopyWriter:
    """Writes what messages of one shape say. Owned by the thread whose connection it is."""

    def __init__(self, connection: Any, statements: Statements) -> None:
        self.connection = connection
        self.statements = statements

    def delete(self, keys: Any) -> None:
        """keys: COPY's binary form of the key columns of rows that go, as a buffer."""
        sql = self.statements
        with self.connection.cursor() as cursor:
            self._fill(cursor, sql.keys, sql.create_keys, sql.copy_keys, keys)
            cursor.execute(sql.delete)

    def deleted_keys(self, keys: Any) -> list[tuple[Any, ...]]:
        """The keys as Python objects, for models whose rows Django has to delete itself."""
        sql = self.statements
        with self.connection.cursor() as cursor:
            self._fill(cursor, sql.keys, sql.create_keys, sql.copy_keys, keys)
            cursor.execute(f"SELECT * FROM {sql.keys}")
            found: list[tuple[Any, ...]] = cursor.fetchall()
        return found

    def upsert(self, rows: Any) -> None:
        """rows: COPY's binary form of the shape's columns, each key once, as a buffer."""
        sql = self.statements
        with self.connection.cursor() as cursor:
            self._fill(cursor, sql.rows, sql.create_rows, sql.copy_rows, rows)
            if sql.is_complete:
                cursor.execute(sql.upsert, sql.parameters())
                return
            if sql.update:
                cursor.execute(sql.update, sql.update_parameters())
            cursor.execute(sql.insert_missing, sql.parameters())

    def _fill(self, cursor: Any, table: str, create: str, copy: str, block: Any) -> None:
        """The temporary table holds exactly these rows."""
        cursor.execute("SELECT to_regclass(%s)", [table])
        if cursor.fetchone()[0] is None:
            cursor.execute(create)
        else:
            cursor.execute(f"DELETE FROM {table}")  # what an earlier write of this transaction has left
        with self.connection.wrap_database_errors:
            _send(cursor.cursor, copy, block)


def _send(cursor: Any, sql: str, block: Any) -> None:
    """cursor: the driver's."""
    if hasattr(cursor, "copy"):  # psycopg 3
        with cursor.copy(sql) as copy:
            copy.write(block)
    else:
        cursor.copy_expert(sql, io.BytesIO(block))
