# SPDX-License-Identifier: MIT
"""One message that was handed out, and what the consumer's methods say of it.

There are two forms. Of a message in a batch (or in a claim of several) what is said is kept until the methods have
returned: then policy.py makes one outcome of it. Of a message that was polled everything is done at once: the
original works so, and code that polls expects it. In both forms copies exclude a retry: a message that has been
copied is not retried as well, and one that will be retried is not copied. What comes second is logged and ignored.
Several copies are all made.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from django_kafka import events
from django_kafka.failures.attempts import Note
from django_kafka.failures.story import Story

if TYPE_CHECKING:
    from django_kafka._native import Batch, Claim
    from django_kafka.consumer.member import Member
    from django_kafka.failures.copy import Copy

# How long a polled message that fails may wait for what earlier owners of its partition have noted, in seconds.
NOTED_TIMEOUT = 10.0


class Outcome(Enum):
    """What is known of a message."""

    OPEN = "nothing was said yet"
    FINISHED = "it is finished"
    HELD = "its partition is paused, and it will be retried"
    COPIED = "it is finished when its copies are confirmed"


class Delivery(ABC):
    """A message that was handed out."""

    __slots__ = ("member", "msg", "outcome", "story", "until")

    def __init__(self, member: Member, msg: Any) -> None:
        """member: that it was handed out to."""
        self.member = member
        self.msg = msg
        self.outcome = Outcome.OPEN
        self.story = Story()
        self.until: datetime | None = None

    @abstractmethod
    def holds(self, msg: Any) -> bool:
        """Whether `msg` is this message."""

    @property
    def held(self) -> bool:
        """Whether nothing more has to be said of the message: otherwise it was not finished, and would be skipped."""
        return self.outcome is not Outcome.OPEN

    @abstractmethod
    def done(self) -> None:
        """It is finished, unless it will be retried."""

    def fail(self, until: datetime) -> None:
        """It is not finished: it and those behind it on its partition wait until then. Said twice, the later
        counts."""
        if self.outcome is Outcome.COPIED:
            self._ignore("a pause of its partition")
        elif self.until is None or until.timestamp() > self.until.timestamp():
            self._pause(until)
            self.outcome, self.until = Outcome.HELD, until

    @abstractmethod
    def _pause(self, until: datetime) -> None: ...

    @property
    @abstractmethod
    def noted(self) -> Note | None:
        """What was noted about it, here or by an earlier owner of its partition."""

    @abstractmethod
    def note(self, note: Note) -> None:
        """Have this committed with the message's offset, for whoever retries it."""

    def forward(self, copy: Copy) -> bool:
        """It is finished when the broker has confirmed this copy, and the others that were made of it. Returns
        whether the copy is made: what comes behind a pause is not.

        Errors: DjangoKafkaError, and what the client raises, when a copy that is made at once cannot be."""
        if self.outcome is Outcome.HELD:
            self._ignore(f"the {copy}")
            return False
        self._copy(copy)
        self.outcome = Outcome.COPIED
        return True

    @abstractmethod
    def _copy(self, copy: Copy) -> None: ...

    def _ignore(self, what: str) -> None:
        outcome = self.outcome.value
        events.OUTCOME_IGNORED.tell(
            self.member.logger, message=self.member.describe(self.msg), ignored=what, outcome=outcome
        )


class Handed(Delivery):
    """A message that a batch has handed out. What is said of it is kept."""

    __slots__ = ("copies",)

    def __init__(self, member: Member, msg: Any) -> None:
        super().__init__(member, msg)
        self.copies: list[Copy] = []

    @property
    @abstractmethod
    def source(self) -> Batch | Claim:
        """What its copy is made of."""

    @abstractmethod
    def finish(self) -> None:
        """Tell the engine that it is finished."""

    @abstractmethod
    def come_again(self, delay: float) -> None:
        """Tell the engine that it is not, and how long its partition waits (seconds)."""

    def holds(self, msg: Any) -> bool:
        """A copy of the message object is the same message."""
        return msg is self.msg or _place(msg) == _place(self.msg)

    def done(self) -> None:
        if self.outcome is Outcome.OPEN:
            self.outcome = Outcome.FINISHED

    def _pause(self, until: datetime) -> None:
        """policy.py tells the batch."""

    def note(self, note: Note) -> None:
        if self.outcome is not Outcome.COPIED:
            self._note(str(note))

    @abstractmethod
    def _note(self, text: str) -> None: ...

    def _copy(self, copy: Copy) -> None:
        self.copies.append(copy)

    def reopen(self) -> None:
        """Forget what was said: the copies cannot be made."""
        self.outcome = Outcome.OPEN
        self.copies.clear()


