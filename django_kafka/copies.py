# SPDX-License-Identifier: MIT
"""Copies of failed messages on their way to a retry or dead-letter topic.

A message counts as done only when the broker has confirmed its copy; the engine sees to that by itself (forward()).
Until then the commit is held back, and the loop goes on with other messages. If the copy is refused it is made
smaller, or its topic is made, when that was what is wrong; else the partition waits, and the message comes again.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException

from django_kafka._native import Message
from django_kafka._native import Producer as NativeProducer
from django_kafka.conf import settings
from django_kafka.dead_letter.header import DeadLetterHeader
from django_kafka.exceptions import DjangoKafkaError
from django_kafka.failure_topics import FailureTopics
from django_kafka.producer import make_error_handler
from django_kafka.utils.logs import safely
from django_kafka.utils.process import per_process
from django_kafka.utils.tracebacks import text_of

if TYPE_CHECKING:
    from django_kafka._native import Ticket
    from django_kafka.consumer.delivery import InHand

logger = logging.getLogger(__name__)

Headers = Sequence[tuple[str, bytes | None]]

# Copies that wait for their confirmation; more make the loop wait, so that memory stays bounded.
MAX_IN_FLIGHT = 5000
# How long the loop waits for room among them before the message's partition waits instead (seconds).
LONGEST_BLOCK = 10.0
# The longest traceback for the first and each further attempt; then it is left out.
CUTS = (100_000, 10_000, 1_000, 0)
# A record that claims to be older may be deleted by the topic's retention before anybody has read it.
KEEP_TIMESTAMP_SECONDS = 12 * 3600
LONGEST_WAIT = 60.0
# A message that was told to come again after a refusal may be here a bit early: the engine counts milliseconds.
EARLY_SECONDS = 0.05
# How long the reports of copies that are given up may take (seconds).
GIVE_UP_SECONDS = 5.0


class Copy:
    """A message as it will be produced: key and value unchanged, headers and topic as given."""

    __slots__ = ("headers", "msg", "timestamp", "topic")

    def __init__(self, msg: Any, topic: str, headers: Headers) -> None:
        self.msg = msg
        self.topic = topic
        self.headers = headers
        self.timestamp = keep_timestamp(*msg.timestamp())

    @property
    def key(self) -> Any:
        return _received(self.msg).key()

    @property
    def value(self) -> Any:
        return _received(self.msg).value()

    def __str__(self) -> str:
        return _describe(self.msg.topic(), self.msg.partition(), self.msg.offset(), self.topic)


class Slot:
    """Where the copies of one message go."""

    __slots__ = ("_copies", "_hand")

    def __init__(self, copies: Copies, hand: InHand | None) -> None:
        """hand: the message, when the loop has it in hand: then the confirmation is not waited for."""
        self._copies = copies
        self._hand = hand

    def send(self, copy: Copy) -> None:
        """Errors: DjangoKafkaError, and what the client raises, when the copy cannot be queued; without a message in
        hand also when it is not confirmed. Then nothing was sent, or nothing is known to have arrived."""
        if self._hand is None:
            self._copies.deliver(copy)
        else:
            self._copies.post(copy, self._hand)


class Copies:
    """The copies of one consumer. Owned by the thread that runs it, like the client."""

    def __init__(self, name: str) -> None:
        """name: of the consumer, for the log."""
        self._name = name
        self._refused: deque[tuple[Ticket, KafkaError, str, Headers]] = deque()
        self._refusals: dict[str, Refusal] = {}
        self._untimed: set[str] = set()  # topics that do not take the messages' timestamps
        self._closing = False

    @per_process
    def _producer(self) -> NativeProducer:
        return NativeProducer(
            producer_config(),
            logger=logger,
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

    def slot(self, hand: InHand | None) -> Slot:
        return Slot(self, hand)

    def post(self, copy: Copy, hand: InHand) -> None:
        """Queue a copy of the message in hand; the message is done when the copy is confirmed."""
        refusal = self._refusals.get(copy.topic)
        if refusal is not None and (wait := refusal.until - time.monotonic()) > EARLY_SECONDS:
            hand.fail(wait)  # no use in asking again already
            return
        self._topics.ensure(copy.topic, copy.msg)
        try:
            hand.forward(self._producer, copy.topic, copy.headers, self._timestamp(copy))
        except (KafkaException, BufferError, ValueError) as error:
            self._renew_after(error)
            raise DjangoKafkaError(f"The {copy} cannot be produced: {error}", context=error) from error

    def deliver(self, copy: Copy) -> None:
        """Produce a copy and wait for its confirmation."""
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
        while not result:
            self._producer.poll(0.5)
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
        """Wait for what is on its way. What is not confirmed by then is not done, and comes again."""
        flushed = self.flush(timeout)
        producer = self.__dict__.get("_producer")
        if producer is None:
            return
        if not flushed:
            safely(
                logger.error,
                "%s: %d copies of failed messages are not confirmed; the messages are not committed and come again.",
                self._name,
                producer.copies,
            )
            self._closing = True
            producer.purge()
            self.flush(GIVE_UP_SECONDS)
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
                self._producer.forward(ticket, topic, mended, time_of)  # type: ignore[arg-type]
                return
            reason = f"{error.str()} ({error.name()})"
        except Exception as failure:
            reason = text_of(failure)
        delay = self._refuse(_describe(*source[:3], topic), topic, reason)
        ticket.reject(delay)

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

    def _refuse(self, what: str, topic: str, reason: str) -> float:
        """The message comes again, and its partition waits for it. Returns for how long (seconds)."""
        refusal = self._refusals.setdefault(topic, Refusal())
        delay, is_new = refusal.again(time.monotonic())
        safely(
            logger.log,
            logging.ERROR if is_new else logging.DEBUG,
            "%s: the %s was not accepted: %s. The partition is paused; the message comes again in %.1f s.",
            self._name,
            what,
            reason,
            delay,
        )
        return delay


class Refusal:
    """A topic that did not take a copy, and until when it is not asked again."""

    __slots__ = ("delay", "until")

    def __init__(self) -> None:
        self.delay = 0.0
        self.until = 0.0

    def again(self, now: float) -> tuple[float, bool]:
        """Another refusal. Returns the seconds to wait, and whether it is the first since the last wait: those that
        were on their way together count as one. The wait doubles unless the topic has done well for some time."""
        is_new = now >= self.until
        if is_new:
            if now > self.until + LONGEST_WAIT:
                self.delay = 0.0
            self.delay = min(LONGEST_WAIT, self.delay * 2 or 1.0)
            self.until = now + self.delay
        return self.until - now, is_new


class _Standalone:
    """Copies that are made outside of a consumer's loop: each is waited for."""

    @per_process
    def copies(self) -> Copies:
        return Copies("django_kafka")


