# SPDX-License-Identifier: MIT
"""Whether a partition that stands in silence stands at a damaged batch.

librdkafka says nothing of an uncompressed batch with a wrong length inside: it takes it for one that is longer than
what it fetched, and fetches it again. A checksum tells the two apart, but librdkafka checks none unless it is told
to. So the batch is asked for once more, by a client of its own that checks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from django_kafka._native import Consumer as NativeConsumer
from django_kafka.consumer.remedies import DAMAGE
from django_kafka.failures.attempts import Place

TIMEOUT = 5.0  # seconds for an answer, and again to close; the loop stands still meanwhile
STEP = 0.2


class Probe:
    """Of one consumer. Called on the thread that runs it."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        """config: of the consumer's client, which is the way to the brokers."""
        self._config = config

    def __call__(self, place: Place, offset: int) -> KafkaError | None:
        """The error of a damaged batch at this offset, None if there is none or nobody answers in time."""
        errors: list[KafkaError] = []
        try:
            client = NativeConsumer(self._own_config())
        except (KafkaException, TypeError, ValueError):  # what the consumer's client took
            return None
        client.on_partition_error = lambda error, *_place: errors.append(error)  # type: ignore[attr-defined]
        try:
            client.assign([TopicPartition(*place, offset)])
            end = time.monotonic() + TIMEOUT
            while not errors and time.monotonic() < end and client.fetch(STEP) is None:
                pass
        except KafkaException:
            return None
        finally:
            client.close(TIMEOUT)
        return next((error for error in errors if error.code() in DAMAGE), None)

    def _own_config(self) -> dict[str, Any]:
        """Of a client that belongs to no group, reads all that is there and keeps still."""
        config = {key: value for key, value in self._config.items() if not callable(value) or key == "oauth_cb"}
        for key in ("logger", "debug", "group.instance.id", "statistics.interval.ms"):
            config.pop(key, None)
        return {
            **config,
            "auto.offset.reset": "error",
            "check.crcs": True,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": False,
            "error_cb": lambda _error: None,  # the consumer's client has the same
            "isolation.level": "read_uncommitted",
            "log_level": 0,
        }
