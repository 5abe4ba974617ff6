# SPDX-License-Identifier: MIT
"""Writes rows in COPY's binary form into a model's table, through Django's own connection and inside the transaction
that is open on it."""

from __future__ import annotations

from typing import Any

from django_kafka.sync.arrays import MOST_BYTES, MOST_ROWS, Arrays, can_be_arrays
from django_kafka.sync.temporary import TemporaryTables
from django_kafka.sync.upsert import Shape, Statements


class CopyWriter:
    """Writes what messages of one shape say, as CopyResults. Owned by the thread whose connection it is.

    careful: the temporary tables may be missing, or filled, since something was done in the transaction before. If
    they are missing all the same, TablesMissingError says so; all methods raise the database's errors, too."""

    def __init__(self, connection: Any, shape: Shape) -> None:
        quote = connection.ops.quote_name
        self._tables = TemporaryTables(connection, shape)
        self.through_tables = Statements(shape, quote, self._tables)
        # None: the columns cannot be sent so.
        self.through_arrays = Statements(shape, quote, Arrays(connection, shape)) if can_be_arrays(shape) else None
        self.is_replay = False  # most rows were written before, as they are

    def prepare(self) -> None:
        """Make the temporary tables that are missing."""
        self._tables.prepare()

    def delete(self, result: Any, *, careful: bool) -> None:
        """The rows of its deleted keys."""
        sql = self._statements(result.deletions, result.deleted)
        with sql.source.with_keys(result, careful=careful) as (cursor, given):
            if sql.mark:
                cursor.execute(sql.mark, {**sql.parameters(), **given})
            cursor.execute(sql.delete, given)

    def deleted_keys(self, result: Any, *, careful: bool) -> list[tuple[Any, ...]]:
        """Them as Python objects, for models whose rows Django has to delete itself."""
        sql = self._statements(result.deletions, result.deleted)
        with sql.source.with_keys(result, careful=careful) as (cursor, given):
            cursor.execute(sql.keys, given)
            found: list[tuple[Any, ...]] = cursor.fetchall()
        return found

    def upsert(self, result: Any, *, careful: bool) -> None:
        """Its rows."""
        sql = self._statements(result.rows, result.block)
        with sql.source.with_rows(result, careful=careful) as (cursor, given):
            if sql.is_complete:
                replay = self.is_replay and sql.upsert_changed
                cursor.execute(replay or sql.upsert, {**sql.parameters(), **given})
                self.is_replay = 2 * cursor.rowcount < result.rows
                return
            if sql.update:
                cursor.execute(sql.update, {**sql.parameters(), **given})
            cursor.execute(sql.insert_missing, {**sql.parameters(), **given})

    def _statements(self, count: int, stream: memoryview) -> Statements:
        few = count <= MOST_ROWS and stream.nbytes <= MOST_BYTES
        return self.through_arrays if self.through_arrays is not None and few else self.through_tables
