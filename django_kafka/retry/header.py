# SPDX-License-Identifier: MIT
"""Headers of a message that waits in a retry topic."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.utils import timezone

from django_kafka.utils.message import Header


class RetryHeader(Header):
    """MESSAGE and TIMESTAMP are the original library's; the others keep what the copy would lose."""

    MESSAGE = "RETRY_MESSAGE"
    TIMESTAMP = "RETRY_TIMESTAMP"
    ATTEMPT = "RETRY_ATTEMPT"
    ORIGIN_TOPIC = "RETRY_ORIGIN_TOPIC"
    ORIGIN_PARTITION = "RETRY_ORIGIN_PARTITION"
    ORIGIN_OFFSET = "RETRY_ORIGIN_OFFSET"
    ORIGIN_TIMESTAMP = "RETRY_ORIGIN_TIMESTAMP"

    @staticmethod
    def get_retry_time(headers: Iterable[tuple[str, Any]] | None) -> datetime | None:
        """When the message is due, in the current time zone; None if the header is missing or no number."""
        try:
            seconds = float(Header.get(headers, RetryHeader.TIMESTAMP))
            return datetime.fromtimestamp(seconds, tz=timezone.get_current_timezone())
        except (TypeError, ValueError, OverflowError, OSError):
            return None
