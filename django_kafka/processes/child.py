# SPDX-License-Identifier: MIT
"""In a child process: runs its job, and passes the request to stop on to it.

A child never counts signals, since under most service managers it gets the same one twice, from the manager and from
the supervisor; only the supervisor escalates. A child learns that its supervisor is gone from a pipe whose other end
only the supervisor holds; it then stops by itself, also within the grace period.
"""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection

from django_kafka import events
from django_kafka.logs.loggers import SUPERVISOR
from django_kafka.processes.exits import Exit
from django_kafka.processes.grace import Grace
from django_kafka.processes.signals import ESCALATING_SIGNALS, STOP_SIGNALS


class StopRequest:
    """What a child's job knows about being asked to stop. The signal handler of the child calls request()."""

    def __init__(self, grace: float | None = None) -> None:
        """grace: seconds that the child has to end in when it is asked; None: as many as it takes."""
        self.grace = Grace(grace)
        self._requested = False
        self._callback: Callable[[], object] | None = None

    @property
    def requested(self) -> bool:
        return self._requested

    def request(self) -> None:
        """Ask the job to stop. May be called at any time and any number of times."""
        self._requested = True
        self.grace.begin()
        callback = self._callback
        if callback is None:
            return
        try:
            callback()
        except Exception as error:
            # We are in a signal handler, on top of somebody's code that must not see this.
            events.STOP_NOT_PASSED_ON.tell(SUPERVISOR, exc_info=error)

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


def main(job: Job, life: Connection, inherited: Sequence[Connection], grace: float) -> None:
    """Run job in this fresh process and leave with its exit code. Starts with the stop signals blocked."""
    for end in inherited:
        end.close()
    stop = StopRequest(grace)
    signal.set_wakeup_fd(-1)
    _request_on_signals(stop)
    _disarm_inherited_finalizers()
    done = threading.Event()
    threading.Thread(target=_watch_supervisor, args=(life, done, grace), name="supervisor-watch", daemon=True).start()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    code: int | None = Exit.FAILURE
    try:
        code = job(stop)
    except SystemExit:
        raise
    except BaseException as error:
        events.PROCESS_FAILED.tell(SUPERVISOR, process=multiprocessing.current_process().name, exc_info=error)
    finally:
        # multiprocessing leaves by os._exit(); what libraries registered to send before the end should still be sent.
        atexit._run_exitfuncs()  # noqa: SLF001
        done.set()
        # Python takes its handlers away before it has ended: a signal that comes then, the supervisor's own behind
        # one to the group, would make a failure of an orderly end.
        for signum in STOP_SIGNALS:
            signal.signal(signum, signal.SIG_IGN)
    sys.exit(code)


def _request_on_signals(stop: StopRequest) -> None:
    """Have the stop signals call stop.request(). In processes that the job forks they do what they do by default: a
    helper that only noted the request could not be terminated. Until that is so they wait, as one that came before
    would be lost."""
    waiting = threading.local()

    def handler(signum: int, frame: object) -> None:
        stop.request()

    def hold() -> None:
        waiting.before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)

    def release() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, waiting.before)

    def reset() -> None:
        for signum in STOP_SIGNALS:
            if signal.getsignal(signum) is handler:
                signal.signal(signum, signal.default_int_handler if signum == signal.SIGINT else signal.SIG_DFL)
        release()

    for signum in STOP_SIGNALS:
        if signal.getsignal(signum) is not signal.SIG_IGN or signum in ESCALATING_SIGNALS:
            signal.signal(signum, handler)
    os.register_at_fork(before=hold, after_in_parent=release, after_in_child=reset)


def _watch_supervisor(life: Connection, done: threading.Event, grace: float) -> None:
    """When the supervisor is gone, stop this process: gracefully, and by force when that takes too long."""
    with contextlib.suppress(EOFError, OSError):
        life.recv_bytes()
    if done.is_set():
        return
    events.SUPERVISOR_GONE.tell(SUPERVISOR, process=multiprocessing.current_process().name)
    os.kill(os.getpid(), signal.SIGTERM)  # the handler belongs on the main thread
    if not done.wait(grace):
        os._exit(Exit.GRACE_EXCEEDED)


def _disarm_inherited_finalizers() -> None:
    """What the supervisor's process is going to clean up at its end, temporary folders say, is not ours to remove."""
    for finalizer in list(getattr(weakref.finalize, "_registry", ())):
        finalizer.atexit = False
