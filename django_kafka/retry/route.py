# SPDX-License-Identifier: MIT
"""Names and headers of the copies of failed messages: the engine's, with the suffixes of the settings."""

from __future__ import annotations

from functools import lru_cache

from django_kafka._native import Route
from django_kafka.conf import settings


def route_of(group_id: str) -> Route:
    """group_id: of the consumer that handles the topics themselves, also for its retry topics."""
    return _route(group_id, settings.RETRY_TOPIC_SUFFIX, settings.DEAD_LETTER_TOPIC_SUFFIX)


_route = lru_cache(maxsize=256)(Route)


def clip(text: str, limit: int = 2000) -> str:
    """Text for a header: without what UTF-8 cannot hold, and not longer than this."""
    if not text.isascii():
        text = text.encode(errors="replace").decode()
    return text if len(text) <= limit else f"{text[:limit]}…"
