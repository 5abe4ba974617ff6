# SPDX-License-Identifier: MIT
"""A table of PostgreSQL kept in step with a topic: 70 % inserts, 25 % updates, 5 % deletes of eight fields, or of 64;
a snapshot, which is inserts alone, and the same once more over the rows that it has written.

Everybody begins with an empty table, takes at most 5,000 messages into a transaction, and has to leave the rows that
the changes leave: who does not ends the benchmark. What is measured begins when the first rows are there, and ends
with the last row of each partition. `prepared` has no Kafka: it sends COPY buffers that were made beforehand, with
the library's own statement, and so tells what the database takes. Debezium's sink deletes for tombstones, not for
records that say `__deleted`: it has a topic of the same changes with tombstones, from which this library has a row
too. The peer's messages are handled one by one, and so are those of the instances path.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any, ClassVar

from bench.contestants.changes import CHANGE_KEY, EIGHT, Shape, as_avro, as_json, left_by, schema_of
from bench.jdbc_sink import JdbcSink
from bench.registry import Registry
from bench.run import PEER, Contestant, Part, Result, bars_of, main, median, rates_of
from tests.live.servers import PostgresServer

COPY = "this library, copy path, Avro"
JSON = "this library, copy path, JSON"
CONNECT = "this library, copy path, JSON with schemas"
TOMBSTONES = "this library, copy path, Avro, tombstones"
BULK = "this library, bulk path"
INSTANCES = "this library, instances path"
SNAPSHOT = "this library, copy path, a snapshot"
REPLAY = "this library, copy path, the snapshot again"
WIDE = "this library, copy path, 64 columns"
PREPARED = "prepared COPY buffers, no Kafka"
BY_HAND = "by hand: fastavro, bulk_create()"
SINK = "Debezium's JDBC sink, reduction buffer"
UNNEST = "Debezium's JDBC sink, the same and UNNEST"
OF_PEER = "django-kafka 5.1.2 (peer)"

TABLE = """
DROP TABLE IF EXISTS orders;
CREATE TABLE orders (
    id bigint PRIMARY KEY, customer varchar(100) NOT NULL, email text, total double precision NOT NULL,
    paid boolean NOT NULL, status varchar(10) NOT NULL, note text NOT NULL, created timestamptz NOT NULL
)
"""
# What a contestant leaves; all columns count in the last of them.
ROWS = "SELECT count(*), coalesce(sum(total), 0), coalesce(sum(hashtext(orders::text)), 0) FROM orders WHERE id >= 0"

# How many messages at least: several batches, of which the first does not count; for Java as many as it takes to be
# compiled, as it is after the warm-up. Who writes row by row has no batches.
FEWEST = 20_000
FEWEST_OF = {TOMBSTONES: 100_000, SINK: 100_000, UNNEST: 100_000, INSTANCES: 0, OF_PEER: 0}

# The topics by BENCH_FORM.
FORMS = {
    "avro": EIGHT,
    "json": EIGHT,
    "connect": EIGHT,
    "tombstones": EIGHT,
    "snapshot": Shape(inserts=1.0),
    "wide": Shape(columns=64),
}


class SyncPart(Part):
    name = "sync"
    contestants = (
        Contestant(COPY, "sync_django.py", fewer=5),
        Contestant(PREPARED, "sync_prepared.py", fewer=5),
        Contestant(JSON, "sync_django.py", fewer=5),
        Contestant(CONNECT, "sync_django.py", fewer=5),
        Contestant(SNAPSHOT, "sync_django.py", fewer=5),
        Contestant(REPLAY, "sync_django.py", fewer=5),
        Contestant(WIDE, "sync_django.py", fewer=20),
        Contestant(TOMBSTONES, "sync_django.py", fewer=10),
        Contestant(SINK, "sync_sink.py", fewer=10),
        Contestant(UNNEST, "sync_sink.py", fewer=10),
        Contestant(BY_HAND, "sync_bulk.py", fewer=20),
        Contestant(BULK, "sync_django.py", fewer=20),
        Contestant(INSTANCES, "sync_django.py", fewer=50),
        Contestant(OF_PEER, "sync_django.py", python=PEER, fewer=250),
    )
    MORE: ClassVar[dict[str, dict[str, str]]] = {
        JSON: {"BENCH_FORM": "json"},
        CONNECT: {"BENCH_FORM": "connect"},
        BULK: {"BENCH_MODE": "bulk"},
        INSTANCES: {"BENCH_SIGNALS": "1"},
        SNAPSHOT: {"BENCH_FORM": "snapshot"},
        REPLAY: {"BENCH_FORM": "snapshot", "BENCH_REPLAY": "5000"},
        WIDE: {"BENCH_FORM": "wide", "BENCH_COLUMNS": "64"},
        TOMBSTONES: {"BENCH_FORM": "tombstones"},
        SINK: {"BENCH_FORM": "tombstones"},
        UNNEST: {"BENCH_FORM": "tombstones"},
    }
    # What a connector is told besides bench/jdbc_sink.py.
    SINKS: ClassVar[dict[str, dict[str, str]]] = {
        SINK: {},
        UNNEST: {"dialect.postgres.unnest.insert.enabled": "true"},
    }

    def prepare(self) -> None:
        self.start()
        for one in (self.contestants[0], *(one for one in self.contestants if one.title in self.SINKS)):
            self.measure(one)  # warm up

    def start(self) -> None:
        """The servers, and the topics."""
        self.registry = self.stack.enter_context(Registry())
        self.postgres = self.stack.enter_context(PostgresServer())
        # What is left of a table, by what its changes were: the number of rows, the sum of a column, and a hash.
        self.ends: dict[tuple[int, Shape], tuple[int, float, str]] = {}
        filled: set[str] = set()
        for one in self.contestants:
            topic, count, form = self.topic(one), self.messages(one), self.form(one)
            if topic not in filled:
                filled.add(topic)
                self.bench.fill(topic, self.changes(form, count))
            if (count, FORMS[form]) not in self.ends:
                self.ends[count, FORMS[form]] = (*left_by(count, FORMS[form]), "")
        if any(one.title in self.SINKS for one in self.contestants):
            self.sink = JdbcSink(self.bench.kafka.bootstrap, self.registry.url, self.postgres)
            self.stack.enter_context(self.sink.worker)

    def changes(self, form: str, count: int) -> Iterator[Any]:
        if form in ("json", "connect"):
            return as_json(count, schemas=form == "connect")
        shape, tombstones = FORMS[form], form == "tombstones"
        schema = schema_of(shape.columns, tombstones=tombstones)
        number = self.registry.add(f"sync-{form}-value", json.dumps(schema))
        key_number = self.registry.add("sync-key", json.dumps(CHANGE_KEY))
        return as_avro(number, key_number, count, shape, tombstones=tombstones)

    def form(self, one: Contestant) -> str:
        return self.MORE.get(one.title, {}).get("BENCH_FORM", "avro")

    def messages(self, one: Contestant) -> int:
        return max(self.bench.messages // one.fewer, FEWEST_OF.get(one.title, FEWEST))

    def topic(self, one: Contestant) -> str:
        return f"sync-{self.form(one)}-{self.messages(one)}"

    def measure(self, one: Contestant) -> Result:
        if one.title == REPLAY:  # its rows are the snapshot's, which has just run
            self.postgres.psql("DELETE FROM orders WHERE id < 100")
        else:
            self.postgres.psql(TABLE)
        if one.title == WIDE:
            more = [f"ADD more{n} {('bigint', 'text')[n % 2]} NOT NULL" for n in range(56)]
            self.postgres.psql(f"ALTER TABLE orders {', '.join(more)}")
        topic, count = self.topic(one), self.messages(one)
        variables = {
            "BENCH_REGISTRY": self.registry.url,
            "BENCH_DATABASE": json.dumps(self.postgres.django_settings()),
            "BENCH_GROWTH": str(self.ends[count, FORMS[self.form(one)]][0] / count),
            "DJANGO_SETTINGS_MODULE": "syncsettings",
            **self.MORE.get(one.title, {}),
        }
        sink = self.SINKS.get(one.title)
        with nullcontext({}) if sink is None else self.sink.variables(topic, sink) as more_variables:
            result = self.bench.script(one, topic, count, **variables, **more_variables)
        result["rows"] = self.rows(one)
        return result

    def rows(self, one: Contestant) -> str:
        """What is in the table; it has to be what the changes leave, and the same as others have left."""
        text = self.postgres.psql(ROWS)
        number, total, hashed = text.split("|")
        found = int(number), float(total), hashed
        key = self.messages(one), FORMS[self.form(one)]
        *wanted, first_hash = self.ends[key]
        if found != (*wanted, first_hash or hashed):
            raise SystemExit(f"\n{one.title}: rows, sum and hash are {found}, not {(*wanted, first_hash)}")
        self.ends[key] = found
        return text

    def table(self, results: dict[str, list[Result]]) -> None:
        rates = rates_of(results)
        print(f"\nA table kept in step, events/s; batches of 5,000; medians of {self.runs}")
        print(f"  {'':44}{'events/s':>12}{'CPU µs/event':>14}{'peak MiB':>10}{'copy path is':>14}")
        for title, runs in results.items():
            cpu = median(runs, lambda run: run["cpu"] / run["messages"] * 1e6)
            peak = median(runs, lambda run: run["peak"] / 2**20)
            print(f"  {title:44}{rates[title]:>12,.0f}{cpu:>14.2f}{peak:>10.0f}{rates[COPY] / rates[title]:>13.2f}x")
        bars = (
            (COPY, OF_PEER, 200.0),
            (COPY, BY_HAND, 6.0),
            (COPY, PREPARED, 0.85),
            (TOMBSTONES, SINK, 3.0),
            (JSON, COPY, 0.5),
            (CONNECT, COPY, 0.5),
            (REPLAY, SNAPSHOT, 1.5),
            (WIDE, COPY, 0.125),
            (BULK, BY_HAND, 0.9),
            (INSTANCES, OF_PEER, 3.0),
        )
        bars_of(rates, bars)


class SyncMemoryPart(SyncPart):
    """The copy path over a million events, once: what memory it has used at the 200,000th, and at the end."""

    name = "sync-memory"
    TITLE = "this library, copy path, a million events"
    EARLY = 200_000
    contestants = (Contestant(TITLE, "sync_django.py"),)
    MORE: ClassVar[dict[str, dict[str, str]]] = {TITLE: {"BENCH_PEAK_AT": str(EARLY)}}
    runs = 1

    def prepare(self) -> None:
        self.start()

    def messages(self, one: Contestant) -> int:
        return 1_000_000

    def table(self, results: dict[str, list[Result]]) -> None:
        (result,) = results[self.TITLE]
        early, peak = (result[name] / 2**20 for name in ("early_peak", "peak"))
        print(f"\n{self.TITLE}: peak {early:.0f} MiB until {self.EARLY:,} were written, {peak:.0f} MiB until the end")


if __name__ == "__main__":
    main([SyncPart, SyncMemoryPart], "python -m bench.sync")
