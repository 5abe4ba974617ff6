# SPDX-License-Identifier: MIT
"""A Kafka Connect worker with Debezium's connectors and Apicurio's converter to Avro, from what `tools/setup.sh
connect` has fetched.

    with ConnectServer(kafka.bootstrap) as connect:
        connect.put("orders", {"connector.class": "io.debezium.connector.postgresql.PostgresConnector", ...})

It starts in four seconds: it takes its plugins from manifests, and does not search the jars for them.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from tests.live.servers.java import QUICK_JVM, find_java
from tests.live.servers.kafka import LOG4J
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

HOME = cached("connect", "CONNECT_VERSION")
PLUGINS = {
    "debezium": [cached("debezium", "DEBEZIUM_VERSION"), cached("debezium-filter", "FILTER_VERSION")],
    "avro-converter": [cached("avro-converter", "CONVERTER_VERSION")],
}
# For MariaDB, and the sink. Their version is another one than PostgreSQL's, so they have a worker of their own.
OTHERS = {
    "debezium-others": [
        cached("debezium-others", "DEBEZIUM_OTHERS_VERSION"),
        cached("debezium-filter", "FILTER_VERSION"),
    ],
}
CONVERTER = "io.apicurio.registry.utils.converter.AvroConverter"


def available(plugins: Mapping[str, list[Path]] = PLUGINS) -> str | None:
    """None when Connect can be started here, else what is missing and how to get it."""
    for folder in (HOME, *chain(*plugins.values())):
        if not (folder / "complete").exists():
            return f"Kafka Connect is not complete, {folder.relative_to(ROOT)} is missing: tools/setup.sh connect"
    return None if find_java(17) else "no Java 17 or newer: tools/setup.sh system test"


def confluent_avro(registry_url: str) -> dict[str, str]:
    """What a connector has to be told to write keys and values as Avro in Confluent's framing.

    registry_url: of Apicurio's own API."""
    options = {
        "": CONVERTER,
        ".apicurio.registry.url": registry_url,
        ".apicurio.registry.auto-register": "true",
        ".apicurio.registry.find-latest": "false",
        ".apicurio.registry.as-confluent": "true",
        ".apicurio.registry.use-id": "contentId",
        ".apicurio.registry.headers.enabled": "false",
    }
    both = {f"{part}.converter{key}": value for part in ("key", "value") for key, value in options.items()}
    return {**both, "schema.name.adjustment.mode": "avro", "field.name.adjustment.mode": "avro"}


class ConnectServer(Server):
    """One worker, in a cluster of its own."""

    def __init__(
        self, bootstrap: str, plugins: Mapping[str, list[Path]] = PLUGINS, *, jvm: Iterable[str] = QUICK_JVM
    ) -> None:
        if reason := available(plugins):
            raise ServerError(reason)
        self.bootstrap = bootstrap
        self.plugins = plugins
        self.jvm = jvm
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="django-kafka-connect-"))
        self.process = ServerProcess("Kafka Connect", self.folder / "connect.log")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        java = find_java(17)
        assert java is not None
        (self.folder / "log4j2.yaml").write_text(LOG4J)
        config = self._configure()
        log4j = f"-Dlog4j2.configurationFile={self.folder / 'log4j2.yaml'}"
        main = "org.apache.kafka.connect.cli.ConnectDistributed"
        self.process.start([java, *self.jvm, log4j, "-cp", f"{HOME}/libs/*", main, str(config)])
        self.process.wait_ready(self._answers, 90)

    def _configure(self) -> Path:
        self._lay_out_plugins()
        name = self.folder.name
        storage = {
            f"{what}.storage.{key}": value
            for what in ("config", "offset", "status")
            for key, value in (("topic", f"{name}-{what}"), ("replication.factor", 1))
        }
        properties = {
            "bootstrap.servers": self.bootstrap,
            "group.id": name,
            "listeners": self.url,
            "rest.advertised.host.name": "127.0.0.1",
            "key.converter": "org.apache.kafka.connect.json.JsonConverter",
            "value.converter": "org.apache.kafka.connect.json.JsonConverter",
            "plugin.path": self.folder / "plugins",
            "plugin.discovery": "service_load",
            "offset.flush.interval.ms": 2000,
            "scheduled.rebalance.max.delay.ms": 5000,
            "offset.storage.partitions": 1,
            "status.storage.partitions": 1,
            **storage,
        }
        path = self.folder / "worker.properties"
        path.write_text("".join(f"{key}={value}\n" for key, value in properties.items()))
        return path

    def _lay_out_plugins(self) -> None:
        """A folder of links to each plugin's jars. The converter to Avro has no manifest: it gets one."""
        for plugin, homes in self.plugins.items():
            folder = self.folder / "plugins" / plugin
            if folder.exists():
                continue
            folder.mkdir(parents=True)
            for jar in sorted(chain(*((home / "libs").glob("*.jar") for home in homes))):
                (folder / jar.name).symlink_to(jar)
        if "avro-converter" not in self.plugins:
            return
        with zipfile.ZipFile(self.folder / "plugins/avro-converter/manifest.jar", "w") as jar_file:
            jar_file.writestr("META-INF/services/org.apache.kafka.connect.storage.Converter", f"{CONVERTER}\n")

    def _answers(self) -> bool:
        try:
            self.ask("GET", "/connectors")
        except (OSError, ServerError):
            return False
        return True

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The answer of the REST API. Errors: ServerError with the text of one that is not 2xx."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                text = reply.read()
        except urllib.error.HTTPError as error:
            with error:
                raise ServerError(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}") from None
        return json.loads(text) if text else None

    def put(self, name: str, config: Mapping[str, str]) -> None:
        """Create or change a connector, and wait until it and its task run."""
        self.ask("PUT", f"/connectors/{name}/config", dict(config))

        def runs() -> bool:
            try:
                status = self.ask("GET", f"/connectors/{name}/status")
            except ServerError:  # 404, until the worker has read its own topic
                return False
            states = [status["connector"], *status["tasks"]]
            failed = [state.get("trace", "") for state in states if state["state"] == "FAILED"]
            if failed:
                raise ServerError(f"Connector {name} failed: {failed[0]}")
            return len(states) > 1 and all(state["state"] == "RUNNING" for state in states)

        wait_until(runs, 60, f"connector {name} runs")

    def delete(self, name: str) -> None:
        self.ask("DELETE", f"/connectors/{name}")

    def stop(self) -> None:
        self.process.stop()

    def close(self, *, keep_logs: bool = False) -> Path | None:
        """Stop it and leave nothing behind; keep_logs copies its log to .cache/logs first."""
        self.process.kill()
        kept = keep_log(self.process.log, f"{self.folder.name}.log") if keep_logs else None
        shutil.rmtree(self.folder, ignore_errors=True)
        return kept
