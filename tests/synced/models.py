# SPDX-License-Identifier: MIT
"""Models of an app that exists in tests only, and their tables."""

from __future__ import annotations

from typing import Any

import django
from django.core.management import call_command
from django.db import connections, models
from django.db.models import F

from django_kafka.connect.models import KafkaConnectSkipModel, KafkaConnectSkipQueryset
from django_kafka.connect.versioned import KafkaConnectVersionedModel
from django_kafka.models import DeletedRow
from tests.synced.skipping import MODELS as SKIPPING_MODELS


class Base(models.Model):
    class Meta:
        abstract = True
        app_label = "synced"


class Customer(Base):
    name = models.CharField(max_length=50, default="nobody")
    code = models.CharField(max_length=20, null=True, unique=True)


class Order(Base):
    """One of each kind of column that all databases have."""

    name = models.CharField(max_length=20, default="new")
    note = models.TextField(null=True)
    number = models.IntegerField(default=7)
    small = models.SmallIntegerField(null=True)
    paid = models.BooleanField(default=False)
    weight = models.FloatField(null=True)
    price = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    day = models.DateField(null=True)
    at = models.DateTimeField(null=True)
    hour = models.TimeField(null=True)
    took = models.DurationField(null=True)
    ref = models.UUIDField(null=True)
    data = models.JSONField(default=dict)
    blob = models.BinaryField(null=True)
    customer = models.ForeignKey(Customer, models.CASCADE, null=True, related_name="orders")


class Line(Base):
    """Found by a natural key, not by its primary key."""

    order_number = models.IntegerField()
    place = models.IntegerField()
    what = models.CharField(max_length=20, default="thing")
    amount = models.IntegerField(null=True)

    class Meta(Base.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["order_number", "place"], name="line_place")]


class Renamed(Base):
    """Columns that are not called as their fields, some kept by the model itself."""

    number = models.IntegerField(primary_key=True, db_column="id")
    title = models.CharField(max_length=20, db_column="Title Text", default="untitled")
    customer = models.ForeignKey(Customer, models.CASCADE, to_field="code", null=True, db_column="cust")
    created = models.DateTimeField(auto_now_add=True)
    changed = models.DateTimeField(auto_now=True)
    version = models.BigIntegerField(null=True)


class Place(Base):
    name = models.CharField(max_length=20, default="here")


class Restaurant(Place):
    """In two tables."""

    stars = models.IntegerField(default=0)

    class Meta(Base.Meta):
        abstract = False


class Node(Base):
    """Refers to itself: deleting one deletes those below."""

    parent = models.ForeignKey("self", models.CASCADE, null=True)
    label = models.CharField(max_length=20, default="node")
    extra = models.CharField(max_length=20, default="extra")


class Saved(Base):
    """With a save() of its own."""

    name = models.CharField(max_length=20)
    slug = models.CharField(max_length=20, default="")

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.slug = self.name.lower()
        super().save(*args, **kwargs)


class HidingManager(models.Manager):  # type: ignore[misc]
    def get_queryset(self) -> Any:
        return super().get_queryset().filter(hidden=False)


class Hidden(Base):
    """Some of whose rows its manager does not show."""

    name = models.CharField(max_length=20, default="")
    hidden = models.BooleanField(default=False)

    objects = HidingManager()


class Watched(Base):
    """For tests that connect receivers to its signals."""

    name = models.CharField(max_length=20, default="")
    count = models.IntegerField(default=0)


class Skipping(KafkaConnectSkipModel):
    name = models.CharField(max_length=20, default="")
    note = models.CharField(max_length=20, default="")


class SkippingProxy(Skipping):
    class Meta:
        proxy = True


class SkippingChild(Skipping):
    """In a second table, whose flag is in the first."""

    more = models.CharField(max_length=20, default="")


class SkippingPart(KafkaConnectSkipModel):
    """What refers to another row of the kind, and goes with one of another kind."""

    whole = models.ForeignKey(Skipping, models.SET_NULL, null=True, related_name="parts")
    customer = models.ForeignKey(Customer, models.CASCADE, null=True, related_name="parts")

    def save(self, *args: Any, **kwargs: Any) -> Any:
        return super().save(*args, **kwargs)


