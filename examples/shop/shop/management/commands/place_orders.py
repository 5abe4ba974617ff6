# SPDX-License-Identifier: MIT
"""manage.py place_orders: what the shop's web pages would publish on a busy day."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_kafka import kafka
from shop.sales import customers, orders
from shop.topics import CustomerTopic, OrderTopic


class Command(BaseCommand):
    help = "Publish invented customers and orders to Kafka."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("orders", nargs="?", type=int, default=1000, help="How many orders. Default: 1000.")
        parser.add_argument("--customers", type=int, default=100, help="How many customers. Default: 100.")

    def handle(self, *args: Any, **options: Any) -> None:
        for customer in customers(options["customers"]):
            CustomerTopic().publish(customer)
        placed = list(orders(options["orders"], options["customers"]))
        for order in placed:
            OrderTopic().publish(order)
        for order in placed:
            order.paid = True
            OrderTopic().publish(order)
        if left := kafka.producer.flush(30):
            raise CommandError(f"{left} events were not delivered within 30 seconds. Is the broker running?")
        self.stdout.write(f"events: {options['customers'] + 2 * options['orders']}")
        self.stdout.write(f"turnover: {sum(order.cents for order in placed)} cents")
