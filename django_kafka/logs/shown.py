# SPDX-License-Identifier: MIT
"""What kafka_consume shows where the project's LOGGING does not say where records go: ours and the handlers' own."""

from __future__ import annotations

import logging
from typing import Any

from django_kafka.logs.clean import clean
from django_kafka.logs.loggers import ROOT as OURS

_FORMAT = "%(asctime)s %(levelname)s %(process)d %(message)s"


class _Shown(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to the standard error what no logger below the root has a handler for. (Django's own has one.)"""

    def filter(self, record: logging.LogRecord) -> Any:
        logger: logging.Logger | None = logging.getLogger(record.name)
        while logger is not None and logger.parent is not None:
            if logger.handlers:
                return False
            logger = logger.parent
        return super().filter(record)


class _Clean(logging.Formatter):
    """Handlers log what messages hold, too."""

    def format(self, record: logging.LogRecord) -> str:
        return clean(super().format(record))


def show(verbosity: int) -> None:
    """Log to the standard error, from level INFO on or as the option --verbosity says, unless the project's LOGGING
    has a handler for the root, or for us. For each process that is not forked."""
    root = logging.getLogger()
    if root.handlers or OURS.handlers:
        return
    handler = _Shown()
    handler.setFormatter(_Clean(_FORMAT))
    root.addHandler(handler)
    level = {0: logging.WARNING, 1: logging.INFO}.get(verbosity, logging.DEBUG)
    OURS.setLevel(level)
    if root.level == logging.WARNING:  # as Python has it
        root.setLevel(min(logging.WARNING, max(level, logging.INFO)))
