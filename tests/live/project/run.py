# SPDX-License-Identifier: MIT
"""Run the project's `kafka_consume` as a user would: in a process of its own, stopped by signals."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from tests.live.servers.process import ROOT, wait_until

CONSUMER = "tests.live.project.ledger.consumers.LedgerConsumer"


class Record(NamedTuple):
    """A message that was handled, as the ledger has it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    timestamp: int
    pid: int


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def read_lines(ledger: Path) -> list[dict[str, Any]]:
    """All lines that are complete."""
    if not ledger.exists():
        return []
    return [json.loads(line) for line in ledger.read_bytes().split(b"\n")[:-1]]


def read_ledger(ledger: Path) -> list[Record]:
    """The handled messages, in the order in which they were handled."""
    return [
        Record(
            line["topic"],
            line["partition"],
            line["offset"],
            _bytes(line["key"]),
            _bytes(line["value"]),
            tuple((key, _bytes(value)) for key, value in line["headers"]),
            line["timestamp"],
            line["pid"],
        )
        for line in read_lines(ledger)
        if line["kind"] == "done"
    ]


@dataclass
class Worker:
    """One `kafka_consume`: the supervisor and its children. Its output goes to `log`, what it handled to `ledger`."""

    bootstrap: str
    group: str
    topics: Sequence[str]
    ledger: Path
    log: Path
    config: Mapping[str, Any] | None = None
    settings: Mapping[str, Any] | None = None
    sleep: float = 0.0
    arguments: Sequence[str] = ()
    database: Mapping[str, Any] | None = None
    consumers: Sequence[str] = (CONSUMER,)
    settings_module: str = "tests.live.project.settings"
    environment: Mapping[str, str] | None = None

    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        env = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "DJANGO_SETTINGS_MODULE": self.settings_module,
            "LIVE_BOOTSTRAP": self.bootstrap,
            "LIVE_GROUP": self.group,
            "LIVE_TOPICS": json.dumps(list(self.topics)),
            "LIVE_LEDGER": str(self.ledger),
            "LIVE_SLEEP": str(self.sleep),
            "LIVE_CONFIG": json.dumps(dict(self.config or {})),
            "LIVE_SETTINGS": json.dumps(dict(self.settings or {})),
            **(self.environment or {}),
        }
        if self.database:
            env["LIVE_DATABASE"] = json.dumps(dict(self.database))
        command = [sys.executable, "-m", "django", "kafka_consume", *self.consumers, *self.arguments]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, cwd=ROOT, start_new_session=True
            )

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def children(self) -> list[psutil.Process]:
        """The processes below the supervisor."""
        try:
            return psutil.Process(self.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def records(self) -> list[Record]:
        """What all workers with this ledger have handled."""
        return read_ledger(self.ledger)

    def own_records(self) -> list[Record]:
        """What the present processes of this worker have handled."""
        pids = {self.pid, *(child.pid for child in self.children())}
        return [record for record in self.records() if record.pid in pids]

    def wait_for(self, count: int, timeout: float = 90.0) -> list[Record]:
        """Wait until the ledger has `count` messages; the AssertionError has the end of the worker's log."""
        try:
            wait_until(
                lambda: len(self.records()) >= count or not self.running, timeout, f"{count} messages in the ledger"
            )
            assert len(self.records()) >= count, f"kafka_consume ended with {len(self.records())} of {count} messages"
        except AssertionError as error:
            raise AssertionError(f"{error}; {len(self.records())} are there; its log ends:\n{self.tail()}") from None
        return self.records()

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def send(self, number: int = signal.SIGTERM) -> None:
        """To the supervisor alone."""
        assert self.process is not None
        self.process.send_signal(number)

    def send_group(self, number: int = signal.SIGTERM) -> None:
        """To the supervisor and its children at once, as systemd and a terminal do."""
        os.killpg(self.pid, number)

    def wait(self, timeout: float = 60.0) -> int:
        """Its exit code."""
        assert self.process is not None
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"kafka_consume did not end within {timeout:g} s; its log ends:\n{self.tail()}"
            ) from None

    def stop(self, timeout: float = 60.0) -> int:
        """SIGTERM to the supervisor; its exit code, once nothing of it is left."""
        children = self.children()
        self.send()
        code = self.wait(timeout)
        wait_until(
            lambda: not any(child.is_running() for child in children), 60, "the children of kafka_consume are gone"
        )
        return code

    def kill_all(self) -> None:
        """SIGKILL to all of it, as when the machine loses power."""
        if self.process is None:
            return
        victims = self.children()
        if self.process.poll() is None:
            victims.insert(0, psutil.Process(self.pid))
        for victim in victims:
            try:
                victim.kill()
            except psutil.NoSuchProcess:
                pass
        self.process.wait()
        psutil.wait_procs(victims, timeout=30)

    def tail(self, lines: int = 40) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""
