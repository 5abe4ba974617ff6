# SPDX-License-Identifier: MIT
"""What a real PostgreSQL's errors say of the database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import tests.live.in_process  # noqa: F401  (configures Django)
from tests.live.servers import PostgresServer

from django.db import ProgrammingError, connections, transaction  # isort: skip
from django_kafka.failures.database import after_failure, is_outage  # isort: skip


@pytest.fixture
def database(shared_postgres: PostgresServer) -> Iterator[Any]:
    """A connection of the default alias, to PostgreSQL."""
    from django.db.backends.postgresql.base import DatabaseWrapper

    before = connections["default"]
    wrapper = DatabaseWrapper({**before.settings_dict, "OPTIONS": {}, **shared_postgres.django_settings()})
    connections["default"] = wrapper
    try:
        wrapper.ensure_connection()
        yield wrapper
    finally:
        wrapper.close()
        connections["default"] = before


def fail(database: Any) -> ProgrammingError:
    with pytest.raises(ProgrammingError) as raised, database.cursor() as cursor:
        cursor.execute("SELECT * FROM nothing_of_this_name")
    return raised.value


def test_an_aborted_transaction_is_no_outage(database: Any) -> None:
    """PostgreSQL refuses everything until its end, so the connection looks unusable."""
    with transaction.atomic():
        assert not is_outage(fail(database)), "a transaction around the consumer's own methods"
        transaction.set_rollback(True)
    transaction.set_autocommit(False)
    assert not is_outage(fail(database)), "one that the handler has left open"
    after_failure()
    assert database.connection is None, "the next message gets a new one"


def test_a_connection_that_was_cut_is_an_outage(database: Any, shared_postgres: PostgresServer) -> None:
    pid = database.connection.info.backend_pid
    shared_postgres.psql(f"SELECT pg_terminate_backend({pid})")
    with pytest.raises(Exception) as raised, database.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert is_outage(raised.value)
