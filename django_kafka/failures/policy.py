# SPDX-License-Identifier: MIT
"""Asks the consumer what becomes of a failed message, and makes one outcome of the answer.

Whatever raises in a consumer's methods, the message is not lost: its partition waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django_kafka import events
from django_kafka.exceptions import HandlerResultError
from django_kafka.failures import database
from django_kafka.failures.delivery import Outcome
from django_kafka.logs.safely import safely
from django_kafka.utils.backoff import FIRST
from django_kafka.utils.moments import seconds_until

if TYPE_CHECKING:
    from django_kafka._native import Batch
    from django_kafka.consumer.consumer import Consumer
    from django_kafka.consumer.member import Member
    from django_kafka.failures.delivery import Delivery, Handed

NOT_FINISHED = "An overridden method said that it is not done (False), without an exception and without a pause"


class Policy:
    """Owned by the thread that runs the consumer."""

    def __init__(self, consumer: Consumer, member: Member) -> None:
        self.consumer = consumer
        self.member = member

    # ---- a handler has raised ----

    def handle(self, batch: Batch, msg: Any, exc: Exception) -> None:
        """The handler of a batch's message in hand has raised: find out what becomes of it, and tell the engine."""
        self.judge(self.member.take(batch, msg), exc)

    def judge(self, delivery: Handed, exc: Exception) -> None:
        """Its handler has raised: find out what becomes of the message, and tell the engine."""
        try:
            if self.ask(delivery.msg, exc):
                delivery.done()
            self.settle(delivery)
        finally:
            self.member.release()

    def wait(self, delivery: Handed, exc: Exception) -> None:
        """It is nobody's fault, or the project's as a whole: the message's partition waits."""
        try:
            self.consumer.hold_partition(delivery.msg, exc)
            self.settle(delivery)
        finally:
            self.member.release()
            database.after_failure()

    def ask(self, msg: Any, exc: Exception) -> bool:
        """The consumer's handle_exception(). Returns whether the message is finished."""
        try:
            return bool(self.consumer.handle_exception(msg, exc))
        except Exception as error:
            if error is not exc:
                safely(self.consumer.log_error, msg, exc_info=exc)
            self._hold(msg, error, unless=(Outcome.COPIED,))
            return False
        finally:
            database.after_failure()

    def escaped(self, delivery: Delivery, exc: Exception) -> None:
        """An overridden method of the consumer let an exception out. The message is not finished, unless something
        was said of it before."""
        self._hold(delivery.msg, exc, unless=(Outcome.FINISHED, Outcome.HELD, Outcome.COPIED))

    def interrupted(self, msg: Any, exc: BaseException) -> None:
        """A handler ends the process (sys.exit(), say): name the message, which will be redelivered."""
        if msg is not None and not isinstance(exc, KeyboardInterrupt):
            logger, message = self.consumer.default_logger, self.member.describe(msg)
            events.CONSUMER_ENDED_BY_HANDLER.tell(logger, message=message, exception=type(exc).__name__)

    def _hold(self, msg: Any, exc: Exception, unless: tuple[Outcome, ...]) -> None:
        if self.member.delivery(msg).outcome in unless:
            safely(self.consumer.log_error, msg, exc_info=exc)
        else:
            self.consumer.hold_partition(msg, exc)

    # ---- one outcome ----

    def settle(self, delivery: Handed) -> None:
        """The consumer's methods have returned: tell the engine what becomes of the message in hand."""
        if delivery.outcome is Outcome.COPIED and self._make_copies(delivery):
            return
        if delivery.outcome is Outcome.OPEN:
            self.consumer.hold_partition(delivery.msg, HandlerResultError(NOT_FINISHED))
        if delivery.outcome is Outcome.FINISHED:
            delivery.finish()
        else:
            wait = FIRST if delivery.until is None else seconds_until(delivery.until)
            delivery.come_again(max(0.0, wait))

    def _make_copies(self, delivery: Handed) -> bool:
        """Returns whether the message has its outcome; else its partition has to wait."""
        if not delivery.copies:  # they are confirmed
            delivery.finish()
            return True
        try:
            wait = self.member.copies.post(delivery.copies, delivery.source)
        except Exception as error:
            delivery.reopen()
            self.consumer.hold_partition(delivery.msg, error)
            return False
        if wait:
            delivery.come_again(wait)
        return True
