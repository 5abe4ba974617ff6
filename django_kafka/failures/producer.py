# SPDX-License-Identifier: MIT
"""How the producer of copies is configured: as the project's producers, and so that a confirmation can be
believed."""

from __future__ import annotations

from typing import Any

from django_kafka.conf import settings
from django_kafka.producer import make_error_handler

# Copies that wait for their confirmation. With more the loop waits for room, so that memory stays bounded.
MAX_IN_FLIGHT = 5000

# What would weaken the confirmation, or belongs to other uses of a producer.
_UNWANTED = (
    "acks",
    "request.required.acks",
    "transactional.id",
    "transaction.timeout.ms",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "retries",
    "message.send.max.retries",
    "queuing.strategy",
    "delivery.report.only.error",
    "delivery.timeout.ms",
    "on_delivery",
    "stats_cb",
    "statistics.interval.ms",
)


def producer_config() -> dict[str, Any]:
    """The project's producer configuration, made safe: idempotent, confirmed by all replicas, and without a limit of
    its own to the size of a record, since what could be consumed has to fit.

    One request per broker is on its way at a time. With several, librdkafka assumes that a request which failed has
    arrived all the same when the one behind it is accepted; but a broker that does not know the producer yet accepts
    any (seen while the leaders of a new topic were elected: the first copies were confirmed, and not there)."""
    config = {"client.id": settings.CLIENT_ID, **settings.GLOBAL_CONFIG, **settings.PRODUCER_CONFIG}
    for key in _UNWANTED:
        config.pop(key, None)
    return {
        **config,
        "error_cb": make_error_handler(settings.ERROR_HANDLER),
        "enable.idempotence": True,
        "message.max.bytes": 200_000_000,
        "message.timeout.ms": int(settings.get_failure_topics()["timeout"] * 1000),
        "linger.ms": 5,
        "queue.buffering.max.messages": MAX_IN_FLIGHT,
        "max.in.flight": 1,
    }
