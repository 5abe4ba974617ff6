# SPDX-License-Identifier: MIT
"""Settings of the project that both libraries run."""

from __future__ import annotations

import os

SECRET_KEY = "not a secret"
INSTALLED_APPS = ["django_kafka", "benchapp"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
DJANGO_KAFKA = {"GLOBAL_CONFIG": {"bootstrap.servers": os.environ["BENCH_BOOTSTRAP"]}}
