# SPDX-License-Identifier: MIT
"""A small Django project in this process: one SQLite database in memory, the app, nothing registered."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import django
import pytest
from django.conf import settings

if not settings.configured:
    settings.configure(
        INSTALLED_APPS=["django_kafka"],
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(tempfile.mkdtemp()) / "db.sqlite3"}
        },
        DJANGO_KAFKA={},
        USE_TZ=True,
        TIME_ZONE="Europe/Berlin",
        SECRET_KEY="test",
    )
    django.setup()


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
