# SPDX-License-Identifier: MIT
"""How long a consumer keeps a database connection."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import ConnectionHandler, connections

import tests.django_project  # noqa: F401
from django_kafka.failures import database


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, for Django too."""
    told = [1000.0]
    monkeypatch.setattr(database.time, "monotonic", lambda: told[0])
    return told


@pytest.fixture
def connect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: list[float]) -> Iterator[Any]:
    """Makes a connection of the age that is given; the only one of this thread."""
    made: list[Any] = []

    def make(age: int | None) -> Any:
        settings = {**connections["default"].settings_dict, "NAME": str(tmp_path / "db"), "CONN_MAX_AGE": age}
        connection = ConnectionHandler({"default": settings})["default"]
        connection.ensure_connection()
        made.append(connection)
        monkeypatch.setattr(database, "_initialized", lambda: iter(made))
        monkeypatch.setattr(database, "is_untouched", lambda connection: False)  # no test's own
        database.used()
        return connection

    yield make
    for connection in made:
        connection.close()


def test_without_an_age_it_is_kept_while_batches_follow_one_another(connect: Any, now: list[float]) -> None:
    connection = connect(0)
    driver = connection.connection
    for _ in range(20):
        now[0] += database.IDLE_SECONDS - 1
        database.refresh()
        assert connection.connection is driver


def test_a_batch_that_takes_long_does_not_close_it(connect: Any, now: list[float]) -> None:
    connection = connect(0)
    driver = connection.connection
    now[0] += 2 * database.IDLE_SECONDS
    database.used()
    database.refresh()
    assert connection.connection is driver


def test_without_an_age_it_is_closed_when_nothing_comes(connect: Any, now: list[float]) -> None:
    connection = connect(0)
    now[0] += database.IDLE_SECONDS - 1
    database.rest()
    assert connection.connection is not None
    now[0] += 2
    database.rest()
    assert connection.connection is None


def test_without_an_age_it_is_not_kept_for_ever(connect: Any, now: list[float]) -> None:
    connection = connect(0)
    end = now[0] + database.LONGEST_LIFE
    while now[0] < end:
        assert connection.connection is not None
        now[0] += 1
        database.refresh()
    assert connection.connection is None


def test_an_age_is_kept_to(connect: Any, now: list[float]) -> None:
    connection = connect(3)
    for _ in range(3):
        assert connection.connection is not None
        now[0] += 1
        database.refresh()
    assert connection.connection is None


def test_one_that_lives_for_ever_does(connect: Any, now: list[float]) -> None:
    connection = connect(None)
    now[0] += 10 * database.LONGEST_LIFE
    database.rest()
    assert connection.connection is not None


def test_a_broken_one_is_closed_though_it_is_in_use(connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = connect(0)
    connection.errors_occurred = True
    monkeypatch.setattr(connection, "is_usable", lambda: False)
    database.refresh()
    assert connection.connection is None
