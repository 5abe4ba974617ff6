# SPDX-License-Identifier: MIT
"""Run all contestants in turn against one real broker, and print the medians side by side.

    python -m bench [--messages N] [--runs R] [--only PART] [--output FILE]

The rounds are interleaved (A B C A B C ...), so that a slow minute of the machine hits all alike. Each contestant is
a process of its own; all read all messages, since a prefetch that
is never empty flatters. One JSON line per run goes to --output.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import confluent_kafka
import psutil

from tests.live.servers import KafkaServer
from tests.live.servers.kafka import BENCH_JVM
from tests.live.servers.process import CACHE, ROOT

HERE = ROOT / "bench"
PEER = CACHE / "peer/bin/python"
# This library as pip installs it: tools/setup.sh bench makes it.
RELEASE = CACHE / "bench"
# What the engine sets by itself for consumers, given to the others where a line says "same settings".
SAME = {"fetch.queue.backoff.ms": 5}
SIZE = 100
PARTITIONS = 4


@dataclass(frozen=True)
class Contestant:
    """Who runs: a script of bench/contestants, or the C program."""

    title: str
    script: str
    config: dict[str, Any] = field(default_factory=dict)
    python: Path = Path(sys.executable)
    slow: bool = False


CONSUME = [
    Contestant("this library, Django face", "consume_django.py"),
    Contestant("this library, batch loop", "consume_native.py"),
    Contestant("C on librdkafka, same settings", "c", SAME),
    Contestant("C on librdkafka, defaults", "c"),
    Contestant("confluent consume(500), same settings", "consume_batch.py", SAME),
    Contestant("confluent consume(500), defaults", "consume_batch.py"),
    Contestant("confluent poll(), defaults", "consume_poll.py"),
    Contestant("django-kafka 5.1.2 (peer), defaults", "consume_django.py", python=PEER),
]

PRODUCE = [
    Contestant("this library, produce_many", "produce_native_many.py"),
    Contestant("this library, produce", "produce_native.py"),
    Contestant("confluent produce", "produce_confluent.py"),
    Contestant("this library, TopicProducer", "produce_django.py"),
    Contestant("django-kafka 5.1.2 (peer), TopicProducer", "produce_django.py", python=PEER, slow=True),
]

START = [
    Contestant("this library, kafka_consume", "kafka_consume"),
    Contestant("django-kafka 5.1.2 (peer), kafka_consume", "kafka_consume", python=PEER),
    Contestant("bare confluent client", "startup_bare.py"),
]

Result = dict[str, Any]


class Bench:
    def __init__(self, messages: int, runs: int, only: str, output: Path) -> None:
        self.messages = messages
        self.runs = runs
        self.only = only
        self.output = output
        self.kafka = KafkaServer(jvm=BENCH_JVM, properties={"log.segment.bytes": "67108864"})
        self.numbers = 0
        output.parent.mkdir(parents=True, exist_ok=True)

    def run(self) -> None:
        with self.kafka:
            for part, contestants, measure, table in (
                ("consume", CONSUME, self.consume, self.consume_table),
                ("produce", PRODUCE, self.produce, self.produce_table),
                ("start", START, self.start, self.start_table),
            ):
                if self.only in ("all", part):
                    if part == "consume":
                        self.fill("bench", self.messages)
                        self.consume(next(one for one in CONSUME if one.script == "c"))  # the first warms the broker
                    if part == "produce":
                        self.fill("warm-up", 200_000)
                    if part == "start":
                        self.fill("start", 50_000)
                    table(self.rounds(part, contestants, measure))
        print(f"\nOne JSON line per run: {self.output}")

    def rounds(
        self, part: str, contestants: Sequence[Contestant], measure: Callable[[Contestant], Result]
    ) -> dict[str, list[Result]]:
        results: dict[str, list[Result]] = defaultdict(list)
        for number in range(self.runs):
            for one in contestants:
                self.progress(f"{part}: round {number + 1} of {self.runs}: {one.title}")
                result = measure(one)
                results[one.title].append(result)
                with self.output.open("a") as out:
                    line = {"part": part, "title": one.title, "time": time.time(), **result}
                    out.write(json.dumps(line) + "\n")
        self.progress("")
        return results

    @staticmethod
    def progress(text: str) -> None:
        """One line that the next overwrites."""
        if sys.stderr.isatty():
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
        elif text:
            print(text, file=sys.stderr, flush=True)

    # ---- preparation ----------------------------------------------------------------------------------------------

    def fill(self, topic: str, messages: int) -> None:
        """A topic with so many messages, spread over its partitions; the first and the last of each are marks."""
        print(f"Filling topic {topic} with {messages:,} messages of {SIZE} bytes", file=sys.stderr)
        self.kafka.create_topic(topic, PARTITIONS)
        producer = confluent_kafka.Producer(
            {
                "bootstrap.servers": self.kafka.bootstrap,
                "linger.ms": 20,
                "enable.idempotence": True,
                "queue.buffering.max.messages": 500_000,
            }
        )
        value = os.urandom(SIZE // 2).hex().encode()
        for i in range(messages):
            while True:
                try:
                    marked = not PARTITIONS <= i < messages - PARTITIONS
                    producer.produce(topic, b"mark" if marked else value, partition=i % PARTITIONS)
                    break
                except BufferError:
                    producer.poll(0.1)
        if producer.flush(60):
            raise SystemExit("the topic could not be filled")

    def environment(self, one: Contestant, topic: str, messages: int, **more: str) -> dict[str, str]:
        self.numbers += 1
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "DJANGO"))}
        return {
            **kept,
            "PYTHONPATH": os.pathsep.join(
                [str(HERE / "contestants"), *([] if one.python == PEER else [str(RELEASE)])]
            ),
            "BENCH_BOOTSTRAP": self.kafka.bootstrap,
            "BENCH_TOPIC": topic,
            "BENCH_GROUP": f"bench-{self.numbers}",
            "BENCH_MESSAGES": str(messages),
            "BENCH_PARTITIONS": str(PARTITIONS),
            "BENCH_CONFIG": json.dumps(one.config),
            **more,
        }

    def script(self, one: Contestant, topic: str, messages: int) -> Result:
        """Run a script to its end; the JSON line that it prints."""
        env = self.environment(one, topic, messages)
        command = [str(one.python), str(HERE / "contestants" / one.script)]
        if one.script == "c":
            command = [
                str(ROOT / "build-bench/bench/c/bench-consume"),
                self.kafka.bootstrap,
                topic,
                env["BENCH_GROUP"],
            ]
            command += [str(messages), *(f"{key}={value}" for key, value in one.config.items())]
            env["LD_PRELOAD"] = self.librdkafka()
        done = subprocess.run(command, env=env, capture_output=True, text=True, cwd=CACHE, timeout=300, check=False)
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        if done.returncode != 0 or not lines:
            raise SystemExit(f"\n{one.title} failed ({done.returncode}):\n{done.stdout}{done.stderr}")
        return dict(json.loads(lines[-1]))

    @staticmethod
    def librdkafka() -> str:
        """The library that confluent_kafka brings: the C loop has to run on the same one as everybody else."""
        for mapped in psutil.Process().memory_maps():
            if "librdkafka" in mapped.path:
                return str(mapped.path)
        return ""

    # ---- measurements ---------------------------------------------------------------------------------------------

    def consume(self, one: Contestant) -> Result:
        return self.script(one, "bench", self.messages)

    def produce(self, one: Contestant) -> Result:
        topic = f"produce-{self.numbers}"
        self.kafka.create_topic(topic, PARTITIONS)
        try:
            return self.script(one, topic, self.messages // 10 if one.slow else self.messages // 2)
        finally:
            self.kafka.delete_topic(topic)

    def start(self, one: Contestant) -> Result:
        """Start of the process to its first message; memory of all its processes when it has read everything."""
        notes = CACHE / "bench-notes"
        notes.unlink(missing_ok=True)
        env = self.environment(one, "start", 50_000, BENCH_NOTES=str(notes), DJANGO_SETTINGS_MODULE="benchsettings")
        command = [str(one.python), str(HERE / "contestants" / one.script)]
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
                memory, count = self.memory(process.pid)
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

    @staticmethod
    def memory(pid: int) -> tuple[int, int]:
        """Proportional set size of a process and those below it (shared pages count once), and their number."""
        total = count = 0
        for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
            try:
                total += process.memory_full_info().pss
                count += 1
            except psutil.NoSuchProcess:
                continue
        return total, count

    # ---- tables ---------------------------------------------------------------------------------------------------

    def consume_table(self, results: dict[str, list[Result]]) -> None:
        rates = {title: median(runs, lambda run: run["messages"] / run["seconds"]) for title, runs in results.items()}
        ours = rates[CONSUME[0].title]
        print(f"\nConsume {self.messages:,} messages of {SIZE} bytes, handler reads value(); medians of {self.runs}")
        print(f"  {'':41}{'messages/s':>12}{'CPU µs/msg':>12}{'peak MiB':>10}{'Django face is':>16}")
        for title, runs in results.items():
            cpu = median(runs, lambda run: run["cpu"] / run["messages"] * 1e6)
            peak = median(runs, lambda run: run["peak"] / 2**20)
            print(f"  {title:41}{rates[title]:>12,.0f}{cpu:>12.3f}{peak:>10.0f}{ours / rates[title]:>15.2f}x")

    def produce_table(self, results: dict[str, list[Result]]) -> None:
        rates = {title: median(runs, lambda run: run["messages"] / run["seconds"]) for title, runs in results.items()}
        ours = rates[PRODUCE[0].title]
        print(f"\nProduce messages of {SIZE} bytes, idempotent, acks=all, delivered; medians of {self.runs}")
        print(f"  {'':41}{'messages/s':>12}{'CPU µs/msg':>12}{'peak MiB':>10}{'µs/call':>10}{'produce_many is':>17}")
        for title, runs in results.items():
            cpu = median(runs, lambda run: run["cpu"] / run["messages"] * 1e6)
            peak = median(runs, lambda run: run["peak"] / 2**20)
            call = median(runs, lambda run: run["call"] * 1e6)
            ratio = ours / rates[title]
            print(f"  {title:41}{rates[title]:>12,.0f}{cpu:>12.3f}{peak:>10.0f}{call:>10.3f}{ratio:>16.2f}x")

    def start_table(self, results: dict[str, list[Result]]) -> None:
        print(f"\nA process: to its first message, memory of it and its children, to stop; medians of {self.runs}")
        print(f"  {'':41}{'first, s':>12}{'MiB':>12}{'processes':>10}{'stop, s':>10}")
        for title, runs in results.items():
            first = median(runs, lambda run: run["first"])
            memory = median(runs, lambda run: run["memory"] / 2**20)
            count = median(runs, lambda run: run["processes"])
            stop = median(runs, lambda run: run["stop"])
            print(f"  {title:41}{first:>12.2f}{memory:>12.1f}{count:>10.0f}{stop:>10.2f}")


def median(runs: list[Result], value: Callable[[Result], float]) -> float:
    return statistics.median(value(run) for run in runs)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", choices=["all", "consume", "produce", "start"], default="all")
    parser.add_argument("--output", type=Path, default=CACHE / "bench.jsonl")
    options = parser.parse_args()
    Bench(options.messages, options.runs, options.only, options.output).run()


if __name__ == "__main__":
    main()
