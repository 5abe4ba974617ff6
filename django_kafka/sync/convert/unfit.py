# SPDX-License-Identifier: MIT
"""A value that does not fit its field."""

from __future__ import annotations

from typing import Any

_MOST = 60


class Unfit(ValueError):
    """Raised by converters: expected is what the value should have been."""

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected


class UnfitValue(ValueError):
    """A value that does not fit, with its field."""

    def __init__(self, field: str, value: Any, expected: str) -> None:
        super().__init__(f"{field}: {excerpt(value)} is not {expected}")
        self.field = field
        self.value_excerpt = excerpt(value)
        self.expected = expected


def excerpt(value: Any) -> str:
    """The value for people: never more than a line's part of it, whatever it is."""
    if isinstance(value, (str, bytes, bytearray, memoryview)):
        rest = len(value) - _MOST
        begin = value[:_MOST]
        text = repr(bytes(begin) if isinstance(begin, memoryview) else begin)
        return f"{text}… ({rest} more)" if rest > 0 else text
    if isinstance(value, (dict, list, tuple, set)):
        return f"{type(value).__name__} of {len(value)}"
    if isinstance(value, int) and value.bit_length() > 256:
        return f"int of {value.bit_length()} bits"
    try:
        text = repr(value)
    except Exception:  # whatever somebody's __repr__ raises
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _MOST else f"{text[:_MOST]}…"
