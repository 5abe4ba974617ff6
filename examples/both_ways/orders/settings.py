# SPDX-License-Identifier: MIT
"""Settings of both projects, which differ in SIDE alone. Where Kafka, Kafka Connect and PostgreSQL are, the
environment says."""

import os

SIDE = os.environ["SIDE"]
PEER = {"east": "west", "west": "east"}[SIDE]

SECRET_KEY = "an example has no secrets"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django_kafka",
    "orders",
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": SIDE,
        "HOST": os.environ.get("PGHOST", "127.0.0.1"),
        "PORT": os.environ.get("PGPORT", "5432"),
        "USER": os.environ.get("PGUSER", "postgres"),
        "PASSWORD": os.environ.get("PGPASSWORD", ""),
    },
}

DJANGO_KAFKA = {
    "GLOBAL_CONFIG": {
        "bootstrap.servers": os.environ.get("KAFKA", "127.0.0.1:9092"),
    },
    "CONSUMER_CONFIG": {
        "auto.offset.reset": "earliest",
        # Who takes over from a consumer that was killed waits so long.
        "session.timeout.ms": 6000,
    },
    "CONNECT_HOST": os.environ.get("CONNECT", "http://127.0.0.1:8083"),
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}
