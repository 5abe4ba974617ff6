# SPDX-License-Identifier: MIT
"""Members of a group that note what becomes of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import TopicPartition

from django_kafka import _native
from tests.live.clients import Plain, consumer, fetch_once
from tests.live.servers import KafkaServer


class Member:
    """A consumer that notes what it was given and what was taken away."""

    def __init__(self, broker: KafkaServer, group: str, topic: str, **config: Any) -> None:
        config.setdefault("heartbeat_interval_ms", 300)
        if config.get("group_protocol") == "consumer":  # there the broker says how often
            del config["heartbeat_interval_ms"]
        self.client: _native.Consumer = consumer(broker.bootstrap, group, **config)
        self.log: list[tuple[str, list[int]]] = []
        self.seen: list[Plain] = []
        self.client.subscribe([topic], self.note("assign"), self.note("revoke"), self.note("lost"))

    def note(self, what: str) -> Callable[[Any, list[TopicPartition]], None]:
        def callback(_client: Any, parts: list[TopicPartition]) -> None:
            self.log.append((what, sorted(part.partition for part in parts)))

        return callback

    @property
    def partitions(self) -> list[int]:
        return sorted(part.partition for part in self.client.assignment())

    def step(self) -> None:
        self.seen += fetch_once(self.client, 0.02)


def run_until(members: list[Member], condition: Callable[[], bool], what: str, timeout: float = 90.0) -> None:
    """Let the members fetch in turn until the condition holds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout:g} s: {what}; {[member.log for member in members]}"
        for member in members:
            member.step()
