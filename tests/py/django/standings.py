# SPDX-License-Identifier: MIT
"""A client with one partition, of which a consumer's Standstills are told, and a clock."""

from __future__ import annotations

import logging
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from django_kafka.consumer.standing import Standstills

LOGGER = logging.getLogger("django_kafka.test")


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Client:
    """What a client would say of one partition, and of the cluster."""

    def __init__(self) -> None:
        self.numbers: dict[str, Any] = {
            "topic": "orders",
            "partition": 3,
            "position": 17,
            "committed": 17,
            "end": 40,
            "held": 0,
            "outstanding": 0,
            "paused": False,
        }
        self.partitions = 1
        self.topics: dict[str, Any] | None = {}
        self.member: str | None = None
        self.sought: list[TopicPartition] = []

    def partition_counters(self) -> list[dict[str, Any]]:
        return [{**self.numbers, "partition": self.numbers["partition"] + n} for n in range(self.partitions)]

    def get_watermark_offsets(self, _partition: TopicPartition, _timeout: float) -> tuple[int, int]:
        return 5, self.numbers["end"]

    def list_topics(self, topic: str | None = None, timeout: float = -1) -> Any:
        if self.topics is None:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        return type("Metadata", (), {"topics": self.topics})

    def memberid(self) -> str | None:
        return self.member

    def seek(self, partition: TopicPartition) -> None:
        self.sought.append(partition)


class Standing:
    """Standstills of a client, with what they report."""

    def __init__(self, *, at_end: bool = False) -> None:
        self.client, self.clock, self.told = Client(), Clock(), list[Any]()
        self.damage: KafkaError | None = None
        self.probed: list[int] = []
        self.places: list[int] = []
        self.takes = 0.0  # seconds
        self.standstills = Standstills(
            *(self.client, "app.Shop", "shop", self.told.append, LOGGER, self.clock),
            find_damage=self.find_damage,
            at_end=at_end,
        )

    def find_damage(self, place: tuple[str, int], offset: int) -> KafkaError | None:
        self.probed.append(offset)
        self.places.append(place[1])
        self.clock.now += self.takes
        return self.damage

    def fails(self, code: int, text: str = "so it is") -> None:
        self.standstills.on_error(KafkaError(code, text), "orders", 3, 20)

    def after(self, seconds: float) -> int:
        """How often it was told in this time, with a look every ten seconds."""
        before, end = len(self.told), self.clock.now + seconds
        while self.clock.now < end:
            self.clock.now += 10
            self.standstills.look()
        return len(self.told) - before
