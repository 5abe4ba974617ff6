# SPDX-License-Identifier: MIT
"""Headers that the copies of failed messages get. Their names are written once more in C (src/failures/headers.c),
which a test compares."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone

from django_kafka.utils.message import Header

Headers = Sequence[tuple[str, bytes | None]]

# The longest traceback for the first and each further attempt to produce a copy; then it is left out.
CUTS = (100_000, 10_000, 1_000, 0)
_CUT = b"\n... cut ...\n"


class RetryHeader(Header):
    """Of a message that waits in a retry topic. MESSAGE and TIMESTAMP are the original library's; the others keep
    what the copy would lose."""

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


class DeadLetterHeader(Header):
    """Of a dead letter. MESSAGE is the name that the original used first, SUMMARY the later one; both hold the
    exception's text.

    MESSAGE_* tell where the record was that failed last (after non-blocking retries a retry topic), ORIGIN_* where
    the message was at first."""

    MESSAGE = "DEAD_LETTER_MESSAGE"
    MESSAGE_TOPIC = "DEAD_LETTER_MESSAGE_TOPIC"
    MESSAGE_PARTITION = "DEAD_LETTER_MESSAGE_PARTITION"
    MESSAGE_OFFSET = "DEAD_LETTER_MESSAGE_OFFSET"
    SUMMARY = "DEAD_LETTER_SUMMARY"
    DETAIL = "DEAD_LETTER_DETAIL"
    EXCEPTION = "DEAD_LETTER_EXCEPTION"
    ORIGIN_TOPIC = "DEAD_LETTER_ORIGIN_TOPIC"
    ORIGIN_PARTITION = "DEAD_LETTER_ORIGIN_PARTITION"
    ORIGIN_OFFSET = "DEAD_LETTER_ORIGIN_OFFSET"
    ORIGIN_TIMESTAMP = "DEAD_LETTER_ORIGIN_TIMESTAMP"


def clip(text: str, limit: int = 2000) -> str:
    """Text for a header: without what UTF-8 cannot hold, and not longer than this."""
    if not text.isascii():
        text = text.encode(errors="replace").decode()
    return text if len(text) <= limit else f"{text[:limit]}…"


def cut(text: bytes, limit: int) -> bytes:
    """Text cut in its middle to at most so many bytes: both ends of a traceback say more than its middle."""
    if len(text) <= limit:
        return text
    half = (limit - len(_CUT)) // 2
    return (text[:half] + _CUT + text[-half:]).decode(errors="ignore").encode()


def shorten(headers: Headers) -> Headers | None:
    """The headers with less of the traceback, None if there is nothing left to cut."""
    detail = dict(headers).get(DeadLetterHeader.DETAIL.value)
    if detail is None:
        return None
    limit = next((limit for limit in CUTS if limit < len(detail)), 0)
    return [
        (name, cut(detail, limit) if name == DeadLetterHeader.DETAIL.value else value)
        for name, value in headers
        if name != DeadLetterHeader.DETAIL.value or limit
    ]
