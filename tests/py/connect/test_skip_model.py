# SPDX-License-Identifier: MIT
"""KafkaConnectSkipModel: whatever changes a row writes kafka_skip with it, on SQLite."""

from __future__ import annotations

import pytest

import tests.django_project  # noqa: F401
from tests.py.connect.skip_async import *  # noqa: F403
from tests.py.connect.skip_cascades import *  # noqa: F403
from tests.py.connect.skip_cases import *  # noqa: F403
from tests.synced.models import empty_tables, make_tables


@pytest.fixture(scope="session", autouse=True)
def _tables() -> None:
    make_tables()


@pytest.fixture
def alias(_tables: None) -> str:
    empty_tables()
    return "default"