_standalone = _Standalone()


def standalone() -> Slot:
    """For those who use the retry and dead-letter producers by themselves."""
    return _standalone.copies.slot(None)


_UNKNOWN_TOPIC = (
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
)

# What would weaken the confirmation, or belongs to other uses of the producer.
_UNWANTED = (
    "acks",
    "request.required.acks",
    "transactional.id",
    "transaction.timeout.ms",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "retries",
    "message.send.max.retries",
    "queuing.strategy",
    "delivery.report.only.error",
    "delivery.timeout.ms",
    "on_delivery",
    "stats_cb",
    "statistics.interval.ms",
)


def producer_config() -> dict[str, Any]:
    """The project's producer configuration, made safe: idempotent, confirmed by all replicas, and without a limit of
    its own to the size of a record, since what could be consumed has to fit.

    One request per broker is on its way at a time. With several, librdkafka takes it that a request which failed has
    arrived all the same when the one behind it is accepted; but a broker that does not know the producer yet accepts
    any (seen while the leaders of a new topic were elected: the first copies were confirmed, and not there)."""
    config = {"client.id": settings.CLIENT_ID, **settings.GLOBAL_CONFIG, **settings.PRODUCER_CONFIG}
    for key in _UNWANTED:
        config.pop(key, None)
    return {
        **config,
        "error_cb": make_error_handler(settings.ERROR_HANDLER),
        "enable.idempotence": True,
        "message.max.bytes": 200_000_000,
        "message.timeout.ms": int(settings.get_failure_topics()["timeout"] * 1000),
        "linger.ms": 5,
        "queue.buffering.max.messages": MAX_IN_FLIGHT,
        "max.in.flight": 1,
    }


def keep_timestamp(kind: int, milliseconds: int) -> int:
    """A message's own time for its copy, 0 (now) if it has none or an old one, which is then in a header only."""
    if not kind or milliseconds <= 0 or not -60 < time.time() - milliseconds / 1000 < KEEP_TIMESTAMP_SECONDS:
        return 0
    return int(milliseconds)


def cut(text: bytes, limit: int) -> bytes:
    """Text cut in its middle to at most so many bytes: both ends of a traceback say more than its middle."""
    if len(text) <= limit:
        return text
    half = (limit - len(_CUT)) // 2
    return (text[:half] + _CUT + text[-half:]).decode(errors="ignore").encode()


def shorten(headers: Headers) -> Headers | None:
    """The headers with less of the traceback, None if there is nothing left to cut."""
    detail = dict(headers).get(DeadLetterHeader.DETAIL.value)
    if detail is None:
        return None
    limit = next((limit for limit in CUTS if limit < len(detail)), 0)
    return [
        (name, cut(detail, limit) if name == DeadLetterHeader.DETAIL.value else value)
        for name, value in headers
        if name != DeadLetterHeader.DETAIL.value or limit
    ]


_CUT = b"\n... cut ...\n"


def _received(msg: Any) -> Any:
    """The message without what its handler has set on it."""
    return msg.received() if isinstance(msg, Message) else msg


def _describe(topic: str, partition: int, offset: int, target: str) -> str:
    return f"copy of (topic={topic} partition={partition} offset={offset}) to '{target}'"
