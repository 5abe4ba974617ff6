# SPDX-License-Identifier: MIT
"""The supervisor with jobs that need no Kafka: signals, restarts, exit codes, orphans."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .helpers import Program, alive, program, wait_for

SCRIPT = Path(__file__).with_name("supervised.py")
METHODS = pytest.mark.parametrize("method", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])

Supervise = Callable[..., contextlib.AbstractContextManager[Program]]


@pytest.fixture
def supervise(tmp_path: Path) -> Supervise:
    @contextlib.contextmanager
    def start(*jobs: str, **options: Any) -> Iterator[Program]:
        with program(tmp_path, SCRIPT, tmp_path / "events", json.dumps(options), *jobs) as running:
            yield running

    return start


@METHODS
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("to", ["parent", "group"])
def test_stop_finishes_the_message_in_hand(supervise: Supervise, method: str, signum: int, to: str) -> None:
    with supervise("messages1", "messages2", start_method=method) as run:
        run.wait_events("end", 1)
        run.wait_events("begin", 3)
        (run.signal if to == "parent" else run.signal_group)(signum)
        assert run.wait() == 0
        assert len(run.events("stopped")) == 2
        assert len(run.events("begin")) == len(run.events("end"))
        assert "Traceback" not in run.output


@METHODS
def test_jobs_run_in_parallel_in_children(supervise: Supervise, method: str) -> None:
    with supervise("wait1", "wait2", "wait3", start_method=method) as run:
        started = run.wait_events("start", 3)
        assert len({one["pid"] for one in started} | {run.pid}) == 4
        assert {one["ppid"] for one in started} == {run.pid}
        run.signal(signal.SIGTERM)
        assert run.wait() == 0


@METHODS
def test_signal_before_the_job_is_ready(supervise: Supervise, method: str) -> None:
    with supervise("slow-start", start_method=method) as run:
        wait_for(lambda: "started, pid" in run.output)
        run.signal_group(signal.SIGTERM)
        assert run.wait() == 0
        assert "did not stop cleanly" not in run.output
        # The child was alive, and so had to be told, unless it had not even begun; once more if we were slow.
        events = [one["what"] for one in run.events()]
        assert events[:2] == ["start", "told"]
        assert sorted(events[2:]) in (["stopped"], ["stopped", "told"])


def test_signal_at_once(supervise: Supervise) -> None:
    """Whenever the signal comes, even while Python starts: no child is left and nothing hangs."""
    for delay in (0.0, 0.02, 0.05, 0.08, 0.12, 0.2):
        with supervise("wait1", "wait2") as run:
            time.sleep(delay)  # not for a condition: this is the moment under test
            run.signal_group(signal.SIGTERM)
            assert run.wait() in (0, -signal.SIGTERM)


def test_signals_twice_quickly_are_one(supervise: Supervise) -> None:
    with supervise("messages", window=30.0) as run:  # what is quick depends on the machine
        run.wait_events("begin")
        run.signal_group(signal.SIGTERM)
        run.signal(signal.SIGINT)  # another one, for the same would not even be seen
        assert run.wait() == 0
        assert len(run.events("begin")) == len(run.events("end"))


@METHODS
@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_second_signal_ends_at_once(supervise: Supervise, method: str, signum: int, code: int) -> None:
    with supervise("stubborn", "wait", start_method=method) as run:
        run.wait_events("start", 2)
        run.signal(signum)
        run.wait_events("ignored")
        time.sleep(0.15)  # longer than the window in which signals count as one
        asked = time.monotonic()
        run.signal(signum)
        assert run.wait() == code
        assert time.monotonic() - asked < 15.0  # half the grace period, which it does not wait for
        assert "will be redelivered" in run.output


def test_hangup_is_no_second_signal(supervise: Supervise) -> None:
    with supervise("messages") as run:
        run.wait_events("begin")
        run.signal(signal.SIGTERM)
        wait_for(lambda: "asking" in run.output)
        time.sleep(0.15)  # beyond the window in which signals count as one
        run.signal(signal.SIGHUP)
        assert run.wait() == 0


@METHODS
def test_signal_to_a_child_that_is_ending(supervise: Supervise, method: str) -> None:
    with supervise("hit-at-the-end", start_method=method) as run:
        run.wait_events("start")
        run.signal(signal.SIGTERM)
        assert run.wait() == 0, run.output
        assert "did not stop cleanly" not in run.output


def test_grace_exceeded(supervise: Supervise) -> None:
    with supervise("stubborn", "wait", grace=1.5) as run:
        run.wait_events("start", 2)
        asked = time.monotonic()
        run.signal(signal.SIGTERM)
        assert run.wait() == 3
        assert 1.4 < time.monotonic() - asked < 15
        assert len(run.events("stopped", "wait")) == 1
        assert "grace period of 1.5 s: stubborn (pid" in run.output
        assert "will be redelivered" in run.output


@METHODS
def test_died_child_is_started_again(supervise: Supervise, method: str) -> None:
    with supervise("crash-once", "wait", start_method=method, backoff={"first": 0.2}) as run:
        run.wait_events("start", 2, "crash-once")
        assert "Consumer crash-once (pid" in run.output
        assert "killed by SIGSEGV" in run.output
        run.signal(signal.SIGTERM)
        assert run.wait() == 0
        assert len(run.events("start", "wait")) == 1


def test_backoff_doubles_up_to_its_limit(supervise: Supervise) -> None:
    with supervise("crash", backoff={"first": 0.1, "limit": 0.4}) as run:
        times = [one["time"] for one in run.wait_events("start", 6)]
        gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
        delays = [0.1, 0.2, 0.4, 0.4, 0.4]
        assert all(gap >= delay for gap, delay in zip(gaps, delays, strict=False)), gaps
        said = [float(text) for text in re.findall(r"started again in ([0-9.]+) s", run.output)]
        assert said[:5] == delays
        assert "RuntimeError: this job crashes" in run.output
        assert "exit code 1. It is started again in 0.2 s" in run.output
        run.signal(signal.SIGTERM)
        assert run.wait() in (0, 1)  # 1: a child crashed just after the signal


def test_backoff_begins_again_after_a_stable_time(supervise: Supervise) -> None:
    with supervise("crash", backoff={"first": 0.1, "limit": 9.0, "stable": 0.0}) as run:
        run.wait_events("start", 5)
        assert "again in 0.2 s" not in run.output


def test_stop_while_waiting_to_start_again(supervise: Supervise) -> None:
    with supervise("crash", backoff={"first": 30.0}) as run:
        wait_for(lambda: "again in 30 s" in run.output)
        run.signal(signal.SIGTERM)
        assert run.wait(20) == 0


def test_exit_on_failure(supervise: Supervise) -> None:
    with supervise("messages", "crash", exit_on_failure=True) as run:
        assert run.wait() == 1
        assert len(run.events("begin")) == len(run.events("end"))
        assert "crash (pid" in run.output
        assert len(run.events("start", "crash")) == 1


def test_job_that_ends_by_itself_is_started_again(supervise: Supervise) -> None:
    with supervise("end", exit_on_failure=True, backoff={"first": 0.1}) as run:
        run.wait_events("start", 3)
        assert "ended without having been asked to" in run.output
        run.signal(signal.SIGTERM)
        assert run.wait() == 0


def test_wrong_configuration_is_not_tried_again(supervise: Supervise) -> None:
    with supervise("config") as run:
        assert run.wait() == 1
        assert len(run.events("start")) == 1


def test_wrong_configuration_of_one_leaves_the_others(supervise: Supervise) -> None:
    with supervise("config", "wait") as run:
        wait_for(lambda: "cannot run with its configuration" in run.output)
        run.wait_events("start", job="wait")
        run.signal(signal.SIGTERM)
        assert run.wait() == 1


def test_failure_while_stopping_shows_in_the_exit_code(supervise: Supervise) -> None:
    with supervise("fail-at-stop", "wait") as run:
        run.wait_events("start", 2)
        run.signal(signal.SIGTERM)
        assert run.wait() == 1
        assert "did not stop cleanly: exit code 5" in run.output


@METHODS
def test_children_stop_when_the_supervisor_is_killed(supervise: Supervise, method: str) -> None:
    with supervise("messages1", "messages2", start_method=method) as run:
        pids = [run.wait_events("begin", job=job)[0]["pid"] for job in ("messages1", "messages2")]
        run.signal(signal.SIGKILL)
        wait_for(lambda: not any(map(alive, pids)), 20, f"orphans {pids}")
        assert len(run.events("stopped")) == 2
        assert len(run.events("begin")) == len(run.events("end"))


def test_orphans_end_within_the_grace_period(supervise: Supervise) -> None:
    with supervise("stubborn1", "stubborn2", grace=0.5) as run:
        pids = [one["pid"] for one in run.wait_events("start", 2)]
        run.signal(signal.SIGKILL)
        wait_for(lambda: not any(map(alive, pids)), 20, f"orphans {pids}")


def test_restarted_child_does_not_keep_orphans_alive(supervise: Supervise) -> None:
    """A later child must not hold the end of the pipe by which an earlier one learns of the supervisor's death."""
    with supervise("wait", "crash-once", backoff={"first": 0.1}) as run:
        pids = [run.wait_events("start", job="wait")[0]["pid"], run.wait_events("start", 2, "crash-once")[1]["pid"]]
        os.kill(pids[1], signal.SIGSTOP)
        run.signal(signal.SIGKILL)
        wait_for(lambda: not alive(pids[0]), 20)
        os.kill(pids[1], signal.SIGCONT)
        wait_for(lambda: not alive(pids[1]), 20)


