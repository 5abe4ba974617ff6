# SPDX-License-Identifier: MIT
"""Models of the table whose changes Debezium writes (tests/live/debezium.py)."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from tests.synced.models import Base


class Row(Base):
    """The columns that the engine can write by itself."""

    id = models.BigIntegerField(primary_key=True)
    small = models.SmallIntegerField(default=7)
    number = models.IntegerField(null=True)
    paid = models.BooleanField(default=False)
    length = models.FloatField(null=True)
    price = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    code = models.CharField(max_length=10, default="new")
    day = models.DateField(null=True)
    micros = models.DateTimeField(null=True)
    at = models.DateTimeField(null=True)
    ref = models.UUIDField(null=True)
    data = models.JSONField(default=dict)
    blob = models.BinaryField(null=True)
    extra = models.IntegerField(default=5)

    class Meta(Base.Meta):
        abstract = False
        managed = False
        db_table = "orders"


class Whole(Base):
    """The others too, which Python has to convert."""

    id = models.BigIntegerField(primary_key=True)
    small = models.SmallIntegerField(default=7)
    weight = models.FloatField(null=True)
    exact = models.DecimalField(max_digits=60, decimal_places=20, null=True)
    padded = models.CharField(max_length=5, null=True)
    hour = models.TimeField(null=True)
    tags = ArrayField(models.TextField(null=True), null=True)
    numbers = ArrayField(models.IntegerField(null=True), null=True)
    feeling = models.CharField(max_length=10, null=True)

    class Meta(Base.Meta):
        abstract = False
        managed = False
        db_table = "orders"
