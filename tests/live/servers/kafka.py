# SPDX-License-Identifier: MIT
"""Apache Kafka 4 (KRaft), one node or several, from the jars that `tools/setup.sh jars` has put into .cache.

    with KafkaServer() as kafka:
        kafka.create_topic("orders", partitions=3)
        ... kafka.bootstrap ...

A node starts in three to five seconds. Formatting its storage would take a JVM start more: it is done once, and the
two files that it makes are copied with a fresh directory id from then on.
"""

from __future__ import annotations

import base64
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

from tests.live.servers.java import find_java
from tests.live.servers.process import (
    ROOT,
    Server,
    ServerError,
    ServerProcess,
    cached,
    free_port,
    keep_log,
    wait_until,
)

HOME = cached("kafka", "KAFKA_VERSION")

# Small and quick to start, for tests. A benchmark takes the JVM's own choices but the heap.
TEST_JVM = ("-Xmx512m", "-Xms256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")
BENCH_JVM = ("-Xmx1g", "-Xms1g", "-XX:+UseSerialGC", "-XX:-UsePerfData")

LOG4J = """\
Configuration:
  status: warn
  Appenders:
    Console:
      name: out
      target: SYSTEM_OUT
      PatternLayout: {pattern: "%d{HH:mm:ss.SSS} %-5p %c{1}: %m%n"}
  Loggers:
    Root: {level: info, AppenderRef: {ref: out}}
"""


def available() -> str | None:
    """None when Kafka can be started here, else what is missing and how to get it."""
    if not (HOME / "complete").exists():
        return f"Kafka's jars are not in {HOME.relative_to(ROOT)}: tools/setup.sh jars"
    if find_java(17) is None:
        return "no Java 17 or newer: tools/setup.sh system test"
    return None


