# SPDX-License-Identifier: MIT
"""A small Django project in the tests' own process, set up by importing this: two SQLite databases, the app, and
models to sync."""

from __future__ import annotations

import tempfile
from pathlib import Path

import django
from django.conf import settings

if not settings.configured:
    settings.configure(
        INSTALLED_APPS=["django_kafka", "tests.synced"],
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(tempfile.mkdtemp()) / "db.sqlite3"},
            "other": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(tempfile.mkdtemp()) / "other.sqlite3"},
        },
        DJANGO_KAFKA={},
        USE_TZ=True,
        TIME_ZONE="Europe/Berlin",
        SECRET_KEY="test",
    )
    django.setup()
