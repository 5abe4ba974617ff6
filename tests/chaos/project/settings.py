# SPDX-License-Identifier: MIT
"""Settings; what differs from run to run comes in environment variables (see worker.py)."""

from __future__ import annotations

import json
import os

SECRET_KEY = "not a secret"
USE_TZ = True
INSTALLED_APPS = ["django_kafka", "tests.chaos.project.app"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": {**json.loads(os.environ["CHAOS_DATABASE"]), "CONN_MAX_AGE": 20}}
DJANGO_KAFKA = {
    "GLOBAL_CONFIG": {"bootstrap.servers": os.environ["CHAOS_BOOTSTRAP"]},
    "CONSUMER_CONFIG": {
        "auto.offset.reset": "earliest",
        "auto.commit.interval.ms": 500,
        "fetch.wait.max.ms": 50,
        "topic.metadata.refresh.interval.ms": 5000,
        "reconnect.backoff.max.ms": 1000,
    },
    # Found soon, since they are made in mid-run.
    "RETRY_CONSUMER_CONFIG": {"auto.offset.reset": "earliest", "topic.metadata.refresh.interval.ms": 1000},
    "FAILURE_TOPICS": {"timeout": 20.0},
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    # Each refused copy has its message redelivered: the judge counts them.
    "loggers": {"django_kafka.copies": {"level": "DEBUG"}},
}
