# SPDX-License-Identifier: MIT
"""One `kafka_consume` of the project: the supervisor and its children."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from tests.live.servers.process import ROOT

_DIED = re.compile(r"(Consumer \S+ \(pid (\d+)\) (?:died|did not stop cleanly|ended without).*)")


class Worker:
    """Its output goes to a log of its own. It dies with the process that started it."""

    def __init__(self, number: int, env: dict[str, str], folder: Path) -> None:
        self.number = number
        self.log = folder / f"worker-{number}.log"
        self.asked: float | None = None  # when a stop was asked for
        self.killed: set[int] = set()  # those of its processes that were killed on purpose
        self._env = env
        command = [sys.executable, "-m", "django", "kafka_consume", "--grace", "40"]
        prefix = [shutil.which("setpriv") or "/usr/bin/setpriv", "--pdeathsig", "SIGKILL"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*prefix, *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **env},
                cwd=ROOT,
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    @property
    def available(self) -> bool:
        """Runs, and nobody has asked it to stop."""
        return self.running and self.asked is None

    @property
    def has_begun(self) -> bool:
        """Whether it has started consumers."""
        return " started, pid " in self.log.read_text(errors="replace")

    def children(self) -> list[psutil.Process]:
        try:
            return sorted(psutil.Process(self.process.pid).children(recursive=True), key=lambda child: child.pid)
        except psutil.NoSuchProcess:
            return []

    def ask_to_stop(self, *, whole_group: bool = False) -> None:
        self.asked = time.monotonic()
        if whole_group:
            os.killpg(self.process.pid, signal.SIGTERM)
        else:
            self.process.send_signal(signal.SIGTERM)

    def kill_child(self, child: psutil.Process) -> None:
        self.killed.add(child.pid)
        child.kill()

    def kill(self) -> None:
        """SIGKILL to all of it, and wait until nothing is left."""
        victims = self.children()
        self.killed.update(child.pid for child in victims)
        if self.running:
            self.killed.add(self.process.pid)
            self.process.kill()
        for victim in victims:
            try:
                victim.kill()
            except psutil.NoSuchProcess:
                pass
        self.process.wait()
        psutil.wait_procs(victims, timeout=5)

    def slowest(self) -> str:
        """The last line of the log about a child that has stopped."""
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.endswith(") stopped.")]
        return lines[-1].rpartition("supervisor: ")[2] if lines else "it had not begun"

    def deaths(self) -> list[str]:
        """Lines of the log about children that ended as nobody wanted."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return [line for line, pid in _DIED.findall(text) if int(pid) not in self.killed]


def environment(
    *, bootstrap: str, database: dict[str, Any], ledger: Path, seed: str, config: dict[str, Any]
) -> dict[str, str]:
    """What the project's settings read."""
    return {
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "PYTHONFAULTHANDLER": "1",
        "DJANGO_SETTINGS_MODULE": "tests.chaos.project.settings",
        "CHAOS_BOOTSTRAP": bootstrap,
        "CHAOS_DATABASE": json.dumps(database),
        "CHAOS_LEDGER": str(ledger),
        "CHAOS_SEED": seed,
        "CHAOS_CONFIG": json.dumps(config),
    }
