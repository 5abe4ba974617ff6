# SPDX-License-Identifier: MIT
"""Tables in SQLite, empty before each test."""

from __future__ import annotations

import pytest

import tests.django_project  # noqa: F401
from tests.synced.models import empty_tables, make_tables


@pytest.fixture(scope="session", autouse=True)
def _tables() -> None:
    for using in ("default", "other"):
        make_tables(using)


@pytest.fixture(autouse=True)
def _empty(_tables: None) -> None:
    for using in ("default", "other"):
        empty_tables(using)
