# SPDX-License-Identifier: MIT
"""One child process per job: started together, restarted when one dies, stopped without losing work.

This module knows processes and signals, and nothing of Kafka or databases; runner.py fills in what the children do.

Fork or spawn. Children are forked where that is sound, because it is the fastest way to a first message (everything
is imported already) and takes the least memory (imported code stays shared; gc.freeze() keeps the collector from
touching it). It is sound because the supervisor has no thread, no Kafka handle and no open database connection. If
the process has threads all the same, say of a monitoring library, children are spawned: slower, but no lock can be
inherited that nobody will ever release.

Stopping. SIGTERM, SIGINT or SIGHUP to the supervisor, or to the whole process group, asks each child to stop. A child
never counts signals, since under most service managers it gets the same one twice, from the manager and from us; only
the supervisor escalates: a second signal, or the end of the grace period, kills. A child learns that its supervisor
is gone from a pipe whose other end only the supervisor holds; it then stops by itself, also within the grace period.
"""

from __future__ import annotations

import atexit
import contextlib
import enum
import gc
import logging
import math
import multiprocessing
import os
import select
import signal
import socket
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Literal

logger = logging.getLogger(__name__)

StartMethod = Literal["fork", "spawn"]

# What asks for a graceful stop, and what counts as a second signal. SIGHUP does not: service managers send it along
# with SIGTERM.
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
ESCALATING_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# Wrappers (make, "uv run", container inits) pass on a Ctrl-C that the terminal has sent to the whole group anyway; so
# signals that come this soon (seconds) after the first are the same one.
SAME_SIGNAL_WINDOW = 0.1


class Exit(enum.IntEnum):
    """Exit codes of a supervisor; killed by a second signal it is 128 + the signal's number (130, 143)."""

    OK = 0
    FAILURE = 1
    GRACE_EXCEEDED = 3
    # Of a child: its configuration is wrong, so that starting it again would not help (sysexits' EX_CONFIG).
    CONFIG = 78


class StopRequest:
    """What a child's job knows about being asked to stop. The signal handler of the child calls request()."""

    def __init__(self) -> None:
        self._requested = False
        self._callback: Callable[[], object] | None = None

    @property
    def requested(self) -> bool:
        return self._requested

    def request(self) -> None:
        """Ask the job to stop. May be called at any time and any number of times."""
        self._requested = True
        callback = self._callback
        if callback is None:
            return
        try:
            callback()
        except Exception:
            # We are in a signal handler, on top of somebody's code that must not see this.
            logger.exception("The request to stop could not be passed on.")

    @contextlib.contextmanager
    def calls(self, callback: Callable[[], object]) -> Iterator[None]:
        """Inside, a request calls callback, at once if it was made before. It must be safe to call twice."""
        self._callback = callback
        try:
            if self._requested:
                self.request()
            yield
        finally:
            self._callback = None


# A job runs in the child until it is done or asked to stop. It returns the child's exit code; None is 0. To be
# spawned, it must be picklable.
Job = Callable[[StopRequest], int | None]


@dataclass(frozen=True)
class Backoff:
    """Seconds to wait before a died child is started again: `first`, doubling up to `limit`; and `first` again once a
    child has lived for `stable` seconds."""

    first: float = 1.0
    limit: float = 60.0
    stable: float = 60.0

    def after(self, last: float, lived: float) -> float:
        if last <= 0 or lived >= self.stable:
            return self.first
        return min(last * 2, self.limit)


