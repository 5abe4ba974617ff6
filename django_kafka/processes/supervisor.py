# SPDX-License-Identifier: MIT
"""One child process per job: started together, restarted when one dies, stopped without losing work.

This module knows processes and signals, and nothing of Kafka or databases; worker.py is what the children do.

Fork or spawn. Children are forked where that is sound, because it is the fastest way to a first message (everything
is imported already) and takes the least memory (imported code stays shared; gc.freeze() keeps the collector from
touching it). It is sound because the supervisor has no thread, no Kafka handle and no open database connection. If
the process has threads all the same, say of a monitoring library, children are spawned: slower, but no lock can be
inherited that nobody will ever release.

Stopping. SIGTERM, SIGINT or SIGHUP to the supervisor, or to the whole process group, asks each child to stop. A
second signal, or the end of the grace period, kills.
"""

from __future__ import annotations

import contextlib
import gc
import math
import multiprocessing
import select
import signal
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from django_kafka import events
from django_kafka.logs.loggers import SUPERVISOR
from django_kafka.processes import orphans, signals
from django_kafka.processes.child import Job
from django_kafka.processes.children import Child, StartMethod, kill_all, known_pids, sound_method
from django_kafka.processes.exits import Exit, describe
from django_kafka.utils.backoff import FIRST, LONGEST, doubled

# Wrappers (make, "uv run", container inits) pass on a Ctrl-C that the terminal has sent to the whole group anyway; so
# signals that come this soon (seconds) after the first are the same one.
SAME_SIGNAL_WINDOW = 0.1


@dataclass(frozen=True)
class Backoff:
    """Seconds to wait before a died child is started again: `first`, doubling up to `limit`; and `first` again once a
    child has lived for `stable` seconds."""

    first: float = FIRST
    limit: float = LONGEST
    stable: float = 60.0

    def after(self, last: float, lived: float) -> float:
        return doubled(0.0 if lived >= self.stable else last, self.first, self.limit)


