# SPDX-License-Identifier: MIT
"""One minute of chaos. Longer, or with another seed: make chaos SECONDS=600 SEED=7."""

from __future__ import annotations

import os

import pytest

from tests.chaos.__main__ import run
from tests.live.servers import kafka, postgres


@pytest.mark.chaos
@pytest.mark.timeout(420)
def test_nothing_is_lost_whatever_is_killed() -> None:
    if reason := kafka.available() or postgres.available():
        pytest.skip(reason)
    verdict = run(os.environ.get("SEED", "1"), float(os.environ.get("SECONDS", "60")))
    assert verdict.ok, {what: found[:5] for what, found in verdict.violations.items() if found}
