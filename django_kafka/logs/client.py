# SPDX-License-Identifier: MIT
"""What librdkafka logs, without repetitions: it reports each attempt to reach an unavailable broker, many a
second."""

from __future__ import annotations

import logging
import re

from django_kafka.logs.clean import without_credentials
from django_kafka.logs.loggers import OF_CLIENTS
from django_kafka.logs.repetitions import QUIET_SECONDS, Repetitions

_OF_LIBRDKAFKA = re.compile(r"[A-Z_0-9]+: \[thrd:")

# A connection that nobody uses is closed after ten minutes, and opened again when somebody does: no news.
_CLOSED = re.compile(r"FAIL: .*Disconnected.*in state UP")


class ClientLog(logging.Filter):
    """Lets a line of librdkafka pass, and the same line again only after a while, with how many came in between."""

    def __init__(self, quiet: float = QUIET_SECONDS) -> None:
        super().__init__()
        self._repetitions = Repetitions(quiet)

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.args[0] if record.msg == "%s" and isinstance(record.args, tuple) and record.args else None
        if not isinstance(text, str) or not _OF_LIBRDKAFKA.match(text):
            return True
        if record.levelno == logging.INFO and _CLOSED.search(text):
            return logging.getLogger(record.name).isEnabledFor(logging.DEBUG)
        text = without_credentials(text)
        record.args = (text,)
        if record.levelno < logging.INFO:
            return True
        held = self._repetitions.admit(text)
        if held:
            record.args = (f"{text} ({held} more like this since it was last logged)",)
        return held is not None


def quieten() -> None:
    """Give the clients' loggers the filter."""
    for logger in OF_CLIENTS:
        if not any(isinstance(one, ClientLog) for one in logger.filters):
            logger.addFilter(ClientLog())
