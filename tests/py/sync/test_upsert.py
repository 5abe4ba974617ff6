# SPDX-License-Identifier: MIT
"""The statements of the copy path: when rows are written in the order of their keys."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from django_kafka.sync.columns import Column, Table
from django_kafka.sync.upsert import Fixed, Shape, Statements


def column(name: str, kind: str, *, not_null: bool = True, generated: bool = False, default: bool = False) -> Column:
    return Column(name, kind, not_null, generated, default)


def upsert(*columns: Column, key: tuple[str, ...] = ("id",), besides: tuple[Column, ...] = (), **more: object) -> str:
    table = Table('"t"', {c.name: c for c in (*columns, *besides)}, (frozenset(key),))
    shape = Shape(table, columns, key, **more)  # type: ignore[arg-type]
    source: Any = SimpleNamespace(rows="rows", keys="keys", keys_of_rows="rows")
    return Statements(shape, '"{}"'.format, source).upsert


NAME = column("name", "text")


@pytest.mark.parametrize("kind", ["smallint", "integer", "bigint", "uuid", "date", "timestamp(3) with time zone"])
def test_by_the_key(kind: str) -> None:
    assert ' ORDER BY r."id" ON CONFLICT' in upsert(column("id", kind), NAME)


@pytest.mark.parametrize("kind", ["text", "character varying(20)", "character(3)"])
def test_texts_by_their_bytes(kind: str) -> None:
    """A language's order takes many times as long."""
    assert ' ORDER BY r."id" COLLATE "C" ON CONFLICT' in upsert(column("id", kind), NAME)


def test_by_all_columns_of_the_key() -> None:
    text = upsert(column("a", "bigint"), column("b", "text"), NAME, key=("b", "a"))
    assert ' ORDER BY r."b" COLLATE "C", r."a" ON CONFLICT' in text


@pytest.mark.parametrize("kind", ["citext", "jsonb", "json[]", "numeric", "numeric[]", "interval", "mood[]"])
def test_what_may_be_equal_with_other_digits_or_letters_is_compared_by_its_text(kind: str) -> None:
    assert 't."n"::text' in upsert(column("id", "bigint"), column("n", kind))


@pytest.mark.parametrize("kind", ["bigint", "numeric(10,2)", "numeric(10,2)[]", "date", "inet"])
def test_other_values_are_compared_as_they_are(kind: str) -> None:
    assert "::text" not in upsert(column("id", "bigint"), column("n", kind))


@pytest.mark.parametrize("kind", ["citext", "bigint[]", "numeric(10,2)", "hstore"])
def test_what_is_not_sorted_cheaply_comes_as_it_comes(kind: str) -> None:
    assert "ORDER BY" not in upsert(column("id", kind), NAME)


@pytest.mark.parametrize(
    "left_out",
    [column("n", "bigint", default=True), column("n", "bigint")],  # serial, identity
)
def test_rows_that_the_database_numbers_keep_the_order_of_their_messages(left_out: Column) -> None:
    assert "ORDER BY" not in upsert(column("id", "bigint"), NAME, besides=(left_out,))


@pytest.mark.parametrize(
    "left_out",
    [column("n", "text", not_null=False), column("n", "bigint", generated=True, default=True)],
)
def test_columns_that_nothing_counts_are_no_hindrance(left_out: Column) -> None:
    assert " ORDER BY " in upsert(column("id", "bigint"), NAME, besides=(left_out,))


def test_a_default_that_django_gives_is_no_hindrance() -> None:
    given = column("at", "timestamp with time zone", default=True)
    text = upsert(column("id", "bigint"), NAME, besides=(given,), fixed=(Fixed("at", lambda: 1),))
    assert " ORDER BY " in text
