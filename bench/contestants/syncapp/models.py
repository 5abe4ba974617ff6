# SPDX-License-Identifier: MIT
"""The table that all contestants fill: eight fields, or as many as BENCH_COLUMNS says (changes.py)."""

from __future__ import annotations

import os

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


for _n in range(int(os.environ.get("BENCH_COLUMNS", "8")) - 8):
    Order.add_to_class(f"more{_n}", models.TextField() if _n % 2 else models.BigIntegerField())