def _kafka_id() -> str:
    """Sixteen random bytes as Kafka writes them; none that begins with a dash, which its tools take for an option."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        if not text.startswith("-"):
            return text


class KafkaNode:
    """One broker and controller in a process of its own."""

    def __init__(
        self,
        node_id: int,
        folder: Path,
        *,
        properties: Mapping[str, str] | None = None,
        jvm: Iterable[str] = TEST_JVM,
    ) -> None:
        self.node_id = node_id
        self.folder = folder
        self.port = free_port()
        self.controller_port = free_port()
        self.process = ServerProcess(f"Kafka node {node_id}", folder / f"node{node_id}.log")
        self._jvm = list(jvm)
        self._properties = dict(properties or {})
        self._java = find_java(17)
        if reason := available():
            raise ServerError(reason)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def log_dir(self) -> Path:
        return self.folder / f"data{self.node_id}"

    def configure(self, voters: str, replicas: int, cluster_id: str) -> None:
        """Write the configuration and lay out the storage."""
        config = {
            "process.roles": "broker,controller",
            "node.id": str(self.node_id),
            "controller.quorum.voters": voters,
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": str(self.log_dir),
            "num.partitions": "1",
            "offsets.topic.replication.factor": str(replicas),
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": str(replicas),
            "transaction.state.log.min.isr": str(min(2, replicas)),
            "transaction.state.log.num.partitions": "4",
            "share.coordinator.state.topic.replication.factor": str(replicas),
            "share.coordinator.state.topic.min.isr": str(min(2, replicas)),
            "share.coordinator.state.topic.num.partitions": "4",
            "default.replication.factor": str(replicas),
            "min.insync.replicas": str(min(2, replicas)),
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            "group.consumer.min.session.timeout.ms": "1000",
            "group.consumer.min.heartbeat.interval.ms": "200",
            "group.consumer.heartbeat.interval.ms": "500",
            "log.cleaner.dedupe.buffer.size": "16777216",
            "message.max.bytes": "2097152",
            "replica.fetch.max.bytes": "2097152",
            "broker.session.timeout.ms": "3000",
            "broker.heartbeat.interval.ms": "600",
            **self._properties,
        }
        self._write(self._config_file, config)
        (self.folder / "log4j2.yaml").write_text(LOG4J)
        self._format(cluster_id)

    @property
    def _config_file(self) -> Path:
        return self.folder / f"node{self.node_id}.properties"

    @staticmethod
    def _write(path: Path, config: Mapping[str, str]) -> None:
        path.write_text("".join(f"{key}={value}\n" for key, value in config.items()))

    def _command(self, main: str, *arguments: str) -> list[str]:
        assert self._java is not None
        log4j = f"-Dlog4j2.configurationFile={self.folder / 'log4j2.yaml'}"
        return [self._java, *self._jvm, log4j, "-cp", f"{HOME}/libs/*", main, *arguments]

    def _format(self, cluster_id: str) -> None:
        """What StorageTool would make, out of the copy that it made once."""
        template = HOME / "formatted"
        if not template.exists():
            with tempfile.TemporaryDirectory(dir=HOME) as place:
                data = Path(place) / "data"
                config = Path(place) / "server.properties"
                text = self._config_file.read_text()
                config.write_text(text.replace(f"log.dirs={self.log_dir}\n", f"log.dirs={data}\n"))
                tool = self._command(
                    "kafka.tools.StorageTool", "format", f"--cluster-id={_kafka_id()}", "-c", str(config)
                )
                done = subprocess.run(tool, capture_output=True, text=True, check=False)
                if done.returncode != 0:
                    raise ServerError(f"Kafka's StorageTool failed:\n{done.stdout}{done.stderr}")
                try:
                    data.rename(template)
                except OSError:
                    if not template.exists():  # else another run was quicker
                        raise
        shutil.copytree(template, self.log_dir)
        meta = {"version": "1", "cluster.id": cluster_id, "node.id": str(self.node_id), "directory.id": _kafka_id()}
        self._write(self.log_dir / "meta.properties", meta)

    def start(self, *, wait: bool = True) -> None:
        self.process.start(self._command("kafka.Kafka", str(self._config_file)))
        if wait:
            self.wait()

    def wait(self, timeout: float = 120.0) -> None:
        """Wait until it serves."""
        self.process.wait_ready(lambda: "Kafka Server started" in self.process.output(), timeout)

    def stop(self) -> None:
        """End it in an orderly way: leaders move, files are closed."""
        self.process.stop()

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()

    def restart(self) -> None:
        """Start it again, on the same ports with the same data."""
        self.process.stop()
        self.start()


class KafkaCluster(Server):
    """Nodes that are broker and controller both, one cluster. Replication is 3 with 2 in sync from three nodes on."""

    def __init__(
        self, nodes: int = 3, *, properties: Mapping[str, str] | None = None, jvm: Iterable[str] = TEST_JVM
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="django-kafka-live-"))
        self.replicas = min(3, nodes)
        self._admin: AdminClient | None = None
        try:
            self.nodes = [KafkaNode(i, self.folder, properties=properties, jvm=jvm) for i in range(1, nodes + 1)]
            voters = ",".join(f"{node.node_id}@127.0.0.1:{node.controller_port}" for node in self.nodes)
            cluster_id = _kafka_id()
            for node in self.nodes:
                node.configure(voters, self.replicas, cluster_id)
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    @property
    def bootstrap(self) -> str:
        """Value of bootstrap.servers."""
        return ",".join(node.address for node in self.nodes)

    def start(self) -> None:
        for node in self.nodes:
            node.start(wait=False)
        for node in self.nodes:
            node.wait()

    def stop(self) -> None:
        """End all nodes that run; the data stays."""
        self._admin = None
        for node in self.nodes:
            # Not one after the other: the last ones would wait for a quorum that is gone.
            node.process.send(signal.SIGTERM)
        for node in self.nodes:
            node.process.stop(timeout=10)

    def close(self, *, keep_logs: bool = False) -> list[Path]:
        """End all nodes at once and leave nothing behind; keep_logs copies their logs to .cache/logs first."""
        self._admin = None
        for node in self.nodes:
            node.kill()
        kept = [keep_log(n.process.log, f"{self.folder.name}-{n.process.log.name}") for n in self.nodes if keep_logs]
        shutil.rmtree(self.folder, ignore_errors=True)
        return [path for path in kept if path]

    # ---- what tests ask of a cluster ------------------------------------------------------------------------------

    @property
    def admin(self) -> AdminClient:
        if self._admin is None:
            self._admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        return self._admin

    def create_topic(self, name: str, partitions: int = 1, config: Mapping[str, str] | None = None) -> str:
        """Create a topic and wait until every partition of it has a leader; its name."""
        topic = NewTopic(name, partitions, self.replicas, config=dict(config or {}))
        self.admin.create_topics([topic], operation_timeout=20)[name].result(60)
        self._wait_for_leaders(name, partitions)
        return name

    def grow_topic(self, name: str, partitions: int) -> None:
        """Give a topic more partitions, and wait until each has a leader."""
        self.admin.create_partitions([NewPartitions(name, partitions)])[name].result(60)
        self._wait_for_leaders(name, partitions)

    def _wait_for_leaders(self, name: str, partitions: int) -> None:
        """What the controller has decided, brokers know a moment later."""

        def ready() -> bool:
            found = self.admin.list_topics(name, timeout=10).topics[name]
            return len(found.partitions) == partitions and all(p.leader >= 0 for p in found.partitions.values())

        wait_until(ready, 60, f"topic {name} has {partitions} partitions with a leader")

    def delete_topic(self, name: str) -> None:
        self.admin.delete_topics([name], operation_timeout=20)[name].result(60)

    def topic_exists(self, name: str) -> bool:
        return name in self.admin.list_topics(timeout=10).topics

    def leader(self, topic: str, partition: int = 0) -> KafkaNode:
        """The node that leads a partition now."""
        number = self.admin.list_topics(topic, timeout=10).topics[topic].partitions[partition].leader
        return next(node for node in self.nodes if node.node_id == number)

    def group_members(self, group: str) -> int:
        """How many members a consumer group has; 0 when there is no such group."""
        try:
            found = self.admin.describe_consumer_groups([group], request_timeout=30)[group].result(60)
        except KafkaException:
            return 0
        return len(found.members)

    def group_state(self, group: str) -> str:
        """The state of a group, in lower case as confluent's client names it: stable, empty, dead, ..."""
        found = self.admin.describe_consumer_groups([group], request_timeout=30)[group].result(60)
        return str(found.state.name).lower()


class KafkaServer(KafkaCluster):
    """A cluster of one node."""

    def __init__(self, *, properties: Mapping[str, str] | None = None, jvm: Iterable[str] = TEST_JVM) -> None:
        super().__init__(1, properties=properties, jvm=jvm)

    @property
    def node(self) -> KafkaNode:
        return self.nodes[0]

    def kill(self) -> None:
        """kill -9; start() or restart() brings it back with what was on disk."""
        self.node.kill()

    def restart(self) -> None:
        self.node.restart()
