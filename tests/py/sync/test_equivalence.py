# SPDX-License-Identifier: MIT
"""Whatever happens, all paths leave the table as update_or_create() per message would."""

from __future__ import annotations

from typing import Any

from django.db import connection
from hypothesis import HealthCheck, given, settings

from tests.py.sync.histories import histories, on_path, outcome, reference
from tests.synced.models import Node

LIMITS = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def compare(history: Any, using: str) -> None:
    model, before, events = history
    if model is Node:  # whose first row others refer to: it stays
        events = [event for event in events if event[0] != {"id": 1} or (event[1] and "__deleted" not in event[1])]
    wanted = outcome(reference, model, before, events, using)
    for path in ("auto", "bulk", "instances"):
        if path == "bulk" and model.__name__ in ("Restaurant", "Saved"):
            continue
        for size in (1, 4, 100):
            assert outcome(on_path(path, size), model, before, events, using) == wanted, (path, size)


@LIMITS
@given(histories())
def test_all_paths_are_equal(history: Any) -> None:
    assert connection.vendor == "sqlite"
    compare(history, "default")
