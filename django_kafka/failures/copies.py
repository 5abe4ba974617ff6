# SPDX-License-Identifier: MIT
"""Copies of failed messages on their way to a retry or dead-letter topic.

A message counts as finished only when the broker has confirmed its copy; the engine sees to that by itself
(forward()). Until then the commit is held back, and the loop goes on with other messages. If the copy is refused, it
is made smaller, or its topic is created, when that was the reason; else the partition waits, and the message is
retried.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError, KafkaException

from django_kafka import events
from django_kafka._native import Producer as NativeProducer
from django_kafka.exceptions import DjangoKafkaError
from django_kafka.failures.backoff import Refusals
from django_kafka.failures.copy import Copy, CopyOf, keep_timestamp
from django_kafka.failures.headers import Headers, shorten
from django_kafka.failures.producer import producer_config
from django_kafka.failures.topics import FailureTopics
from django_kafka.logs.loggers import COPIES
from django_kafka.logs.tracebacks import text_of
from django_kafka.utils.process import per_process
from django_kafka.utils.stop_time import TimeLeft, no_limit, time_to_flush

if TYPE_CHECKING:
    from django_kafka._native import Batch, Claim, Ticket

# How long the loop waits for room among the copies on their way before the message's partition waits (seconds).
LONGEST_BLOCK = 10.0
# A message that is retried after a refusal may be here a bit early: the engine counts milliseconds.
EARLY_SECONDS = 0.05
# How long the reports of copies that are given up may take (seconds).
GIVE_UP_SECONDS = 5.0


class Copies:
    """The copies of one consumer. Owned by the thread that runs it, like the client."""

    def __init__(self, name: str, time_left: TimeLeft = no_limit) -> None:
        """name: of the consumer, for the log. time_left: for its stop."""
        self._name = name
        self._time_left = time_left
        self._refused: deque[tuple[Ticket, KafkaError, str, Headers]] = deque()
        self._refusals = Refusals()
        self._untimed: set[str] = set()  # topics that do not take the messages' timestamps
        self._closing = False

    @per_process
    def _producer(self) -> NativeProducer:
        return NativeProducer(
            producer_config(),
            logger=COPIES,
            max_block=LONGEST_BLOCK,
            on_refused=lambda *refused: self._refused.append(refused),
        )

    @per_process
    def _topics(self) -> FailureTopics:
        return FailureTopics(self._producer)

    @property
    def busy(self) -> bool:
        """Whether there are copies that are not confirmed."""
        producer = self.__dict__.get("_producer")
        return producer is not None and (producer.copies > 0 or bool(self._refused))

    def post(self, copies: Sequence[Copy], source: Batch | Claim) -> float:
        """Make copies of the message in hand of a batch, or of the one in a claim, which is finished when all of them
        are confirmed: the last one's confirmation finishes it, so those before are waited for. (It takes a project's
        own methods to make several.)

        Returns 0.0, or for how many seconds the message has to wait instead, because a topic has just refused copies.
        Errors: DjangoKafkaError, and what the client raises, when a copy cannot be queued."""
        now = time.monotonic()
        for copy in copies:
            refusal = self._refusals.of(copy.topic)
            if refusal is not None and (wait := refusal.until - now) > EARLY_SECONDS:
                return wait
        for copy in copies[:-1]:
            self.deliver(copy)
        last = copies[-1]
        self._topics.ensure(last.topic, last.msg)
        try:
            self._producer.forward(source, last.topic, last.headers, self._timestamp(last))
        except (KafkaException, BufferError, ValueError) as error:
            self._renew_after(error)
            raise DjangoKafkaError(f"The {last} cannot be produced: {error}", context=error) from error
        return 0.0

    def forward(self, copy: Copy) -> bool:
        """As deliver(): for those who use the retry and dead-letter producers by themselves."""
        self.deliver(copy)
        return True

    def deliver(self, copy: Copy) -> None:
        """Produce a copy and wait for its confirmation.

        Errors: DjangoKafkaError, and what the client raises, when it is not confirmed."""
        self._topics.ensure(copy.topic, copy.msg)
        while (error := self._ask(copy)) is not None:
            mended = self._mend(copy.topic, copy.msg.topic(), error, copy.headers)
            if mended is None:
                raise DjangoKafkaError(f"The {copy} was not accepted: {error.str()} ({error.name()}).", context=error)
            copy.headers = mended

    def _ask(self, copy: Copy) -> KafkaError | None:
        result: list[KafkaError | None] = []
        try:
            self._producer.produce(
                copy.topic,
                copy.value,
                copy.key,
                headers=list(copy.headers),
                timestamp=self._timestamp(copy),
                on_delivery=lambda error, _msg: result.append(error),
            )
        except (KafkaException, BufferError, ValueError) as error:
            self._renew_after(error)
            raise DjangoKafkaError(f"The {copy} cannot be produced: {error}", context=error) from error
        deadline = float("inf")
        while not result:
            self._producer.poll(0.5)
            if (left := self._time_left()) is not None:  # the consumer is to stop
                deadline = min(deadline, time.monotonic() + time_to_flush(float("inf"), left))
                if time.monotonic() >= deadline:
                    self._producer.purge()
        return result[0]

    def _renew_after(self, error: Exception) -> None:
        """A producer that has failed for good takes nothing any more, so the next copy gets another one. (By default
        ERROR_HANDLER ends the consumer before; one of the project may let it live.)"""
        known = error.args[0] if isinstance(error, KafkaException) else None
        if not isinstance(known, KafkaError) or not known.fatal():
            return
        producer = self._producer
        del self._producer
        self.__dict__.pop("_topics", None)
        producer.poll(0)  # what it has refused
        producer.close(0)

    def poll(self, timeout: float = 0.0) -> None:
        """Take notice of refusals, and of the client's events; wait for the first so many seconds."""
        producer = self.__dict__.get("_producer")
        if producer is None:
            return
        producer.poll(timeout)
        while self._refused:
            self._settle(*self._refused.popleft())

    def flush(self, timeout: float) -> bool:
        """Wait until nothing is on its way. Returns whether that was so in time."""
        deadline = time.monotonic() + timeout
        while self.busy:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self.poll(min(left, 0.01))
        return True

    def close(self, timeout: float) -> None:
        """Wait for what is on its way. A message whose copy is not confirmed by then will be redelivered."""
        flushed = self.flush(timeout)
        producer = self.__dict__.get("_producer")
        if producer is None:
            return
        if not flushed:
            events.COPIES_NOT_CONFIRMED.tell(COPIES, consumer=self._name, count=producer.copies)
            self._closing = True
            producer.purge()
            self.flush(min(GIVE_UP_SECONDS, timeout + 1))
            self._closing = False
        del self._producer
        self.__dict__.pop("_topics", None)
        producer.close(timeout if flushed else 0)

    # ---- what was refused ----

    def _settle(self, ticket: Ticket, error: KafkaError, topic: str, headers: Headers) -> None:
        """The broker has not taken a copy, or did not say so in time."""
        source = ticket.source
        if source is None:
            return
        if self._closing:
            ticket.reject(0.0)
            return
        try:
            mended = self._mend(topic, source[0], error, headers)
            if mended is not None:
                time_of = 0 if topic in self._untimed else keep_timestamp(*source[3])
                self._producer.forward(ticket, topic, mended, time_of)
                return
            reason = f"{error.str()} ({error.name()})"
        except Exception as failure:
            reason = text_of(failure)
        ticket.reject(self._refuse(CopyOf(*source[:3], topic), topic, reason))

    def _mend(self, topic: str, source: str, error: KafkaError, headers: Headers) -> Headers | None:
        """Do something about the reason of a refusal. Returns the headers for another try at once, None if it is not
        worth one."""
        code = error.code()
        if code == KafkaError.MSG_SIZE_TOO_LARGE:
            return shorten(headers)
        if code == KafkaError.INVALID_TIMESTAMP and topic not in self._untimed:
            self._untimed.add(topic)
            return headers
        if code in _UNKNOWN_TOPIC and self._topics.create_missing(topic, source):
            return headers
        return None

    def _timestamp(self, copy: Copy) -> int:
        return 0 if copy.topic in self._untimed else copy.timestamp

    def _refuse(self, what: object, topic: str, reason: str) -> float:
        """The message's partition waits. Returns for how long (seconds)."""
        delay, is_new = self._refusals.add(topic, time.monotonic())
        level = events.ERROR if is_new else events.DEBUG
        events.COPY_REFUSED.tell(COPIES, level=level, consumer=self._name, copy=what, reason=reason, delay=delay)
        return delay


class _Standalone:
    """Copies that are made outside of a consumer: each is waited for."""

    @per_process
    def copies(self) -> Copies:
        return Copies("django_kafka")


_standalone = _Standalone()


def standalone() -> Copies:
    """For those who use the retry and dead-letter producers by themselves."""
    return _standalone.copies


_UNKNOWN_TOPIC = (
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
)
