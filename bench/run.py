# SPDX-License-Identifier: MIT
"""What the parts of the benchmark share: a broker, contestants in processes of their own, interleaved rounds.

The rounds go A B C A B C ..., so that a slow minute of the machine hits all alike. One JSON line per run goes to
--output.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

import confluent_kafka
import psutil

from tests.live.servers import KafkaServer
from tests.live.servers.kafka import BENCH_JVM
from tests.live.servers.process import CACHE, ROOT

CONTESTANTS = ROOT / "bench/contestants"
PEER = CACHE / "peer/bin/python"
# This library as pip installs it: tools/setup.sh bench makes it.
RELEASE = CACHE / "bench"
PARTITIONS = 4

Result = dict[str, Any]


@dataclass(frozen=True)
class Contestant:
    """Who runs: a script of bench/contestants, or the C program."""

    title: str
    script: str
    config: dict[str, Any] = field(default_factory=dict)
    python: Path = Path(sys.executable)
    # So many times fewer messages than the others get: for those who would take minutes.
    fewer: int = 1


class Bench:
    """A run: how much is measured, where it is written, and the broker, started when it is first asked for."""

    def __init__(self, messages: int, runs: int, output: Path) -> None:
        self.messages = messages
        self.runs = runs
        self.output = output
        self.numbers = 0
        self._kafka: KafkaServer | None = None
        output.parent.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Bench:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        if self._kafka is not None:
            self._kafka.__exit__(exc_type, exc, tb)

    @property
    def kafka(self) -> KafkaServer:
        if self._kafka is None:
            server = KafkaServer(jvm=BENCH_JVM, properties={"log.segment.bytes": "67108864"})
            server.__enter__()
            self._kafka = server
        return self._kafka

    def number(self) -> int:
        """Another one each time: for names."""
        self.numbers += 1
        return self.numbers

    def note(self, part: str, title: str, result: Result) -> None:
        with self.output.open("a") as out:
            out.write(json.dumps({"part": part, "title": title, "time": time.time(), **result}) + "\n")

    # ---- topics ----

    def fill(self, topic: str, values: Iterable[bytes | tuple[bytes, bytes] | tuple[bytes, bytes, int]]) -> None:
        """A topic with these messages, spread over its partitions: values, pairs of value and key, or with the
        partition as well."""
        self.kafka.create_topic(topic, PARTITIONS)
        producer = confluent_kafka.Producer(
            {
                "bootstrap.servers": self.kafka.bootstrap,
                "linger.ms": 20,
                "enable.idempotence": True,
                "queue.buffering.max.messages": 500_000,
            }
        )
        for i, given in enumerate(values):
            value, key, *rest = given if isinstance(given, tuple) else (given, None)
            partition = rest[0] if rest else i % PARTITIONS
            while True:
                try:
                    producer.produce(topic, value, key, partition=partition)
                    break
                except BufferError:
                    producer.poll(0.1)
        if producer.flush(60):
            raise SystemExit("the topic could not be filled")

    # ---- contestants ----

    def environment(self, one: Contestant, topic: str = "", messages: int = 0, **more: str) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "DJANGO"))}
        return {
            **kept,
            "PYTHONPATH": os.pathsep.join([str(CONTESTANTS), *([] if one.python == PEER else [str(RELEASE)])]),
            "BENCH_BOOTSTRAP": self._kafka.bootstrap if self._kafka else "",
            "BENCH_TOPIC": topic,
            "BENCH_GROUP": f"bench-{self.number()}",
            "BENCH_MESSAGES": str(messages),
            "BENCH_PARTITIONS": str(PARTITIONS),
            "BENCH_CONFIG": json.dumps(one.config),
            **more,
        }

    def script(self, one: Contestant, topic: str = "", messages: int = 0, **more: str) -> Result:
        """Run a script to its end; the JSON line that it prints."""
        env = self.environment(one, topic, messages, **more)
        command = [str(one.python), str(CONTESTANTS / one.script)]
        if one.script == "c":
            command = [str(ROOT / "build-bench/bench/c/bench-consume"), self.kafka.bootstrap, topic]
            command += [env["BENCH_GROUP"], str(messages), *(f"{key}={value}" for key, value in one.config.items())]
            env["LD_PRELOAD"] = librdkafka()
        done = subprocess.run(command, env=env, capture_output=True, text=True, cwd=CACHE, timeout=300, check=False)
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        if done.returncode != 0 or not lines:
            raise SystemExit(f"\n{one.title} failed ({done.returncode}):\n{done.stdout}{done.stderr}")
        return dict(json.loads(lines[-1]))


class Part(ABC):
    """One subject of the benchmark: contestants, how one is measured, and a table."""

    name: ClassVar[str]
    contestants: Sequence[Contestant] = ()

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.stack = ExitStack()  # what prepare() starts and run() ends

    @property
    def runs(self) -> int:
        return self.bench.runs

    @abstractmethod
    def prepare(self) -> None:
        """Make the topics, warm up."""

    @abstractmethod
    def measure(self, one: Contestant) -> Result: ...

    @abstractmethod
    def table(self, results: dict[str, list[Result]]) -> None:
        """Print the medians side by side."""

    def run(self) -> None:
        with self.stack:
            self.prepare()
            self.table(self.rounds())

    def rounds(self) -> dict[str, list[Result]]:
        results: dict[str, list[Result]] = defaultdict(list)
        for number in range(self.runs):
            for one in self.contestants:
                progress(f"{self.name}: round {number + 1} of {self.runs}: {one.title}")
                result = self.measure(one)
                results[one.title].append(result)
                self.bench.note(self.name, one.title, result)
        progress("")
        return results


def progress(text: str) -> None:
    """One line that the next overwrites."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
    elif text:
        print(text, file=sys.stderr, flush=True)


def librdkafka() -> str:
    """The library that confluent_kafka brings: the C loop has to run on the same one as everybody else."""
    for mapped in psutil.Process().memory_maps():
        if "librdkafka" in mapped.path:
            return str(mapped.path)
    return ""


def median(runs: list[Result], value: Callable[[Result], float]) -> float:
    return statistics.median(value(run) for run in runs)


def rates_of(results: dict[str, list[Result]]) -> dict[str, float]:
    """Messages per second."""
    return {title: median(runs, lambda run: run["messages"] / run["seconds"]) for title, runs in results.items()}


def bars_of(rates: dict[str, float], bars: Iterable[tuple[str, str, float]]) -> None:
    """Print how many times as fast as another one somebody is, beside what the project asks for."""
    for who, other, wanted in bars:
        ratio = rates[who] / rates[other]
        print(f"  {who}: {ratio:.1f} x {other} (bar {wanted:g}{'' if ratio >= wanted else ', MISSED'})")


def main(parts: Sequence[type[Part]], prog: str) -> None:
    parser = argparse.ArgumentParser(prog=prog)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    if len(parts) > 1:
        parser.add_argument("--only", nargs="+", choices=[part.name for part in parts], help="parts; all by default")
    parser.add_argument("--output", type=Path, default=CACHE / "bench.jsonl")
    options = parser.parse_args()
    only = getattr(options, "only", None)
    with Bench(options.messages, options.runs, options.output) as bench:
        for part in parts:
            if only is None or part.name in only:
                part(bench).run()
    print(f"\nOne JSON line per run: {options.output}")
