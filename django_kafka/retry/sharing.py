# SPDX-License-Identifier: MIT
"""Retry topics that two groups share, because their names are made of parts with dots.

Group `shop` with topic `orders.eu`, and group `shop.orders` with topic `eu`, both retry in `shop.orders.eu.retry.1`.
The header that every copy gets says which topic the message came from, and so whose it is.
"""

from __future__ import annotations

from typing import Any

from django_kafka.conf import settings
from django_kafka.failures.headers import RetryHeader
from django_kafka.failures.names import FailureTopic


def foreign_origin(msg: Any, group_id: str) -> str | None:
    """The topic that a message of a retry topic came from, if that makes it another group's; None if it is this
    group's. A message without the header is (the original library wrote none), and one with an absurd one."""
    value = RetryHeader.get(msg.headers(), RetryHeader.ORIGIN_TOPIC)
    if value is None:
        return None
    topic = msg.topic()
    origin = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    ours = FailureTopic.parse(topic, group_id)
    if not origin or ours is None or origin == ours.origin:
        return None
    before = topic.removesuffix(f".{settings.RETRY_TOPIC_SUFFIX}{ours.behind}")
    return origin if before.endswith(f".{origin}") else None
