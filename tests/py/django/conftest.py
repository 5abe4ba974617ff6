# SPDX-License-Identifier: MIT
"""Fixtures on the small Django project in this process; nothing is registered with kafka."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

import tests.django_project  # noqa: F401


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """An empty registry of consumers in the place of the real one."""
    from django_kafka import DjangoKafka
    from django_kafka.registry import ConsumersRegistry

    empty = ConsumersRegistry()
    monkeypatch.setattr(DjangoKafka, "consumers", empty)
    return empty


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, logger="django_kafka")
    return caplog
