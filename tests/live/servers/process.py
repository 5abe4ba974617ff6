# SPDX-License-Identifier: MIT
"""What the servers share: a child process with a log, free ports, waiting on conditions."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

ROOT = Path(__file__).resolve().parents[3]
CACHE = ROOT / ".cache"

T = TypeVar("T")


class ServerError(RuntimeError):
    """A server did not start, or died; the text has the end of its log."""


class Server:
    """Started when a `with` begins; nothing is left behind when it ends, after a failure but for the log."""

    def start(self) -> object:
        raise NotImplementedError

    def close(self, *, keep_logs: bool = False) -> object:
        raise NotImplementedError

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close(keep_logs=True)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(keep_logs=kind is not None)


def wait_until(condition: Callable[[], T], timeout: float, what: str, *, interval: float = 0.02) -> T:
    """Ask until `condition` is true, and return what it gave; after `timeout` s an AssertionError says `what`."""
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what}")
        time.sleep(interval)


def cached(name: str, variable: str) -> Path:
    """Where tools/setup.sh puts a server, of the version that it names."""
    found = re.search(rf"^{variable}=(\S+)", (ROOT / "tools/setup.sh").read_text(), re.M)
    assert found is not None, f"tools/setup.sh has no {variable}"
    return CACHE / f"{name}-{found[1]}"


_given: set[int] = set()


def free_port() -> int:
    """A port nobody listens on, another one each time. It is below the range that the system gives to outgoing
    connections, so that it stays free while a server that was stopped is away."""
    for _ in range(200):
        port = random.SystemRandom().randint(20000, 32000)
        if port in _given:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            _given.add(port)
            return port
    raise ServerError("no free port between 20000 and 32000")


class ServerProcess:
    """A child in a session of its own whose output goes to a log file. If its parent is killed, so is it.

    Start it from a thread that lives on: the kernel ties the child to the thread that forked it.
    """

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def pid(self) -> int | None:
        """The process id, None when it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def running(self) -> bool:
        return self.pid is not None

    def start(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        folder: Path | None = None,
    ) -> None:
        """Start `command`, as `user` if given (needs root), in `folder` if given."""
        if self.running:
            raise ServerError(f"{self.name} runs already")
        prefix = [shutil.which("setpriv") or "/usr/bin/setpriv", "--pdeathsig", "SIGKILL"]
        if user:
            prefix += ["--reuid", user, "--regid", user, "--init-groups"]
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*prefix, *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                start_new_session=True,
                cwd=folder,
            )

    def output(self) -> str:
        """What it has written since the last start."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def wait_ready(self, condition: Callable[[], object], timeout: float) -> None:
        """Wait until `condition` holds; a ServerError with the end of the log if it dies before, or time runs out."""
        deadline = time.monotonic() + timeout
        while not condition():
            if not self.running:
                raise ServerError(f"{self.name} died at start; its log ends:\n{self._tail()}")
            if time.monotonic() > deadline:
                tail = self._tail()
                self.kill()
                raise ServerError(f"{self.name} was not ready after {timeout:g} s; its log ends:\n{tail}")
            time.sleep(0.03)

    def send(self, number: int) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def stop(self, timeout: float = 20.0, number: int = signal.SIGTERM) -> int | None:
        """Ask it to end, kill it if it does not; its exit code, None when it did not run."""
        if self._process is None:
            return None
        self.send(number)
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int | None:
        """SIGKILL, and wait until it is gone."""
        if self._process is None:
            return None
        self.send(signal.SIGCONT)
        self.send(signal.SIGKILL)
        return self._process.wait()

    def _tail(self, lines: int = 30) -> str:
        return "\n".join(self.output().splitlines()[-lines:])


def keep_log(log: Path, name: str) -> Path | None:
    """Copy a log out of a temporary folder, for after a failure; the place it is kept in. Its last complaints are
    printed, since the folder may be gone, too, when somebody asks for them."""
    if not log.exists():
        return None
    kept = CACHE / "logs" / name
    kept.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(log, kept)
    complaints = [line[:300] for line in kept.read_text(errors="replace").splitlines() if _COMPLAINT.search(line)]
    print("\n".join(["", f"The last complaints of {name}:", *complaints[-20:]]))
    return kept


_COMPLAINT = re.compile(r"\b(WARN|ERROR|FATAL|Caused by)\b")
