# SPDX-License-Identifier: MIT
"""A table that is kept in step with a topic."""

from django.db import models


class Product(models.Model):
    number = models.PositiveIntegerField(primary_key=True)
    name = models.CharField(max_length=100)
    category = models.CharField(max_length=50)
    cents = models.PositiveIntegerField()
    stock = models.IntegerField()
    listed = models.BooleanField()
    note = models.TextField(null=True)
    changed = models.DateTimeField()
