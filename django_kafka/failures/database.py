# SPDX-License-Identifier: MIT
"""Database connections in a process that serves messages instead of requests.

Django closes connections that are too old or broken around each request. The loop does the same around each batch,
and within a batch before a message that comes long after the one before it. It also tells a database that is
unavailable from a message that cannot be stored.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from django.db import Error, InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

IDLE_SECONDS = 5.0


# Whether this thread has ever connected: to ask Django for its connections takes longer than to handle a failure.
_thread = threading.local()


def _note_connection(**_: object) -> None:
    _thread.connected = True


connection_created.connect(_note_connection, dispatch_uid="django_kafka.consumer.database")


def in_use() -> bool:
    """Whether this thread has made a connection object to any database."""
    found = any(True for _ in _initialized())
    if found:
        _note_connection()
    return found


def _initialized() -> Iterator[BaseDatabaseWrapper]:
    yield from connections.all(initialized_only=True)


def refresh() -> None:
    """As before and after a request: close what is broken or too old, forget the logged queries (DEBUG).

    A transaction around all of it is a test's: Django would take its connection for one that was left behind."""
    for connection in _initialized():
        if not connection.in_atomic_block:
            connection.queries_log.clear()
            connection.close_if_unusable_or_obsolete()


def guard(handle: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The handler, with refresh() before a message that comes long after the last one."""
    last = time.monotonic()

    def guarded(msg: Any) -> Any:
        nonlocal last
        now = time.monotonic()
        if now - last > IDLE_SECONDS:
            refresh()
        last = now
        return handle(msg)

    return guarded


def is_outage(exc: BaseException) -> bool:
    """Whether the handler failed because a database connection is dead or cannot be made, or the server is short of
    something.

    Errors of statements (a lock timeout, a constraint) leave the connection usable and are the message's own."""
    if exc.__cause__ is None and exc.__context__ is None and not isinstance(exc, Error):
        return False
    errors = [error for error in _chain(exc) if isinstance(error, Error)]
    if any(_names_outage(error) for error in errors):
        return True
    lost = any(isinstance(error, OperationalError | InterfaceError) for error in errors)
    return bool(errors) and any(_is_dead(connection) or _is_gone(connection, lost) for connection in _initialized())


def state_of(error: BaseException) -> str | None:
    """PostgreSQL's SQLSTATE behind an error of Django's; None when the server has sent none."""
    cause = error.__cause__
    state: str | None = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    return state


def _names_outage(error: BaseException) -> bool:
    """Whether the driver's error says so. To look at the connection is not enough: at the end of a failed
    transaction.atomic() Django connects again."""
    cause = error.__cause__
    if not isinstance(error, OperationalError | InterfaceError) or cause is None:
        return False
    driver = type(cause).__module__.partition(".")[0]
    if driver in ("psycopg", "psycopg2"):
        state = state_of(error)
        if state is None:  # not from the server: the connection was lost, or could not be made
            return isinstance(error, OperationalError) or "connection" in str(cause)
        return state[:2] in _POSTGRES_CLASSES or state in _POSTGRES_STATES
    if driver in ("MySQLdb", "pymysql"):
        return bool(cause.args) and cause.args[0] in _MYSQL_NUMBERS
    return False


# Connection exceptions, insufficient resources (too many connections, disk full), system errors.
_POSTGRES_CLASSES = ("08", "53", "58")
# The server shuts down, was crashed by another backend, starts up; sessions that it ended for being idle.
_POSTGRES_STATES = ("57P01", "57P02", "57P03", "57P05", "25P03")
# Too many connections, server shutdown, host blocked, no connection, server gone, connection lost.
_MYSQL_NUMBERS = (1040, 1042, 1043, 1053, 1129, 1203, 2002, 2003, 2005, 2006, 2013, 2055, 4031)


def is_conflict(exc: BaseException) -> bool:
    """Whether the database has rolled a transaction back because of another one at the same rows: a deadlock, a
    serialization failure, SQLite's lock. Neither is to blame; it goes well some other time."""
    return any(_names_conflict(error) for error in _chain(exc) if isinstance(error, Error))


def _names_conflict(error: BaseException) -> bool:
    cause = error.__cause__
    driver = type(cause).__module__.partition(".")[0]
    if driver in ("psycopg", "psycopg2"):
        return state_of(error) in ("40001", "40P01")
    if driver in ("MySQLdb", "pymysql"):
        return cause is not None and bool(cause.args) and cause.args[0] in (1205, 1213)
    if driver == "sqlite3":
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF in (5, 6)  # busy, locked
    return False


def is_aborted(using: str) -> bool:
    """Whether a statement has failed in the open transaction, so that its end undoes it, whatever is said."""
    connection = connections[using]
    return connection.needs_rollback or (connection.connection is not None and _is_aborted(connection.connection))


def _chain(exc: BaseException) -> Iterator[BaseException]:
    """The exception and those that led to it."""
    seen: set[int] = set()
    current: BaseException | None = exc
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def _is_dead(connection: BaseDatabaseWrapper) -> bool:
    if not connection.errors_occurred or connection.connection is None or _is_aborted(connection.connection):
        return False
    try:
        if connection.vendor == "sqlite":  # whose is_usable() is always true
            connection.connection.execute("SELECT 1")
            return False
        return not connection.is_usable()
    except Exception:  # whatever the driver raises: it cannot be used
        return True


def _is_gone(connection: BaseDatabaseWrapper, lost: bool) -> bool:
    """Whether a connection was closed because it was dead. Handlers close connections too, which says nothing: then
    the error tells, or whether there is another connection. lost: the error may mean that it was lost."""
    if not connection.errors_occurred or connection.connection is not None:
        return False
    if connection.in_atomic_block or (lost and connection.vendor not in _TELLING):
        return True
    try:
        connection.connect()
    except Exception:  # whatever the driver raises
        return True
    return False


# Vendors of which _names_outage() knows all errors of a lost connection, or which have none.
_TELLING = ("postgresql", "sqlite")


def _is_aborted(driver: Any) -> bool:
    """Whether a statement has failed in an open transaction: PostgreSQL answers, but nothing else until its end."""
    return getattr(getattr(driver, "info", None), "transaction_status", None) == _IN_ERROR


_IN_ERROR = 3  # libpq's PQTRANS_INERROR


def after_failure() -> None:
    """Close connections that a failed handler has left broken or in a transaction, so that the next message gets a
    new one."""
    if not getattr(_thread, "connected", False):
        return
    for connection in _initialized():
        if connection.in_atomic_block:
            continue
        if _is_dead(connection):
            connection.close()
        else:
            connection.close_if_unusable_or_obsolete()
