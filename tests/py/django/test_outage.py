# SPDX-License-Identifier: MIT
"""Which errors of a database mean that it is away, by what the driver says. (The servers themselves: tests/live.)"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from unittest import mock

import pytest
from django.db import (
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    connection,
    connections,
)

from django_kafka.failures.database import is_outage, refresh
from django_kafka.models import StoredOffset

psycopg = pytest.importorskip("psycopg")


def raised(error: Exception, cause: Exception) -> Exception:
    """As Django wraps a driver's error."""
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "name",
    [
        "AdminShutdown",
        "CrashShutdown",
        "CannotConnectNow",
        "ConnectionFailure",
        "TooManyConnections",
        "DiskFull",
        "IdleInTransactionSessionTimeout",
    ],
)
def test_the_server_is_away_or_short_of_something(name: str) -> None:
    cause = getattr(psycopg.errors, name)("said the server")
    assert is_outage(raised(OperationalError(str(cause)), cause))


def test_the_connection_was_lost_on_this_side() -> None:
    lost = psycopg.OperationalError("consuming input failed: server closed the connection unexpectedly")
    assert is_outage(raised(OperationalError(str(lost)), lost))
    closed = psycopg.InterfaceError("the connection is closed")
    assert is_outage(raised(InterfaceError(str(closed)), closed))


def test_it_may_be_the_reason_of_another_exception() -> None:
    cause = psycopg.errors.AdminShutdown("terminating connection")
    failure = ValueError("the order could not be stored")
    failure.__context__ = raised(OperationalError(str(cause)), cause)
    assert is_outage(failure)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (OperationalError, "QueryCanceled"),
        (ProgrammingError, "UndefinedTable"),
        (IntegrityError, "UniqueViolation"),
    ],
)
def test_an_error_of_the_statement_is_the_messages_own(kind: type[Exception], name: str) -> None:
    cause = getattr(psycopg.errors, name)("said the server")
    assert not is_outage(raised(kind(str(cause)), cause))


@pytest.mark.parametrize("kind", [InternalError, OperationalError])
def test_a_server_that_takes_no_writes_is_away(kind: type[Exception]) -> None:
    cause = psycopg.errors.ReadOnlySqlTransaction("cannot execute INSERT in a read-only transaction")
    assert is_outage(raised(kind(str(cause)), cause))


@pytest.mark.parametrize("kind", [InternalError, OperationalError])
@pytest.mark.parametrize(
    ("number", "text", "expected"),
    [
        (1290, "The MySQL server is running with the --read-only option so it cannot execute this statement", True),
        (1290, "The MariaDB server is running with the READ_ONLY option", True),
        (1290, "The MySQL server is running with the --secure-file-priv option", False),
        (1836, "Running in read-only mode", True),
        (1792, "Cannot execute statement in a READ ONLY transaction", True),
        (1205, "Lock wait timeout exceeded", True),
        (1213, "Deadlock found", True),
        (3572, "could not be acquired immediately and NOWAIT is set", True),
        (1406, "Data too long for column", False),
    ],
)
def test_of_mysql(kind: type[Exception], number: int, text: str, expected: bool) -> None:
    pymysql = pytest.importorskip("pymysql")
    cause = pymysql.err.OperationalError(number, text)
    assert is_outage(raised(kind(*cause.args), cause)) is expected


@pytest.mark.parametrize("name", ["LockNotAvailable", "DeadlockDetected", "SerializationFailure"])
def test_locks_of_others_are_no_messages_fault(name: str) -> None:
    cause = getattr(psycopg.errors, name)("said the server")
    assert is_outage(raised(OperationalError(str(cause)), cause))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('relation "django_kafka_storedoffset" does not exist', True),
        ('relation "my_storedoffset" does not exist', False),
        ('relation "django_kafka_storedoffsets" does not exist', False),
    ],
)
def test_a_models_table_that_is_missing_is_not_migrated_yet(text: str, expected: bool) -> None:
    table = StoredOffset._meta.db_table
    cause = psycopg.errors.UndefinedTable(text.replace("django_kafka_storedoffset", table))
    assert is_outage(raised(ProgrammingError(str(cause)), cause)) is expected


def test_a_locked_sqlite_file_is_no_messages_fault(tmp_path: Path) -> None:
    with (
        closing(sqlite3.connect(tmp_path / "db")) as one,
        closing(sqlite3.connect(tmp_path / "db", timeout=0)) as two,
    ):
        one.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError, match="database is locked") as locked:
            two.execute("BEGIN EXCLUSIVE")
    assert is_outage(raised(OperationalError(str(locked.value)), locked.value))


def test_after_a_failover_the_next_batch_gets_a_new_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """The old one works, but to a server that takes no writes."""
    refresh()  # forgets what other tests have seen
    connection.ensure_connection()
    monkeypatch.setattr(connections["default"], "close_at", None)
    monkeypatch.setattr(connections["default"], "errors_occurred", False)
    before = connection.connection
    refresh()
    assert connection.connection is before
    cause = psycopg.errors.ReadOnlySqlTransaction("cannot execute INSERT in a read-only transaction")
    assert is_outage(raised(InternalError(str(cause)), cause))
    refresh()
    assert connection.connection is None


def test_other_exceptions_are_not_the_databases() -> None:
    assert not is_outage(ConnectionError("the connection to somebody else is closed"))
    assert not is_outage(OperationalError("of a handler's own making"))


class Refused(Exception):
    """Raised in the place of a connection."""


class Missing(Exception):
    """A driver's error about a table or a column that is not there."""

    sqlstate = "42P01"


@pytest.mark.parametrize(
    ("text", "is_a_models"),
    [
        ('relation "django_kafka_storedoffset" does not exist\nLINE 1: SELECT', True),
        ("Relation »django_kafka_storedoffset« existiert nicht", True),
        ("la relation «\xa0django_kafka_storedoffset\xa0» n'existe pas", True),
        ('column "offset" of relation "mine" does not exist', True),
        ("column o.offset does not exist", True),
        ("no such table: main.django_kafka_storedoffset", True),
        ("(1146, \"Table 'shop.django_kafka_storedoffset' doesn't exist\")", True),
        # Words of the text are no names, though models have columns that are called so.
        ('relation "mine" does not exist\nLINE 1: SELECT "offset"', False),
        ('column "mine" of relation "django_kafka_storedoffset" does not exist', False),
        ("no such table: mine", False),
        ("no such column: table.mine", False),
        ("(1146, \"Table 'shop.mine' doesn't exist\")", False),
    ],
)
def test_what_is_missing_is_a_models_or_a_mistake(text: str, is_a_models: bool) -> None:
    error = ProgrammingError(text)
    error.__cause__ = Missing(text)
    assert is_outage(error) == is_a_models


class TestOwnClosing:
    """Handlers that close connections at their end, as users of the original had to."""

    @pytest.fixture(autouse=True)
    def _closed(self) -> Iterator[None]:
        yield
        connection.close()

    def fail(self) -> Exception:
        with pytest.raises(OperationalError) as raised, connection.cursor() as cursor:
            cursor.execute("SELECT * FROM nothing_of_this_name")
        connection.close()
        return raised.value

    def test_a_closed_connection_is_not_a_lost_one(self) -> None:
        assert not is_outage(self.fail())

    def test_nor_is_it_one_if_there_is_no_other(self, monkeypatch: pytest.MonkeyPatch) -> None:
        error = self.fail()
        monkeypatch.setattr(connection, "connect", mock.Mock(side_effect=Refused))
        assert is_outage(error)
