# SPDX-License-Identifier: MIT
"""Settings of the shop. SHOP_KAFKA and SHOP_DATABASE in the environment say where Kafka and the database are."""

import os
from pathlib import Path

import django

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = "an example has no secrets"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django_kafka",
    "shop",
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("SHOP_DATABASE", BASE_DIR / "shop.sqlite3"),
    },
}
if django.VERSION >= (5, 1):
    # Not a sync of the disk for each message.
    DATABASES["default"]["OPTIONS"] = {"init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL"}

DJANGO_KAFKA = {
    # The keys in these three are librdkafka's own.
    "GLOBAL_CONFIG": {
        "bootstrap.servers": os.environ.get("SHOP_KAFKA", "127.0.0.1:9092"),
    },
    "PRODUCER_CONFIG": {
        "linger.ms": 5,
    },
    "CONSUMER_CONFIG": {
        "auto.offset.reset": "earliest",
        # These two are for the embedded broker, which is slow to answer with the defaults.
        "fetch.wait.max.ms": 10,
        "session.timeout.ms": 6000,
    },
}
