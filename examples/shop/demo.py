#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The shop in action: an embedded broker, `manage.py kafka_consume` and `manage.py place_orders` as processes of
their own, and a check that each event arrived in the database. This script starts them, watches from outside, with
plain SQL and a plain Kafka client, and stops them again.

    demo.py [--orders N]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, TopicPartition

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from demonstration import PATIENCE, DemoError, Interruption, Progress, Row, Service, print_rows  # noqa: E402

MANAGE = HERE / "manage.py"
TOPICS = {"customers": 2, "orders": 4}  # with their numbers of partitions
PARTITIONS = [TopicPartition(topic, number) for topic, count in TOPICS.items() for number in range(count)]
CUSTOMERS = 200


class Witness:
    """Looks at the broker and at the database, from outside."""

    def __init__(self, address: str, database: Path) -> None:
        self.kafka = Consumer({"bootstrap.servers": address, "group.id": "shop"})
        self.database = sqlite3.connect(database)

    def produced(self) -> int:
        """Messages on the broker: the end offsets of all partitions."""
        return sum(self.kafka.get_watermark_offsets(partition, timeout=PATIENCE)[1] for partition in PARTITIONS)

    def committed(self) -> int:
        """Messages that the consumer group says it has handled."""
        return sum(max(0, one.offset) for one in self.kafka.committed(PARTITIONS, timeout=PATIENCE))

    def count(self, sql: str) -> int:
        return int(self.database.execute(sql).fetchone()[0] or 0)

    def effects(self) -> int:
        """Events that show in the database: rows written, and orders paid."""
        return self.count(
            "SELECT (SELECT count(*) FROM shop_customer) + (SELECT count(*) + sum(paid) FROM shop_order)"
        )

    def close(self) -> None:
        """May be called again."""
        self.kafka.close()
        self.database.close()


def main() -> int:
    parser = argparse.ArgumentParser(description="Orders from Django models through Kafka into SQLite.")
    parser.add_argument("--orders", type=int, default=2500, help="how many orders are placed (default: 2500)")
    orders = parser.parse_args().orders
    if orders < 1:
        parser.error("--orders: at least 1")
    started = time.monotonic()
    interruption = Interruption()
    try:
        rows, seconds = run(orders)
    except (Exception, KeyboardInterrupt) as exc:
        if interruption.happened:
            print("\nInterrupted. Everything that was started has been stopped.", file=sys.stderr)
            return 130
        if not isinstance(exc, DemoError | KafkaException | sqlite3.Error):
            raise
        print(f"\nThe demo failed: {exc}", file=sys.stderr)
        return 1
    return report(rows, seconds, time.monotonic() - started)


def run(orders: int) -> tuple[list[Row], float]:
    """All the steps. Returns the rows of the summary, and for how many seconds events arrived in the database."""
    with tempfile.TemporaryDirectory(prefix="shop-demo-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)

        def start(*command: str) -> Service:
            service = Service(MANAGE, folder, *command)
            stack.callback(service.clean_up)
            return service

        print("Orders go from Django models through Kafka into SQLite.\n")
        broker = start("kafka_broker", "--topics", *(f"{topic}:{count}" for topic, count in TOPICS.items()))
        os.environ["SHOP_DATABASE"] = str(folder / "shop.sqlite3")
        migrate = start("migrate")  # while the broker starts
        os.environ["SHOP_KAFKA"] = broker.said("bootstrap.servers:")
        print(
            f"  broker    manage.py kafka_broker: embedded, at {os.environ['SHOP_KAFKA']}, process {broker.popen.pid}"
        )
        migrate.finish()
        print("  database  manage.py migrate: SQLite, in a temporary folder")
        consumer = start("kafka_consume", "--grace", "20")
        print(f"  consumer  manage.py kafka_consume: process {consumer.popen.pid}, and a child for each consumer")
        publisher = start("place_orders", str(orders), "--customers", str(CUSTOMERS))
        print(f"  publisher manage.py place_orders: process {publisher.popen.pid}\n")

        witness = Witness(os.environ["SHOP_KAFKA"], folder / "shop.sqlite3")
        stack.callback(witness.close)
        seconds = watch(witness, consumer, publisher, CUSTOMERS + 2 * orders)
        turnover = int(publisher.said("turnover:").split()[0])
        publisher.finish()
        consumer.stop()
        rows = check(witness, orders, turnover)
        witness.close()
        broker.stop()
    return rows, seconds


def watch(witness: Witness, consumer: Service, publisher: Service, total: int) -> float:
    """Show the progress until all events are in the database. Returns the seconds between the first and the last."""
    progress = Progress(total, "produced", "consumed")
    consumed, first, changed = 0, 0.0, time.monotonic()
    while consumed < total:
        time.sleep(0.02)
        consumer.expect_running()
        if publisher.popen.poll() not in (None, 0):
            publisher.expect_running()
        before, consumed, now = consumed, witness.effects(), time.monotonic()
        if consumed != before:
            first, changed = first or now, now
        elif now - changed > PATIENCE:
            raise DemoError(f"{consumed} of {total} events arrived, and no more.\n{consumer.tail()}")
        progress.show(witness.produced(), consumed)
    progress.show(witness.produced(), consumed, last=True)
    return changed - first


def check(witness: Witness, orders: int, turnover: int) -> list[Row]:
    """What should be, and what is: on the broker, in the consumer group and in the database."""
    total, count = CUSTOMERS + 2 * orders, witness.count
    return [
        Row("produced", total, witness.produced(), "messages on the broker"),
        Row("consumed", total, witness.committed(), "messages committed by the consumer"),
        Row("customers", CUSTOMERS, count("SELECT count(*) FROM shop_customer"), "rows in the database"),
        Row("orders", orders, count("SELECT count(*) FROM shop_order"), "rows in the database"),
        Row(
            "paid", orders, count("SELECT sum(paid) FROM shop_order"), "rows: paid came after placed for each of them"
        ),
        Row("turnover", turnover, count("SELECT sum(cents) FROM shop_order"), "cents, summed up by the database"),
    ]


def report(rows: list[Row], seconds: float, whole: float) -> int:
    """Print the summary and what to try next; returns the exit code."""
    if print_rows(rows):
        return 1
    rate = rows[1].found / max(seconds, 0.001)
    manage = os.path.relpath(MANAGE)
    print(f"""
  {rate:,.0f} messages/s into SQLite, one save() for each message. {whole:.1f} s for everything.

Try next, each in a terminal of its own ({os.path.relpath(sys.executable)} {manage} is what manage.py stands for):
  manage.py kafka_broker --port 9092 --topics customers:2 orders:4
  manage.py migrate && manage.py kafka_consume
  manage.py place_orders 5000
Ctrl-C stops the consumer after the message in hand; started again it goes on where it was.
All the code that this took: {os.path.relpath(HERE / "shop")}/models.py, topics.py and consumers.py.""")
    return 0


if __name__ == "__main__":
    sys.exit(main())
