# SPDX-License-Identifier: MIT
"""Settings of the catalogue. CATALOGUE_KAFKA and CATALOGUE_DATABASE in the environment say where Kafka and the
database are; the latter is an entry of DATABASES, as JSON."""

import json
import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = "an example has no secrets"
USE_TZ = True

INSTALLED_APPS = [
    "django_kafka",
    "catalogue",
]

DATABASES = {
    "default": json.loads(
        os.environ.get("CATALOGUE_DATABASE")
        or json.dumps({"ENGINE": "django.db.backends.sqlite3", "NAME": str(BASE_DIR / "catalogue.sqlite3")})
    ),
}

DJANGO_KAFKA = {
    "GLOBAL_CONFIG": {
        "bootstrap.servers": os.environ.get("CATALOGUE_KAFKA", "127.0.0.1:9092"),
    },
    "CONSUMER_CONFIG": {
        "auto.offset.reset": "earliest",
        # These two are for the embedded broker, which is slow to answer with the defaults.
        "fetch.wait.max.ms": 10,
        "session.timeout.ms": 6000,
    },
}
