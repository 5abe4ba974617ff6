# SPDX-License-Identifier: MIT
"""Turning exceptions into the ones a caller expects."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def substitute_error(
    errors: Iterable[type[Exception]], substitution: type[Exception]
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorator: one of `errors` leaves the function as `substitution`, with the same text, the original chained."""
    caught = tuple(errors)

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return function(*args, **kwargs)
            except substitution:
                raise
            except caught as exc:
                raise substitution(str(exc)) from exc

        return wrapper

    return decorate
