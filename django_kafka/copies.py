# SPDX-License-Identifier: MIT
"""Copies of failed messages on their way to a retry or dead-letter topic.

A message counts as done only when the broker has confirmed its copy. Until then its ticket holds the commit back,
and the loop goes on with other messages. If the copy is refused it is made smaller, or its topic is made, when that
was what is wrong; else the ticket is rejected: the partition waits, and the message comes again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from django_kafka._native import Producer as NativeProducer
from django_kafka.conf import settings
from django_kafka.exceptions import DjangoKafkaError
from django_kafka.failure_topics import FailureTopics
from django_kafka.producer import make_error_handler
from django_kafka.utils.process import per_process

if TYPE_CHECKING:
    from django_kafka._native import Consumer as NativeConsumer
    from django_kafka._native import Ticket
    from django_kafka.consumer.delivery import InHand

logger = logging.getLogger(__name__)

Headers = Sequence[tuple[str, str | bytes | None]]

# Copies that wait for their confirmation; more make the loop wait, so that memory stays bounded.
MAX_IN_FLIGHT = 5000
# The longest text of the header that may be cut, for the first and each further attempt; then the header is left out.
CUTS = (100_000, 10_000, 1_000, 0)
# A record that claims to be older may be deleted by the topic's retention before anybody has read it.
KEEP_TIMESTAMP_SECONDS = 12 * 3600
LONGEST_WAIT = 60.0


class Copy:
    """A message as it will be produced: key and value unchanged, headers and topic as given."""

    __slots__ = ("cut", "cuts", "headers", "key", "place", "ticket", "timestamp", "topic", "value")

    def __init__(self, msg: Any, topic: str, headers: Headers, cut: str | None = None) -> None:
        """cut: the header that may be shortened when the record is too large."""
        self.topic = topic
        self.key = msg.key()
        self.value = msg.value()
        self.headers = list(headers)
        self.timestamp = _timestamp(msg)
        self.place = (msg.topic(), msg.partition(), msg.offset())
        self.cut = cut
        self.cuts = 0
        self.ticket: Ticket | None = None
        self._cut_header()

    def __str__(self) -> str:
        return f"copy of (topic={self.place[0]} partition={self.place[1]} offset={self.place[2]}) to '{self.topic}'"

    def shrink(self) -> bool:
        """Make the record smaller. Returns whether there was anything left to cut."""
        if self.cut is None or self.cuts + 1 >= len(CUTS):
            return False
        self.cuts += 1
        self._cut_header()
        return True

    def _cut_header(self) -> None:
        if self.cut is None:
            return
        limit = CUTS[self.cuts]
        self.headers = [
            (name, _shorten(value, limit) if name == self.cut else value)
            for name, value in self.headers
            if name != self.cut or limit
        ]


class Slot:
    """Where the copies of one message go."""

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

    def __init__(self, client: NativeConsumer | None, name: str) -> None:
        """client: the consumer's, to ask about topics. name: of the consumer, for the log."""
        self._client = client
        self._name = name
        self._sent: dict[int, Copy] = {}
        self._refusals: dict[str, Refusal] = {}

    @per_process
    def _producer(self) -> NativeProducer:
        return NativeProducer(producer_config(), logger=logger)

    @per_process
    def _topics(self) -> FailureTopics:
        return FailureTopics(self._client)

    @property
    def busy(self) -> bool:
        """Whether there are copies that are not confirmed."""
        return bool(self._sent)

    def slot(self, hand: InHand | None) -> Slot:
        return Slot(self, hand)

    def post(self, copy: Copy, hand: InHand) -> None:
        """Queue a copy of the message in hand; the message is done when the copy is confirmed."""
        refusal = self._refusals.get(copy.topic)
        if refusal is not None and (wait := refusal.until - time.monotonic()) > 0:
            hand.fail(wait)  # no use in asking again already
            return
        while len(self._sent) >= MAX_IN_FLIGHT:
            self.poll(0.1)
        self._topics.ensure(copy.topic, copy.place[0])
        self._produce(copy)
        copy.ticket = hand.defer()

    def deliver(self, copy: Copy) -> None:
        """Produce a copy and wait for its confirmation."""
        self._topics.ensure(copy.topic, copy.place[0])
        result: list[KafkaError | None] = []
        while True:
            result.clear()
            self._call_produce(copy, lambda error, _msg: result.append(error))
            while not result:
                self._producer.poll(0.5)
            error = result[0]
            if error is None:
                return
            if not self._mend(copy, error):
                raise DjangoKafkaError(f"The {copy} was not accepted: {error.str()} ({error.name()}).", context=error)

    def poll(self, timeout: float = 0.0) -> None:
        """Take notice of confirmations and refusals; wait for the first so many seconds."""
        if self._sent:
            self._producer.poll(timeout)

    def flush(self, timeout: float, partitions: Iterable[TopicPartition] | None = None) -> bool:
        """Wait until nothing is on its way (from these partitions). Returns whether that was so in time."""
        sources = None if partitions is None else {(p.topic, p.partition) for p in partitions}
        deadline = time.monotonic() + timeout
        while any(sources is None or copy.place[:2] in sources for copy in self._sent.values()):
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._producer.poll(min(left, 0.1))
        return True

    def close(self, timeout: float) -> None:
        """Wait for what is on its way. What is not confirmed by then is not done, and comes again."""
        if not self.flush(timeout):
            logger.error(
                "%s: %d copies of failed messages are not confirmed; the messages are not committed and come again.",
                self._name,
                len(self._sent),
            )
        producer = self.__dict__.pop("_producer", None)
        if producer is not None:
            producer.close(0 if self._sent else timeout)
        self._sent.clear()

    # ---- one copy ----

    def _produce(self, copy: Copy) -> None:
        self._sent[id(copy)] = copy
        try:
            self._call_produce(copy, lambda error, _msg: self._on_report(copy, error))
        except BaseException:
            del self._sent[id(copy)]
            raise

    def _call_produce(self, copy: Copy, on_delivery: Any) -> None:
        try:
            self._producer.produce(
                copy.topic,
                copy.value,
                copy.key,
                headers=copy.headers,
                timestamp=copy.timestamp,
                on_delivery=on_delivery,
            )
        except (KafkaException, BufferError, ValueError) as error:
            raise DjangoKafkaError(f"The {copy} cannot be produced: {error}", context=error) from error

    def _on_report(self, copy: Copy, error: KafkaError | None) -> None:
        """The broker has confirmed or refused a copy."""
        self._sent.pop(id(copy), None)
        if error is None:
            self._refusals.pop(copy.topic, None)
            if copy.ticket is not None:
                copy.ticket.resolve()
            return
        try:
            if self._mend(copy, error):
                self._produce(copy)
                return
            reason = f"{error.str()} ({error.name()})"
        except Exception as failure:
            reason = str(failure)
        self._refuse(copy, reason)

    def _mend(self, copy: Copy, error: KafkaError) -> bool:
        """Do something about the reason of a refusal. Returns whether it is worth another try at once."""
        code = error.code()
        if code == KafkaError.MSG_SIZE_TOO_LARGE:
            return copy.shrink()
        if code == KafkaError.INVALID_TIMESTAMP and copy.timestamp:
            copy.timestamp = 0
            return True
        if code in _UNKNOWN_TOPIC:
            return self._topics.create_missing(copy.topic, copy.place[0])
        return False

    def _refuse(self, copy: Copy, reason: str) -> None:
        """The message comes again, and its partition waits for it."""
        refusal = self._refusals.setdefault(copy.topic, Refusal())
        delay, is_new = refusal.again(time.monotonic())
        logger.log(
            logging.ERROR if is_new else logging.DEBUG,
            "%s: the %s was not accepted: %s. The partition is paused; the message comes again in %.1f s.",
            self._name,
            copy,
            reason,
            delay,
        )
        if copy.ticket is not None:
            copy.ticket.reject(delay)


