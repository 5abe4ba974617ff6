# SPDX-License-Identifier: MIT
"""What handlers store."""

from __future__ import annotations

from django.db import models


class Handled(models.Model):
    """A message was handled: one row per success."""

    message = models.IntegerField()
    pid = models.IntegerField()

    def __str__(self) -> str:
        return f"message {self.message}"
