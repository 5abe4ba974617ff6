# SPDX-License-Identifier: MIT
"""Texts of others, as a terminal or a log file may get them: what a message holds commands neither."""

from __future__ import annotations

import re

LONGEST_KEY = 100
# user:password@ and token@ behind ://, user:password@ elsewhere.
_CREDENTIALS = re.compile(r"(?:(?<=://)[^/\s\"']+|\b[^/\s:@\"'(]+:[^/\s\"']+)@(?=[\w.\[*-])")


def clean(text: str) -> str:
    """The text with lines and tabs as they are, and anything else that does not print as an escape (\\x1b)."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in "\n\t" else _escape(char) for char in text)


def in_one_line(text: str, longest: int) -> str:
    """The text in one line that is not longer than this."""
    text = text[: longest + 1]
    line = "".join(char if char.isprintable() else _escape(char) for char in text)
    return line if len(text) <= longest else f"{line[:longest]}…"


def without_credentials(text: str) -> str:
    """The text with *** for what stands before the @ of an address."""
    return _CREDENTIALS.sub("***@", text) if "@" in text else text


def key_of(msg: object) -> str | None:
    """A message's key for the log: text as it is, other bytes as escapes, both cut; None if it has none."""
    key = msg.key()  # type: ignore[attr-defined]
    if not isinstance(key, (bytes, str)):
        return None
    text = key[: LONGEST_KEY * 4].decode(errors="backslashreplace") if isinstance(key, bytes) else key
    return in_one_line(text, LONGEST_KEY)


def repr_of(value: object, longest: int = 200) -> str:
    """repr() of something of the project's, in one line and without credentials of an address."""
    try:
        return in_one_line(without_credentials(repr(value)), longest)
    except Exception:
        return f"<{type(value).__qualname__}, whose repr() fails>"


def _escape(char: str) -> str:
    return repr(char)[1:-1]
