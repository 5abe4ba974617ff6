# SPDX-License-Identifier: MIT
"""Tracebacks as text, quickly: when many messages fail they fail at the same places, whose text is made once."""

from __future__ import annotations

import contextlib
import logging
import threading
import traceback
from collections.abc import Iterator
from types import CodeType, TracebackType

# The text of a frame by its code and instruction, as the traceback module writes it.
_frames: dict[tuple[CodeType, int], str] = {}
_MOST_FRAMES = 5000
_DEEPEST = 40


# The exception that is being dealt with on this thread, and its text: it goes to the log and into a dead letter.
_current = threading.local()


@contextlib.contextmanager
def dealing_with(exc: BaseException) -> Iterator[None]:
    """format_exception() makes the text of this exception once only."""
    _current.exc, _current.text = exc, None
    try:
        yield
    finally:
        _current.exc = _current.text = None


def format_exception(exc: BaseException) -> str:
    """What traceback.format_exception() gives, joined."""
    if getattr(_current, "exc", None) is not exc:
        return _format(exc)
    if _current.text is None:
        _current.text = _format(exc)
    text: str = _current.text
    return text


def _format(exc: BaseException) -> str:
    frames = _walk(exc.__traceback__)
    if len(frames) > _DEEPEST or _is_involved(exc):
        return "".join(traceback.format_exception(exc))
    head = "Traceback (most recent call last):\n" if frames else ""
    return "".join([head, *map(_text, frames), *traceback.format_exception_only(exc)])


def _is_involved(exc: BaseException) -> bool:
    """Whether there is more to tell than the frames and the exception's own line."""
    if exc.__cause__ is not None or exc.__context__ is not None:
        return True
    return isinstance(exc, (SyntaxError, BaseExceptionGroup))


def _walk(tb: TracebackType | None) -> list[TracebackType]:
    found = []
    while tb is not None:
        found.append(tb)
        tb = tb.tb_next
    return found


def _text(tb: TracebackType) -> str:
    key = (tb.tb_frame.f_code, tb.tb_lasti)
    text = _frames.get(key)
    if text is None:
        if len(_frames) >= _MOST_FRAMES:
            _frames.clear()
        text = _frames[key] = "".join(traceback.format_tb(tb, limit=1))
    return text


class QuickTracebacks(logging.Filter):
    """Lets every record pass, with the text of its traceback made by format_exception()."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and record.exc_info[1] is not None and not record.exc_text:
            record.exc_text = format_exception(record.exc_info[1]).rstrip("\n")
        return True