class Refusal:
    """A topic that did not take a copy, and until when it is not asked again."""

    __slots__ = ("delay", "until")

    def __init__(self) -> None:
        self.delay = 0.0
        self.until = 0.0

    def again(self, now: float) -> tuple[float, bool]:
        """Another refusal. Returns the seconds to wait, and whether it is the first since the last wait: those that
        were on their way together count as one."""
        is_new = now >= self.until
        if is_new:
            self.delay = min(LONGEST_WAIT, self.delay * 2 or 1.0)
            self.until = now + self.delay
        return self.until - now, is_new


class _Standalone:
    """Copies that are made outside of a consumer's loop: each is waited for."""

    @per_process
    def copies(self) -> Copies:
        return Copies(None, "django_kafka")


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
    its own to the size of a record, since what could be consumed has to fit."""
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
    }


def _timestamp(msg: Any) -> int:
    """The message's own time for its copy, 0 (now) if it has none or an old one, which is then in a header only."""
    kind, milliseconds = msg.timestamp()
    age = time.time() - milliseconds / 1000
    if not kind or milliseconds <= 0 or not -60 < age < KEEP_TIMESTAMP_SECONDS:
        return 0
    return int(milliseconds)


def _shorten(value: str | bytes | None, limit: int) -> bytes:
    """Text cut in its middle: both ends of a traceback say more than its middle."""
    data = value.encode(errors="replace") if isinstance(value, str) else value or b""
    if len(data) <= limit:
        return data
    half = limit // 2
    text = data[:half] + b"\n... cut ...\n" + data[-half:]
    return text.decode(errors="ignore").encode()
