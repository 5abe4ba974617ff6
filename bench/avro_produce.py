# SPDX-License-Identifier: MIT
"""Producing dicts as Avro, until the broker has confirmed all of them. The registry is that of bench/registry.py."""

from __future__ import annotations

from bench.produce import measure_in_topic, produce_table
from bench.registry import Registry
from bench.run import PEER, Contestant, Part, Result, bars_of, main, rates_of

MANY = "this library, AvroTopic.produce_many"
ONE = "this library, AvroTopic.produce"
BY_HAND = "confluent produce + fastavro"
CONFLUENT = "confluent produce + AvroSerializer"
OF_PEER = "django-kafka 5.1.2 (peer), AvroTopic"
MORE = {MANY: {"BENCH_MANY": "1"}, BY_HAND: {"BENCH_FASTAVRO": "1"}}


class AvroProducePart(Part):
    name = "avro-produce"
    contestants = (
        Contestant(MANY, "avro_produce_django.py"),
        Contestant(ONE, "avro_produce_django.py"),
        Contestant(BY_HAND, "avro_produce_confluent.py", fewer=2),
        Contestant(CONFLUENT, "avro_produce_confluent.py", fewer=4),
        Contestant(OF_PEER, "avro_produce_django.py", python=PEER, fewer=50),
    )

    def prepare(self) -> None:
        self.registry = self.stack.enter_context(Registry())
        self.measure(self.contestants[0])

    def measure(self, one: Contestant) -> Result:
        more = {"BENCH_REGISTRY": self.registry.url, **MORE.get(one.title, {})}
        return measure_in_topic(self.bench, one, self.bench.messages // 2, **more)

    def table(self, results: dict[str, list[Result]]) -> None:
        rates = rates_of(results)
        print(f"\nProduce dicts as Avro, idempotent, acks=all, delivered; medians of {self.runs}")
        produce_table(results, ONE, "produce is")
        bars_of(rates, ((ONE, CONFLUENT, 6.5), (MANY, CONFLUENT, 11), (ONE, OF_PEER, 40), (MANY, OF_PEER, 40)))


if __name__ == "__main__":
    main([AvroProducePart], "python -m bench.avro_produce")
