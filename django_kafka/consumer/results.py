# SPDX-License-Identifier: MIT
"""What a topic's consume() returns: None, or something that shows a mistake."""

from __future__ import annotations

import inspect
import logging
from typing import Any

from django_kafka import events
from django_kafka.exceptions import HandlerResultError
from django_kafka.logs.clean import repr_of

_reported: set[tuple[str | None, type]] = set()


def check_result(result: Any, msg: Any, logger: logging.Logger) -> None:
    """Look at what a topic's consume() returned. Anything is accepted, as by the original, except what shows that the
    handler did not run. Errors: HandlerResultError."""
    if result is None or isinstance(result, bool):
        return
    if inspect.iscoroutine(result):
        result.close()  # or Python complains that nobody awaited it
    if inspect.isawaitable(result) or inspect.isgenerator(result) or inspect.isasyncgen(result):
        kind = "a generator (it contains yield)" if inspect.isgenerator(result) else "asynchronous"
        raise HandlerResultError(
            f"The handler of '{msg.topic()}' did not run: its consume() is {kind}. Write it as a plain method; "
            "asgiref.sync.async_to_sync runs asynchronous code from there."
        )
    if (msg.topic(), type(result)) not in _reported:
        _reported.add((msg.topic(), type(result)))
        events.RESULT_IGNORED.tell(
            logger, topic=msg.topic(), result=repr_of(result), partition=msg.partition(), offset=msg.offset()
        )
