# SPDX-License-Identifier: MIT
"""What failures cost: messages that all fail and are dead-lettered, and good messages among poison.

    python -m bench.failures [--messages N] [--runs R] [--output FILE]

Both libraries run the same consumer. A dead letter counts when it is in the topic; this library waits for the
broker's confirmation of each copy before it counts the message, its peer does not.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import confluent_kafka
from confluent_kafka import KafkaError, TopicPartition

from tests.live.servers import KafkaServer
from tests.live.servers.kafka import BENCH_JVM
from tests.live.servers.process import CACHE, ROOT

HERE = ROOT / "bench"
PYTHONS = {"this library": Path(sys.executable), "django-kafka 5.1.2 (peer)": CACHE / "peer/bin/python"}
PARTITIONS = 4
# Seconds that a handler takes for a good message: nothing, and what one query to a near database costs.
WORKS = (0.0, 0.0002)


class FailureBench:
    def __init__(self, messages: int, runs: int, output: Path) -> None:
        self.messages = messages
        self.runs = runs
        self.output = output
        self.kafka = KafkaServer(jvm=BENCH_JVM, properties={"log.segment.bytes": "67108864"})
        self.groups = 0
        output.parent.mkdir(parents=True, exist_ok=True)

    def run(self) -> None:
        results: dict[str, list[float]] = defaultdict(list)
        with self.kafka:
            self.reader = confluent_kafka.Consumer({"bootstrap.servers": self.kafka.bootstrap, "group.id": "bench"})
            self.fill("poison", self.messages, 1)
            self.fill("clean", self.messages, 0)
            self.fill("mixed", self.messages, 10)
            for number in range(self.runs):
                for title, python in PYTHONS.items():
                    self.note(results, number, f"always fails, {title}", self.always(python))
                for work in WORKS:
                    for topic in ("clean", "mixed"):
                        what = f"{topic}, {work * 1e6:.0f} µs of work"
                        self.note(results, number, f"{what}, this library", self.good(topic, work))
            self.reader.close()
        self.table(results)

    def note(self, results: dict[str, list[float]], number: int, title: str, rate: float) -> None:
        print(f"round {number + 1}: {title}: {rate:,.0f} messages/s", file=sys.stderr, flush=True)
        results[title].append(rate)
        with self.output.open("a") as out:
            out.write(json.dumps({"part": "failures", "title": title, "time": time.time(), "rate": rate}) + "\n")

    def fill(self, topic: str, count: int, every: int) -> None:
        """A topic in which each `every`-th message is poison."""
        self.kafka.create_topic(topic, PARTITIONS)
        producer = confluent_kafka.Producer({"bootstrap.servers": self.kafka.bootstrap, "linger.ms": 20})
        for i in range(count):
            value = b"poison" if every and i % every == 0 else b"good"
            while True:
                try:
                    producer.produce(topic, value + b" %092d" % i, partition=i % PARTITIONS)
                    break
                except BufferError:
                    producer.poll(0.1)
        if producer.flush(60):
            raise SystemExit("the topic could not be filled")

    @contextmanager
    def consumer(self, python: Path, topic: str, good: int, work: float) -> Iterator[tuple[str, Path]]:
        """Run the consumer; its group, and the file with its notes."""
        self.groups += 1
        group = f"failures-{self.groups}"
        with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("wb") as log:
            notes = Path(folder) / "notes"
            kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "DJANGO"))}
            env = {
                **kept,
                "PYTHONPATH": str(HERE / "contestants"),
                "BENCH_BOOTSTRAP": self.kafka.bootstrap,
                "BENCH_TOPIC": topic,
                "BENCH_GROUP": group,
                "BENCH_MESSAGES": str(self.messages),
                "BENCH_PARTITIONS": str(PARTITIONS),
                "BENCH_GOOD": str(good),
                "BENCH_WORK": str(work),
                "BENCH_NOTES": str(notes),
            }
            command = [str(python), str(HERE / "contestants/fail_django.py")]
            process = subprocess.Popen(command, env=env, cwd=CACHE, stdout=log, stderr=log)
            try:
                yield group, notes
            except TimeoutError as error:
                text = (Path(folder) / "log").read_text(errors="replace")[-3000:]
                raise SystemExit(f"\n{error}; the log of {python} ends:\n{text}") from None
            finally:
                process.kill()
                process.wait()

    def always(self, python: Path) -> float:
        """Messages per second until all are in the dead-letter topic."""
        with self.consumer(python, "poison", 0, 0) as (group, notes):
            dead = f"{group}.poison.dlt"
            begun = self.wait_notes(notes, 1)[0]
            self.wait(lambda: self.records(dead) >= self.messages, "all messages are dead-lettered")
            return self.messages / (time.time() - begun)

    def good(self, topic: str, work: float) -> float:
        """Good messages per second until the last of them is handled."""
        good = self.messages if topic == "clean" else self.messages - (self.messages + 9) // 10
        with self.consumer(PYTHONS["this library"], topic, good, work) as (_, notes):
            begun, ended = self.wait_notes(notes, 2)
            return good / (ended - begun)

    def records(self, topic: str) -> int:
        found = self.reader.list_topics(timeout=10).topics.get(topic)
        if found is None:
            return 0
        ends = (self.reader.get_watermark_offsets(TopicPartition(topic, p), timeout=10) for p in found.partitions)
        try:
            return sum(high for _, high in ends)
        except confluent_kafka.KafkaException as error:
            if not error.args[0].retriable() and error.args[0].code() != KafkaError.NOT_LEADER_FOR_PARTITION:
                raise
            return 0  # a topic that is just being created

    def wait_notes(self, notes: Path, count: int) -> list[float]:
        def there() -> list[float]:
            lines = notes.read_text().split() if notes.exists() else []
            return [float(line) for line in lines] if len(lines) >= count else []

        return self.wait(there, f"{count} notes")

    @staticmethod
    def wait(condition: Any, what: str, timeout: float = 300.0) -> Any:
        deadline = time.monotonic() + timeout
        while not (result := condition()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {timeout:g} s: {what}")
            time.sleep(0.01)
        return result

    def table(self, results: dict[str, list[float]]) -> None:
        rates = {title: statistics.median(found) for title, found in results.items()}
        ours, peers = (rates[f"always fails, {title}"] for title in PYTHONS)
        print(f"\n{self.messages:,} messages of 100 bytes; messages/s, medians of {self.runs}")
        for title, rate in rates.items():
            print(f"  {title:50}{rate:>14,.0f}")
        print(f"  A handler that always raises: {ours / peers:.1f} times the peer's rate")
        for work in WORKS:
            what = f"{work * 1e6:.0f} µs of work, this library"
            share = rates[f"mixed, {what}"] / rates[f"clean, {what}"]
            print(
                f"  Good messages among 10 % poison, {work * 1e6:.0f} µs each: {share:.0%} of the rate without poison"
            )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.failures")
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--output", type=Path, default=CACHE / "bench-failures.jsonl")
    options = parser.parse_args()
    FailureBench(options.messages, options.runs, options.output).run()


if __name__ == "__main__":
    main()
