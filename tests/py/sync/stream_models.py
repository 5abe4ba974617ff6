# SPDX-License-Identifier: MIT
"""Models of captured tables (tests/live/wide.py), of the columns that every database has."""

from __future__ import annotations

from django.db import models

from tests.synced.models import Base


class Narrow(Base):
    """Columns of the same table that every database has, and that the engine writes by itself."""

    id = models.BigIntegerField(primary_key=True)
    small = models.SmallIntegerField(default=7)
    number = models.IntegerField(null=True)
    big = models.BigIntegerField(null=True)
    flag = models.BooleanField(default=False)
    real8 = models.FloatField(null=True)
    price = models.DecimalField(max_digits=12, decimal_places=2, default="1.50")
    code = models.CharField(max_length=10, default="new")
    note = models.TextField(null=True)
    day = models.DateField()
    hour = models.TimeField(null=True)
    tsz = models.DateTimeField()
    took = models.DurationField(null=True)
    ref = models.UUIDField(null=True)
    doc = models.JSONField(default=dict)
    blob = models.BinaryField(null=True)

    class Meta(Base.Meta):
        abstract = False
        managed = False
        db_table = "wide"


class Kept(Base):
    id = models.IntegerField(primary_key=True)
    note = models.TextField(default="none")
    price = models.DecimalField(max_digits=8, decimal_places=3, null=True)
    extra = models.IntegerField(default=5)

    class Meta(Base.Meta):
        abstract = False
        managed = False
        db_table = "kept"
