# SPDX-License-Identifier: MIT
"""Tracebacks as text, quickly: when many messages fail they fail at the same places, whose text is made once."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from types import CodeType, TracebackType

from django_kafka.logs.clean import clean

# The text of a frame, as the traceback module writes it, by its code's id and instruction: to hash the code itself
# takes longer than all the rest. The code is kept, so that its id stays its own.
_frames: dict[tuple[int, int], tuple[CodeType, str]] = {}
_MOST_FRAMES = 5000
_DEEPEST = 40


def format_exception(exc: BaseException) -> str:
    """What traceback.format_exception() gives, joined; less of it for an exception that it cannot print (a
    SyntaxError that somebody has made by hand, say)."""
    try:
        return _format(exc)
    except Exception as error:
        frames = "".join(traceback.format_tb(exc.__traceback__))
        said = f"{type(exc).__module__}.{type(exc).__qualname__}: {text_of(exc)}"
        return f"Traceback (most recent call last):\n{frames}{said} (cannot be printed in full: {text_of(error)})\n"


def _format(exc: BaseException) -> str:
    frames = _walk(exc.__traceback__)
    if len(frames) > _DEEPEST or _is_involved(exc):
        return "".join(traceback.format_exception(exc))
    head = "Traceback (most recent call last):\n" if frames else ""
    return "".join([head, *map(_text, frames), _last_line(exc)])


def text_of(exc: BaseException) -> str:
    """str() of an exception, also of one that fails at that; in the traceback module's words."""
    try:
        return str(exc)
    except Exception:
        return "<exception str() failed>"


def line_of(exc: BaseException) -> str:
    """An exception in short: its class, without its module, and its text."""
    return f"{type(exc).__name__}: {text_of(exc)}"


def _last_line(exc: BaseException) -> str:
    """The exception's class and text, as the traceback module writes them."""
    cls = type(exc)
    if isinstance(exc, _WITH_HINTS) or hasattr(exc, "__notes__"):
        return "".join(traceback.format_exception_only(exc))
    try:
        text = str(exc)
    except Exception:
        return "".join(traceback.format_exception_only(exc))
    name = cls.__qualname__ if cls.__module__ in ("builtins", "__main__") else f"{cls.__module__}.{cls.__qualname__}"
    return f"{name}: {text}\n" if text else f"{name}\n"


# The traceback module adds "Did you mean ...?" to these.
_WITH_HINTS = (NameError, AttributeError, ImportError)


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
    code = tb.tb_frame.f_code
    key = (id(code), tb.tb_lasti)
    known = _frames.get(key)
    if known is None:
        if len(_frames) >= _MOST_FRAMES:
            _frames.clear()
        known = _frames[key] = (code, "".join(traceback.format_tb(tb, limit=1)))
    return known[1]


class QuickTracebacks(logging.Filter):
    """Lets every record pass; one of an event of ours gets the text of its traceback, made by format_exception() and
    fit for a terminal. A project that formats exceptions itself does so: then nothing is made here."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.exc_info or record.exc_info[1] is None or record.exc_text or not hasattr(record, "event"):
            return True
        if not any(_formats_exceptions(handler) for handler in _handlers_of(record.name)):
            record.exc_text = clean(format_exception(record.exc_info[1]).rstrip("\n"))
        return True


def format_quickly(logger: object) -> None:
    """Have a logger's records get their tracebacks so. logger: one of the project's, perhaps none of Python's."""
    if isinstance(logger, logging.Logger) and not any(isinstance(one, QuickTracebacks) for one in logger.filters):
        logger.addFilter(QuickTracebacks())


def _handlers_of(name: str) -> Iterator[logging.Handler]:
    """Those that a record of the logger of this name comes to."""
    logger: logging.Logger | None = logging.getLogger(name)
    while logger is not None:
        yield from logger.handlers
        logger = logger.parent if logger.propagate else None


def _formats_exceptions(handler: logging.Handler | None) -> bool:
    """Whether it has a formatter with a formatException() of its own; so may the one that a MemoryHandler passes
    records on to."""
    if handler is None:
        return False
    own = getattr(handler.formatter, "formatException", None)
    if own is not None and getattr(own, "__func__", own) is not logging.Formatter.formatException:
        return True
    return _formats_exceptions(getattr(handler, "target", None))
