# SPDX-License-Identifier: MIT
"""A dead letter as text for people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from confluent_kafka.serialization import MessageField

from django_kafka.failures.headers import DeadLetterHeader, RetryHeader

if TYPE_CHECKING:
    from django_kafka.dead_letter.tool.browse import Letter
    from django_kafka.dead_letter.tool.catalogue import Owner
    from django_kafka.topic import TopicConsumer

LONGEST = 500
_OURS = frozenset([*(h.value for h in DeadLetterHeader), *(h.value for h in RetryHeader)])


def describe(letter: Letter, owner: Owner | None, *, replayed: bool, full: bool = False) -> Iterator[str]:
    """The lines about a letter. full: nothing is cut, and with the traceback."""
    limit = None if full else LONGEST
    yield f"{letter.msg.partition()}:{letter.msg.offset()}{'  (replayed)' if replayed else ''}"
    yield f"  from       {_cut(_origin(letter, owner), limit)}"
    failure = f"{letter.exception or '?'}: {letter.summary or ''}"
    yield f"  exception  {_cut(failure, limit)}"
    handler = owner.handler if owner is not None else None
    for name, field, data in (
        ("key", MessageField.KEY, letter.msg.key()),
        ("value", MessageField.VALUE, letter.msg.value()),
    ):
        yield f"  {name:10} {_cut(_decode(data, field, letter, handler), limit)}"
    for header, value in letter.headers:
        if header not in _OURS:
            yield f"  header     {_cut(f'{header}: {_plain(value)}', limit)}"
    if full and (detail := letter.text(DeadLetterHeader.DETAIL)):
        for line in detail.splitlines():
            yield f"    {_clean(line)}"


def _origin(letter: Letter, owner: Owner | None) -> str:
    place = (letter.text(DeadLetterHeader.ORIGIN_PARTITION), letter.text(DeadLetterHeader.ORIGIN_OFFSET))
    text = _clean(letter.origin(owner) or "an unknown topic")
    if None not in place:
        text = f"{text} {_clean(f'{place[0]}:{place[1]}')}"
    return f"{text}, {_time(letter.timestamp)}"


def _time(milliseconds: int | None) -> str:
    if milliseconds is None:
        return "at an unknown time"
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(sep=" ", timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return "at an impossible time"


def _decode(data: Any, field: MessageField, letter: Letter, handler: TopicConsumer | None) -> str:
    """What the topic's own deserializer makes of the bytes; the bytes when it fails or there is none."""
    if data is None or handler is None:
        return _plain(data)
    try:
        return repr(handler.deserialize(data, field, letter.headers))
    except Exception as error:  # whatever the project's deserializer raises: often why it is a dead letter
        return f"{data!r}  (cannot be decoded: {type(error).__name__}: {error})"


def _plain(data: Any) -> str:
    if not isinstance(data, bytes):
        return repr(data)
    try:
        return repr(data.decode())
    except UnicodeDecodeError:
        return repr(data)


def _clean(text: str) -> str:
    """Without what would control the terminal."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def _cut(text: str, limit: int | None) -> str:
    text = _clean(text)
    return text if limit is None or len(text) <= limit else f"{text[:limit]}… ({len(text)} characters, see --full)"
