# SPDX-License-Identifier: MIT
"""What librdkafka logs, without repetitions: it tells each attempt to reach a broker that is away, many a second."""

from __future__ import annotations

import logging
import re
import time

# The loggers that clients get unless the project gives them another one.
LOGGERS = (
    "django_kafka.client",
    "django_kafka.consumer.consumer",
    "django_kafka.copies",
    "django_kafka.dead_letter.replay",
    "django_kafka.producer",
)
QUIET_SECONDS = 30.0
_MOST_TEXTS = 200
_OF_LIBRDKAFKA = re.compile(r"[A-Z_0-9]+: \[thrd:")
# What differs between two lines that say the same.
_CHANGES = re.compile(r"\s*\((?:after )?[0-9.]+ ?m?s[^)]*\)|\s*\([0-9]+ identical[^)]*\)|#[0-9]+")


class Repetitions:
    """Which texts were told lately. Shared by threads: a race costs a line too many, and no fork leaves a lock."""

    def __init__(self, quiet: float = QUIET_SECONDS) -> None:
        """quiet: seconds that have to pass before the same is told again."""
        self.quiet = quiet
        self._told: dict[str, tuple[float, int]] = {}

    def admit(self, text: str) -> int | None:
        """How often the text was held back since it was last told, if it is to be told now; None if it is not."""
        key = _CHANGES.sub("", text)
        now = time.monotonic()
        last, held = self._told.get(key, (None, 0))
        if last is not None and now - last < self.quiet:
            self._told[key] = (last, held + 1)
            return None
        if last is None and len(self._told) >= _MOST_TEXTS:
            self._told.clear()
        self._told[key] = (now, 0)
        return held


class ClientLog(logging.Filter):
    """Lets a line of librdkafka pass, and the same line again only after a while, with how many came between."""

    def __init__(self, quiet: float = QUIET_SECONDS) -> None:
        super().__init__()
        self._repetitions = Repetitions(quiet)

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.args[0] if record.msg == "%s" and isinstance(record.args, tuple) and record.args else None
        if not isinstance(text, str) or record.levelno < logging.INFO or not _OF_LIBRDKAFKA.match(text):
            return True
        held = self._repetitions.admit(text)
        if held:
            record.args = (f"{text} ({held} more like this since it was last logged)",)
        return held is not None


def quieten() -> None:
    """Give the clients' loggers the filter."""
    for name in LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(one, ClientLog) for one in logger.filters):
            logger.addFilter(ClientLog())
