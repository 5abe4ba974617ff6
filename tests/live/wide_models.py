# SPDX-License-Identifier: MIT
"""Models of the tables in tests/live/wide.py."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import (
    ArrayField,
    BigIntegerRangeField,
    DateRangeField,
    DateTimeRangeField,
    DecimalRangeField,
    HStoreField,
    IntegerRangeField,
)
from django.db import models

from tests.py.sync.stream_models import Kept
from tests.synced.models import Base


def typed(base: type[models.Field[Any, Any]], kind: str) -> type[Any]:
    """A field of the project's own: one of Django's, in a column of another type."""
    return type(f"{kind.title().replace(' ', '')}Field", (base,), {"db_type": lambda self, connection: kind})


class PlainJSONField(models.JSONField):
    """In a column of type json, which the driver reads by itself."""

    def db_type(self, connection: Any) -> str:
        return "json"

    def from_db_value(self, value: Any, *args: Any) -> Any:
        return value


class Wide(Base):
    id = models.BigIntegerField(primary_key=True)
    small = models.SmallIntegerField(default=7)
    number = models.IntegerField(null=True)
    big = models.BigIntegerField(null=True)
    flag = models.BooleanField(default=False)
    real4 = typed(models.FloatField, "real")(null=True)
    real8 = models.FloatField(null=True)
    price = models.DecimalField(max_digits=12, decimal_places=2, default="1.50")
    exact = models.DecimalField(max_digits=None, decimal_places=None, null=True)
    cash = typed(models.DecimalField, "money")(max_digits=20, decimal_places=2, null=True)
    code = models.CharField(max_length=10, default="new")
    note = models.TextField(null=True)
    padded = typed(models.CharField, "char(5)")(max_length=5, null=True)
    insens = typed(models.TextField, "citext")(null=True)
    day = models.DateField()
    hour = models.TimeField(null=True)
    hour3 = typed(models.TimeField, "time(3)")(null=True)
    hourz = typed(models.TimeField, "timetz")(null=True)
    ts = typed(models.DateTimeField, "timestamp")(null=True)
    ts3 = typed(models.DateTimeField, "timestamp(3)")(null=True)
    tsz = models.DateTimeField()
    took = models.DurationField(null=True)
    ref = models.UUIDField(null=True)
    doc = models.JSONField(default=dict)
    raw = PlainJSONField(null=True)
    blob = models.BinaryField(null=True)
    markup = typed(models.TextField, "xml")(null=True)
    one = typed(models.CharField, "bit(1)")(max_length=1, null=True)
    bits = typed(models.CharField, "bit(10)")(max_length=10, null=True)
    varbits = typed(models.CharField, "bit varying(20)")(max_length=20, null=True)
    feeling = typed(models.CharField, "mood")(max_length=10, null=True)
    address = models.GenericIPAddressField(null=True)
    net = typed(models.CharField, "cidr")(max_length=50, null=True)
    mac = typed(models.CharField, "macaddr")(max_length=50, null=True)
    tree = typed(models.CharField, "ltree")(max_length=50, null=True)
    pairs = HStoreField(null=True)
    texts = ArrayField(models.TextField(null=True), default=list)
    ints = ArrayField(models.IntegerField(null=True), null=True)
    bigs = ArrayField(models.BigIntegerField(null=True), null=True)
    numbers = ArrayField(models.DecimalField(max_digits=10, decimal_places=2, null=True), null=True)
    flags = ArrayField(models.BooleanField(null=True), null=True)
    floats = ArrayField(models.FloatField(null=True), null=True)
    days = ArrayField(models.DateField(null=True), null=True)
    moments = ArrayField(models.DateTimeField(null=True), null=True)
    refs = ArrayField(models.UUIDField(null=True), null=True)
    ir = IntegerRangeField(null=True)
    lr = BigIntegerRangeField(null=True)
    nr = DecimalRangeField(null=True)
    tr = typed(models.TextField, "tsrange")(null=True)
    zr = DateTimeRangeField(null=True)
    dr = DateRangeField(null=True)

    class Meta(Base.Meta):
        abstract = False
        managed = False
        db_table = "wide"


class Extreme(Base):
    id = models.IntegerField(primary_key=True)
    exact = models.DecimalField(max_digits=None, decimal_places=None, null=True)
    real8 = models.FloatField(null=True)
    hour = models.TimeField(null=True)
    day = models.DateField(null=True)
    ts = typed(models.DateTimeField, "timestamp")(null=True)
    tsz = models.DateTimeField(null=True)
    dr = DateRangeField(null=True)
    took = models.DurationField(null=True)

    class Meta(Base.Meta):
        abstract = False
        managed = False
        db_table = "extremes"


class Keyless(Base):
    """Without a primary key at the source; Django needs one."""

    what = models.TextField(null=True)
    number = models.IntegerField(null=True, unique=True)

    class Meta(Base.Meta):
        abstract = False
        managed = False
        db_table = "keyless"


MODELS: dict[str, Any] = {"wide": Wide, "kept": Kept}
if hasattr(models, "CompositePrimaryKey"):

    class Pair(Base):
        pk = models.CompositePrimaryKey("left_id", "right_id")
        left_id = models.IntegerField()
        right_id = models.IntegerField()
        what = models.TextField()

        class Meta(Base.Meta):
            abstract = False
            managed = False
            db_table = "pairs"

    MODELS["pairs"] = Pair
