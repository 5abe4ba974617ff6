# SPDX-License-Identifier: MIT
"""Headers, timestamps, and a message that can be made by hand."""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any, TypeAlias

from django.utils import timezone

MessageHeaders: TypeAlias = list[tuple[str, str | bytes | None]]


class Header(StrEnum):
    """Names of headers: subclass it with members. The look-ups accept missing headers (None)."""

    @staticmethod
    def list(headers: Iterable[tuple[str, Any]] | None, header: str) -> builtins.list[Any]:
        """All values of this header, in order."""
        return [value for name, value in headers or () if name == header]

    @staticmethod
    def get(headers: Iterable[tuple[str, Any]] | None, header: str) -> Any:
        """The first value of this header, or None."""
        return next((value for name, value in headers or () if name == header), None)


class MessageTimestamp(IntEnum):
    """What kind of time a message carries; the numbers are confluent_kafka's."""

    NOT_AVAILABLE = 0
    CREATE_TIME = 1
    LOG_APPEND_TIME = 2

    @staticmethod
    def to_datetime(timestamp: tuple[int, int]) -> datetime | None:
        """`Message.timestamp()` as an aware datetime in the current time zone, None when there is none."""
        kind, milliseconds = timestamp
        if kind == MessageTimestamp.NOT_AVAILABLE:
            return None
        return datetime.fromtimestamp(milliseconds / 1000, tz=timezone.get_current_timezone())


class Message:
    """A message made by hand, with the accessors of one that was consumed (except error())."""

    def __init__(
        self,
        topic: str,
        key: Any = None,
        value: Any = None,
        headers: MessageHeaders | None = None,
        offset: int | None = None,
        partition: int | None = None,
        timestamp: tuple[int, int] = (MessageTimestamp.NOT_AVAILABLE, 0),
    ) -> None:
        """A key or value that is a list of byte numbers (as a JSON field holds it) becomes bytes."""
        self._topic = topic
        self._key = bytes(key) if isinstance(key, list) else key
        self._value = bytes(value) if isinstance(value, list) else value
        self._headers = headers
        self._offset = offset
        self._partition = partition
        self._timestamp = timestamp

    def topic(self) -> str:
        return self._topic

    def key(self) -> Any:
        return self._key

    def value(self) -> Any:
        return self._value

    def headers(self) -> MessageHeaders | None:
        return self._headers

    def offset(self) -> int | None:
        return self._offset

    def partition(self) -> int | None:
        return self._partition

    def timestamp(self) -> tuple[int, int]:
        return self._timestamp
