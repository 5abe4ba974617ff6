# SPDX-License-Identifier: MIT
"""A table that is not as its model has it is a fault of the deployment: no message may suffer from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError, ProgrammingError

from django_kafka.exceptions import TableNotMigrated
from django_kafka.failures.driver_errors import names_missing
from django_kafka.logs.tracebacks import line_of


@contextmanager
def writing(model: Any) -> Iterator[None]:
    """Errors: TableNotMigrated in place of the database's error that says so."""
    try:
        yield
    except (OperationalError, ProgrammingError) as error:
        if not names_missing(error):
            raise
        name = getattr(getattr(model, "_meta", None), "label", "a model")
        raise TableNotMigrated(
            f"The table of {name} is not as the model has it ({line_of(error)}). Run `manage.py migrate`; the "
            "messages wait until then."
        ) from error
