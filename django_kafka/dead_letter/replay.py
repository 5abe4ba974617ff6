# SPDX-License-Identifier: MIT
"""Replaying dead letters: to the topic they came from, or straight to that topic's handler. Each once.

A copy and the mark that says so (marks.py) are produced in one transaction: both are there, or neither. The
transactional id belongs to the dead-letter topic, so of two replays at a time the broker ends the older one, and what
that had not committed is not there for the newer one to miss.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException

from django_kafka import events
from django_kafka._native import Message, Producer
from django_kafka.dead_letter import browse
from django_kafka.dead_letter.browse import Letter
from django_kafka.dead_letter.header import ReplayHeader
from django_kafka.dead_letter.marks import Marks, render
from django_kafka.exceptions import DjangoKafkaError
from django_kafka.failures.copy import Copy
from django_kafka.failures.headers import DeadLetterHeader, RetryHeader
from django_kafka.failures.producer import producer_config
from django_kafka.logs.loggers import REPLAY

if TYPE_CHECKING:
    from django_kafka.dead_letter.catalogue import Cluster, Owner
    from django_kafka.dead_letter.select import Selection
    from django_kafka.topic import TopicConsumer

CHUNK = 500
CHUNK_BYTES = 16_000_000
TIMEOUT = 30.0
# How long the report on a record that was refused may take behind the refusal's effect (seconds).
REPORT_TIMEOUT = 5.0

# Called with a letter and what became of it: None, or why it was not replayed.
Report = Callable[[Letter, str | None], None]

_DROPPED = frozenset(
    [*(h.value for h in DeadLetterHeader), *(h.value for h in RetryHeader), *(h.value for h in ReplayHeader)]
)


def restore(letter: Letter, origin: str) -> Message:
    """The message as it was before it failed: topic, place, time and headers of its own, and one that names the
    letter."""
    headers = [(name, value) for name, value in letter.headers if name not in _DROPPED]
    partition, offset = letter.place
    headers.append((ReplayHeader.OF.value, f"{letter.msg.topic()}:{partition}:{offset}".encode()))
    first = letter.number(DeadLetterHeader.ORIGIN_TIMESTAMP)
    return Message(
        topic=origin,
        value=letter.msg.value(),
        key=letter.msg.key(),
        headers=headers,
        partition=letter.number(DeadLetterHeader.ORIGIN_PARTITION),
        offset=letter.number(DeadLetterHeader.ORIGIN_OFFSET),
        timestamp=letter.msg.timestamp() if first is None else (1, first),
    )


class Replay:
    """One replay of a dead-letter topic.

    Usage: `with Replay(...) as replay: replay.run()`."""

    def __init__(
        self,
        cluster: Cluster,
        topic: str,
        owner: Owner | None,
        selection: Selection,
        *,
        to_handler: bool = False,
        dry_run: bool = False,
        report: Report,
        progress: browse.Progress | None = None,
    ) -> None:
        """Errors: DjangoKafkaError when to_handler is asked for and no registered consumer handles the origin."""
        if to_handler and (owner is None or owner.handler is None):
            raise DjangoKafkaError(
                f"No registered consumer handles what is in '{topic}': register one for its origin, or replay to the "
                "original topic, without --handler."
            )
        self.cluster = cluster
        self.topic = topic
        self.owner = owner
        self.selection = selection
        self.handler: TopicConsumer | None = owner.handler if owner is not None and to_handler else None
        self.dry_run = dry_run
        self.report = report
        self.progress = progress
        self.passed = 0  # selected, but replayed before
        self._marks = Marks()
        self._outbox: Outbox | None = None

    def __enter__(self) -> Replay:
        if not self.dry_run:
            self._outbox = Outbox(self.topic)
        return self

    def __exit__(self, *exc: object) -> None:
        if self._outbox is not None:
            self._outbox.close()

    def run(self) -> None:
        """Errors: DjangoKafkaError; what was reported before it is replayed, and nothing else."""
        parts = browse.extents(self.cluster, self.topic)
        self._read_marks(parts, self.progress)
        chunk: list[Letter] = []
        size = 0
        for letter in self._selected(parts):
            if self.dry_run:
                self.report(letter, self._obstacle(letter))
            elif self.handler is not None:
                self._handle(letter)
            elif (obstacle := self._obstacle(letter)) is not None:
                self.report(letter, obstacle)
            else:
                chunk.append(letter)
                size += len(letter.msg)
                if len(chunk) >= CHUNK or size >= CHUNK_BYTES:
                    self._send(self._unmarked(chunk))
                    chunk, size = [], 0
        self._send(self._unmarked(chunk))
        self.selection.check_places(self.topic)

    def _selected(self, parts: list[browse.Extent]) -> Iterator[Letter]:
        decoder = self.owner.handler if self.owner is not None else None
        for letter in browse.letters(self.cluster, self.topic, parts, self.progress):
            if not self.selection.takes(letter, decoder):
                continue
            if self._marks.holds(*letter.place):
                self.passed += 1
            else:
                yield letter

    def _read_marks(self, parts: list[browse.Extent], progress: browse.Progress | None = None) -> None:
        self._marks = browse.read_marks(self.cluster, self.topic, parts, progress)

    def _unmarked(self, chunk: list[Letter]) -> list[Letter]:
        """Without what another replay has done in the meantime."""
        left = [letter for letter in chunk if not self._marks.holds(*letter.place)]
        self.passed += len(chunk) - len(left)
        return left

    def _obstacle(self, letter: Letter) -> str | None:
        """Why the letter cannot go to its origin, None if it can."""
        if self.handler is not None:
            return None
        origin = letter.origin(self.owner)
        if origin is None:
            return "it does not say which topic it came from, and no registered consumer tells"
        if origin not in self.cluster.partitions:
            return f"its topic '{origin}' does not exist (any more)"
        return None

    def _handle(self, letter: Letter) -> None:
        """Call the handler, then remember that. A crash in between makes the next replay call it once more."""
        assert self.handler is not None
        assert self._outbox is not None
        origin = letter.origin(self.owner) or ""
        try:
            self.handler.consume(restore(letter, origin))
        except Exception as error:
            events.REPLAY_FAILED.tell(REPLAY, letter=letter, exc_info=error)
            self.report(letter, f"{type(error).__name__}: {error}")
            return
        self._outbox.send([], [letter])
        self.report(letter, None)

    def _send(self, chunk: list[Letter]) -> None:
        """Produce copies to their topics; one that is too large for its topic does not stop the others."""
        if not chunk:
            return
        assert self._outbox is not None
        try:
            self._outbox.send([self._copy(letter) for letter in chunk], chunk)
        except TooLarge as error:
            self._outbox.reopen()
            self._read_marks(browse.extents(self.cluster, self.topic))
            if len(chunk) == 1:
                self.report(chunk[0], str(error))
                return
            half = len(chunk) // 2
            self._send(self._unmarked(chunk[:half]))
            self._send(self._unmarked(chunk[half:]))
            return
        for letter in chunk:
            self.report(letter, None)

    def _copy(self, letter: Letter) -> tuple[Copy, int]:
        """The copy, and the partition for it: the one it came from, if the topic still has it, else by its key."""
        origin = letter.origin(self.owner)
        assert origin is not None
        msg = restore(letter, origin)
        partition = msg.partition()
        known = partition is not None and 0 <= partition < self.cluster.partitions[origin]
        return Copy(msg, origin, [*(msg.headers() or ())]), partition if known and partition is not None else -1


class TooLarge(DjangoKafkaError):
    """The topic does not take a record of this size."""


class Outbox:
    """Produces copies and marks together, or neither."""

    def __init__(self, topic: str) -> None:
        """topic: the dead-letter topic. Ends another replay of it that is on its way.

        Errors: DjangoKafkaError when the broker does not allow it."""
        self.topic = topic
        self._refused: list[KafkaError] = []
        self._producer = self._open()

    def _open(self) -> Producer:
        config = {
            **producer_config(),
            "transactional.id": f"{self.topic}.replay",
            "transaction.timeout.ms": 60000,
            "message.timeout.ms": 30000,
            "batch.size": 16384,  # a topic may take less in one piece than librdkafka would put there
            "error_cb": lambda _error: None,  # calls fail with what matters,
            "log_level": 2,  # so it need not be logged
        }
        producer = Producer(config, logger=REPLAY)
        try:
            producer.init_transactions(TIMEOUT)
        except KafkaException as error:
            producer.close(0)
            raise DjangoKafkaError(
                f"No transaction can be begun for '{self.topic}.replay', which replaying needs: {_text(error)}"
            ) from error
        return producer

    def reopen(self) -> None:
        """Begin anew after a refusal, whose sequence numbers the broker would miss. This too ends another replay:
        what that has marked has to be read again."""
        self._producer.close(0)
        self._producer = self._open()

    def close(self) -> None:
        self._producer.close(5.0)

    def send(self, copies: list[tuple[Copy, int]], done: list[Letter]) -> None:
        """Copies, and the marks of the letters that are done by them. Returns when the broker has committed both.

        Errors: TooLarge, DjangoKafkaError: then nothing of it was produced, unless only the answer to the commit was
        lost; the marks know."""
        self._refused = []  # a new list: reports on what an abort has purged may still come
        try:
            self._producer.begin_transaction()
            for copy, partition in copies:
                self._produce(copy.topic, copy.value, copy.key, copy.headers, partition, copy.timestamp)
            for partition, offsets in _by_partition(done).items():
                key = f"replayed-{partition}-{offsets[0]}"
                text = render(offsets)
                self._produce(self.topic, text, key, [(ReplayHeader.MARK.value, text)], partition, 0)
            self._producer.flush(TIMEOUT)  # commit would do that too, but not hand out why it failed
            self._producer.commit_transaction(TIMEOUT)
        except (KafkaException, BufferError) as error:
            self._await_refusal(error)
            reason = self._reason(error)
            self._abort()
            if reason is not None and reason.code() == KafkaError.MSG_SIZE_TOO_LARGE:
                raise TooLarge("it is too large for its topic") from error
            raise DjangoKafkaError(f"Replay of '{self.topic}' failed: {_text(error, reason)}") from error

    def _produce(self, topic: str, value: Any, key: Any, headers: Any, partition: int, timestamp: int) -> None:
        self._producer.produce(
            topic,
            value,
            key,
            partition=partition,
            headers=headers,
            timestamp=timestamp,
            on_delivery=functools.partial(_note_refusal, self._refused),
        )

    def _await_refusal(self, failure: Exception) -> None:
        """A refused record spoils the transaction at once, so that what is produced next fails; the report, which has
        the reason, comes a moment later."""
        said = _kafka_error(failure)
        deadline = time.monotonic() + REPORT_TIMEOUT
        while said is not None and said.code() == KafkaError._STATE and not self._refused:
            if time.monotonic() > deadline:
                return
            self._producer.poll(0.1)

    def _reason(self, failure: Exception) -> KafkaError | None:
        """Why a record was refused: first of all its size, which others are refused along with."""
        known = [error for error in [*self._refused, _kafka_error(failure)] if error is not None]
        too_large = [error for error in known if error.code() == KafkaError.MSG_SIZE_TOO_LARGE]
        return next(iter([*too_large, *known]), None)

    def _abort(self) -> None:
        with contextlib.suppress(KafkaException):  # the broker aborts what it does not hear of
            self._producer.abort_transaction(TIMEOUT)


def _note_refusal(refused: list[KafkaError], error: KafkaError | None, _msg: Any) -> None:
    if error is not None:
        refused.append(error)


def _by_partition(done: list[Letter]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for letter in done:
        partition, offset = letter.place
        found.setdefault(partition, []).append(offset)
    return found


def _kafka_error(error: Exception) -> KafkaError | None:
    first = error.args[0] if error.args else None
    return first if isinstance(first, KafkaError) else None


def _text(error: Exception, reason: KafkaError | None = None) -> str:
    reason = reason or _kafka_error(error)
    if reason is None:
        return str(error)
    if reason.code() in (KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED):
        return "another replay of this topic has begun, and goes on from here."
    return f"{reason.str()} ({reason.name()})."
