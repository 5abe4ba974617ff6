# SPDX-License-Identifier: MIT
"""The table that all contestants fill: eight fields."""

from __future__ import annotations

from django.db import models


class Order(models.Model):
    id = models.BigIntegerField(primary_key=True)
    customer = models.CharField(max_length=100)
    email = models.TextField(null=True)
    total = models.FloatField()
    paid = models.BooleanField()
    status = models.CharField(max_length=10)
    note = models.TextField()
    created = models.DateTimeField()

    class Meta:
        app_label = "syncapp"
        db_table = "orders"
