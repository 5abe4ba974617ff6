# SPDX-License-Identifier: MIT
"""Whose fault a failure is: the message's, or that of what it needs."""

from __future__ import annotations

from django_kafka._native import ConfigError
from django_kafka.conf import settings
from django_kafka.exceptions import SurroundingsError
from django_kafka.failures import database


def is_nobodys(exc: Exception) -> bool:
    """Whether no message is to blame. Then partitions wait, and no retry is used up."""
    return is_surroundings(exc) or is_outage(exc)


def is_surroundings(exc: Exception) -> bool:
    """Whether a setting is wrong, or a service is unavailable."""
    return isinstance(exc, (SurroundingsError, ConfigError))


def is_outage(exc: Exception) -> bool:
    """Whether the database is to blame, and the setting DATABASE_ERRORS says that this counts."""
    return settings.DATABASE_ERRORS == "wait" and database.is_outage(exc)
