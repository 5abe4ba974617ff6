# SPDX-License-Identifier: MIT
"""What CopyPlan makes of values in JSON is what PostgreSQL makes of them; and it refuses no more and no less."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from django_kafka._native import CopyPlan, CopyResult
from tests.live.servers import PostgresServer


@pytest.fixture(scope="module")
def connection(shared_postgres: PostgresServer) -> Iterator[psycopg.Connection[Any]]:
    address = f"host=127.0.0.1 port={shared_postgres.port} user=lab dbname=lab"
    with psycopg.connect(address, autocommit=True) as connected:
        yield connected


def run(type: str, text: str) -> CopyResult:
    plan = CopyPlan([("id", "int4"), ("v", type, {"nullable": True})], ["id"], key_in_value=True)
    plan.add_json("key")
    plan.add_json("value", connect=False)
    return plan.run([(b"1", b'{"id":1,"v":' + text.encode() + b"}")])


def take(connection: psycopg.Connection[Any], type: str, result: CopyResult) -> str:
    """The value as the server writes it, when it has read the block."""
    connection.execute(f"CREATE TEMPORARY TABLE taken (id int4, v {type})")
    try:
        with connection.cursor() as cursor, cursor.copy("COPY taken FROM STDIN (FORMAT binary)") as copy:
            copy.write(result.block)
        row = connection.execute("SELECT v::text FROM taken").fetchone()
        assert row is not None
        return str(row[0])
    finally:
        connection.execute("DROP TABLE taken")


def cast(connection: psycopg.Connection[Any], type: str, text: str) -> str | None:
    """What the server makes of the text; None: it takes it not."""
    try:
        row = connection.execute(f"SELECT %s::text::{type}::text", [text]).fetchone()
    except psycopg.DataError:
        return None
    assert row is not None
    return str(row[0])


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


# Each within an array or object, so that it is a document whatever else it might be.
DOCUMENTS = [
    *(f"[{number}]" for number in ("1e131071", "1e131072", "0.001e131074", "0.001e131075", "0e131072", "0e999999")),
    *(
        f"[{number}]"
        for number in ("1e-16383", "1e-16384", "0e-16383", "0e-16384", "1.5e-16383", "-0", "-0.0", "1E+2")
    ),
    *(f"[{'9' * 131072}]", f"[{'9' * 131073}]", f"[0.{'9' * 16383}]", f"[0.{'9' * 16384}]"),
    *(f"[{number}]" for number in ("123456789012345678901234567890.10", "1.0e1", "0.1e-5")),
    *(f'["{text}"]' for text in (r"\u0000", r"\ud800", r"\udc00", r"\ud800\udc00", r"\ud800\ud800", r"\ud800x")),
    *(f'["{text}"]' for text in (r"\uDBFF\uDFFF", r"\u00e9é😀", r"\"\\\/\b\f\n\r\t", r"\u001f", "\x7f")),
    '{"a": 1, "b" : {}, "a":2}',
    r'{"\u0000": 1}',
    r'{"\u0061": 1, "a": 2}',
    nested(998),
]


@pytest.mark.parametrize("type", ["json", "jsonb"])
@pytest.mark.parametrize("text", DOCUMENTS, ids=lambda text: str(text)[:30].encode("unicode_escape").decode())
def test_documents(connection: psycopg.Connection[Any], type: str, text: str) -> None:
    expected = cast(connection, type, text)

    result = run(type, text)

    if expected is None:
        assert (result.rows, result.odd, [error[3] for error in result.errors]) == (0, [], ["ECOLUMN"])
    else:
        assert result.errors == []
        assert take(connection, type, result) == expected


NUMBERS = ["0", "-0", "1e3", "1.10", "-12.5e-3", "19.99", "123456789012345678901234567890.123456789", "1e-30", "9e99"]


@pytest.mark.parametrize("text", NUMBERS)
def test_no_digit_is_lost(connection: psycopg.Connection[Any], text: str) -> None:
    assert take(connection, "numeric", run("numeric", text)) == cast(connection, "numeric", text)


def test_doubles(connection: psycopg.Connection[Any]) -> None:
    source = random.Random(8)
    for _ in range(50):
        text = repr(
            source.choice(
                [source.random(), source.uniform(-1e9, 1e9), source.random() * 10.0 ** source.randrange(-300, 300)]
            )
        )
        assert take(connection, "float8", run("float8", text)) == cast(connection, "float8", text)
