# SPDX-License-Identifier: MIT
"""Settings of the project whose table is kept in step with a topic; both libraries run it."""

from __future__ import annotations

import json
import os

SECRET_KEY = "not a secret"
INSTALLED_APPS = ["django_kafka", "syncapp"]
DATABASES = {"default": json.loads(os.environ["BENCH_DATABASE"])}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
DJANGO_KAFKA = {
    "GLOBAL_CONFIG": {"bootstrap.servers": os.environ["BENCH_BOOTSTRAP"]},
    "SCHEMA_REGISTRY": {"url": os.environ["BENCH_REGISTRY"]},
}
