# SPDX-License-Identifier: MIT
"""Whatever happens, all paths leave the table as update_or_create() per message would."""

from __future__ import annotations

from typing import Any

from django.db import connection
from hypothesis import HealthCheck, given, settings

from tests.py.sync.helpers import topic_of
from tests.py.sync.histories import histories, on_path, outcome, reference
from tests.synced.models import Node

LIMITS = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def can_be_bulk(model: Any, using: str) -> bool:
    """Whether it can, and nothing of the project's own is left out by it."""
    plan = topic_of(model).plan(model, using)
    return all(reason.text.endswith("'instances'") for reason in plan.reasons)


def stays(events: list[Any]) -> list[Any]:
    return [event for event in events if event[0] != {"id": 1} or (event[1] and "__deleted" not in event[1])]


def compare(history: Any, using: str) -> None:
    model, before, events = history
    if model is Node:  # whose first row others refer to: it stays
        before, events = stays(before), stays(events)
    wanted = outcome(reference, model, before, events, using)
    for path in ("auto", "bulk", "instances"):
        if path == "bulk" and not can_be_bulk(model, using):
            continue
        for size in (1, 4, 100):
            assert outcome(on_path(path, size), model, before, events, using) == wanted, (path, size)


@LIMITS
@given(histories())
def test_all_paths_are_equal(history: Any) -> None:
    assert connection.vendor == "sqlite"
    compare(history, "default")
