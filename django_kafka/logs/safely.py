# SPDX-License-Identifier: MIT
"""Logging that decides nothing: what a broken handler or filter raises does not reach the messages."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable
from typing import Any


def safely(log: Callable[..., Any], /, *args: Any, **kwargs: Any) -> None:
    """Call a method of a logger, or a function that logs. What it raises is printed, as logging does with the errors
    of its own handlers."""
    try:
        log(*args, **kwargs)
    except Exception:
        if logging.raiseExceptions and sys.stderr is not None:
            traceback.print_exc()
