# SPDX-License-Identifier: MIT
"""Deleting dead letters for good."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaException, TopicPartition

from django_kafka.conf import settings
from django_kafka.exceptions import DjangoKafkaError
from django_kafka.utils.mock_cluster import is_mock

if TYPE_CHECKING:
    from django_kafka.dead_letter.tool.browse import Extent

TIMEOUT = 30.0
ASK_TIMEOUT = 5.0


def purge(topic: str, parts: list[Extent]) -> None:
    """Delete all records of these parts. What was added behind them since then stays.

    Errors: DjangoKafkaError, with the partitions that were not emptied; the others are."""
    admin = importlib.import_module("confluent_kafka.admin").AdminClient(admin_config())
    ends = [TopicPartition(topic, part.partition, part.high) for part in parts if part.high > part.low]
    if not ends:
        return
    left: dict[int, str] = {}
    for place, future in admin.delete_records(ends, request_timeout=TIMEOUT).items():
        try:
            future.result(TIMEOUT + 5)
        except KafkaException as error:
            left[place.partition] = str(error)
        except TimeoutError:
            left[place.partition] = "no answer in time"
    if left:
        number = "partition" if len(left) == 1 else "partitions"
        raise DjangoKafkaError(
            f"The broker did not delete what is in '{topic}', {number} {', '.join(map(str, sorted(left)))}: "
            f"{next(iter(left.values()))}{_limit(admin)}"
        )


def _limit(admin: Any) -> str:
    """What follows if it is an embedded broker, which cannot do it."""
    try:
        cluster = admin.list_topics(timeout=ASK_TIMEOUT).cluster_id
    except KafkaException:
        return ""
    if not is_mock(cluster):
        return ""
    return ". It is an embedded broker (kafka_broker), which cannot delete records: they are gone when it ends."


def admin_config() -> dict[str, Any]:
    """What the project says about reaching the brokers."""
    config = {"client.id": settings.CLIENT_ID, **settings.GLOBAL_CONFIG, **settings.PRODUCER_CONFIG}
    return {
        key: value
        for key, value in config.items()
        if (not callable(value) or key == "oauth_cb") and key not in ("logger", "transactional.id")
    }
