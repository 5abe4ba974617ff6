# SPDX-License-Identifier: MIT
"""Connections that are a test's, and the transaction that is open on them.

A consumer that runs inside a test works on its connections. What fails there must not end the test's transaction, as
it would not end anything in a process of its own, where each statement is a transaction. So a message is handled
between two savepoints, and what a failed statement has aborted is undone up to the first one. Connections that the
consumer has not touched are none of its business: a test may not be allowed to use them.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

State = tuple[Any, bool, bool]
Savepoint = tuple[BaseDatabaseWrapper, str]

_thread = threading.local()


@contextlib.contextmanager
def borrowing() -> Iterator[None]:
    """Inside, this thread's connections are a test's."""
    before = getattr(_thread, "states", None), getattr(_thread, "blocks", {})
    _thread.states = {connection.alias: _state_of(connection) for connection in _initialized()}
    _thread.blocks = {connection.alias: len(connection.atomic_blocks) for connection in _initialized()}
    try:
        yield
    finally:
        _thread.states, _thread.blocks = before


def _initialized() -> Iterable[BaseDatabaseWrapper]:
    return connections.all(initialized_only=True)


def _state_of(connection: BaseDatabaseWrapper) -> State:
    return connection.connection, connection.errors_occurred, connection.autocommit


def in_test() -> bool:
    """Whether this thread's connections are a test's."""
    return getattr(_thread, "states", None) is not None


def is_untouched(connection: BaseDatabaseWrapper) -> bool:
    """Whether a test has lent this connection, and it is as it was then."""
    states: dict[str, State] | None = getattr(_thread, "states", None)
    return states is not None and states.get(connection.alias) == _state_of(connection)


@contextlib.contextmanager
def savepoints() -> Iterator[None]:
    """Inside, a message is handled in the transaction of a test, if there is one."""
    if not in_test():
        yield
        return
    made: list[Savepoint] = [
        (connection, connection.savepoint())
        for connection in _initialized()
        if _is_in_transaction_of_test(connection) and not connection.needs_rollback
    ]
    before = getattr(_thread, "savepoints", ())
    _thread.savepoints = made
    try:
        yield
    finally:
        mend()
        for connection, savepoint in made:
            if connection.connection is not None:
                connection.savepoint_commit(savepoint)
        _thread.savepoints = before


def _is_in_transaction_of_test(connection: BaseDatabaseWrapper) -> bool:
    """And in no other that was begun inside of it: what has failed in that one, its end undoes."""
    if not connection.in_atomic_block or connection.connection is None:
        return False
    blocks: dict[str, int] = _thread.blocks
    return len(connection.atomic_blocks) == blocks.get(connection.alias)


def mend() -> None:
    """Undo what was done since the savepoint where a statement has failed, so that the transaction goes on."""
    for connection, savepoint in getattr(_thread, "savepoints", ()):
        if connection.connection is None or not _is_aborted(connection):
            continue
        connection.needs_rollback = False
        connection.savepoint_rollback(savepoint)


def _is_aborted(connection: BaseDatabaseWrapper) -> bool:
    return connection.needs_rollback or is_aborted(connection.connection)


def is_aborted(driver: Any) -> bool:
    """Whether a statement has failed in an open transaction: PostgreSQL answers, but nothing else until its end."""
    return getattr(getattr(driver, "info", None), "transaction_status", None) == _IN_ERROR


_IN_ERROR = 3  # libpq's PQTRANS_INERROR
