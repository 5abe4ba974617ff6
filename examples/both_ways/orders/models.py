# SPDX-License-Identifier: MIT
"""What both projects write."""

from django.db import models

from django_kafka.connect.versioned import KafkaConnectVersionedModel


class Order(KafkaConnectVersionedModel):
    # A number that both sides count up would be two orders' number. A UUID is made on either side.
    number = models.UUIDField(primary_key=True)
    product = models.CharField(max_length=100)
    pieces = models.PositiveIntegerField(default=1)
    note = models.CharField(max_length=100, default="")
