# SPDX-License-Identifier: MIT
"""Real servers for tests and benchmarks: Apache Kafka, PostgreSQL, a schema registry and Kafka Connect, on loopback,
in temporary folders."""

from __future__ import annotations

from tests.live.servers.connect import ConnectServer
from tests.live.servers.kafka import KafkaCluster, KafkaNode, KafkaServer
from tests.live.servers.postgres import PostgresServer
from tests.live.servers.process import ServerError, wait_until
from tests.live.servers.proxy import CountingProxy
from tests.live.servers.registry import RegistryServer

__all__ = [
    "ConnectServer",
    "CountingProxy",
    "KafkaCluster",
    "KafkaNode",
    "KafkaServer",
    "PostgresServer",
    "RegistryServer",
    "ServerError",
    "wait_until",
]
