# SPDX-License-Identifier: MIT
"""Moments in time, with and without a time zone."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone


def seconds_until(moment: datetime) -> float:
    """From now on; negative if it has passed. With USE_TZ=False Django's own moments have no time zone and cannot be
    compared with one that came from a message."""
    return moment.timestamp() - timezone.now().timestamp()
