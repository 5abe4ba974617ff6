# SPDX-License-Identifier: MIT
"""Starting programs, waiting for conditions, and cleaning up by process id."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[3]


def wait_for(condition: Callable[[], T], timeout: float = 60.0, what: str = "") -> T:
    """The first true value of condition()."""
    end = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout} s: {what or condition}")
        time.sleep(0.01)
    return value


def alive(pid: int) -> bool:
    """Whether the process runs; one that has ended but was not waited for does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def group_members(pgid: int) -> list[int]:
    """Process ids of those alive in a process group."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and alive(int(entry)):
            with contextlib.suppress(OSError):
                if os.getpgid(int(entry)) == pgid:
                    found.append(int(entry))
    return found


class Program:
    """A program in a process group of its own, its output and its events in files."""

    def __init__(self, folder: Path, *argv: str | Path, env: dict[str, str] | None = None) -> None:
        self.events_file = folder / "events"
        self.events_file.touch()
        self.output_file = folder / "output"
        self.started = time.monotonic()
        with self.output_file.open("a") as output:
            self.popen = subprocess.Popen(
                [sys.executable, *map(str, argv)],
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **(env or {})},
                start_new_session=True,
            )
        self.pid = self.popen.pid

    @property
    def output(self) -> str:
        return self.output_file.read_text()

    def events(self, what: str | None = None, job: str | None = None) -> list[dict[str, Any]]:
        lines = [line for line in self.events_file.read_text().splitlines(keepends=True) if line.endswith("\n")]
        found = [json.loads(line) for line in lines]
        return [one for one in found if what in (None, one["what"]) and job in (None, one["job"])]

    def wait_events(
        self, what: str, count: int = 1, job: str | None = None, timeout: float = 60.0
    ) -> list[dict[str, Any]]:
        def enough() -> list[dict[str, Any]]:
            found = self.events(what, job)
            if len(found) < count and self.popen.poll() is not None:
                raise AssertionError(f"ended with {self.popen.returncode} before {count} × {what!r}:\n{self.output}")
            return found if len(found) >= count else []

        return wait_for(enough, timeout, f"{count} × {what!r} in {self.events()}\n{self.output}")

    def signal(self, signum: int) -> None:
        self.popen.send_signal(signum)

    def signal_group(self, signum: int) -> None:
        os.killpg(self.pid, signum)

    def wait(self, timeout: float = 60.0) -> int:
        """The exit code; fails if a process of the group is left."""
        try:
            code = self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout} s:\n{self.output}") from None
        wait_for(lambda: not group_members(self.pid), 20.0, f"left over: {group_members(self.pid)}\n{self.output}")
        return code

    def end(self) -> None:
        """Kill what is left."""
        for pid in group_members(self.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.popen.wait()


@contextlib.contextmanager
def program(folder: Path, *argv: str | Path, env: dict[str, str] | None = None) -> Iterator[Program]:
    running = Program(folder, *argv, env=env)
    try:
        yield running
    finally:
        running.end()
