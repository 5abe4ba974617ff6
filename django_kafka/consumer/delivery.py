# SPDX-License-Identifier: MIT
"""The message in hand: what the failure handling says about it, and what of that the engine has to know."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django_kafka._native import Batch, Message, Ticket


NOT_DONE = "An overridden method said that it is not done (False), without an exception and without a pause"


class Outcome(Enum):
    """What is known of a message."""

    OPEN = "nothing was said yet"
    DONE = "finished: moving on from it counts"
    FAILED = "its partition waits, it comes again"
    DEFERRED = "finished later, when its copy is confirmed"


class InHand:
    """A message that a batch has handed out, until the batch moves on."""

    __slots__ = ("batch", "msg", "outcome", "place")

    def __init__(self, batch: Batch, msg: Message) -> None:
        self.batch = batch
        self.msg = msg
        self.place = (msg.topic(), msg.partition(), msg.offset())
        self.outcome = Outcome.OPEN

    def holds(self, msg: Any) -> bool:
        """Whether `msg` is this message, or a copy of it."""
        return msg is self.msg or (msg.topic(), msg.partition(), msg.offset()) == self.place

    def done(self) -> None:
        if self.outcome is Outcome.OPEN:
            self.outcome = Outcome.DONE

    def fail(self, delay: float) -> None:
        """It comes again after `delay` seconds, and so do those behind it on its partition."""
        if self.outcome in (Outcome.OPEN, Outcome.DONE):
            self.batch.fail(max(0.0, delay))
            self.outcome = Outcome.FAILED

    def defer(self) -> Ticket:
        """It is finished when the ticket is resolved."""
        ticket = self.batch.defer()
        self.outcome = Outcome.DEFERRED
        return ticket
