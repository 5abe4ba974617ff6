# SPDX-License-Identifier: MIT
"""Captured streams of Debezium into a real PostgreSQL: each table ends as the source's did, on each path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.postgres.signals import register_type_handlers
from django.db import connections

import tests.django_project  # noqa: F401
from tests.live import wide
from tests.live.capture_streams import source_rows
from tests.live.model_tables import database
from tests.live.servers import PostgresServer
from tests.live.wide_models import MODELS, Extreme, Keyless
from tests.py.django.helpers import project_registry
from tests.py.schema_registry import SchemaRegistry
from tests.py.sync.stream_models import Narrow
from tests.py.sync.streams import NAMES, messages, stream, topic, write

CHANGES = [text for text in wide.BEHIND if text.startswith("ALTER TABLE")]


@pytest.fixture(scope="module")
def pg(shared_postgres: PostgresServer) -> Iterator[PostgresServer]:
    shared_postgres.psql("CREATE DATABASE streams", database="postgres")
    for statement in (wide.DDL, *CHANGES, "ALTER TABLE keyless ADD id bigserial PRIMARY KEY"):
        shared_postgres.psql(statement, database="streams")
    with database("streams", {**shared_postgres.django_settings(), "NAME": "streams"}) as alias:
        register_type_handlers(connections[alias])
        yield shared_postgres
    shared_postgres.psql("DROP DATABASE streams WITH (FORCE)", database="postgres")


@pytest.fixture
def registry() -> Iterator[SchemaRegistry]:
    with project_registry() as found:
        yield found


def rows(pg: PostgresServer, table: str) -> dict[str, Any]:
    return source_rows(pg, table, "streams")


def by_key(found: dict[str, Any], names: set[str], key: int) -> dict[Any, Any]:
    """Rows by their first columns."""
    rows = [dict(zip(found["columns"], row, strict=True)) for row in found["rows"]]
    return {
        tuple(list(row.values())[:key]): {name: value for name, value in row.items() if name in names} for row in rows
    }


@pytest.mark.parametrize("path", ["auto", "bulk", "instances"])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("model", [*MODELS.values(), Narrow], ids=lambda model: str(model.__name__))
def test_tables_end_equal(name: str, path: str, model: Any, pg: PostgresServer, registry: SchemaRegistry) -> None:
    whole = stream(name)
    table = model._meta.db_table
    pg.psql(f"TRUNCATE {table}", database="streams")
    one = topic(whole, model, using="streams", sync_mode=path)
    failures = write(one, messages(whole, table, registry))
    names = {field.column for field in model._meta.concrete_fields} - set(whole["inexact"])
    key = 2 if table == "pairs" else 1
    wanted, found = by_key(whole["tables"][table], names, key), by_key(rows(pg, table), names, key)
    # What is large and left alone when the key changes is in no message: of row 30 nothing is made up.
    if table == "wide":
        del wanted["30",]
    assert bool(failures) == (table == "wide")
    assert {o: str(error) for o, error in failures.items() if "REPLICA IDENTITY FULL" not in str(error)} == {}
    if whole["deletes"]:
        assert list(found) == list(wanted)
    assert not [
        (p, c, str(found[p][c])[:200], str(row[c])[:200])
        for p, row in wanted.items()
        for c in row
        if found[p][c] != row[c]
    ]


# By column, rows of what Django's fields cannot hold.
BEYOND = {"exact": {1}, "hour": {4}, "day": {5, 6, 7, 10}, "ts": {5, 6, 9, 10}, "tsz": {5, 6, 8, 10}, "dr": {12}}


@pytest.mark.parametrize("name", NAMES)
def test_what_django_cannot_hold(name: str, pg: PostgresServer, registry: SchemaRegistry) -> None:
    """Infinity, years before 1 and behind 9999, NaN, 24:00: such a message fails, and says why, on each path."""
    whole = stream(name)
    found = messages(whole, "extremes", registry)
    ends, failed = [], []
    # A month is 30 days, 30.4 or as long as it is; NaN, 24:00 and what is too far are written as something else.
    lossy = {"took", *whole["inexact"], *({"hour"} if "iso" in name else {"ts"} if "with-tomb" in name else ())}
    names = {field.column for field in Extreme._meta.concrete_fields} - lossy
    for path in ("auto", "bulk", "instances"):
        pg.psql("TRUNCATE extremes", database="streams")
        failures = write(topic(whole, Extreme, using="streams", sync_mode=path), found)
        failed.append(set(failures))
        ends.append(by_key(rows(pg, "extremes"), names, 1))
        for offset, error in failures.items():
            told = "\n".join([str(error), *getattr(error, "__notes__", ())])
            assert f"opic extremes, partition 0, offset {offset}" in told
            assert any(f".{column}:" in told for column in BEYOND), told
    assert failed[0] == failed[1] == failed[2]
    assert ends[0] == ends[1] == ends[2]
    wanted = by_key(whole["tables"]["extremes"], names, 1)
    missing = {int(place[0]) for place in wanted if place not in ends[0]}
    assert {5, 6, 7, 8, 10, 12} <= missing <= set().union(*BEYOND.values())
    assert {place: ends[0][place] for place in wanted if place in ends[0]} == {
        place: row for place, row in wanted.items() if place in ends[0]
    }


class KeylessTopic:
    """A table without a key: the project says how its rows are found."""

    @staticmethod
    def get_lookup_kwargs(model: Any, key: Any, value: Any) -> Any:
        return {"number": value["number"], "what": value["what"]}


@pytest.mark.parametrize("path", ["auto", "bulk", "instances"])
@pytest.mark.parametrize("name", NAMES)
def test_without_a_key(name: str, path: str, pg: PostgresServer, registry: SchemaRegistry) -> None:
    whole = stream(name)
    pg.psql("TRUNCATE keyless", database="streams")
    lookup = {"get_lookup_kwargs": lambda self, *args: KeylessTopic.get_lookup_kwargs(*args)}
    found = messages(whole, "keyless", registry)
    assert write(topic(whole, Keyless, using="streams", sync_mode=path, **lookup), found) == {}
    assert by_key(rows(pg, "keyless"), {"number"}, 2) == by_key(whole["tables"]["keyless"], {"number"}, 2)
    refused = write(topic(whole, Keyless, using="streams", sync_mode=path), found)
    assert len(refused) == len(found)
    assert all("get_lookup_kwargs" in str(error) for error in refused.values())
