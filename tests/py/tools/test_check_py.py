# SPDX-License-Identifier: MIT
"""tools/check_py.sh: a test with real servers that fails once is told, and stops nothing if it passes by itself."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

# In the place of Python: $1 $2 are "-m pytest". What is run, and how it ends, is in files.
FAKE = """#!/usr/bin/env bash
echo "${*:3}" >>calls
case "$3" in
    tests/live) cat live; exit "$(cat live-code)" ;;
    tests/py) exit 0 ;;
    *) exit "$(cat again-code)" ;;
esac
"""
FAILED = "FAILED tests/live/test_one.py::test_it[a b - c] - AssertionError: not - so\n"


@pytest.mark.parametrize(
    ("live", "live_code", "again_code", "code", "calls"),
    [
        ("", 0, 1, 0, 2),
        (FAILED, 1, 0, 0, 3),
        (FAILED, 1, 1, 1, 3),
        (FAILED * 3, 1, 0, 1, 2),
        (f"{FAILED}ERROR tests/live/test_two.py::test_it - OSError\n", 1, 0, 1, 2),
        ("no tests ran\n", 5, 0, 0, 2),
        (FAILED, 2, 0, 2, 2),  # interrupted
    ],
)
def test_what_fails_once_is_run_again(
    tmp_path: Path, live: str, live_code: int, again_code: int, code: int, calls: int
) -> None:
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(FAKE)
    python.chmod(0o755)
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools/check_py.sh", tmp_path / "tools")
    for name, text in (("live", live), ("live-code", live_code), ("again-code", again_code)):
        (tmp_path / name).write_text(str(text))
    done = subprocess.run(
        ["tools/check_py.sh"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == code, done.stderr
    assert len((tmp_path / "calls").read_text().splitlines()) == calls
    assert ("UNSTABLE" in done.stdout) == (live_code != 0 and code == 0 and live_code != 5)
