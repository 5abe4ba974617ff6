# SPDX-License-Identifier: MIT
"""pytest plugin: the fixture `kafka_broker`."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from django_kafka.testing.broker import LocalBroker


@pytest.fixture
def kafka_broker() -> Iterator[LocalBroker]:
    """A fresh embedded broker that DJANGO_KAFKA leads to; see django_kafka.testing."""
    # Every run of pytest loads this module; only those that use the fixture should pay for more.
    with importlib.import_module("django_kafka.testing.broker").kafka_broker() as broker:
        yield broker
