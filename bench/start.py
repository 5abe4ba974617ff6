# SPDX-License-Identifier: MIT
"""A consumer's process: from its start to its first message, its memory, and how long it takes to stop."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time

import psutil

from bench.consume import SIZE
from bench.run import CONTESTANTS, PEER, Contestant, Part, Result, main, median
from tests.live.servers.process import CACHE

MESSAGES = 50_000


class StartPart(Part):
    name = "start"
    contestants = (
        Contestant("this library, kafka_consume", "kafka_consume"),
        Contestant("django-kafka 5.1.2 (peer), kafka_consume", "kafka_consume", python=PEER),
        Contestant("bare confluent client", "startup_bare.py"),
    )

    def prepare(self) -> None:
        value = os.urandom(SIZE // 2).hex().encode()
        self.bench.fill("start", (value for _ in range(MESSAGES)))

    def measure(self, one: Contestant) -> Result:
        """Start of the process to its first message; memory of all its processes when it has read everything."""
        notes = CACHE / "bench-notes"
        notes.unlink(missing_ok=True)
        env = self.bench.environment(
            one, "start", MESSAGES, BENCH_NOTES=str(notes), DJANGO_SETTINGS_MODULE="benchsettings"
        )
        command = [str(one.python), str(CONTESTANTS / one.script)]
        lines = 1
        if one.script == "kafka_consume":
            command = [str(one.python), "-m", "django", "kafka_consume", "benchapp.consumers.BenchConsumer"]
            lines = 2
        with tempfile.TemporaryFile() as log:
            begun = time.time()
            process = subprocess.Popen(command, env=env, cwd=CACHE, stdout=log, stderr=log, start_new_session=True)
            try:
                deadline = begun + 120
                while not notes.exists() or len(notes.read_text().splitlines()) < lines:
                    if time.time() > deadline or (process.poll() is not None and lines == 2):
                        log.seek(0)
                        raise SystemExit(f"\n{one.title} failed:\n{log.read().decode(errors='replace')}")
                    time.sleep(0.005)
                first = float(notes.read_text().split()[0]) - begun
                memory, count = memory_of(process.pid)
                asked = time.time()
                process.send_signal(signal.SIGTERM)
                code = process.wait(30)
                return {
                    "first": first,
                    "memory": memory,
                    "processes": count,
                    "stop": time.time() - asked,
                    "code": code,
                }
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()

    def table(self, results: dict[str, list[Result]]) -> None:
        print(f"\nA process: to its first message, memory of it and its children, to stop; medians of {self.runs}")
        print(f"  {'':41}{'first, s':>12}{'MiB':>12}{'processes':>10}{'stop, s':>10}")
        for title, runs in results.items():
            first = median(runs, lambda run: run["first"])
            memory = median(runs, lambda run: run["memory"] / 2**20)
            count = median(runs, lambda run: run["processes"])
            stop = median(runs, lambda run: run["stop"])
            print(f"  {title:41}{first:>12.2f}{memory:>12.1f}{count:>10.0f}{stop:>10.2f}")


def memory_of(pid: int) -> tuple[int, int]:
    """Proportional set size of a process and those below it (shared pages count once), and their number."""
    total = count = 0
    for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
        try:
            total += process.memory_full_info().pss
            count += 1
        except psutil.NoSuchProcess:
            continue
    return total, count


if __name__ == "__main__":
    main([StartPart], "python -m bench.start")
