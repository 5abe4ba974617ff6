# SPDX-License-Identifier: MIT
"""What the demos share: commands in processes of their own, bars, an interruption, a table of what was expected."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 30.0  # seconds that anything may take


class DemoError(Exception):
    """The demo cannot go on; the text says why."""


class Interruption:
    """Whether SIGINT came. KeyboardInterrupt alone does not tell: C code that calls back into Python may make another
    error of it (confluent's Consumer() says "expected configuration property name as type unicode string")."""

    def __init__(self) -> None:
        self.happened = False
        signal.signal(signal.SIGINT, self._on_signal)

    def _on_signal(self, signum: int, frame: object) -> None:
        self.happened = True
        raise KeyboardInterrupt


class Service:
    """A manage.py command in a process of its own, its output in a file."""

    def __init__(self, manage: Path, folder: Path, *command: str) -> None:
        """manage: the project's manage.py. folder: where the output goes."""
        self.name = command[0]
        self.output = folder / f"{self.name}.log"
        with self.output.open("w") as output:
            self.popen = subprocess.Popen(
                [sys.executable, manage, *command],
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )

    def said(self, start: str) -> str:
        """Waits for a line of the output that begins so, indented or not; returns the rest of the line."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            ended = self.popen.poll() is not None
            for line in self.output.read_text().splitlines():
                if line.lstrip().startswith(start):
                    return line.lstrip().removeprefix(start).strip()
            if ended:
                self.expect_running()
            time.sleep(0.01)
        raise DemoError(f"manage.py {self.name} did not say {start!r} within {PATIENCE:g} s.\n{self.tail()}")

    def expect_running(self) -> None:
        if (code := self.popen.poll()) is not None:
            raise DemoError(f"manage.py {self.name} ended early, with exit code {code}.\n{self.tail()}")

    def finish(self) -> None:
        """Wait for its end and insist on exit code 0."""
        try:
            code = self.popen.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise DemoError(f"manage.py {self.name} did not end within {PATIENCE:g} s.\n{self.tail()}") from None
        if code != 0:
            raise DemoError(f"manage.py {self.name} ended with exit code {code}.\n{self.tail()}")

    def stop(self) -> None:
        """End it as an init system does."""
        self.popen.send_signal(signal.SIGTERM)
        self.finish()

    def clean_up(self) -> None:
        """Whatever happened: do not leave it behind."""
        if self.popen.poll() is None:
            self.popen.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.popen.wait(5)
        if self.popen.poll() is None:
            self.popen.kill()  # kafka_consume's children notice, and end
            self.popen.wait()

    def tail(self) -> str:
        return "\n".join(f"    {line}" for line in self.output.read_text().splitlines()[-20:])


class Progress:
    """Bars that are drawn again in place on a terminal, and a line now and then where there is none."""

    def __init__(self, total: int, *names: str) -> None:
        """names: of what is counted up to the total."""
        self.total = total
        self.names = names
        self.terminal = sys.stdout.isatty()
        self.drawn = 0.0

    def show(self, *counts: int, last: bool = False) -> None:
        """counts: in the order of the names."""
        now = time.monotonic()
        if not last and now - self.drawn < (0.05 if self.terminal else 1.0):
            return
        self.drawn = now
        bars = zip(self.names, map(self.bar, counts), strict=True)
        text = "  " + "   ".join(f"{name} {bar}" for name, bar in bars)
        print(f"\r{text}" if self.terminal else text, end="" if self.terminal and not last else "\n", flush=True)

    def bar(self, count: int) -> str:
        filled = min(20, 20 * count // self.total)
        return f"[{'#' * filled}{'.' * (20 - filled)}] {count:>6,}"


@dataclass
class Row:
    """A line of the summary."""

    what: str
    expected: int
    found: int
    where: str


def print_rows(rows: Sequence[Row]) -> list[str]:
    """Print the summary. Returns what is not as expected."""
    wrong = [row.what for row in rows if row.found != row.expected]
    print(f"\n  {'':10} {'expected':>13} {'found':>13}")
    for row in rows:
        verdict = "WRONG" if row.what in wrong else "ok"
        print(f"  {row.what:10} {row.expected:>13,} {row.found:>13,}  {verdict:5}  {row.where}")
    if wrong:
        print(f"\nThe demo failed: not as expected: {', '.join(wrong)}.", file=sys.stderr)
    return wrong
