# SPDX-License-Identifier: MIT
"""A child's process as its supervisor sees it: how it is started, how its end is noticed, what is left of it then."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
import time
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Literal

from django_kafka.processes import child as child_process
from django_kafka.processes import signals
from django_kafka.processes.child import Job

StartMethod = Literal["fork", "spawn"]


@dataclass
class Child:
    """One job, and the process that does it; None while none does."""

    name: str
    job: Job
    process: BaseProcess | None = None
    exit_fd: int = -1  # readable when the process has ended
    started: float = 0.0  # when, by time.monotonic()
    delay: float = 0.0  # the last one before a restart, seconds
    due: float | None = None  # when to start it again, by time.monotonic()

    def start(self, method: StartMethod, life_r: Connection, life_w: Connection, grace: float) -> int | None:
        """Returns the process id. life_r ends when the supervisor does; grace: seconds that the child has to end in.
        Errors: OSError, when there is no memory or no process left."""
        context: Any = multiprocessing.get_context(method)
        # A forked child inherits the writing end as well and has to close it; a spawned one never gets it.
        inherited = (life_w,) if method == "fork" else ()
        if method == "spawn":
            resource_tracker.ensure_running()  # its start would unblock the signals that are blocked below
        process: BaseProcess = context.Process(
            target=child_process.main,
            args=(self.job, life_r, inherited, grace),
            name=f"consumer-{self.name}",
        )
        with signals.blocked():  # until the child has handlers of its own
            process.start()
        self.process = process
        self.started = time.monotonic()
        self.exit_fd = _exit_fd(process)
        return process.pid

    def look(self, ready: set[int]) -> None:
        """ready: the file descriptors that are readable."""
        if self.process and self.exit_fd in ready and self.exit_fd == self.process.sentinel:
            self.process.join(0.1)  # a closed pipe comes a moment before the exit code

    def forget(self) -> None:
        """Its process has ended, and its exit code is known."""
        assert self.process is not None
        if self.exit_fd != self.process.sentinel:
            os.close(self.exit_fd)
        self.exit_fd = -1
        self.process.close()
        self.process = None


def kill_all(children: list[Child]) -> None:
    """Returns when all have ended; none is started again."""
    for child in children:
        child.due = None
        if child.process:
            child.process.kill()
    for child in children:
        if child.process:
            child.process.join()
            child.forget()


def sound_method() -> StartMethod:
    """Which way of starting a child inherits no lock that nobody will ever release."""
    return "fork" if _threads() == 1 else "spawn"


def known_pids() -> set[int]:
    """Of the processes that multiprocessing itself waits for."""
    # The one with which it follows what spawned children share.
    tracker: int | None = getattr(resource_tracker._resource_tracker, "_pid", None)  # noqa: SLF001
    others = {child.pid for child in multiprocessing.active_children()}
    return {pid for pid in (*others, tracker) if pid is not None}


def _threads() -> int:
    """How many threads this process has. The system counts those that Python does not know too, a library's in C:
    what they hold at a fork is held for ever in the child."""
    with contextlib.suppress(OSError):
        return len(os.listdir("/proc/self/task"))
    return threading.active_count()


def _exit_fd(process: BaseProcess) -> int:
    """A file descriptor that is readable when the process has ended.

    A pidfd where there is one: multiprocessing's sentinel is a pipe that a grandchild may go on holding open.
    """
    assert process.pid is not None
    if hasattr(os, "pidfd_open"):
        with contextlib.suppress(OSError):
            return os.pidfd_open(process.pid)
    return process.sentinel
