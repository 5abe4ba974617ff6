# SPDX-License-Identifier: MIT
"""Orphans of a container.

The first process of a container gets the children of those that ended before them, and nobody else can take note of
their ends: without that they stay in the table of processes until it is full. Handlers that start programs make such
orphans, and children that had to be killed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection

# Seconds between two looks. Nothing tells that an orphan has ended.
INTERVAL = 2.0


def are_ours() -> bool:
    """Whether this process gets the orphans."""
    return os.getpid() == 1


def reap(others: Collection[int]) -> None:
    """Take note of the ends of orphans. others: process ids of children that somebody waits for."""
    with contextlib.suppress(ChildProcessError):
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if ended.si_pid in others:
                return  # this one is reported first, until it is waited for
            os.waitpid(ended.si_pid, os.WNOHANG)
