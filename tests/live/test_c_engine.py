# SPDX-License-Identifier: MIT
"""The C tests that need a real broker (`DK_TEST_LIVE`), in the program that `make check-c` has built."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.live.servers import KafkaServer

ROOT = Path(__file__).parents[2]


def test_c_tests_on_a_real_broker(broker: KafkaServer) -> None:
    program = ROOT / "build-asan/tests/c/dk-test"
    assert program.exists(), "the C tests are not built: make check-c"
    environment = {**os.environ, "DK_TEST_BOOTSTRAP": broker.bootstrap}
    listing = subprocess.run([program, "--list"], capture_output=True, check=True, text=True).stdout
    names = [line.split()[0] for line in listing.splitlines() if line.endswith("(live)")]
    assert names
    result = subprocess.run(
        [program, "--no-skip", *names], env=environment, capture_output=True, text=True, check=False, timeout=250
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"{len(names)} passed, 0 failed" in result.stdout
