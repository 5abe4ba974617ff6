# SPDX-License-Identifier: MIT
"""KafkaConnectVersionedModel on a real MariaDB."""

from __future__ import annotations

from collections.abc import Iterator

import pymysql
import pytest

import tests.django_project  # noqa: F401
from tests.py.connect.versioned_cases import *  # noqa: F403
from tests.synced.models import empty_tables

pymysql.install_as_MySQLdb()


@pytest.fixture
def alias(maria: str) -> Iterator[str]:
    yield maria
    empty_tables(maria)
