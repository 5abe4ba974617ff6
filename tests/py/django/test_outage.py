# SPDX-License-Identifier: MIT
"""Which errors of a database mean that it is away, by what the driver says. (The servers themselves: tests/live.)"""

from __future__ import annotations

from collections.abc import Iterator
from unittest import mock

import pytest
from django.db import IntegrityError, InterfaceError, OperationalError, ProgrammingError, connection

from django_kafka.failures.database import is_outage

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
        (OperationalError, "LockNotAvailable"),
        (OperationalError, "QueryCanceled"),
        (OperationalError, "DeadlockDetected"),
        (OperationalError, "SerializationFailure"),
        (ProgrammingError, "UndefinedTable"),
        (IntegrityError, "UniqueViolation"),
    ],
)
def test_an_error_of_the_statement_is_the_messages_own(kind: type[Exception], name: str) -> None:
    cause = getattr(psycopg.errors, name)("said the server")
    assert not is_outage(raised(kind(str(cause)), cause))


def test_other_exceptions_are_not_the_databases() -> None:
    assert not is_outage(ConnectionError("the connection to somebody else is closed"))
    assert not is_outage(OperationalError("of a handler's own making"))


class Refused(Exception):
    """Raised in the place of a connection."""


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
