# SPDX-License-Identifier: MIT
"""A busy day: invented customers, their orders, and the payments."""

import random
from collections.abc import Iterator

from shop.models import Customer, Order

NAMES = ("Ada", "Barbara", "Edsger", "Frances", "Grace", "Hedy", "Ken", "Margaret")
CITIES = ("Bonn", "Haarlem", "Lisbon", "Łódź", "Oslo", "Turin", "Wien")
PRODUCTS = {"kettle": 3495, "lamp": 5900, "notebook": 450, "pencil": 120, "umbrella": 1890}


def customers(count: int) -> Iterator[Customer]:
    for number in range(1, count + 1):
        yield Customer(number=number, name=random.choice(NAMES), city=random.choice(CITIES))


def orders(count: int, customers: int) -> Iterator[Order]:
    for number in range(1, count + 1):
        product = random.choice(list(PRODUCTS))
        yield Order(
            number=number,
            customer_id=random.randint(1, customers),
            product=product,
            cents=PRODUCTS[product] * random.randint(1, 5),
        )
