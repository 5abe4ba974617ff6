# SPDX-License-Identifier: MIT
"""manage.py publish_products: what another system would send, a message for each change of a product."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_kafka import kafka
from django_kafka.topic.json import JSONTopicProducer

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
BATCH = 10_000


class ProductTopic(JSONTopicProducer):
    name = "products"


class Command(BaseCommand):
    help = "Publish invented products: each once, then a third of them changed, and every twentieth withdrawn."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("products", nargs="?", type=int, default=10_000, help="How many. Default: 10000.")

    def handle(self, *args: Any, **options: Any) -> None:
        count, sent = options["products"], 0
        left: dict[int, int] = {}
        keys: list[int] = []
        values: list[dict[str, Any] | None] = []
        for key, value in changes(count):
            keys.append(key)
            values.append(value)
            if value is None:
                del left[key]
            else:
                left[key] = value["cents"]
            if len(keys) == BATCH:
                sent += ProductTopic().produce_many(values, keys=keys)
                keys, values = [], []
        sent += ProductTopic().produce_many(values, keys=keys)
        if waiting := kafka.producer.flush(30):
            raise CommandError(f"{waiting} messages were not delivered within 30 seconds. Is the broker running?")
        self.stdout.write(f"messages: {sent}")
        self.stdout.write(f"left: {len(left)} products")
        self.stdout.write(f"worth: {sum(left.values())} cents")


def changes(count: int) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Numbers of products, and what they are now; None: withdrawn. The same each time."""
    draw = random.Random(count)
    for number in range(count):
        yield number, product(number, draw.randrange(100, 100_000), 0)
    for number in range(0, count, 3):
        yield number, product(number, draw.randrange(100, 100_000), 1)
    for number in range(0, count, 20):
        yield number, None


def product(number: int, cents: int, change: int) -> dict[str, Any]:
    return {
        "number": number,
        "name": f"Product {number}",
        "category": ("kitchen", "garden", "office", "toys")[number % 4],
        "cents": cents,
        "stock": number % 50 - change,
        "listed": number % 7 != 0,
        "note": f"changed {change} times" if change else None,
        "changed": BEGIN + timedelta(seconds=number, days=change),
    }
