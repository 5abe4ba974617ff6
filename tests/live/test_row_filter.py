# SPDX-License-Identifier: MIT
"""Why docs/sync-both-ways.md warns of a publication's row filter, and what of a deletion tells whose it is."""

from __future__ import annotations

import pytest

from tests.live.servers import PostgresServer

SETUP = """
CREATE TABLE filtered (id integer PRIMARY KEY, kafka_skip boolean NOT NULL);
ALTER TABLE filtered REPLICA IDENTITY FULL;
CREATE PUBLICATION own FOR TABLE filtered WHERE (NOT kafka_skip);
CREATE PUBLICATION own_no_deletes FOR TABLE filtered WHERE (NOT kafka_skip) WITH (publish = 'insert, update');
CREATE PUBLICATION whole FOR TABLE filtered;
"""
CHANGES = [
    "INSERT INTO filtered VALUES (1, false)",  # the project's own
    "UPDATE filtered SET kafka_skip = true",  # from Kafka
    "UPDATE filtered SET kafka_skip = true",  # from Kafka again
    "DELETE FROM filtered",  # of a row that is marked
]


@pytest.fixture(scope="module")
def changed(source: PostgresServer) -> PostgresServer:
    source.psql(SETUP)
    for name in ("own", "own_no_deletes", "whole"):
        source.psql(f"SELECT pg_create_logical_replication_slot('{name}', 'pgoutput')")
    for change in CHANGES:
        source.psql(f"SET synchronous_commit = on; {change}")  # else the slots see it later
    return source


def kinds(changed: PostgresServer, publication: str) -> str:
    """What PostgreSQL sends: I, U or D for each change."""
    text = changed.psql(
        "SELECT chr(get_byte(data, 0)) FROM pg_logical_slot_peek_binary_changes"
        f"('{publication}', NULL, NULL, 'proto_version', '1', 'publication_names', '{publication}')"
    )
    return "".join(kind for kind in text.split() if kind in "IUD")


def test_a_connector_that_filters_sees_every_change_as_it_is(changed: PostgresServer) -> None:
    assert kinds(changed, "whole") == "IUUD"


@pytest.mark.parametrize("publication", ["own", "own_no_deletes"])
def test_a_row_filter_makes_a_deletion_of_a_synced_update(changed: PostgresServer, publication: str) -> None:
    """Even where deletions are not published."""
    assert kinds(changed, publication) == "ID"
