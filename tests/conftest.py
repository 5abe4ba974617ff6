# SPDX-License-Identifier: MIT
"""For all Python tests: in CI no server may be missing; a crash of the interpreter names its test."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from pathlib import Path

import pytest

_NEEDS_SERVER = ("live", "postgres", "chaos")
# Whole folders that are not for the inner loop: real processes, and thousands of generated cases.
_SLOW = ("oracle", "process", "demo")
_RUNNING = Path(__file__).parents[1] / ".cache" / "running-tests"


def pytest_sessionstart(session: pytest.Session) -> None:
    # A shell's background job ignores SIGINT, what nohup starts SIGHUP, and so would the processes that tests start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGHUP, signal.SIGTERM))
    _RUNNING.mkdir(parents=True, exist_ok=True)
    for note in _RUNNING.iterdir():
        if not Path("/proc", note.name).exists():
            print(f"\nA run before this one ended inside {note.read_text()} (a crash, or it was killed).")
            note.unlink(missing_ok=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here / "py") and item.path.relative_to(here / "py").parts[0] in _SLOW:
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Note which test runs: after a segmentation fault that is all there is to see."""
    note = _RUNNING / str(os.getpid())
    note.write_text(item.nodeid)
    try:
        return (yield)
    finally:
        note.unlink(missing_ok=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if os.environ.get("CI") and report.skipped and any(item.get_closest_marker(name) for name in _NEEDS_SERVER):
        report.outcome = "failed"
        report.longrepr = f"skipped, which is a failure in CI: {report.longrepr}"
    return report
