# SPDX-License-Identifier: MIT
"""Moments in time, with and without a time zone."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


def seconds_until(moment: datetime) -> float:
    """From now on; negative if it has passed. A moment without time zone, as Django makes them with USE_TZ=False, is
    local time."""
    return moment.timestamp() - time.time()


def in_seconds(seconds: float) -> datetime:
    """The moment that is so many seconds from now, in UTC whatever USE_TZ says: in the hour that a clock shows twice,
    local times do not say which of the two they mean."""
    return datetime.now(UTC) + timedelta(seconds=seconds)
