#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A table that catches up with a topic: an embedded broker, a topic full of messages, and `manage.py kafka_consume`,
which writes them into PostgreSQL by COPY if there is one here, else into SQLite. This script starts them, watches the
table with plain SQL, and stops them again.

    demo.py [--products N] [--sqlite]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import postgres  # noqa: E402
from demonstration import PATIENCE, DemoError, Interruption, Progress, Row, Service, print_rows  # noqa: E402

MANAGE = HERE / "manage.py"
PARTITIONS = 4
STATE = "SELECT count(*), COALESCE(sum(cents), 0) FROM catalogue_product"


def main() -> int:
    parser = argparse.ArgumentParser(description="A table catches up with a topic.")
    parser.add_argument("--products", type=int, default=60_000, help="how many products (default: 60000)")
    parser.add_argument("--sqlite", action="store_true", help="SQLite, even if there is a PostgreSQL")
    options = parser.parse_args()
    if options.products < 1:
        parser.error("--products: at least 1")
    interruption = Interruption()
    try:
        with contextlib.ExitStack() as stack:
            rows, seconds = run(options.products, None if options.sqlite else postgres.programs(), stack)
    except (Exception, KeyboardInterrupt) as exc:
        if interruption.happened:
            print("\nInterrupted. Everything that was started has been stopped.", file=sys.stderr)
            return 130
        if not isinstance(exc, DemoError | KafkaException | subprocess.CalledProcessError):
            raise
        print(f"\nThe demo failed: {exc}\n{getattr(exc, 'stderr', '')}", file=sys.stderr)
        return 1
    return report(rows, seconds)


def run(products: int, programs: Path | None, stack: contextlib.ExitStack) -> tuple[list[Row], float]:
    """All the steps. Returns the rows of the summary, and how many seconds the table took to catch up."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="catalogue-demo-")))

    def start(*command: str) -> Service:
        service = Service(MANAGE, folder, *command)
        stack.callback(service.clean_up)
        return service

    print("A table catches up with a topic.\n")
    broker = start("kafka_broker", "--topics", f"products:{PARTITIONS}")
    database = make_database(folder, programs, stack)
    os.environ["CATALOGUE_DATABASE"] = json.dumps(database)
    os.environ["CATALOGUE_KAFKA"] = broker.said("bootstrap.servers:")
    print(f"  broker    manage.py kafka_broker: embedded, at {os.environ['CATALOGUE_KAFKA']}")
    start("migrate").finish()
    print(f"  database  {'PostgreSQL' if programs else 'SQLite'}, in a temporary folder; manage.py migrate")
    publisher = start("publish_products", str(products))
    messages = int(publisher.said("messages:"))
    left, worth = (int(publisher.said(what).split()[0]) for what in ("left:", "worth:"))
    publisher.finish()
    print(f"  publisher manage.py publish_products: {messages:,} messages wait in the topic")
    way = start("kafka_explain").said("rows of catalogue.Product in database 'default':")
    consumer = start("kafka_consume", "--grace", "20")
    print(f"  consumer  manage.py kafka_consume: its way to write rows is {way}\n")

    connection = stack.enter_context(contextlib.closing(connect(database)))
    seconds = watch(connection, consumer, left, worth)
    consumer.stop()
    found = state_of(connection)
    rows = [
        Row("messages", messages, committed(), "committed by the consumer"),
        Row("products", left, found[0], "rows in the table"),
        Row("worth", worth, found[1], "cents, summed up by the database"),
    ]
    broker.stop()
    return rows, seconds


def make_database(folder: Path, programs: Path | None, stack: contextlib.ExitStack) -> dict[str, Any]:
    """An entry for DATABASES."""
    if programs is None:
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "catalogue.sqlite3")}
    folder.chmod(0o755)  # the server's own user has to come through
    place = folder / "postgres"
    place.mkdir()
    return stack.enter_context(postgres.running(place, programs))


def connect(database: dict[str, Any]) -> Any:
    if database["ENGINE"].endswith("sqlite3"):
        return sqlite3.connect(database["NAME"])
    import psycopg  # noqa: PLC0415  (not everybody has it)

    names = {"host": "HOST", "port": "PORT", "user": "USER", "dbname": "NAME"}
    return psycopg.connect(**{name: database[key] for name, key in names.items()}, autocommit=True)


def state_of(connection: Any) -> tuple[int, int]:
    count, cents = connection.execute(STATE).fetchone()
    return int(count), int(cents)


def watch(connection: Any, consumer: Service, left: int, worth: int) -> float:
    """Show the progress until the table is what it should be. Returns how long that took, in seconds: from its first
    rows on, and as if these had come as fast as the others."""
    progress = Progress(left, "rows")
    begun, changed, last, first = 0.0, time.monotonic(), (0, 0), 0
    while last != (left, worth):
        time.sleep(0.02)
        consumer.expect_running()
        found, now = state_of(connection), time.monotonic()
        if found != last:
            begun, first, changed, last = begun or now, first or found[0], now, found
        elif now - changed > PATIENCE:
            raise DemoError(f"The table has {found[0]} rows and does not change any more.\n{consumer.tail()}")
        progress.show(found[0])
    progress.show(last[0], last=True)
    return (changed - begun) / max(1 - first / left, 0.01)


def committed() -> int:
    """Messages that the consumer group says it has handled."""
    client = Consumer({"bootstrap.servers": os.environ["CATALOGUE_KAFKA"], "group.id": "catalogue"})
    try:
        places = [TopicPartition("products", number) for number in range(PARTITIONS)]
        return sum(max(0, one.offset) for one in client.committed(places, timeout=PATIENCE))
    finally:
        client.close()


def report(rows: list[Row], seconds: float) -> int:
    """Print the summary and what to try next; returns the exit code."""
    if print_rows(rows):
        return 1
    manage = os.path.relpath(MANAGE)
    print(f"""
  {rows[0].found / max(seconds, 0.001):,.0f} messages/s into the table.

`{os.path.relpath(sys.executable)} {manage} kafka_explain` says which way
rows are written, and what rules a faster one out. All the code that this took:
{os.path.relpath(HERE / "catalogue")}/models.py and consumers.py.""")
    return 0


if __name__ == "__main__":
    sys.exit(main())
