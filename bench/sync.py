# SPDX-License-Identifier: MIT
"""A table of PostgreSQL kept in step with a topic: 70 % inserts, 25 % updates, 5 % deletes of eight fields.

Everybody begins with an empty table. What is measured begins when the first rows are there and ends with the last
row of each partition. `prepared` has no Kafka: it sends COPY buffers that were made beforehand, with the library's
own statement, and so tells what the database takes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from bench.contestants.changes import CHANGE, CHANGE_KEY, as_avro, as_json
from bench.registry import Registry
from bench.run import PEER, Contestant, Part, Result, bars_of, main, median, rates_of
from tests.live.servers import PostgresServer

COPY = "this library, copy path, Avro"
JSON = "this library, copy path, JSON"
CONNECT = "this library, copy path, JSON with schemas"
BULK = "this library, bulk path"
INSTANCES = "this library, instances path"
PREPARED = "prepared COPY buffers, no Kafka"
BY_HAND = "by hand: fastavro, bulk_create()"
OF_PEER = "django-kafka 5.1.2 (peer)"

TABLE = """
DROP TABLE IF EXISTS orders;
CREATE TABLE orders (
    id bigint PRIMARY KEY, customer varchar(100) NOT NULL, email text, total double precision NOT NULL,
    paid boolean NOT NULL, status varchar(10) NOT NULL, note text NOT NULL, created timestamptz NOT NULL
)
"""


class SyncPart(Part):
    name = "sync"
    contestants = (
        Contestant(COPY, "sync_django.py", fewer=5),
        Contestant(PREPARED, "sync_prepared.py", fewer=5),
        Contestant(JSON, "sync_django.py", fewer=5),
        Contestant(CONNECT, "sync_django.py", fewer=5),
        Contestant(BY_HAND, "sync_bulk.py", fewer=20),
        Contestant(BULK, "sync_django.py", fewer=20),
        Contestant(INSTANCES, "sync_django.py", fewer=50),
        Contestant(OF_PEER, "sync_django.py", python=PEER, fewer=250),
    )
    MORE = {
        JSON: {"BENCH_FORM": "json"},
        CONNECT: {"BENCH_FORM": "connect"},
        BULK: {"BENCH_MODE": "bulk"},
        INSTANCES: {"BENCH_SIGNALS": "1"},
    }

    def prepare(self) -> None:
        self.registry = self.stack.enter_context(Registry())
        self.postgres = self.stack.enter_context(PostgresServer())
        number = self.registry.add("sync-value", json.dumps(CHANGE))
        key_number = self.registry.add("sync-key", json.dumps(CHANGE_KEY))
        for one in self.contestants:
            form = self.MORE.get(one.title, {}).get("BENCH_FORM", "avro")
            topic = self.topic(one)
            if self.has(topic):
                continue
            count = self.messages(one)
            made: Iterator[Any] = as_json(count, schemas=form == "connect")
            if form == "avro":
                made = as_avro(number, key_number, count)
            self.bench.fill(topic, made)
        self.measure(self.contestants[0])

    def has(self, topic: str) -> bool:
        """Whether it was filled already; remembers it."""
        filled: set[str] = self.__dict__.setdefault("_filled", set())
        known = topic in filled
        filled.add(topic)
        return known

    def messages(self, one: Contestant) -> int:
        return self.bench.messages // one.fewer

    def topic(self, one: Contestant) -> str:
        return f"sync-{self.MORE.get(one.title, {}).get('BENCH_FORM', 'avro')}-{one.fewer}"

    def measure(self, one: Contestant) -> Result:
        self.postgres.psql(TABLE)
        more = {
            "BENCH_REGISTRY": self.registry.url,
            "BENCH_DATABASE": json.dumps(self.postgres.django_settings()),
            "DJANGO_SETTINGS_MODULE": "syncsettings",
            **self.MORE.get(one.title, {}),
        }
        result = self.bench.script(one, self.topic(one), self.messages(one), **more)
        result["rows"] = self.postgres.psql("SELECT count(*), sum(total) FROM orders WHERE id >= 0")
        return result

    def table(self, results: dict[str, list[Result]]) -> None:
        rates = rates_of(results)
        print(f"\nA table kept in step, events/s; medians of {self.runs}")
        print(f"  {'':44}{'events/s':>12}{'CPU µs/event':>14}{'peak MiB':>10}{'copy path is':>14}")
        for title, runs in results.items():
            cpu = median(runs, lambda run: run["cpu"] / run["messages"] * 1e6)
            peak = median(runs, lambda run: run["peak"] / 2**20)
            print(f"  {title:44}{rates[title]:>12,.0f}{cpu:>14.2f}{peak:>10.0f}{rates[COPY] / rates[title]:>13.2f}x")
        bars = (
            (COPY, OF_PEER, 200.0),
            (COPY, BY_HAND, 6.0),
            (COPY, PREPARED, 0.85),
            (JSON, COPY, 0.5),
            (CONNECT, COPY, 0.5),
            (BULK, BY_HAND, 0.9),
            (INSTANCES, OF_PEER, 3.0),
        )
        bars_of(rates, bars)


if __name__ == "__main__":
    main([SyncPart], "python -m bench.sync")
