# SPDX-License-Identifier: MIT
"""What CopyPlan writes is byte for byte what PostgreSQL itself writes, and what it takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from django_kafka._native import AvroSchema, CopyPlan, CopyResult
from tests.live.copy_cases import REFUSED, Case, cases
from tests.live.servers import PostgresServer

KEY = AvroSchema('{"type": "record", "name": "Key", "fields": [{"name": "id", "type": "int"}]}')


@pytest.fixture(scope="module")
def connection(shared_postgres: PostgresServer) -> Iterator[psycopg.Connection[Any]]:
    address = f"host=127.0.0.1 port={shared_postgres.port} user=lab dbname=lab"
    with psycopg.connect(address, autocommit=True) as connected:
        connected.execute("SET timezone = 'UTC'")
        yield connected


def run(case: Case) -> CopyResult:
    value = AvroSchema(json.dumps({"type": "record", "name": "Row", "fields": [{"name": "v", "type": case.avro}]}))
    plan = CopyPlan([("id", "int4"), case.column], ["id"])
    assert plan.add("key", None, KEY) is None
    assert plan.add("value", None, value) is None
    return plan.run([(KEY.encode({"id": 1}), value.encode({"v": case.value}))])


def copy_out(connection: psycopg.Connection[Any], query: str) -> bytes:
    with connection.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT binary)") as copy:
        return b"".join(bytes(part) for part in copy)


@pytest.mark.parametrize("case", cases(), ids=str)
def test_value_is_written_as_the_server_writes_it(connection: psycopg.Connection[Any], case: Case) -> None:
    result = run(case)

    assert (result.errors, result.odd, result.rows) == ([], [], 1)
    expected = copy_out(connection, f"SELECT 1::int4, ({case.sql})::{case.type}")
    if case.type in {"jsonb", "jsonb[]"}:  # the server writes it in its own way
        taken = take(connection, case, result)
        assert taken == expected
    else:
        assert bytes(result.block).hex() == expected.hex()
        assert take(connection, case, result) == expected


def take(connection: psycopg.Connection[Any], case: Case, result: CopyResult) -> bytes:
    """What the server has when it has read the block."""
    connection.execute(f"CREATE TEMPORARY TABLE taken (id int4, v {case.type})")
    try:
        with connection.cursor() as cursor, cursor.copy("COPY taken FROM STDIN (FORMAT binary)") as copy:
            copy.write(result.block)
        return copy_out(connection, "SELECT * FROM taken")
    finally:
        connection.execute("DROP TABLE taken")


@pytest.mark.parametrize(("kind", "text"), REFUSED)
def test_what_the_server_refuses_is_refused_before(connection: psycopg.Connection[Any], kind: str, text: str) -> None:
    semantic = {"type": "string", "connect.name": "io.debezium.data.Json"} if "json" in kind else "string"

    result = run(Case(kind, "", semantic, text))

    assert (result.rows, result.odd) == (0, [])
    ((index, field, _, status),) = result.errors
    assert (index, field, status) == (0, "v", "ECOLUMN")
    literal = text.replace("'", "''")
    with pytest.raises(psycopg.DataError):
        connection.execute(f"CREATE TEMPORARY TABLE refused (v {kind}); INSERT INTO refused VALUES ('{literal}')")
    connection.execute("DROP TABLE IF EXISTS refused")
