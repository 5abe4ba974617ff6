# SPDX-License-Identifier: MIT
"""A Django project for live tests. What differs from test to test comes in environment variables (see run.py)."""

from __future__ import annotations

import json
import os

SECRET_KEY = "not a secret"
USE_TZ = True
INSTALLED_APPS = ["django_kafka", "tests.live.project.ledger"]
DATABASES = {
    "default": json.loads(
        os.environ.get("LIVE_DATABASE", '{"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}')
    )
}
DJANGO_KAFKA = {
    "GLOBAL_CONFIG": {"bootstrap.servers": os.environ["LIVE_BOOTSTRAP"]},
    **json.loads(os.environ.get("LIVE_SETTINGS", "{}")),
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}
