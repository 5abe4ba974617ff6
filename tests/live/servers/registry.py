# SPDX-License-Identifier: MIT
"""Apicurio Registry, a schema registry that speaks Confluent's API, from what `tools/setup.sh registry` has fetched.

    with RegistryServer() as registry:
        SchemaRegistryClient({"url": registry.url})

It starts in five seconds and keeps its schemas in a file, so that they are still there after a restart.

Confluent's client asks for /associations first, which this registry does not have. Of the 404s that it answers to
unknown paths it loses one in some thousands under load, and the client waits for ever: so a proxy answers these.
The client also wants schemas of Protobuf `serialized`, as it registers them; this registry gives them out only when
it is not asked for that.
"""

from __future__ import annotations

import shutil
import tempfile
import urllib.request
from pathlib import Path

from tests.live.servers.java import QUICK_JVM, find_java
from tests.live.servers.process import ROOT, Server, ServerError, ServerProcess, cached, free_port, keep_log
from tests.live.servers.proxy import CountingProxy

HOME = cached("apicurio", "REGISTRY_VERSION")
ABSENT = "/associations/"
UNSAID = "format=serialized"


def available() -> str | None:
    """None when the registry can be started here, else what is missing and how to get it."""
    if not (HOME / "complete").exists():
        return f"the schema registry is not in {HOME.relative_to(ROOT)}: tools/setup.sh registry"
    if find_java(21) is None:
        return "no Java 21 or newer: tools/setup.sh registry"
    return None


class RegistryServer(Server):
    """One registry. Compatibility is not judged (`NONE`) until a test sets a level, globally or for a subject."""

    def __init__(self) -> None:
        if reason := available():
            raise ServerError(reason)
        self.port = free_port()
        self.front_port = free_port()
        self.management_port = free_port()
        self._front: CountingProxy | None = None
        self.folder = Path(tempfile.mkdtemp(prefix="django-kafka-registry-"))
        self.process = ServerProcess("the schema registry", self.folder / "registry.log")

    @property
    def url(self) -> str:
        """For SchemaRegistryClient."""
        return f"http://127.0.0.1:{self.front_port}/apis/ccompat/v7"

    def proxy(self) -> CountingProxy:
        """Another way to the same registry, which counts."""
        return CountingProxy(self._direct_url, 0, ABSENT, UNSAID)

    @property
    def _direct_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/apis/ccompat/v7"

    @property
    def native_url(self) -> str:
        """For Apicurio's own clients, Kafka Connect's converter among them."""
        return f"http://127.0.0.1:{self.port}/apis/registry/v2"

    def start(self) -> None:
        """Start it, again too: on the same port, with the schemas that it had."""
        java = find_java(21)
        assert java is not None
        properties = {
            "quarkus.http.host": "127.0.0.1",
            "quarkus.http.port": self.port,
            "quarkus.management.host": "127.0.0.1",
            "quarkus.management.port": self.management_port,
            "apicurio.datasource.url": f"jdbc:h2:file:{self.folder}/schemas",
        }
        options = [f"-D{key}={value}" for key, value in properties.items()]
        self.process.start([java, *QUICK_JVM, *options, "-jar", str(HOME / "quarkus-run.jar")], folder=self.folder)
        self.process.wait_ready(self._answers, 90)
        self._front = CountingProxy(self._direct_url, self.front_port, ABSENT, UNSAID)
        self._front.start()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self._direct_url}/subjects", timeout=5) as reply:
                return bool(reply.status == 200)
        except OSError:
            return False

    def kill(self) -> None:
        """kill -9: nothing listens any more, until start()."""
        if self._front is not None:
            self._front.close()
            self._front = None
        self.process.kill()

    def close(self, *, keep_logs: bool = False) -> Path | None:
        """Stop it and leave nothing behind; keep_logs copies its log to .cache/logs first."""
        self.kill()
        kept = keep_log(self.process.log, f"{self.folder.name}.log") if keep_logs else None
        shutil.rmtree(self.folder, ignore_errors=True)
        return kept
