# SPDX-License-Identifier: MIT
"""Settings of the tests' project; the environment says what is special about a run."""

import json
import os

SECRET_KEY = "for tests"
USE_TZ = True
INSTALLED_APPS = ["django_kafka", "crew.apps.CrewConfig"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("CREW_DATABASE", ":memory:"),
    },
}
DJANGO_KAFKA = {
    "GLOBAL_CONFIG": {"bootstrap.servers": os.environ.get("CREW_KAFKA", "127.0.0.1:1")},
    "PRODUCER_CONFIG": {"linger.ms": 1000},
    "CONSUMER_CONFIG": {
        "auto.offset.reset": "earliest",
        "fetch.wait.max.ms": 10,
        "session.timeout.ms": 2000,
        "heartbeat.interval.ms": 100,
    },
    **json.loads(os.environ.get("CREW_KAFKA_SETTINGS", "{}")),
}
