# SPDX-License-Identifier: MIT
"""Model topics with the older driver: their tests, in a process in which Django finds no psycopg 3."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.live.servers import postgres
from tests.live.servers.process import ROOT

FILES = ["test_model_topics.py", "test_copy_path.py", "test_streams.py"]
WITHOUT_PSYCOPG_3 = """
import sys
sys.modules["psycopg"] = None
import pytest
from django.db.backends.postgresql import psycopg_any
assert not psycopg_any.is_psycopg3
sys.exit(pytest.main(sys.argv[1:]))
"""


def test_all_of_them_pass() -> None:
    if reason := postgres.available():
        pytest.skip(reason)
    pytest.importorskip("psycopg2")
    # Of the captured streams, two.
    arguments = [
        "-q",
        "-p",
        "no:cacheprovider",
        "-k",
        "not streams or (end_equal and (flat-strings or schemas-rewrite))",
    ]
    files = [f"tests/live/{name}" for name in FILES]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PSYCOPG_3, *arguments, *files],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