class InBatch(Handed):
    """The message in hand of a batch, until the batch moves on."""

    __slots__ = ("batch",)

    def __init__(self, member: Member, msg: Any, batch: Batch) -> None:
        super().__init__(member, msg)
        self.batch = batch

    @property
    def source(self) -> Batch:
        return self.batch

    def finish(self) -> None:
        """The batch does it when it moves on."""

    def come_again(self, delay: float) -> None:
        self.batch.fail(delay)

    @property
    def noted(self) -> Note | None:
        return Note.read(self.batch.noted)

    def _note(self, text: str) -> None:
        self.batch.note(text)


class InClaim(Handed):
    """One message of a claim, which others of its batch are in too: a claim of one."""

    __slots__ = ("at_once", "claim")

    def __init__(self, member: Member, claim: Claim, at_once: bool) -> None:
        """at_once: copies are made, and confirmed, before anything behind this message is handled."""
        super().__init__(member, claim[0])
        self.claim = claim
        self.at_once = at_once

    @property
    def source(self) -> Claim:
        return self.claim

    def finish(self) -> None:
        self.claim.done()

    def come_again(self, delay: float) -> None:
        self.claim.fail(0, delay)

    @property
    def noted(self) -> Note | None:
        return Note.read(self.claim.noted(0))

    def _note(self, text: str) -> None:
        self.claim.note(0, text)

    def _copy(self, copy: Copy) -> None:
        if not self.at_once:
            super()._copy(copy)
            return
        try:
            self.member.copies.deliver(copy)
        except Exception:
            self.outcome = Outcome.OPEN  # whatever other copies were made
            raise


class Polled(Delivery):
    """A message that poll() gave out. Everything before it on its partition is finished."""

    __slots__ = ()

    def holds(self, msg: Any) -> bool:
        """Only this very object: when the message is redelivered it is another one, of which nothing was said."""
        return msg is self.msg

    @property
    def held(self) -> bool:
        return super().held or self.member.pauses.holds(self.msg)

    def done(self) -> None:
        if self.outcome is Outcome.HELD:
            return
        try:
            self.member.client.store_offsets(self.msg)
        except KafkaException as error:
            self._pass_if_revoked(error)
        if self.outcome is Outcome.OPEN:
            self.outcome = Outcome.FINISHED

    def _pause(self, until: datetime) -> None:
        partition = self.member.pauses.get_msg_partition(self.msg)
        try:
            self.member.client.seek(partition)
            self.member.client.pause([partition])
            self.member.pauses.set(self.msg, until)
        except KafkaException as error:
            self._pass_if_revoked(error)

    @property
    def noted(self) -> Note | None:
        """Errors: KafkaException when the broker does not tell: then the message waits, since nobody knows how often
        it has failed."""
        place = TopicPartition(self.msg.topic(), self.msg.partition())
        found = self.member.client.committed([place], NOTED_TIMEOUT)
        return next((Note.read(head.metadata) for head in found if head.offset == self.msg.offset()), None)

    def note(self, note: Note) -> None:
        if self.outcome is Outcome.COPIED:
            return
        head = TopicPartition(self.msg.topic(), self.msg.partition(), self.msg.offset(), str(note))
        try:
            self.member.client.store_offsets(offsets=[head])
        except KafkaException as error:
            self._pass_if_revoked(error)

    def _copy(self, copy: Copy) -> None:
        try:
            self.member.copies.deliver(copy)
        except Exception:
            self.outcome = Outcome.OPEN  # whatever other copies were made
            raise

    def _pass_if_revoked(self, error: KafkaException) -> None:
        """What is said about a message whose partition was revoked in the meantime no longer counts: it will be
        redelivered, perhaps to another member. Any other error is raised."""
        if error.args[0].code() not in (KafkaError._STATE, KafkaError._UNKNOWN_PARTITION):
            raise error
        events.PARTITION_REVOKED.tell(self.member.logger, message=self.member.describe(self.msg))


def _place(msg: Any) -> tuple[str, int, int]:
    return msg.topic(), msg.partition(), msg.offset()
