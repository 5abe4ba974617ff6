# SPDX-License-Identifier: MIT
"""Debezium's JDBC sink in a worker of Kafka Connect, as bench/sync.py runs it.

The worker lives as long as the part: what it has compiled stays compiled, as in one that runs for days. Each
measurement makes a connector, which has a consumer group of its own, and deletes it afterwards. A worker without
connectors takes a hundredth of a processor from the other contestants.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.live.servers import ConnectServer, PostgresServer
from tests.live.servers.connect import confluent_avro
from tests.live.servers.postgres import USER
from tests.live.servers.process import cached

PLUGINS = {
    "debezium-others": [cached("debezium-others", "DEBEZIUM_OTHERS_VERSION")],
    "avro-converter": [cached("avro-converter", "CONVERTER_VERSION")],
}
# What Kafka's own script for Connect starts it with; and the sink reads times of Connect in the zone of its process.
JVM = (
    "-Duser.timezone=UTC",
    *("-Xms256m", "-Xmx2g", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"),
    *("-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent", "-Djava.awt.headless=true"),
)
BATCH = "5000"


class JdbcSink:
    """A worker, and what each connector in it is told."""

    def __init__(self, bootstrap: str, registry_url: str, postgres: PostgresServer) -> None:
        self.worker = ConnectServer(bootstrap, PLUGINS, jvm=JVM)
        self.options = {
            "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
            "tasks.max": "1",
            "connection.url": f"jdbc:postgresql://127.0.0.1:{postgres.port}/lab",
            "connection.username": USER,
            "connection.password": "",
            "collection.name.format": "orders",
            "insert.mode": "upsert",
            "delete.enabled": "true",
            "primary.key.mode": "record_key",
            "schema.evolution": "none",
            "use.reduction.buffer": "true",
            "batch.size": BATCH,
            "consumer.override.max.poll.records": BATCH,
            **confluent_avro(f"{registry_url}/apis/registry/v2"),
        }

    @contextmanager
    def variables(self, topic: str, more: Mapping[str, str]) -> Iterator[dict[str, str]]:
        """What bench/contestants/sync_sink.py needs in its environment; afterwards no connector is left. more:
        options of the connector."""
        yield {
            "BENCH_CONNECT": self.worker.url,
            "BENCH_PID": str(self.worker.process.pid),
            "BENCH_SINK": json.dumps({**self.options, "topics": topic, **more}),
        }
        for name in self.worker.ask("GET", "/connectors"):
            self.worker.delete(name)
