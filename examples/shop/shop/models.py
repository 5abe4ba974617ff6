# SPDX-License-Identifier: MIT
"""What the shop knows. Its web pages would publish changes as events; the consumer writes them here."""

from django.db import models


class Customer(models.Model):
    number = models.PositiveIntegerField(primary_key=True)
    name = models.CharField(max_length=100)
    city = models.CharField(max_length=100)


class Order(models.Model):
    number = models.PositiveIntegerField(primary_key=True)
    # Kafka keeps the order of messages inside a partition, not between topics: an order may come before its customer.
    customer = models.ForeignKey(Customer, models.DO_NOTHING, db_constraint=False)
    product = models.CharField(max_length=100)
    cents = models.PositiveIntegerField()
    paid = models.BooleanField(default=False)
