# SPDX-License-Identifier: MIT
"""The message in hand: what the failure handling says about it, and what of that the engine has to know."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django_kafka._native import Batch, Message, Producer


NOT_DONE = "An overridden method said that it is not done (False), without an exception and without a pause"


class Outcome(Enum):
    """What is known of a message."""

    OPEN = "nothing was said yet"
    DONE = "finished: moving on from it counts"
    FAILED = "its partition waits, it comes again"
    DEFERRED = "finished later, when its copy is confirmed"


@dataclass(frozen=True)
class Note:
    """What is committed with the offset of a message that is being retried: another process goes on from there."""

    attempts: int
    due: datetime

    def __str__(self) -> str:
        return f"attempts={self.attempts} due={self.due.timestamp():.3f}"

    @classmethod
    def read(cls, text: str | None) -> Note | None:
        """The note in a commit's metadata; None if there is none, or one of somebody else."""
        match = re.fullmatch(r"attempts=([0-9]{1,9}) due=([0-9]{1,11}\.[0-9]{3})", text or "")
        if match is None:
            return None
        return cls(int(match[1]), datetime.fromtimestamp(float(match[2]), UTC))


class InHand:
    """A message that a batch has handed out, until the batch moves on."""

    __slots__ = ("batch", "msg", "outcome")

    def __init__(self, batch: Batch, msg: Message) -> None:
        self.batch = batch
        self.msg = msg
        self.outcome = Outcome.OPEN

    def holds(self, msg: Any) -> bool:
        """Whether `msg` is this message, or a copy of it."""
        return msg is self.msg or _place(msg) == _place(self.msg)

    def done(self) -> None:
        if self.outcome is Outcome.OPEN:
            self.outcome = Outcome.DONE

    def fail(self, delay: float) -> None:
        """It comes again after `delay` seconds, and so do those behind it on its partition."""
        if self.outcome in (Outcome.OPEN, Outcome.DONE):
            self.batch.fail(max(0.0, delay))
            self.outcome = Outcome.FAILED

    @property
    def noted(self) -> Note | None:
        """What was noted about it, here or by an earlier owner of its partition."""
        return Note.read(self.batch.noted)

    def note(self, note: Note) -> None:
        self.batch.note(str(note))

    def forward(self, producer: Producer, topic: str, headers: Any, timestamp: int) -> None:
        """It is finished when the broker has confirmed this copy."""
        producer.forward(self.batch, topic, headers, timestamp)
        self.outcome = Outcome.DEFERRED


def _place(msg: Any) -> tuple[str, int, int]:
    return msg.topic(), msg.partition(), msg.offset()
