# SPDX-License-Identifier: MIT
"""The path of a topic that takes batches, or whose offsets are stored with what it does: several messages in hand at
once, each call in a transaction if that is wanted.

A batch that fails is halved until the failing message stands alone, or split there at once if the exception tells
which message it is (`exc.index`, as model topics have it). That one goes to the failure handling, the others
are handled; what is behind it on its partition is not, if it has to wait. What nobody has said to be finished is
handed out again.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django_kafka import events
from django_kafka._native import Claim
from django_kafka.consumer.describe import name_of
from django_kafka.consumer.paths.calls import Calls, Failures, Leave, Undone
from django_kafka.consumer.sizes import size_of
from django_kafka.exceptions import (
    HandlerResultError,
    index_of,
    is_failure,
)
from django_kafka.failures import blame, database
from django_kafka.failures.delivery import Outcome
from django_kafka.logs.tracebacks import line_of

if TYPE_CHECKING:
    from django_kafka._native import Batch
    from django_kafka.consumer.consumer import Consumer
    from django_kafka.consumer.member import Member
    from django_kafka.consumer.offsets import StoredOffsets
    from django_kafka.failures.policy import Policy
    from django_kafka.topic import TopicConsumer

Sequence.register(Claim)

# While a small batch waits for more it is looked at so often; seconds, at least and at most.
SHORTEST_LOOK, LONGEST_LOOK = 0.01, 0.25
# So many undone calls inside of one another, then the messages are halved.
DEEPEST = 10


def is_for(topic: TopicConsumer) -> bool:
    """Whether messages of a topic take this path."""
    return topic.takes_batches is True or topic.offsets_in_database is True


class Sink:
    """The messages of one topic, in one run of a consumer."""

    def __init__(self, consumer: Consumer, member: Member, policy: Policy, topic: TopicConsumer) -> None:
        self.consumer = consumer
        self.member = member
        self.policy = policy
        self.topic = topic
        self.size = size_of(topic)
        self.calls = Calls(consumer.default_logger, member, topic)
        self.offsets: StoredOffsets | None = self.calls.offsets
        self.timeout = float(topic.batch_timeout)
        self._waiting_since: float | None = None
        self._claim: Claim
        self._is_told = False  # that this claim is halved
        self._undone = 0  # calls whose messages are being handled again
        self._is_believed = True  # what exceptions say of which message it is
        self._named = 0  # calls inside of one another that such an exception ended

    def walk(self, batch: Batch) -> None:
        """Handle the run of messages that the batch has opened."""
        while (claim := batch.claim(self.size)) is not None:
            wait = self._wait_for_more(claim, batch.full)
            if wait == 0.0:
                self._handle(claim)
            claim.give_back(wait)  # what has no outcome

    # ---- waiting for more ----

    def _wait_for_more(self, claim: Claim, full: bool) -> float:
        """How long a batch waits that is smaller than wanted (seconds); 0.0: it is handled now."""
        now = time.monotonic()
        if self.timeout <= 0 or full or len(claim) >= self.size:
            self._waiting_since = None
            return 0.0
        if self._waiting_since is None:
            self._waiting_since = now
        left = self._waiting_since + self.timeout - now
        if left <= 0:
            self._waiting_since = None
            return 0.0
        return min(left, LONGEST_LOOK, max(self.timeout / 10, SHORTEST_LOOK))

    # ---- a claim ----

    def _handle(self, claim: Claim) -> None:
        if database.in_use():
            database.refresh()
        self._claim, self._is_told, self._undone = claim, False, 0
        self._is_believed, self._named = True, 0
        try:
            self._pass_over_foreign(claim)
            self._hold_early(claim)
            self._write(claim)
            self.calls.catch_up()
        except Leave:
            pass
        finally:
            del self._claim  # or it would keep its batch in memory

    def _pass_over_foreign(self, claim: Claim) -> None:
        is_foreign = self.consumer.is_foreign
        if is_foreign is None:
            return
        for i, msg in enumerate(claim):
            if is_foreign(msg):
                one = claim[i : i + 1]
                if self.offsets is not None:
                    self.offsets.finish(one.spans())
                one.done()

    def _hold_early(self, claim: Claim) -> None:
        """Of a retry topic: messages that are not due yet wait, and those behind them."""
        not_due = self.consumer.not_due
        if not_due is None:
            return
        held = set()
        for i, msg in enumerate(claim):
            place = (msg.topic(), msg.partition())
            if len(claim[i : i + 1].rest()) == 0:
                continue
            if place not in held and (early := not_due(msg)) is not None:
                held.add(place)
                self._judge(claim[i : i + 1], early)

    def _write(self, part: Claim, one_fails: bool = False) -> bool:
        """Handle these messages, one by one if it has to be. Returns whether all went well.

        one_fails: one of them does, so they need not be tried together."""
        well = True
        while len(part := part.rest()) > 0:
            if len(part) == 1 or not one_fails:
                failed = self._try(part)
                if failed is None:
                    return well
                part, exc = failed
                if len(part) == 1:
                    self._judge(part, exc)
                    return False
                if (index := self._named_by(exc, len(part))) is not None:
                    self._write_to(part, index)
                    part, well = part[index + 1 :], False
                    continue
                self._tell_halved(part, exc)
            self._leave_if_stopping()
            middle = len(part) // 2
            first = self._write(part[:middle])
            self._write(part[middle:], one_fails=first)
            return False
        return well

    def _leave_if_stopping(self) -> None:
        if self.member.client.stopping:
            raise Leave  # it is redelivered

    # ---- an exception that names the message at fault ----

    def _named_by(self, exc: Exception, count: int) -> int | None:
        """The index of the message, if an exception has one that may be believed."""
        index = index_of(exc, count)
        return index if self._is_believed and self._named < DEEPEST else None

    def _write_to(self, part: Claim, index: int) -> None:
        """Handle the messages before the one that is named, and that one alone."""
        self._leave_if_stopping()
        self._named += 1
        well = self._write(part[:index])
        if self._write(part[index : index + 1]) and well:
            self._is_believed = False  # nothing is wrong with it: those behind it would be named one by one
        self._named -= 1

    def _try(self, part: Claim) -> tuple[Claim, Exception] | None:
        """Handle these messages together. Returns those of them that could not be, and why, if nothing helps but to
        try fewer at a time."""
        while len(part) > 0:
            try:
                failures = self.calls.call(part)
            except Leave:
                raise
            except Undone as undone:
                part = undone.go_on(self, part)
            except BaseException as exc:
                if not is_failure(exc):
                    self.policy.interrupted(part[0], exc)
                    raise
                self._leave_if_nobodys_fault(exc)
                database.after_failure()
                return part, exc
            else:
                self._settle(part, failures)
                return None
        return None

    # ---- outcomes ----

    def _settle(self, part: Claim, failures: Failures) -> None:
        """All of these are done but the failures."""
        start = 0
        for i in failures:
            part[start:i].done()
            start = i + 1
        part[start:].done()
        for i, failure in failures.items():
            self._judge(part[i : i + 1], failure)

    def pass_over(self, part: Claim, failures: Failures) -> Claim:
        """Their call is undone: handle those before the first failure, and see to that one. Returns what is behind
        it."""
        first = min(failures)
        self._undone += 1
        # A handler that blames the last one each time would lead as deep as there are messages.
        self._write(part[:first], one_fails=self._undone > DEEPEST)
        self._undone -= 1
        self._judge(part[first : first + 1], failures[first])
        return part[first + 1 :].rest()

    @staticmethod
    def skip(part: Claim, handled: dict[tuple[str, int], int]) -> Claim:
        """Messages before these offsets are done already. Returns the others."""
        message: Any
        for i, message in enumerate(part):
            if message.offset() < handled.get((message.topic(), message.partition()), -1):
                part[i : i + 1].done()
        return part.rest()

    def _judge(self, one: Claim, exc: Exception) -> None:
        """Find out what becomes of a message that failed, unless it has to wait behind another one."""
        if len(one.rest()) == 0:
            return
        delivery = self.member.take_claimed(one, self.offsets is not None)
        self.policy.judge(delivery, exc)
        if self.offsets is not None and delivery.outcome in (Outcome.FINISHED, Outcome.COPIED):
            self.offsets.finish(one.spans())

    def _leave_if_nobodys_fault(self, exc: Exception) -> None:
        """Errors: Leave, when no message is to blame; then all that is not done waits."""
        wrong_use = isinstance(exc, HandlerResultError)
        # Not what others do to the same rows: a smaller transaction may get past them.
        outage = blame.is_outage(exc) and not database.is_conflict(exc)
        if not wrong_use and not outage and not blame.is_surroundings(exc):
            return
        rest = self._claim.rest()
        for _, _, i, _, _ in rest.spans():
            if wrong_use:
                self.policy.wait(self.member.take_claimed(rest[i : i + 1], self.offsets is not None), exc)
            else:
                self._judge(rest[i : i + 1], exc)
        raise Leave

    def _tell_halved(self, part: Claim, exc: Exception) -> None:
        if self._is_told:
            return
        self._is_told = True
        topic, partition, _, first, _ = part.spans()[0]
        events.BATCH_HALVED.tell(
            self.consumer.default_logger,
            consumer=name_of(type(self.consumer)),
            count=len(part),
            topic=topic,
            partition=partition,
            offset=first,
            reason=line_of(exc),
        )
