# SPDX-License-Identifier: MIT
"""manage.py write_orders: what the project's people would do on a busy day, to orders that the other side's people
change at the same time."""

import random
import uuid
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError

from orders.models import Order

PRODUCTS = ("chair", "table", "lamp", "shelf")


class Command(BaseCommand):
    help = "Create, change and delete orders at random."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("writes", nargs="?", type=int, default=1000, help="How many. Default: 1000.")
        parser.add_argument("--orders", type=int, default=100, help="Of how many orders. Default: 100.")
        parser.add_argument("--seed", default=None, help="The same writes for the same text.")

    def handle(self, *args: Any, **options: Any) -> None:
        chance = random.Random(options["seed"])
        done = 0
        while done < options["writes"]:
            number = uuid.UUID(int=chance.randrange(options["orders"]))
            try:
                done += write(number, chance)
            except DatabaseError:
                continue  # the consumer has created or deleted the order just now
        self.stdout.write(f"writes: {done}")


def write(number: uuid.UUID, chance: random.Random) -> int:
    """Write an order in one of the ways that there are. How many rows were written."""
    rows = Order.objects.filter(number=number)
    note = f"{settings.SIDE} {chance.randrange(10**6)}"
    way = chance.randrange(8)
    order = rows.first()
    if order is None:
        Order.objects.create(number=number, product=chance.choice(PRODUCTS), note=note)
    elif way == 0:
        return order.delete()[0]
    elif way == 1:
        return rows.delete()[0]
    elif way == 2:
        order.note = note
        order.save()
    elif way == 3:
        order.pieces += 1
        order.save(update_fields=["pieces"])
    elif way == 4:
        return rows.update(note=note)
    elif way == 5:
        order.note = note
        return Order.objects.bulk_update([order], ["note"])
    elif way == 6:
        order = Order(number=number, product=chance.choice(PRODUCTS), note=note)
        Order.objects.bulk_create(
            [order], update_conflicts=True, update_fields=["product", "note"], unique_fields=["number"]
        )
    else:
        Order.objects.update_or_create(number=number, defaults={"note": note})
    return 1
