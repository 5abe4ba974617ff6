# SPDX-License-Identifier: MIT
"""Calling a function again when it fails. For messages see django_kafka.retry."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def retry(
    exceptions: tuple[type[BaseException], ...] = (Exception,),
    tries: int = -1,
    delay: float = 0,
    backoff: float = 1,
) -> Callable[[Callable[P, R]], Callable[P, R | None]]:
    """Decorator: call again when one of `exceptions` is raised.

    tries: how many calls in all; -1 is for ever, 0 calls never and gives None. delay: seconds between calls,
    multiplied by `backoff` each time. The last failure is raised."""

    def decorate(fn: Callable[P, R]) -> Callable[P, R | None]:
        @functools.wraps(fn)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R | None:
            left, pause = tries, delay
            while left:
                try:
                    return fn(*args, **kwargs)
                except exceptions:
                    left -= 1
                    if not left:
                        raise
                    time.sleep(pause)
                    pause *= backoff
            return None

        return wrapper

    return decorate
