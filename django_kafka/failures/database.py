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
from django.db.transaction import TransactionManagementError

from django_kafka.failures.borrowed import in_test, is_untouched, mend, savepoints
from django_kafka.failures.borrowed import is_aborted as _is_aborted
from django_kafka.failures.driver_errors import names_conflict, names_outage, names_read_only, names_unmigrated

IDLE_SECONDS = 5.0
# A connection that is not to be kept (CONN_MAX_AGE=0) is kept for so many seconds, as long as messages come: what a
# server keeps per connection grows.
LONGEST_LIFE = 600.0


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

    A transaction around all of it is a test's: Django would take its connection for one that was left behind. After a
    failover a connection works, but stays with the server that was the primary: it is closed too."""
    read_only, _thread.read_only = getattr(_thread, "read_only", False), False
    busy = _is_busy()
    used()
    for connection in _initialized():
        _drop_what_never_began(connection)
        if connection.in_atomic_block or is_untouched(connection):
            continue
        connection.queries_log.clear()
        if read_only:
            connection.close()
        else:
            _close_if_unusable_or_obsolete(connection, busy)


def used() -> None:
    """Messages have been handled just now."""
    _thread.used = time.monotonic()


def _is_busy() -> bool:
    now = time.monotonic()
    return now - getattr(_thread, "used", now) <= IDLE_SECONDS


def rest() -> None:
    """There is nothing to do: close what is too old."""
    busy = _is_busy()
    for connection in _initialized():
        if connection.connection is not None and not connection.in_atomic_block and not is_untouched(connection):
            _close_if_unusable_or_obsolete(connection, busy)


def _close_if_unusable_or_obsolete(connection: BaseDatabaseWrapper, busy: bool) -> None:
    """As Django does it, but one that is not to be kept (CONN_MAX_AGE=0) is kept while batches follow one another,
    with its prepared statements and temporary tables. One of a pool costs nothing to give back."""
    obsolete = connection.close_at
    kept = connection.settings_dict["CONN_MAX_AGE"] == 0 and not connection.settings_dict["OPTIONS"].get("pool")
    if obsolete is not None and kept and busy:
        connection.close_at = obsolete + LONGEST_LIFE
    try:
        connection.close_if_unusable_or_obsolete()
    finally:
        if connection.connection is not None:
            connection.close_at = obsolete


def guard(handle: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The handler, with refresh() before a message that comes long after the last one; in a test, savepoints around
    each."""
    last = time.monotonic()

    def guarded(msg: Any) -> Any:
        nonlocal last
        now = time.monotonic()
        if now - last > IDLE_SECONDS:
            refresh()
        last = now
        result = handle(msg)
        require_ended()
        return result

    def guarded_in_test(msg: Any) -> Any:
        with savepoints():
            return guarded(msg)

    return guarded_in_test if in_test() else guarded


def require_ended() -> None:
    """Errors: TransactionManagementError when a handler that has returned leaves a transaction open that it has begun
    by hand. It would be undone, though its message counts as handled, and the next messages would be in it."""
    if not getattr(_thread, "connected", False):
        return
    for connection in _initialized():
        begun = connection.autocommit != connection.settings_dict["AUTOCOMMIT"]
        if begun and connection.connection is not None and not connection.in_atomic_block:
            raise TransactionManagementError(
                f"The handler has returned, but has left a transaction open in database {connection.alias!r} "
                "(set_autocommit()). What it wrote is undone. Let it commit, or use transaction.atomic()."
            )


def is_outage(exc: BaseException) -> bool:
    """Whether the handler failed because of the database, not of its message: a connection is dead or cannot be made,
    the server is short of something or takes no writes, others hold a lock, a model's table is not migrated.

    Other errors of statements (a constraint, one that is slow by itself) are the message's own."""
    if exc.__cause__ is None and exc.__context__ is None and not isinstance(exc, Error):
        return False
    errors = [error for error in _chain(exc) if isinstance(error, Error)]
    if any(names_read_only(error) for error in errors):
        _thread.read_only = True
        return True
    if any(names_outage(error) or names_conflict(error) or names_unmigrated(error) for error in errors):
        return True
    lost = any(isinstance(error, OperationalError | InterfaceError) for error in errors)
    return bool(errors) and any(_is_dead(connection) or _is_gone(connection, lost) for connection in _initialized())


def is_conflict(exc: BaseException) -> bool:
    """Whether another transaction at the same rows was in the way: a deadlock, a serialization failure, a lock that
    did not come in time. Neither is to blame; it goes well some other time."""
    return any(names_conflict(error) for error in _chain(exc) if isinstance(error, Error))


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


# Vendors of which names_outage() knows all errors of a lost connection, or which have none.
_TELLING = ("postgresql", "sqlite")


def after_failure() -> None:
    """Close connections that a failed handler has left broken or in a transaction, so that the next message gets a
    new one."""
    if not getattr(_thread, "connected", False):
        return
    mend()
    for connection in _initialized():
        _drop_what_never_began(connection)
        if connection.in_atomic_block or is_untouched(connection):
            continue
        if _is_dead(connection):
            connection.close()
        else:
            _close_if_unusable_or_obsolete(connection, True)


def _drop_what_never_began(connection: BaseDatabaseWrapper) -> None:
    """A transaction.atomic() that could not set its savepoint, in a failed transaction that a handler has opened
    itself, leaves the connection in a block that nothing ends: all later statements would fail."""
    if connection.in_atomic_block and not connection.atomic_blocks:
        connection.in_atomic_block = False  # or close() would leave it to the block's end
        connection.close()