@dataclass
class _Child:
    name: str
    job: Job
    process: BaseProcess | None = None
    exit_fd: int = -1  # readable when the process has ended
    started: float = 0.0
    delay: float = 0.0  # the last one before a restart
    due: float | None = None  # when to start it again


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
        self._children = [_Child(name, job) for name, job in self.jobs.items()]
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
            with _signal_handlers(self._on_signal, wake_w.fileno()):
                self._supervise(wake_r, life_r, life_w)
        finally:
            self._kill_all()
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
        poll = select.poll()
        poll.register(wake_r, select.POLLIN)
        for child in self._children:
            if child.process:
                poll.register(child.exit_fd, select.POLLIN)
        # Round up, or the last fraction of a millisecond would be spent spinning.
        ready = {fd for fd, _ in poll.poll(None if timeout is None else math.ceil(timeout * 1000))}
        for child in self._children:
            if child.process and child.exit_fd in ready and child.exit_fd == child.process.sentinel:
                child.process.join(0.1)  # a closed pipe comes a moment before the exit code
        with contextlib.suppress(BlockingIOError):
            while wake_r.recv(4096):
                pass

    def _follow_signals(self) -> None:
        while self._signals:
            signum = self._signals.pop(0)
            name = signal.Signals(signum).name
            if self._stopping_since is None:
                logger.info("%s: asking %s to stop; a second signal ends at once.", name, self._running_text())
                self._begin_stop()
            elif signum in ESCALATING_SIGNALS and time.monotonic() > self._stopping_since + SAME_SIGNAL_WINDOW:
                logger.warning(
                    "%s again: ending %s at once. Messages in hand will come again.", name, self._running_text()
                )
                self._code = 128 + signum
                self._kill_all()
        if self._stop_asked and self._stopping_since is None:
            self._begin_stop()

    def _begin_stop(self) -> None:
        self._stopping_since = time.monotonic()
        for child in self._children:
            child.due = None
            if child.process:
                # Not reaped yet, so the id cannot have gone to somebody else.
                child.process.terminate()

    def _give_up_waiting(self) -> None:
        logger.error(
            "Not stopped within the grace period of %g s: %s, killed now. Their messages in hand were not counted as "
            "handled and will come again.",
            self.grace,
            self._running_text(),
        )
        self._kill_all()
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

    def _start(self, child: _Child, life_r: Connection, life_w: Connection) -> None:
        if self.before_start:
            self.before_start()
        method = self._method()
        context: Any = multiprocessing.get_context(method)
        # A forked child inherits the writing end as well and has to close it; a spawned one never gets it.
        inherited = (life_w,) if method == "fork" else ()
        if method == "spawn":
            resource_tracker.ensure_running()  # its start would unblock the signals that are blocked below
        process: BaseProcess = context.Process(
            target=_child_main,
            args=(child.job, life_r, inherited, self.grace),
            name=f"consumer-{child.name}",
        )
        with _signals_blocked():  # until the child has handlers of its own
            process.start()
        child.process = process
        child.started = time.monotonic()
        child.exit_fd = _exit_fd(process)
        logger.info("%s %s started, pid %s.", self.noun, child.name, process.pid)

    def _reap(self) -> None:
        for child in self._children:
            if child.process is not None and (code := child.process.exitcode) is not None:
                pid = child.process.pid
                self._forget(child)
                self._ended(child, pid, code, lived=time.monotonic() - child.started)

    def _ended(self, child: _Child, pid: int | None, code: int, lived: float) -> None:
        if self._stopping_since is not None:
            if code != 0:
                logger.error("%s %s (pid %s) did not stop cleanly: %s.", self.noun, child.name, pid, _describe(code))
                self._code = self._code or Exit.FAILURE
            else:
                logger.info("%s %s (pid %s) stopped.", self.noun, child.name, pid)
            return
        if code != 0 and self.exit_on_failure:
            logger.error(
                "%s %s (pid %s) died: %s. Stopping the others, as --exit-on-failure says.",
                self.noun, child.name, pid, _describe(code),
            )  # fmt: skip
            self._code = Exit.FAILURE
            self._begin_stop()
        elif code == Exit.CONFIG:
            logger.error(
                "%s %s (pid %s) cannot run with its configuration; it is not started again.",
                self.noun, child.name, pid,
            )  # fmt: skip
            self._code = Exit.FAILURE
        else:
            what = "died" if code else "ended without having been asked to"
            self._schedule(child, f"(pid {pid}) {what}: {_describe(code)}", lived, failed=code != 0)

    def _schedule(self, child: _Child, what: str, lived: float, *, failed: bool = True) -> None:
        child.delay = self.backoff.after(child.delay, lived)
        child.due = time.monotonic() + child.delay
        level = logging.ERROR if failed else logging.WARNING
        logger.log(level, "%s %s %s. It is started again in %g s.", self.noun, child.name, what, child.delay)

    def _kill_all(self) -> None:
        for child in self._children:
            child.due = None
            if child.process:
                child.process.kill()
        for child in self._children:
            if child.process:
                child.process.join()
                self._forget(child)

    def _forget(self, child: _Child) -> None:
        assert child.process is not None
        if child.exit_fd != child.process.sentinel:
            os.close(child.exit_fd)
        child.exit_fd = -1
        child.process.close()
        child.process = None

    # -- small things -----------------------------------------------------------------------------------------------

    def _method(self) -> StartMethod:
        if self.start_method is not None:
            return self.start_method
        return "fork" if threading.active_count() == 1 else "spawn"

    def _freeze(self) -> bool:
        if self._method() != "fork":
            return False
        gc.collect()
        gc.freeze()
        return True

    def _on_signal(self, signum: int, frame: object) -> None:
        self._signals.append(signum)

    def _running_text(self) -> str:
        running = [f"{name} (pid {pid})" for name, pid in self.pids.items()]
        return ", ".join(running) or "no running process"