@dataclass
class Supervisor:
    """Runs each of `jobs` (by name) in a process of its own until stopped.

    grace: seconds that children have to end in after a stop was asked; then they are killed.
    exit_on_failure: a child that dies ends everything, gracefully, with exit code 1, instead of being restarted.
    start_method: "fork", "spawn" or None, which chooses (see the module's text).
    before_start: called in the supervisor before each start of a child.
    noun: what a child is called in log lines.
    """

    jobs: Mapping[str, Job]
    grace: float = 30.0
    exit_on_failure: bool = False
    start_method: StartMethod | None = None
    backoff: Backoff = field(default_factory=Backoff)
    before_start: Callable[[], object] | None = None
    noun: str = "Consumer"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.grace) and self.grace >= 0):
            raise ValueError(f"grace must be a number of seconds, 0 or more, not {self.grace!r}.")
        if self.start_method not in (None, "fork", "spawn"):
            raise ValueError(f"start_method must be 'fork', 'spawn' or None, not {self.start_method!r}.")
        self._children = [Child(name, job) for name, job in self.jobs.items()]
        self._signals: list[int] = []
        self._stop_asked = False
        self._stopping_since: float | None = None
        self._code: int = Exit.OK
        self._wake: socket.socket | None = None

    def run(self) -> int:
        """Start the children, supervise them, and return an exit code (see Exit) when all have ended.

        Called from the main thread it handles SIGTERM, SIGINT and SIGHUP meanwhile; from another one only stop() ends
        it.
        """
        wake_r, wake_w = socket.socketpair()
        life_r, life_w = multiprocessing.Pipe(duplex=False)
        wake_r.setblocking(False)
        wake_w.setblocking(False)
        self._wake = wake_w
        frozen = self._freeze()
        try:
            with signals.handled_by(self._on_signal, wake_w.fileno()):
                self._supervise(wake_r, life_r, life_w)
        finally:
            kill_all(self._children)
            self._wake = None
            for end in (wake_r, wake_w, life_r, life_w):
                end.close()
            if frozen:
                gc.unfreeze()
        return self._code

    def stop(self) -> None:
        """Ask run() to stop the children gracefully and return. From any thread."""
        self._stop_asked = True
        if (wake := self._wake) is not None:
            with contextlib.suppress(OSError):  # full: it wakes up anyway; closed: run() has ended
                wake.send(b"\0")

    @property
    def pids(self) -> dict[str, int]:
        """The running children's process ids by name."""
        return {child.name: child.process.pid for child in self._children if child.process and child.process.pid}

    # -- the loop ---------------------------------------------------------------------------------------------------

    def _supervise(self, wake_r: socket.socket, life_r: Connection, life_w: Connection) -> None:
        now = time.monotonic()
        for child in self._children:
            child.due = now
        while True:
            self._follow_signals()
            self._reap()
            if self._stopping_since is None:
                self._start_due(life_r, life_w)
            elif time.monotonic() >= self._stopping_since + self.grace:
                self._give_up_waiting()
            if not any(child.process or child.due is not None for child in self._children):
                return
            self._sleep(wake_r)

    def _sleep(self, wake_r: socket.socket) -> None:
        """Wait for a signal, a stop(), the end of a child, or the next thing that is due."""
        if self._stopping_since is not None:
            deadlines = [self._stopping_since + self.grace]
        else:
            deadlines = [child.due for child in self._children if child.due is not None]
        timeout = max(0.0, min(deadlines) - time.monotonic()) if deadlines else None
        if orphans.are_ours():
            timeout = orphans.INTERVAL if timeout is None else min(timeout, orphans.INTERVAL)
        poll = select.poll()
        poll.register(wake_r, select.POLLIN)
        for child in self._children:
            if child.process:
                poll.register(child.exit_fd, select.POLLIN)
        # Round up, or the last fraction of a millisecond would be spent spinning.
        ready = {fd for fd, _ in poll.poll(None if timeout is None else math.ceil(timeout * 1000))}
        for child in self._children:
            child.look(ready)
        with contextlib.suppress(BlockingIOError):
            while wake_r.recv(4096):
                pass

    def _follow_signals(self) -> None:
        while self._signals:
            signum = self._signals.pop(0)
            name = signal.Signals(signum).name
            if self._stopping_since is None:
                events.STOP_ASKED.tell(SUPERVISOR, signal=name, processes=self._running_text())
                self._begin_stop()
            elif signum in signals.ESCALATING_SIGNALS and self._stopping_for() > SAME_SIGNAL_WINDOW:
                events.STOP_FORCED.tell(SUPERVISOR, signal=name, processes=self._running_text())
                self._code = 128 + signum
                kill_all(self._children)
        if self._stop_asked and self._stopping_since is None:
            self._begin_stop()

    def _stopping_for(self) -> float:
        """For how many seconds."""
        return 0.0 if self._stopping_since is None else time.monotonic() - self._stopping_since

    def _begin_stop(self) -> None:
        self._stopping_since = time.monotonic()
        for child in self._children:
            child.due = None
            if child.process:
                # Not reaped yet, so the id cannot have gone to somebody else.
                child.process.terminate()

    def _give_up_waiting(self) -> None:
        events.GRACE_EXCEEDED.tell(SUPERVISOR, seconds=self.grace, processes=self._running_text())
        kill_all(self._children)
        self._code = self._code or Exit.GRACE_EXCEEDED

    # -- children ---------------------------------------------------------------------------------------------------

    def _start_due(self, life_r: Connection, life_w: Connection) -> None:
        for child in self._children:
            if child.due is not None and child.due <= time.monotonic():
                child.due = None
                try:
                    self._start(child, life_r, life_w)
                except OSError as exc:  # no memory or no process left: that may pass
                    self._schedule(child, f"could not be started: {exc}", lived=0.0)

    def _start(self, child: Child, life_r: Connection, life_w: Connection) -> None:
        if self.before_start:
            self.before_start()
        pid = child.start(self._method(), life_r, life_w, self.grace)
        events.PROCESS_STARTED.tell(SUPERVISOR, process=self._title(child), pid=pid)

    def _reap(self) -> None:
        for child in self._children:
            if child.process is not None and (code := child.process.exitcode) is not None:
                pid = child.process.pid
                child.forget()
                self._ended(child, pid, code, lived=time.monotonic() - child.started)
        if orphans.are_ours():
            orphans.reap(known_pids())

    def _ended(self, child: Child, pid: int | None, code: int, lived: float) -> None:
        if self._stopping_since is not None:
            if code != 0:
                events.PROCESS_STOPPED_BADLY.tell(
                    SUPERVISOR, process=self._title(child), pid=pid, reason=describe(code)
                )
                self._code = self._code or Exit.FAILURE
            else:
                events.PROCESS_STOPPED.tell(SUPERVISOR, process=self._title(child), pid=pid)
            return
        if code != 0 and self.exit_on_failure:
            events.PROCESS_DIED_STOPPING_OTHERS.tell(
                SUPERVISOR, process=self._title(child), pid=pid, reason=describe(code)
            )
            self._code = Exit.FAILURE
            self._begin_stop()
        elif code == Exit.CONFIG:
            events.PROCESS_MISCONFIGURED.tell(SUPERVISOR, process=self._title(child), pid=pid)
            self._code = Exit.FAILURE
        else:
            what = "died" if code else "ended without having been asked to"
            self._schedule(child, f"(pid {pid}) {what}: {describe(code)}", lived, failed=code != 0)

    def _schedule(self, child: Child, what: str, lived: float, *, failed: bool = True) -> None:
        child.delay = self.backoff.after(child.delay, lived)
        child.due = time.monotonic() + child.delay
        level = events.ERROR if failed else events.WARNING
        title = self._title(child)
        events.PROCESS_RESTARTS.tell(SUPERVISOR, level=level, process=title, reason=what, delay=child.delay)

    # -- small things -----------------------------------------------------------------------------------------------

    def _method(self) -> StartMethod:
        return self.start_method or sound_method()

    def _freeze(self) -> bool:
        if self._method() != "fork":
            return False
        gc.collect()
        gc.freeze()
        return True

    def _on_signal(self, signum: int, frame: object) -> None:
        self._signals.append(signum)

    def _title(self, child: Child) -> str:
        return f"{self.noun} {child.name}"

    def _running_text(self) -> str:
        running = [f"{name} (pid {pid})" for name, pid in self.pids.items()]
        return ", ".join(running) or "no running process"
