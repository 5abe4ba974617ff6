# SPDX-License-Identifier: MIT
"""Signals that ask to stop."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

# What asks for a graceful stop, and what counts as a second signal. SIGHUP does not: service managers send it along
# with SIGTERM.
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
ESCALATING_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextlib.contextmanager
def handled_by(handler: Callable[[int, Any], None], wakeup_fd: int) -> Iterator[None]:
    """Have handler called for the stop signals, and wakeup_fd written to. Does nothing outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Any] = {}
    old_fd = signal.set_wakeup_fd(wakeup_fd, warn_on_full_buffer=False)
    try:
        for signum in STOP_SIGNALS:
            old = signal.getsignal(signum)
            if signum == signal.SIGHUP and old is signal.SIG_IGN:  # nohup
                continue
            before[signum] = old
            signal.signal(signum, handler)
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, signal.SIG_DFL if old is None else old)
        signal.set_wakeup_fd(old_fd)


@contextlib.contextmanager
def blocked() -> Iterator[None]:
    """Inside, the stop signals wait."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