# -- in the child ---------------------------------------------------------------------------------------------------


def _child_main(job: Job, life: Connection, inherited: Sequence[Connection], grace: float) -> None:
    """Run job in this fresh process and leave with its exit code. Starts with the stop signals blocked."""
    for end in inherited:
        end.close()
    stop = StopRequest()
    signal.set_wakeup_fd(-1)
    for signum in STOP_SIGNALS:
        if signal.getsignal(signum) is not signal.SIG_IGN or signum in ESCALATING_SIGNALS:
            signal.signal(signum, lambda signum, frame: stop.request())
    _disarm_inherited_finalizers()
    done = threading.Event()
    threading.Thread(target=_watch_supervisor, args=(life, done, grace), name="supervisor-watch", daemon=True).start()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    code: int | None = Exit.FAILURE
    try:
        code = job(stop)
    except SystemExit:
        raise
    except BaseException:
        logger.exception("%s failed.", multiprocessing.current_process().name)
    finally:
        # multiprocessing leaves by os._exit(); what libraries registered to send before the end should still be sent.
        atexit._run_exitfuncs()  # noqa: SLF001
        done.set()
        # Python takes its handlers away before it has ended: a signal that comes then, the supervisor's own behind
        # one to the group, would make a failure of an orderly end.
        for signum in STOP_SIGNALS:
            signal.signal(signum, signal.SIG_IGN)
    sys.exit(code)


def _watch_supervisor(life: Connection, done: threading.Event, grace: float) -> None:
    """When the supervisor is gone, stop this process: gracefully, and by force when that takes too long."""
    with contextlib.suppress(EOFError, OSError):
        life.recv_bytes()
    if done.is_set():
        return
    logger.warning("The supervisor of %s is gone; stopping.", multiprocessing.current_process().name)
    os.kill(os.getpid(), signal.SIGTERM)  # the handler belongs on the main thread
    if not done.wait(grace):
        os._exit(Exit.GRACE_EXCEEDED)


def _disarm_inherited_finalizers() -> None:
    """What the supervisor's process is going to clean up at its end, temporary folders say, is not ours to remove."""
    for finalizer in list(getattr(weakref.finalize, "_registry", ())):
        finalizer.atexit = False


# -- signals and exit codes -----------------------------------------------------------------------------------------


@contextlib.contextmanager
def _signal_handlers(handler: Callable[[int, Any], None], wakeup_fd: int) -> Iterator[None]:
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
def _signals_blocked() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _exit_fd(process: BaseProcess) -> int:
    """A file descriptor that is readable when the process has ended.

    A pidfd where there is one: multiprocessing's sentinel is a pipe that a grandchild may go on holding open.
    """
    assert process.pid is not None
    if hasattr(os, "pidfd_open"):
        with contextlib.suppress(OSError):
            return os.pidfd_open(process.pid)
    return process.sentinel


def _describe(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = ", perhaps by the system for want of memory" if -code == signal.SIGKILL else ""
    return f"killed by {name}{hint}"
