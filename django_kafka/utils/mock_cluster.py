# SPDX-License-Identifier: MIT
"""How librdkafka's mock cluster, which is the embedded broker, is told from Kafka."""

from __future__ import annotations

_PREFIX = "mockCluster"  # src/kafka/producer/topics.c has it too


def is_mock(cluster_id: str | None) -> bool:
    return cluster_id is not None and cluster_id.startswith(_PREFIX)
