# SPDX-License-Identifier: MIT
"""A model whose table is made in mid-run."""

from __future__ import annotations

from django.db import models


class NotYet(models.Model):
    what = models.TextField()

    class Meta:
        db_table = "not_yet"

    def __str__(self) -> str:
        return self.what