@pytest.mark.parametrize("helper", ["helper", "helper-ended-at-once"])
@METHODS
def test_a_helper_that_a_job_forks_can_be_terminated(supervise: Supervise, method: str, helper: str) -> None:
    with supervise(helper, start_method=method) as run:
        assert run.wait_events("helper ended")[0]["code"] == -signal.SIGTERM
        run.signal(signal.SIGTERM)
        assert run.wait() == 0
        assert len(run.events("stopped")) == 1


def test_threads_in_the_supervisor_mean_spawn(supervise: Supervise) -> None:
    with supervise("wait", thread=True) as run:
        run.wait_events("start")
        parent = Path(f"/proc/{run.pid}/cmdline").read_bytes()
        pid = run.events("start")[0]["pid"]
        assert Path(f"/proc/{pid}/cmdline").read_bytes() != parent
        run.signal(signal.SIGTERM)
        assert run.wait() == 0


def test_stop_from_another_thread(supervise: Supervise) -> None:
    with supervise("wait1", "wait2", in_thread=True) as run:
        assert run.wait() == 0
        assert len(run.events("stopped")) == 2


def test_supervisor_sleeps(supervise: Supervise) -> None:
    """No busy polling: a supervisor with nothing to do uses no processor time."""

    def ticks() -> int:
        fields = Path(f"/proc/{run.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    def switches() -> int:
        status = Path(f"/proc/{run.pid}/status").read_text()
        return int(status.split("\nvoluntary_ctxt_switches:")[1].split()[0])

    with supervise("wait1", "wait2") as run:
        run.wait_events("start", 2)
        wait_for(lambda: Path(f"/proc/{run.pid}/stat").read_text().rpartition(")")[2].split()[0] == "S")
        for _ in range(5):
            before = ticks(), switches()
            time.sleep(1.0)  # the time under observation; the first may still see the end of its start
            used = ticks() - before[0], switches() - before[1]
            if used[0] <= 1 and used[1] <= 2:
                break
        else:
            raise AssertionError(f"processor time, switches of an idle supervisor in a second: {used}")
        run.signal(signal.SIGTERM)
        assert run.wait() == 0


@pytest.mark.parametrize("grace", [-1.0, float("nan"), float("inf")])
def test_bad_grace(grace: float) -> None:
    from django_kafka.processes.supervisor import Supervisor

    with pytest.raises(ValueError, match="grace must be a number of seconds"):
        Supervisor({}, grace=grace)


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.skipif(
    subprocess.run(["unshare", "--pid", "--fork", "true"], check=False).returncode != 0,
    reason="no namespace of processes can be made here",
)
def test_the_first_process_takes_note_of_orphans(supervise: Supervise) -> None:
    """As in a container without an init: they would stay there as zombies."""
    with supervise("orphan", first=True, start_method="fork") as run:
        run.wait_events("orphaned")
        (first,) = children_of(run.pid)
        (orphan,) = wait_for(
            lambda: [pid for pid in children_of(first) if "sleep" in Path(f"/proc/{pid}/cmdline").read_text()]
        )
        os.kill(orphan, signal.SIGKILL)
        wait_for(lambda: not Path(f"/proc/{orphan}").exists(), what="the orphan's end is noted")
        assert len(run.events("start")) == 1
        os.kill(first, signal.SIGTERM)
        assert run.wait() == 0
        assert len(run.events("stopped")) == 1
