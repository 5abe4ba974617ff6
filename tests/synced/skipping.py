# SPDX-License-Identifier: MIT
"""Rows with kafka_skip that have rows beneath them, and managers that are the project's own."""

from __future__ import annotations

from typing import Any

from django.db import models

from django_kafka.connect.models import KafkaConnectSkipModel, KafkaConnectSkipQueryset


class Skips(KafkaConnectSkipModel):
    name = models.CharField(max_length=20, default="")

    class Meta(KafkaConnectSkipModel.Meta):
        abstract = True
        app_label = "synced"


class Forest(models.Model):
    """Without the flag."""

    class Meta:
        app_label = "synced"
        db_table = "synced_forest"


class Trunk(Skips):
    forest = models.ForeignKey(Forest, models.CASCADE, null=True)
    beside = models.ForeignKey("self", models.CASCADE, null=True)


class Branch(Skips):
    trunk = models.ForeignKey(Trunk, models.CASCADE, null=True, related_name="branches")


class Leaf(Skips):
    branch = models.ForeignKey(Branch, models.CASCADE, related_name="leaves")


class Nest(Skips):
    """Stays when its branch goes, and the bird's when the bird goes."""

    branch = models.ForeignKey(Branch, models.SET_NULL, null=True)
    twig = models.ForeignKey(Branch, models.SET_DEFAULT, null=True, default=None, related_name="+")


class Bird(models.Model):
    trunks = models.ManyToManyField(Trunk, through="Perch", related_name="birds")

    class Meta:
        app_label = "synced"
        db_table = "synced_bird"


class Perch(Skips):
    bird = models.ForeignKey(Bird, models.CASCADE)
    trunk = models.ForeignKey(Trunk, models.CASCADE)


class Hollow(Branch):
    """In a second table, whose flag is in the first."""

    depth = models.IntegerField(default=0)


class Plain(models.Model):
    class Meta:
        abstract = True
        app_label = "synced"


class Moss(Plain, KafkaConnectSkipModel):
    """Whose base manager is Django's: its first parent has no other."""

    trunk = models.ForeignKey(Trunk, models.CASCADE, null=True, related_name="mosses")

    class Meta(Plain.Meta):
        abstract = False


class Lichen(KafkaConnectSkipModel):
    """With managers that write no flag, one that hides rows, and a field of its own for the flag."""

    kafka_skip = models.BooleanField(default=False, db_index=True)
    trunk = models.ForeignKey(Trunk, models.SET_NULL, null=True, related_name="lichens")
    hidden = models.BooleanField(default=False)

    objects = models.Manager()

    class Meta:
        app_label = "synced"


class ShownManager(models.Manager.from_queryset(KafkaConnectSkipQueryset)):  # type: ignore[misc]
    def get_queryset(self) -> Any:
        return super().get_queryset().filter(hidden=False)


class Fern(Skips):
    """Whose manager hides rows."""

    hidden = models.BooleanField(default=False)

    objects = ShownManager()


MODELS: list[Any] = [Forest, Trunk, Branch, Leaf, Nest, Bird, Perch, Hollow, Moss, Lichen, Fern]
