# SPDX-License-Identifier: MIT
"""Producing messages as they are, until the broker has confirmed all of them."""

from __future__ import annotations

import os

from bench.run import PARTITIONS, PEER, Bench, Contestant, Part, Result, main, median, rates_of

SIZE = 100


def measure_in_topic(bench: Bench, one: Contestant, messages: int, **more: str) -> Result:
    """Run a script with a topic of its own, which goes away afterwards."""
    topic = f"produce-{bench.number()}"
    bench.kafka.create_topic(topic, PARTITIONS)
    try:
        return bench.script(one, topic, messages // one.fewer, **more)
    finally:
        bench.kafka.delete_topic(topic)


class ProducePart(Part):
    name = "produce"
    contestants = (
        Contestant("this library, produce_many", "produce_native_many.py"),
        Contestant("this library, produce", "produce_native.py"),
        Contestant("confluent produce", "produce_confluent.py"),
        Contestant("this library, TopicProducer", "produce_django.py"),
        Contestant("django-kafka 5.1.2 (peer), TopicProducer", "produce_django.py", python=PEER, fewer=5),
    )

    def prepare(self) -> None:
        value = os.urandom(SIZE // 2).hex().encode()
        self.bench.fill("warm-up", (value for _ in range(200_000)))

    def measure(self, one: Contestant) -> Result:
        return measure_in_topic(self.bench, one, self.bench.messages // 2)

    def table(self, results: dict[str, list[Result]]) -> None:
        print(f"\nProduce messages of {SIZE} bytes, idempotent, acks=all, delivered; medians of {self.runs}")
        produce_table(results, self.contestants[0].title, "produce_many is")


def produce_table(results: dict[str, list[Result]], first: str, heading: str) -> None:
    rates = rates_of(results)
    print(f"  {'':41}{'messages/s':>12}{'CPU µs/msg':>12}{'peak MiB':>10}{'µs/call':>10}{heading:>17}")
    for title, runs in results.items():
        cpu = median(runs, lambda run: run["cpu"] / run["messages"] * 1e6)
        peak = median(runs, lambda run: run["peak"] / 2**20)
        call = median(runs, lambda run: run["call"] * 1e6)
        ratio = rates[first] / rates[title]
        print(f"  {title:41}{rates[title]:>12,.0f}{cpu:>12.3f}{peak:>10.0f}{call:>10.3f}{ratio:>16.2f}x")


if __name__ == "__main__":
    main([ProducePart], "python -m bench.produce")
