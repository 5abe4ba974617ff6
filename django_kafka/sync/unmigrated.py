# SPDX-License-Identifier: MIT
"""A table that is not as its model has it is a fault of the deployment: no message may suffer from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError, ProgrammingError

from django_kafka.exceptions import TableNotMigrated
from django_kafka.failures.database import state_of
from django_kafka.logs.tracebacks import line_of

_POSTGRESQL = ("42P01", "42703", "3F000")  # undefined table, column, schema
_MYSQL = (1054, 1146)  # unknown column, no such table
_SQLITE = ("no such table", "no such column", "has no column named")


@contextmanager
def writing(model: Any) -> Iterator[None]:
    """Errors: TableNotMigrated in place of the database's error that says so."""
    try:
        yield
    except (OperationalError, ProgrammingError) as error:
        if not _says_so(error):
            raise
        name = getattr(getattr(model, "_meta", None), "label", "a model")
        raise TableNotMigrated(
            f"The table of {name} is not as the model has it ({line_of(error)}). Run `manage.py migrate`; the "
            "messages wait until then."
        ) from error


def _says_so(error: BaseException) -> bool:
    cause, state = error.__cause__, state_of(error)
    if state is not None:
        return state in _POSTGRESQL
    if cause is not None and cause.args and cause.args[0] in _MYSQL:
        return True
    return any(text in str(error) for text in _SQLITE)
