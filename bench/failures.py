# SPDX-License-Identifier: MIT
"""What failures cost: messages that all fail and are dead-lettered, and good messages among poison.

Both libraries run the same consumer. A dead letter counts when it is in the topic; this library waits for the
broker's confirmation of each copy before it counts the message, its peer does not.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import confluent_kafka
from confluent_kafka import KafkaError, TopicPartition

from bench.run import CONTESTANTS, PARTITIONS, PEER, Bench, Contestant, Part, Result, main, median
from tests.live.servers.process import CACHE

MESSAGES = 20_000
# Seconds that a handler takes for a good message (nothing, and what one query to a near database costs), and how many
# messages there are: enough that the beginning does not count.
WORKS = {0.0: 200_000, 0.0002: MESSAGES}
OURS = Contestant("this library", "fail_django.py")
THEIRS = Contestant("django-kafka 5.1.2 (peer)", "fail_django.py", python=PEER)


class FailuresPart(Part):
    name = "failures"

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        # What is run, by its title: a contestant, its topic, and the seconds of work of a good message.
        self.cases: dict[str, tuple[Contestant, str, float]] = {
            f"always fails, {one.title}": (one, "poison", 0.0) for one in (OURS, THEIRS)
        }
        for work in WORKS:
            for topic in ("clean", "mixed"):
                self.cases[f"{topic}, {work * 1e6:.0f} µs of work, this library"] = (OURS, topic, work)
        self.contestants = [Contestant(title, "fail_django.py") for title in self.cases]

    def prepare(self) -> None:
        most = max(WORKS.values())
        for topic, every, count in (("poison", 1, MESSAGES), ("clean", 0, most), ("mixed", 10, most)):
            kinds = (b"poison" if every and i % every == 0 else b"good" for i in range(count))
            self.bench.fill(topic, (kind + b" %092d" % i for i, kind in enumerate(kinds)))
        self.reader = confluent_kafka.Consumer({"bootstrap.servers": self.bench.kafka.bootstrap, "group.id": "bench"})
        self.stack.callback(self.reader.close)

    def measure(self, one: Contestant) -> Result:
        who, topic, work = self.cases[one.title]
        return {"rate": self.always(who) if topic == "poison" else self.good(topic, work)}

    @contextmanager
    def consumer(self, who: Contestant, topic: str, good: int, work: float) -> Iterator[tuple[str, Path]]:
        """Run the consumer; its group, and the file with its notes."""
        with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("wb") as log:
            notes = Path(folder) / "notes"
            more = {"BENCH_GOOD": str(good), "BENCH_WORK": str(work), "BENCH_NOTES": str(notes)}
            env = self.bench.environment(who, topic, MESSAGES, **more)
            if good:  # as after the first failure ever, whose making of the topic takes 0.1 s
                self.bench.kafka.create_topic(f"{env['BENCH_GROUP']}.{topic}.dlt", PARTITIONS)
            command = [str(who.python), str(CONTESTANTS / who.script)]
            process = subprocess.Popen(command, env=env, cwd=CACHE, stdout=log, stderr=log)
            try:
                yield env["BENCH_GROUP"], notes
            except TimeoutError as error:
                text = (Path(folder) / "log").read_text(errors="replace")[-3000:]
                raise SystemExit(f"\n{error}; the log of {who.title} ends:\n{text}") from None
            finally:
                process.kill()
                process.wait()

    def always(self, who: Contestant) -> float:
        """Messages per second until all are in the dead-letter topic."""
        with self.consumer(who, "poison", 0, 0) as (group, notes):
            dead = f"{group}.poison.dlt"
            begun = self.wait_notes(notes, 1)[0]
            self.wait(lambda: self.records(dead) >= MESSAGES, "all messages are dead-lettered")
            return MESSAGES / (time.time() - begun)

    def good(self, topic: str, work: float) -> float:
        """Good messages per second until the last of them is handled."""
        good = WORKS[work] if topic == "clean" else WORKS[work] * 9 // 10
        with self.consumer(OURS, topic, good, work) as (_, notes):
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

    def table(self, results: dict[str, list[Result]]) -> None:
        rates = {title: median(runs, lambda run: run["rate"]) for title, runs in results.items()}
        most = max(WORKS.values())
        print(
            f"\nFailures, messages of 100 bytes, {MESSAGES:,} ({most:,} where a handler does nothing); messages/s, "
            f"medians of {self.runs}"
        )
        for title, rate in rates.items():
            print(f"  {title:50}{rate:>14,.0f}")
        ours, peers = (rates[f"always fails, {one.title}"] for one in (OURS, THEIRS))
        print(f"  A handler that always raises: {ours / peers:.1f} times the peer's rate")
        for work in WORKS:
            what = f"{work * 1e6:.0f} µs of work, this library"
            share = rates[f"mixed, {what}"] / rates[f"clean, {what}"]
            print(
                f"  Good messages among 10 % poison, {work * 1e6:.0f} µs each: {share:.0%} of the rate without poison"
            )


if __name__ == "__main__":
    main([FailuresPart], "python -m bench.failures")
