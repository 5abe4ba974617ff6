# SPDX-License-Identifier: MIT
"""A program for test_supervisor.py: a supervisor over jobs that need neither Kafka nor Django.

    supervised.py EVENTS OPTIONS BEHAVIOUR…

EVENTS is a file that every process appends JSON lines to, OPTIONS a JSON object of Supervisor's arguments.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from django_kafka.processes import supervisor as supervision
from django_kafka.processes.child import StopRequest
from django_kafka.processes.exits import Exit
from django_kafka.processes.supervisor import Backoff, Supervisor

EVENTS = Path(sys.argv[1])
# Not empty: a process that is forked gets SIGTERM before any hook of the package has run in it.
END_AT_ONCE: list[bool] = []
os.register_at_fork(after_in_child=lambda: END_AT_ONCE and os.kill(os.getpid(), signal.SIGTERM))


def event(job: str, what: str, **more: Any) -> None:
    line = json.dumps({"job": job, "what": what, "pid": os.getpid(), "time": time.monotonic(), **more})
    with EVENTS.open("a") as file:
        file.write(line + "\n")


class Job:
    """`behaviour` is what it does, "wait" or "crash" or …; see the methods."""

    def __init__(self, behaviour: str) -> None:
        self.behaviour = behaviour

    def __call__(self, stop: StopRequest) -> int | None:
        event(self.behaviour, "start", ppid=os.getppid())
        return getattr(self, self.behaviour.rstrip("0123456789").replace("-", "_"))(stop)

    def wait(self, stop: StopRequest) -> None:
        # Not an Event: its lock would wait for ever for this thread if the signal came while it is held.
        read, write = os.pipe()
        with stop.calls(lambda: os.write(write, b"x")):
            os.read(read, 1)
        event(self.behaviour, "stopped")

    def messages(self, stop: StopRequest) -> None:
        """Messages that take half a second each; a stop comes in the middle of one."""
        while not stop.requested:
            event(self.behaviour, "begin")
            end = time.monotonic() + 0.5
            while (left := end - time.monotonic()) > 0:
                time.sleep(left)
            event(self.behaviour, "end")
        event(self.behaviour, "stopped")

    def helper(self, stop: StopRequest) -> None:
        """A process that the job forks and terminates."""
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.write(write, b"x")
            while True:
                time.sleep(60)
        os.read(read, 1)
        os.kill(pid, signal.SIGTERM)
        _, status = os.waitpid(pid, 0)
        event(self.behaviour, "helper ended", code=os.waitstatus_to_exitcode(status))
        self.wait(stop)

    def helper_ended_at_once(self, stop: StopRequest) -> None:
        """The signal is there before the helper has left fork()."""
        END_AT_ONCE.append(True)
        pid = os.fork()
        END_AT_ONCE.clear()
        while pid == 0:
            time.sleep(60)
        _, status = os.waitpid(pid, 0)
        event(self.behaviour, "helper ended", code=os.waitstatus_to_exitcode(status))
        self.wait(stop)

    def orphan(self, stop: StopRequest) -> None:
        """A program that outlives the one that has started it."""
        subprocess.run(["sh", "-c", "exec sleep 3600 & exit 0"], check=True)
        event(self.behaviour, "orphaned")
        self.wait(stop)

    def slow_start(self, stop: StopRequest) -> None:
        """The stop comes before there is anything that could be told of it."""
        end = time.monotonic() + 0.5
        while (left := end - time.monotonic()) > 0:
            time.sleep(left)
        with stop.calls(lambda: event(self.behaviour, "told")):
            event(self.behaviour, "stopped" if stop.requested else "missed")

    def stubborn(self, stop: StopRequest) -> None:
        while True:
            if stop.requested:
                event(self.behaviour, "ignored")
            time.sleep(0.1)

    def crash(self, stop: StopRequest) -> None:
        raise RuntimeError("this job crashes")

    def crash_once(self, stop: StopRequest) -> None:
        if EVENTS.read_text().count('"job": "crash-once", "what": "start"') == 1:
            os.kill(os.getpid(), signal.SIGSEGV)
        self.wait(stop)

    def config(self, stop: StopRequest) -> int:
        return Exit.CONFIG

    def end(self, stop: StopRequest) -> int:
        return 0

    def fail_at_stop(self, stop: StopRequest) -> int:
        self.wait(stop)
        return 5

    def hit_at_the_end(self, stop: StopRequest) -> None:
        self.wait(stop)
        global last
        last = SignalAtTheEnd()


class SignalAtTheEnd:
    """The supervisor's own signal, behind one to the group, comes while Python tears itself down."""

    def __del__(self, kill: Any = os.kill, getpid: Any = os.getpid, signum: int = signal.SIGTERM) -> None:
        kill(getpid(), signum)


last: SignalAtTheEnd | None = None


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    options = json.loads(sys.argv[2])
    if options.pop("first", False) and os.getpid() != 1:
        os.execvp("unshare", ["unshare", "--pid", "--fork", "--kill-child", sys.executable, *sys.argv])
    if "backoff" in options:
        options["backoff"] = Backoff(**options["backoff"])
    supervision.SAME_SIGNAL_WINDOW = options.pop("window", supervision.SAME_SIGNAL_WINDOW)
    thread = options.pop("thread", False)
    if thread:
        threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
    in_thread = options.pop("in_thread", False)
    supervisor = Supervisor({name: Job(name) for name in sys.argv[3:]}, **options)
    if not in_thread:
        return supervisor.run()
    codes: list[int] = []
    runner = threading.Thread(target=lambda: codes.append(supervisor.run()))
    runner.start()
    while EVENTS.read_text().count('"start"') < len(sys.argv[3:]):
        time.sleep(0.02)
    supervisor.stop()
    runner.join()
    return codes[0]


if __name__ == "__main__":
    sys.exit(main())
