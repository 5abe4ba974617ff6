# SPDX-License-Identifier: MIT
"""KafkaConnectSkipModel on a real PostgreSQL, and its rows on the copy path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import tests.django_project  # noqa: F401
from django_kafka import producer
from tests.live.model_tables import own_database
from tests.live.servers import PostgresServer
from tests.py.connect.skip_async import *  # noqa: F403
from tests.py.connect.skip_cascades import *  # noqa: F403
from tests.py.connect.skip_cases import *  # noqa: F403
from tests.py.connect.skip_cases import flags
from tests.py.sync.helpers import message, topic_of
from tests.synced.models import Skipping, empty_tables, make_tables

# What a connector sees of deletions: the old row.
TRIGGER = """
CREATE TABLE seen (id integer, kafka_skip boolean);
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO seen VALUES (OLD.id, OLD.kafka_skip); RETURN OLD; END';
CREATE TRIGGER see BEFORE DELETE ON synced_skipping FOR EACH ROW EXECUTE FUNCTION see();
"""


@pytest.fixture(scope="module")
def pg(shared_postgres: PostgresServer) -> Iterator[str]:
    with own_database(shared_postgres, "skipping") as alias:
        make_tables(alias)
        shared_postgres.psql(TRIGGER, database="skipping")
        yield alias


@pytest.fixture
def alias(pg: str, shared_postgres: PostgresServer) -> Iterator[str]:
    yield pg
    empty_tables(pg)
    shared_postgres.psql("TRUNCATE seen", database="skipping")


@pytest.fixture(params=["copy", "copy of tables", "bulk", "instances"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name, _, tables = str(request.param).partition(" of ")
    if tables:
        monkeypatch.setattr("django_kafka.sync.copy.MOST_ROWS", 0)
    return name


@pytest.fixture
def seen(alias: str, shared_postgres: PostgresServer) -> Any:
    """The flags of rows that were deleted."""
    return lambda: shared_postgres.psql("SELECT kafka_skip FROM seen ORDER BY id", database="skipping").split()


def row(n: int, **values: Any) -> Any:
    return message({"id": n}, {"id": n, **values})


def batch(alias: str, path: str, *messages: Any, **members: Any) -> None:
    topic = topic_of(Skipping, using=alias, sync_mode=path, **members)
    assert topic.plan().path == path
    topic.consume_batch(messages)


def test_copy_is_taken(alias: str) -> None:
    assert topic_of(Skipping, using=alias).plan().explain() == "copy"


def test_synced_rows_are_marked(alias: str, path: str, seen: Any) -> None:
    Skipping.objects.using(alias).bulk_create([Skipping(id=n) for n in range(6)])
    own = {"kafka_skip": False, "name": "a"}  # as it is in the other database
    batch(alias, path, row(0, **own), row(1, **own), row(7, **own), *(message({"id": n}) for n in range(3, 6)))
    assert flags(alias) == [True, True, False, True]
    assert seen() == ["t"] * 3


def test_without_sync_kafka_skip(alias: str, path: str, seen: Any) -> None:
    """As since django-kafka 1.1."""
    rows = Skipping.objects.using(alias)
    rows.bulk_create([Skipping(id=n, kafka_skip=True) for n in range(3)])
    batch(alias, path, row(0, name="a"), row(9, name="a"), message({"id": 1}), sync_kafka_skip=False)
    assert (flags(alias), seen()) == ([False, True, False], ["f"])
    with producer.suppress():
        batch(alias, path, row(0, name="b"), row(9, name="b"), message({"id": 2}), sync_kafka_skip=False)
    assert (flags(alias), seen()) == ([True, True], ["f", "t"])
