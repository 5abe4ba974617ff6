# SPDX-License-Identifier: MIT
"""Consuming messages as they are: a handler per message that reads the value.

All read all messages, since a prefetch that is never empty flatters.
"""

from __future__ import annotations

import os

from bench.run import PARTITIONS, PEER, Contestant, Part, Result, main, median, rates_of

# What the engine sets by itself for consumers, given to the others where a line says "same settings".
SAME = {"fetch.queue.backoff.ms": 5}
SIZE = 100


class ConsumePart(Part):
    name = "consume"
    contestants = (
        Contestant("this library, Django face", "consume_django.py"),
        Contestant("this library, batch loop", "consume_native.py"),
        Contestant("C on librdkafka, same settings", "c", SAME),
        Contestant("C on librdkafka, defaults", "c"),
        Contestant("confluent consume(500), same settings", "consume_batch.py", SAME),
        Contestant("confluent consume(500), defaults", "consume_batch.py"),
        Contestant("confluent poll(), defaults", "consume_poll.py"),
        Contestant("django-kafka 5.1.2 (peer), defaults", "consume_django.py", python=PEER),
    )

    def prepare(self) -> None:
        """The first and the last message of each partition are marks; the first run warms the broker."""
        messages = self.bench.messages
        value = os.urandom(SIZE // 2).hex().encode()
        marks = (i < PARTITIONS or i >= messages - PARTITIONS for i in range(messages))
        self.bench.fill("bench", (b"mark" if mark else value for mark in marks))
        self.measure(next(one for one in self.contestants if one.script == "c"))

    def measure(self, one: Contestant) -> Result:
        return self.bench.script(one, "bench", self.bench.messages)

    def table(self, results: dict[str, list[Result]]) -> None:
        rates = rates_of(results)
        ours = rates[self.contestants[0].title]
        print(
            f"\nConsume {self.bench.messages:,} messages of {SIZE} bytes, read by a handler; medians of {self.runs}"
        )
        print(f"  {'':41}{'messages/s':>12}{'CPU µs/msg':>12}{'peak MiB':>10}{'Django face is':>16}")
        for title, runs in results.items():
            cpu = median(runs, lambda run: run["cpu"] / run["messages"] * 1e6)
            peak = median(runs, lambda run: run["peak"] / 2**20)
            print(f"  {title:41}{rates[title]:>12,.0f}{cpu:>12.3f}{peak:>10.0f}{ours / rates[title]:>15.2f}x")


if __name__ == "__main__":
    main([ConsumePart], "python -m bench.consume")
