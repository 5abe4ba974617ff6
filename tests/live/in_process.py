# SPDX-License-Identifier: MIT
"""Settings of Django in the tests' own process that lead to real servers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.test import override_settings

import tests.django_project  # noqa: F401


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
    """New settings make kafka forget its clients, and topics what they learned."""
    return override_settings(DJANGO_KAFKA={**settings.DJANGO_KAFKA})