class Versioned(KafkaConnectVersionedModel):
    """Written by two projects at the same time."""

    name = models.CharField(max_length=20, default="")
    note = models.CharField(max_length=20, default="")


class VersionedHalf(Versioned):
    """Whose manager knows the flag, but no versions."""

    objects = KafkaConnectSkipQueryset.as_manager()

    class Meta:
        proxy = True


class VersionedPart(KafkaConnectVersionedModel):
    """What refers to another row of the kind, and goes with it, and to one that it does without."""

    whole = models.ForeignKey(Versioned, models.CASCADE, null=True, related_name="parts")
    other = models.ForeignKey(Versioned, models.SET_NULL, null=True, related_name="others")


class VersionedChild(Versioned):
    """In a second table, whose version is in the first."""

    more = models.CharField(max_length=20, default="")


class Captured(Base):
    """The table of tests/live/debezium.py, as far as all databases have its types."""

    id = models.BigIntegerField(primary_key=True)
    small = models.SmallIntegerField(default=7)
    number = models.IntegerField(null=True)
    paid = models.BooleanField(default=False)
    weight = models.FloatField(null=True)
    length = models.FloatField(null=True)
    price = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    exact = models.DecimalField(max_digits=60, decimal_places=9, null=True)
    note = models.TextField(null=True)
    code = models.CharField(max_length=10, default="new")
    padded = models.CharField(max_length=5, null=True)
    day = models.DateField(null=True)
    hour = models.TimeField(null=True)
    millis = models.DateTimeField(null=True)
    micros = models.DateTimeField(null=True)
    at = models.DateTimeField(null=True)
    took = models.DurationField(null=True)
    ref = models.UUIDField(null=True)
    data = models.JSONField(default=dict)
    raw_data = models.JSONField(null=True)
    blob = models.BinaryField(null=True)
    tags = models.JSONField(null=True)
    numbers = models.JSONField(null=True)
    address = models.CharField(max_length=50, null=True)
    feeling = models.CharField(max_length=10, null=True)


if django.VERSION >= (5, 0):

    class Computed(Base):
        """With columns that the database fills."""

        price = models.IntegerField(db_default=3)
        count = models.IntegerField(default=2)
        total = models.GeneratedField(
            expression=F("price") * F("count"), output_field=models.IntegerField(), db_persist=True
        )


if django.VERSION >= (5, 2):

    class Compound(Base):
        """With a primary key of two columns."""

        pk = models.CompositePrimaryKey("tenant", "number")
        tenant = models.IntegerField()
        number = models.IntegerField()
        name = models.CharField(max_length=20, default="")


class ShownOrder(Order):
    class Meta(Base.Meta):
        abstract = False
        proxy = True


class Unmanaged(Base):
    name = models.CharField(max_length=20, default="")

    class Meta(Base.Meta):
        abstract = False
        managed = False
        db_table = "synced things"


MODELS: list[Any] = [
    Customer, Order, Line, Captured, Renamed, Place, Restaurant, Node, Saved, Hidden, Watched, Skipping,
    SkippingChild, SkippingPart, Versioned, VersionedPart, VersionedChild, Unmanaged,
]  # fmt: skip

MODELS += SKIPPING_MODELS
MODELS += [globals()[name] for name in ("Computed", "Compound") if name in globals()]


def make_tables(using: str = "default") -> None:
    """Those that are not there yet, and the library's own."""
    connection = connections[using]
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous = OFF")
    there = set(connection.introspection.table_names())
    with connection.schema_editor() as editor:
        for model in MODELS:
            if model._meta.db_table in there:
                continue
            managed, model._meta.managed = model._meta.managed, True
            editor.create_model(model)
            model._meta.managed = managed
    call_command("migrate", "django_kafka", database=using, verbosity=0)


def empty_tables(using: str = "default") -> None:
    for model in (*reversed(MODELS), DeletedRow):
        rows = model._base_manager.using(using)
        if rows.exists():
            rows.all().delete()


def contents(model: Any, using: str = "default") -> list[dict[str, Any]]:
    """All rows, in the order of their primary keys."""
    return list(model._base_manager.using(using).order_by("pk").values())
