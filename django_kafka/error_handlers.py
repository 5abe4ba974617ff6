# SPDX-License-Identifier: MIT
"""What happens with errors that the client reports on its own account, not as the result of a call."""

from __future__ import annotations

import logging
import time

from confluent_kafka import KafkaError

from django_kafka.exceptions import DjangoKafkaError

logger = logging.getLogger(__name__)


class ClientErrorHandler:
    """The default of the setting ERROR_HANDLER: a fatal error ends the client, the others are logged.

    librdkafka recovers from errors that are not fatal, and repeats them while it cannot (a broker that is away is
    reported with each attempt), so the same error is logged at most every `quiet` seconds."""

    quiet = 30.0

    def __init__(self) -> None:
        self._logged: dict[str, float] = {}

    def __call__(self, error: KafkaError) -> None:
        if error.fatal():
            raise DjangoKafkaError(error)
        self.log(error)

    def log(self, error: KafkaError) -> None:
        """Log an error that is not fatal."""
        text = str(error)
        now = time.monotonic()
        last = self._logged.get(text)
        if last is not None and now - last < self.quiet:
            return
        if len(self._logged) > 100:
            self._logged.clear()
        self._logged[text] = now
        logger.warning("Kafka client error: %s", text)
