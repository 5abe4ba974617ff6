# SPDX-License-Identifier: MIT
"""Django in the tests' own process, as tests/py/django has it, and settings that lead to real servers."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.test import override_settings

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


@contextlib.contextmanager
def django_kafka_settings(bootstrap: str, registry_url: str, **registry: Any) -> Iterator[None]:
    """DJANGO_KAFKA for a cluster and a registry. registry: more for SCHEMA_REGISTRY, with `_` for `.`."""
    conf = {
        "GLOBAL_CONFIG": {"bootstrap.servers": bootstrap},
        "CONSUMER_CONFIG": {"auto.offset.reset": "earliest", "fetch.wait.max.ms": 50},
        "SCHEMA_REGISTRY": {"url": registry_url, **{key.replace("_", "."): value for key, value in registry.items()}},
    }
    with override_settings(DJANGO_KAFKA=conf):
        yield


def as_another_process() -> contextlib.AbstractContextManager[Any]:
    """Settings that are set anew make kafka forget its clients, and topics what they learned."""
    return override_settings(DJANGO_KAFKA={**settings.DJANGO_KAFKA})
