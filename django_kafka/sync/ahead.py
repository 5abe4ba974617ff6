# SPDX-License-Identifier: MIT
"""The next messages become rows while the database writes those before them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django_kafka._native import Claim, CopyAhead, CopyPlan, CopyResult


class Ahead:
    """What a plan makes of the messages behind those in hand. It is used if exactly these are taken in hand next, and
    thrown away else: nothing is said of a message before it is in hand. Owned by one thread."""

    def __init__(self) -> None:
        self._plan: CopyPlan | None = None
        self._begun: CopyAhead | None = None

    def begin(self, plan: CopyPlan, messages: Sequence[Any]) -> None:
        """Look for messages behind these."""
        if isinstance(messages, Claim) and (behind := messages.behind(len(messages))) is not None:
            self._plan, self._begun = plan, plan.ahead(behind)

    def end(self) -> None:
        """Let go of what has begun, and so of its batch."""
        self._begun = None

    def take(self, plan: CopyPlan, messages: Sequence[Any], at: int) -> CopyResult | None:
        """What was made of the messages from there on. None: they were not those behind."""
        begun, self._begun = self._begun, None
        if begun is None or self._plan is not plan or at > 0:
            return None
        return begun.take(messages)
