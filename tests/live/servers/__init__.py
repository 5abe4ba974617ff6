# SPDX-License-Identifier: MIT
"""Real servers for tests and benchmarks: Apache Kafka and PostgreSQL, on loopback, in temporary folders."""

from __future__ import annotations

from tests.live.servers.kafka import KafkaCluster, KafkaNode, KafkaServer
from tests.live.servers.postgres import PostgresServer
from tests.live.servers.process import ServerError, wait_until

__all__ = ["KafkaCluster", "KafkaNode", "KafkaServer", "PostgresServer", "ServerError", "wait_until"]
