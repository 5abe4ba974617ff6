# SPDX-License-Identifier: MIT
"""Calls of a handler with several messages: in a transaction if that is wanted, and with their offsets in it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.db import Error, transaction

from django_kafka import events
from django_kafka.conf import settings
from django_kafka.consumer.offsets import Moved
from django_kafka.consumer.results import check_result
from django_kafka.consumer.transactions import over_conflicts, require_usable
from django_kafka.exceptions import BatchError, TransactionConflict
from django_kafka.failures import database
from django_kafka.failures.borrowed import savepoints
from django_kafka.logs.tracebacks import line_of

if TYPE_CHECKING:
    from django_kafka._native import Claim
    from django_kafka.consumer.member import Member
    from django_kafka.consumer.offsets import StoredOffsets
    from django_kafka.topic import TopicConsumer

Failures = dict[int, Exception]


class Calls:
    """Of one topic, in one run of a consumer."""

    def __init__(self, logger: logging.Logger, member: Member, topic: TopicConsumer) -> None:
        self.logger = logger
        self.member = member
        self.handle: Callable[[Claim], Any] = (
            topic.consume_batch if topic.takes_batches else lambda claim: topic.consume(claim[0])
        )
        self.offsets: StoredOffsets | None = member.offsets if topic.offsets_in_database is True else None
        self.atomic = topic.atomic is True or self.offsets is not None
        self.using = topic.get_using() if self.atomic else ""

    def call(self, part: Claim) -> Failures:
        """What failed of these messages, when what became of the others is committed.

        Errors: what the handler raises; Undone and Leave."""
        if not self.atomic:
            return over_conflicts(lambda: self._answer(part))
        if self.offsets is None:
            return over_conflicts(lambda: self._transact(part))
        offsets, client = self.offsets, self.member.client
        try:
            handled = offsets.admit(client, self.using, part.spans())
            if handled:
                raise Handled(handled)
            ends = over_conflicts(lambda: self._transact_with(offsets, part))
        except Moved:
            offsets.moved(client, self.using, part.spans())
            raise Leave from None
        offsets.stored(ends)
        return {}

    def _answer(self, part: Claim) -> Failures:
        try:
            with savepoints():
                result = self.handle(part)
                database.require_ended()
        except BatchError as error:
            return {i: _without_blame(failure) for i, failure in error.of(len(part)).items()}
        if result is not None:
            check_result(result, part[0], self.logger)
        return {}

    def _transact(self, part: Claim) -> Failures:
        with transaction.atomic(using=self.using):
            failures = self._answer(part)
            if failures and database.is_aborted(self.using):
                raise Failed(failures)
            require_usable(self.using)
        return failures

    def _transact_with(self, offsets: StoredOffsets, part: Claim) -> dict[tuple[str, int], int]:
        """Returns the offsets that are stored then."""
        with transaction.atomic(using=self.using):
            failures = self._answer(part)
            if failures:
                raise Failed(failures)  # an offset cannot leave one of them out
            require_usable(self.using)
            ends = offsets.store(self.using, part.spans())
            if not part.counts:
                events.CLAIM_REVOKED.tell(self.member.logger, count=len(part), topic=part[0].topic())
                raise Leave
        return ends

    def catch_up(self) -> None:
        """Store offsets behind messages that no transaction of a later one has counted."""
        if self.offsets is None or not (spans := self.offsets.lagging(self.using)):
            return
        try:
            with transaction.atomic(using=self.using):
                ends = self.offsets.store(self.using, spans)
            self.offsets.stored(ends)
        except Moved:
            self.offsets.moved(self.member.client, self.using, spans)
        except Error:
            database.after_failure()  # the next one does it


class Leave(Exception):
    """What is not done of the claim is handed out again."""


class Undone(Exception):
    """A call was rolled back, and it is known what to do about it."""

    def go_on(self, sink: Any, part: Claim) -> Claim:
        """Returns what is to be handled next."""
        raise NotImplementedError


class Failed(Undone):
    def __init__(self, failures: Failures) -> None:
        super().__init__()
        self.failures = failures

    def go_on(self, sink: Any, part: Claim) -> Claim:
        return sink.pass_over(part, self.failures)


class Handled(Undone):
    def __init__(self, places: dict[tuple[str, int], int]) -> None:
        super().__init__()
        self.places = places

    def go_on(self, sink: Any, part: Claim) -> Claim:
        return sink.skip(part, self.places)


def _without_blame(exc: Exception) -> Exception:
    """A failure as it is judged: a message is not to blame for what others do to the same rows."""
    if settings.DATABASE_ERRORS != "wait" or not database.is_conflict(exc):
        return exc
    conflict = TransactionConflict(f"Others are in the way of this message: {line_of(exc)}")
    conflict.__cause__ = exc
    return conflict
