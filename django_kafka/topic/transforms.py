# SPDX-License-Identifier: MIT
"""Conversions of values as connectors write them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

_EPOCH = date(1970, 1, 1)


def days_from_epoch_to_date(days: int | str | None, default: Any = None) -> Any:
    """The date so many days after 1970-01-01 (before it, if negative); None and "" give `default`."""
    if days is None or days == "":
        return default
    return _EPOCH + timedelta(days=int(days))
