# SPDX-License-Identifier: MIT
"""What a real PostgreSQL's errors say of the database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

import tests.live.in_process  # noqa: F401  (configures Django)
from tests.live.servers import PostgresServer

from django.db import Error, ProgrammingError, connections, models, transaction  # isort: skip
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


def test_a_block_that_could_not_begin_is_not_left_behind(database: Any) -> None:
    """It has no end, so that all later statements of the process would fail."""
    transaction.set_autocommit(False)
    fail(database)
    with pytest.raises(Error), transaction.atomic():
        pass
    assert database.in_atomic_block, "so Django leaves it"
    after_failure()
    assert database.connection is None
    with transaction.atomic(), database.cursor() as cursor:
        cursor.execute("SELECT 1")


def test_a_connection_that_was_cut_is_an_outage(database: Any, shared_postgres: PostgresServer) -> None:
    pid = database.connection.info.backend_pid
    shared_postgres.psql(f"SELECT pg_terminate_backend({pid})")
    with pytest.raises(Exception) as raised, database.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert is_outage(raised.value)


def error_of(database: Any, *statements: str) -> Exception:
    with pytest.raises(Error) as raised, database.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    return raised.value


@pytest.fixture
def locked(shared_postgres: PostgresServer, database: Any) -> Iterator[str]:
    """A table whose only row somebody else holds locked."""
    shared_postgres.psql("DROP TABLE IF EXISTS held; CREATE TABLE held (id int); INSERT INTO held VALUES (1)")
    parameters = database.get_connection_params()
    with psycopg.connect(**{key: parameters[key] for key in ("host", "port", "user", "dbname")}) as other:
        other.execute("UPDATE held SET id = 2")
        yield "UPDATE held SET id = 3"
        other.rollback()


def test_a_server_that_takes_no_writes_is_an_outage(database: Any) -> None:
    assert is_outage(error_of(database, "SET default_transaction_read_only = on", "CREATE TABLE x (id int)"))


def test_a_time_out_at_a_lock_is_not_the_messages_fault(database: Any, locked: str) -> None:
    assert is_outage(error_of(database, "SET lock_timeout = '20ms'", locked))
    assert is_outage(error_of(database, "SET lock_timeout = 0", "SET statement_timeout = '50ms'", locked))
    assert is_outage(error_of(database, "SELECT * FROM held FOR UPDATE NOWAIT"))


def test_a_statement_that_is_slow_by_itself_is(database: Any) -> None:
    assert not is_outage(error_of(database, "SET statement_timeout = '50ms'", "SELECT pg_sleep(20)"))


class NeverMade(models.Model):
    class Meta:
        app_label = "django_kafka"
        db_table = "never_made"
        managed = False


def test_a_models_missing_table_is_not_migrated_yet(database: Any) -> None:
    assert is_outage(error_of(database, f"SELECT * FROM {NeverMade._meta.db_table}"))
    assert not is_outage(error_of(database, "SELECT * FROM nobodys_table"))
