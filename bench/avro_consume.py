# SPDX-License-Identifier: MIT
"""Avro from a broker: the handler gets a dict of the value, or one of the key as well. Everybody keeps what can be
kept, but the peer, which keeps nothing.

The registry is that of bench/registry.py; slow contestants read a topic with fewer messages.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import fastavro

from bench.contestants.orders import KEY, KEY_SCHEMA, MARK_ID, ORDER, SCHEMA, thousand
from bench.registry import Registry
from bench.run import PARTITIONS, PEER, Contestant, Part, Result, bars_of, main, median, rates_of

OURS = "this library, AvroTopic"
POLL = "confluent poll() + AvroDeserializer"
BY_HAND = "confluent consume(500) + fastavro"
KEYS_TOO = ", keys too"
OF_PEER = "django-kafka 5.1.2 (peer), AvroTopic"


class AvroConsumePart(Part):
    name = "avro-consume"
    contestants = (
        Contestant(OURS, "avro_consume_django.py"),
        Contestant(BY_HAND, "avro_consume_fastavro.py", {"fetch.queue.backoff.ms": 5}, fewer=4),
        Contestant(POLL, "avro_consume_confluent.py", fewer=10),
        Contestant(OURS + KEYS_TOO, "avro_consume_django.py"),
        Contestant(POLL + KEYS_TOO, "avro_consume_confluent.py", fewer=10),
        Contestant(OF_PEER, "avro_consume_django.py", python=PEER, fewer=50),
    )

    def prepare(self) -> None:
        self.registry = self.stack.enter_context(Registry())
        number = self.registry.add("avro-value", SCHEMA)
        key_number = self.registry.add("avro-key", KEY_SCHEMA)
        for fewer in sorted({one.fewer for one in self.contestants}):
            self.bench.fill(f"avro-{fewer}", messages_of(number, key_number, self.bench.messages // fewer))
        self.measure(self.contestants[0])

    def measure(self, one: Contestant) -> Result:
        messages = self.bench.messages // one.fewer
        more = {"BENCH_REGISTRY": self.registry.url, "BENCH_KEYS": "1" if one.title.endswith(KEYS_TOO) else ""}
        return self.bench.script(one, f"avro-{one.fewer}", messages, **more)

    def table(self, results: dict[str, list[Result]]) -> None:
        rates = rates_of(results)
        print(f"\nConsume Avro, the handler has a dict; medians of {self.runs}")
        print(f"  {'':41}{'messages/s':>12}{'CPU µs/msg':>12}{'peak MiB':>10}{'this library is':>17}")
        for title, runs in results.items():
            cpu = median(runs, lambda run: run["cpu"] / run["messages"] * 1e6)
            peak = median(runs, lambda run: run["peak"] / 2**20)
            print(f"  {title:41}{rates[title]:>12,.0f}{cpu:>12.3f}{peak:>10.0f}{rates[OURS] / rates[title]:>16.2f}x")
        bars_of(rates, ((OURS, OF_PEER, 50), (OURS, POLL, 25), (OURS + KEYS_TOO, POLL + KEYS_TOO, 20)))


def messages_of(number: int, key_number: int, count: int) -> Iterator[tuple[bytes, bytes]]:
    """Orders and their keys in Confluent's framing; the first and the last of each partition are marks."""
    schema, key_schema = fastavro.parse_schema(ORDER), fastavro.parse_schema(KEY)

    def written(number: int, schema: Any, what: object) -> bytes:
        out = io.BytesIO(b"\0" + number.to_bytes(4, "big"))
        out.seek(0, io.SEEK_END)
        fastavro.schemaless_writer(out, schema, what)
        return out.getvalue()

    orders = thousand()
    pairs = [(written(number, schema, one), written(key_number, key_schema, {"id": one["id"]})) for one in orders]
    mark = written(number, schema, {**orders[0], "id": MARK_ID}), pairs[0][1]
    for i in range(count):
        yield mark if not PARTITIONS <= i < count - PARTITIONS else pairs[i % 1000]


if __name__ == "__main__":
    main([AvroConsumePart], "python -m bench.avro_consume")
