# SPDX-License-Identifier: MIT
"""KafkaConnectVersionedModel on a real PostgreSQL, where others write the same rows at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import IntegrityError, connections, models, transaction

import tests.django_project  # noqa: F401
from tests.live.model_tables import own_database
from tests.live.servers import PostgresServer
from tests.live.servers.process import wait_until
from tests.py.connect.versioned_cases import *  # noqa: F403
from tests.py.connect.versioned_cases import event, gone, names, version
from tests.synced.models import Versioned, empty_tables, make_tables

NAME = "versioned"


@pytest.fixture(scope="module")
def pg(shared_postgres: PostgresServer) -> Iterator[str]:
    with own_database(shared_postgres, NAME) as alias:
        make_tables(alias)
        yield alias


@pytest.fixture
def alias(pg: str) -> Iterator[str]:
    yield pg
    empty_tables(pg)


@pytest.fixture
def beside(alias: str, shared_postgres: PostgresServer) -> Iterator[Callable[..., None]]:
    """beside(write, consume): `consume` begins while `write` is done, but not committed, and has to wait for it."""
    waits = f"SELECT 1 FROM pg_stat_activity WHERE datname = '{NAME}' AND wait_event_type = 'Lock'"

    def elsewhere(consume: Callable[[], None]) -> None:
        try:
            consume()
        finally:
            connections[alias].close()

    with ThreadPoolExecutor(1) as pool:

        def both(write: Callable[[], object], consume: Callable[[], None]) -> None:
            with transaction.atomic(using=alias):
                write()
                consuming = pool.submit(elsewhere, consume)
                wait_until(lambda: shared_postgres.psql(waits) or consuming.done(), 30, "one waits for the other")
                assert not consuming.done()
            consuming.result(30)

        yield both


@pytest.mark.parametrize(("theirs", "left"), [(5, "mine"), (9, "theirs")])
def test_a_row_that_is_made_meanwhile_is_compared(
    alias: str, consume: Any, beside: Any, theirs: int, left: str
) -> None:
    def write() -> None:
        Versioned.objects.using(alias).create(pk=1, kafka_version=7, name="mine")

    beside(write, lambda: consume(event(1, theirs, "theirs"), event(2, 1, "other")))
    assert names(alias) == {1: left, 2: "other"}
    assert version(alias) == max(7, theirs)


@pytest.mark.parametrize("deletes", [True, False])
def test_a_row_that_is_changed_meanwhile_is_compared(alias: str, consume: Any, beside: Any, deletes: bool) -> None:
    consume(event(1, 5))
    rows = Versioned.objects.using(alias)
    beside(
        lambda: rows.update(kafka_version=7, name="mine"),
        lambda: consume(gone(1, 6) if deletes else event(1, 6, "theirs"), event(2, 1)),
    )
    assert names(alias) == {1: "mine", 2: ""}


def test_a_row_that_is_deleted_meanwhile_stays_deleted(alias: str, consume: Any, beside: Any) -> None:
    consume(event(1, 5))
    beside(lambda: Versioned.objects.using(alias).get(pk=1).delete(), lambda: consume(event(1, 5), event(2, 1)))
    assert names(alias) == {2: ""}


def test_another_constraint_that_is_broken_is_no_row_made_meanwhile(alias: str, consume: Any) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute("CREATE UNIQUE INDEX one_name ON synced_versioned (name)")
    try:
        with pytest.raises(IntegrityError):
            consume(event(1, 5, "same"), event(2, 5, "same"))
    finally:
        models.QuerySet(Versioned, using=alias).delete()
        with connections[alias].cursor() as cursor:
            cursor.execute("DROP INDEX one_name")
