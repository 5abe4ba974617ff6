# SPDX-License-Identifier: MIT
"""Few rows as parameters of the statement itself: for each column an array in PostgreSQL's binary form, of which
unnest() makes rows. That saves the temporary table, what it costs at the end of a transaction, and round trips.

It takes psycopg 3: psycopg2 knows no binary parameters. A cursor of the driver's own works on Django's connection,
since Django's puts values into the text, too, unless `server_side_binding` is set. Whether a statement is prepared is
for the connection's own `prepare_threshold` to say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django_kafka.sync.columns import Column
from django_kafka.sync.upsert import Shape

try:
    from django_kafka.sync.parameters import BinaryArray, open_cursor
except ImportError:  # without psycopg 3
    BinaryArray = open_cursor = None  # type: ignore[assignment,misc]

MOST_ROWS = 1000  # of more, COPY into a temporary table costs less
MOST_BYTES = 1 << 20  # driver and server hold parameters several times


def can_be_arrays(shape: Shape) -> bool:
    """Whether the columns can be sent so: an array of arrays would be one of more dimensions."""
    return open_cursor is not None and not any(column.is_array for column in shape.columns)


class Arrays:
    """A source of statements: their own parameters. Owned by the thread whose connection it is."""

    def __init__(self, connection: Any, shape: Shape) -> None:
        self.connection = connection
        self.rows = self._unnest("rows", shape.columns)
        self.keys = self._unnest("keys", shape.key_columns())
        self.keys_of_rows = self._unnest("rows", shape.key_columns())  # which come first

    def _unnest(self, what: str, columns: Sequence[Column]) -> str:
        arrays = ", ".join(f"%({what}{number})b::{_type_of(column)}[]" for number, column in enumerate(columns))
        names = ", ".join(self.connection.ops.quote_name(column.name) for column in columns)
        return f"(SELECT * FROM unnest({arrays}) AS r ({names}))"

    @contextmanager
    def with_rows(self, result: Any, *, careful: bool) -> Iterator[tuple[Any, dict[str, Any]]]:
        """A cursor, and parameters, for statements about a CopyResult's rows."""
        with open_cursor(self.connection) as cursor:
            yield cursor, _named("rows", result.arrays())

    @contextmanager
    def with_keys(self, result: Any, *, careful: bool) -> Iterator[tuple[Any, dict[str, Any]]]:
        """The same for the keys of rows that go."""
        with open_cursor(self.connection) as cursor:
            yield cursor, _named("keys", result.deleted_arrays())


def _type_of(column: Column) -> str:
    """What CopyPlan says the items are."""
    return "text" if column.kind == "varchar" else column.travels_as


def _named(what: str, arrays: Sequence[bytes]) -> dict[str, Any]:
    return {f"{what}{number}": BinaryArray(data) for number, data in enumerate(arrays)}
