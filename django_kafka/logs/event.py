# SPDX-License-Identifier: MIT
"""An event that is logged: the words for it, and its fields for programs that read the log."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from django_kafka.logs.clean import clean
from django_kafka.logs.safely import safely

DEBUG, INFO, WARNING, ERROR = logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR

# The fields that a record has as attributes too, besides `event`, the name: what formatters that write JSON take up.
EXTRA = (
    *("consumer", "group", "topic", "partition", "offset", "key", "attempt", "outcome"),
    *("origin_topic", "origin_partition", "origin_offset"),
)
# The methods are called by name: projects put loggers of their own in place of ours, and look at what is called.
_METHODS = {DEBUG: "debug", INFO: "info", WARNING: "warning", ERROR: "error"}


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, (int, float)) else clean(str(value))


@dataclass(frozen=True, slots=True)
class Event:
    """name: for programs, never changed. text: for people, with the event's fields in it.

    A field is a number, a text, or what makes one when it is asked for (str()); one with an attribute `extra` has
    further fields for programs."""

    name: str
    level: int
    text: str

    def format(self, **fields: Any) -> str:
        return self.text % fields

    def tell(self, logger: logging.Logger, *, level: int | None = None, exc_info: Any = None, **fields: Any) -> None:
        """Log it. Whatever the project's logging raises stays here. level: where it depends on what happened."""
        method = getattr(logger, _METHODS[self.level if level is None else level], None)
        safely(self._tell, method, fields, exc_info)

    def _tell(self, method: Any, fields: dict[str, Any], exc_info: Any) -> None:
        # A text without fields is not formatted: logging takes an empty dict for an argument too many.
        args = [{name: _Cleaned.of(value) for name, value in fields.items()}] if fields else []
        try:
            method(self.text, *args, exc_info=exc_info, extra=self._extra(fields))
        except (KeyError, TypeError):  # records of the project have such an attribute already; no logger of Python's
            method(self.text, *args, exc_info=exc_info)

    def _extra(self, fields: dict[str, Any]) -> dict[str, Any]:
        extra = {name: value for name, value in fields.items() if name in EXTRA}
        for value in fields.values():
            extra.update(getattr(value, "extra", ()))
        return {"event": self.name, **{name: _plain(value) for name, value in extra.items()}}


class _Cleaned:
    """A field that becomes a text when the line is written, if it is."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    @classmethod
    def of(cls, value: Any) -> Any:
        return _plain(value) if value is None or isinstance(value, (int, float, str)) else cls(value)

    def __str__(self) -> str:
        return clean(str(self.value))

    __repr__ = __str__
