# SPDX-License-Identifier: MIT
"""Replaying dead letters: to the topic they came from, or straight to that topic's handler. Each once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from django_kafka import events
from django_kafka._native import Message
from django_kafka.conf import settings
from django_kafka.dead_letter.header import ReplayHeader
from django_kafka.dead_letter.tool import browse
from django_kafka.dead_letter.tool.browse import Letter
from django_kafka.dead_letter.tool.marks import Marks
from django_kafka.dead_letter.tool.transaction import ReplayTransaction, TooLarge
from django_kafka.exceptions import DjangoKafkaError
from django_kafka.failures.copy import Copy
from django_kafka.failures.headers import DeadLetterHeader, RetryHeader
from django_kafka.logs.loggers import REPLAY

if TYPE_CHECKING:
    from django_kafka.dead_letter.tool.catalogue import Cluster, Owner
    from django_kafka.dead_letter.tool.select import Selection
    from django_kafka.topic import TopicConsumer

CHUNK = 500
CHUNK_BYTES = 16_000_000

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
        self._transaction: ReplayTransaction | None = None

    def __enter__(self) -> Replay:
        if not self.dry_run:
            self._transaction = ReplayTransaction(self.topic)
        return self

    def __exit__(self, *exc: object) -> None:
        if self._transaction is not None:
            self._transaction.close()

    def run(self) -> None:
        """Errors: DjangoKafkaError; what was reported before it is replayed, and nothing else."""
        parts = browse.extents(self.cluster, self.topic)
        self._read_marks(parts, self.progress)
        chunk: list[Letter] = []
        size = 0
        for letter in self._selected(parts):
            if self.dry_run:
                self.report(letter, self._obstacle(letter))
            elif (obstacle := self._obstacle(letter)) is not None:
                self.report(letter, obstacle)
            elif self.handler is not None:
                self._handle(letter)
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
        origin = letter.origin(self.owner)
        if origin is not None and not self.topic.endswith(f".{origin}.{settings.DEAD_LETTER_TOPIC_SUFFIX}"):
            return "its header names a topic whose dead letters do not come here"
        if self.handler is not None:
            if self.owner is not None and origin != self.owner.origin:
                return f"it came from topic '{origin}', which the handler is not for"
            return None
        if origin is None:
            return "it does not say which topic it came from, and no registered consumer tells"
        if origin not in self.cluster.partitions:
            return f"its topic '{origin}' does not exist (any more)"
        return None

    def _handle(self, letter: Letter) -> None:
        """Call the handler, then remember that. A crash in between makes the next replay call it once more."""
        assert self.handler is not None
        assert self._transaction is not None
        origin = letter.origin(self.owner) or ""
        try:
            self.handler.consume(restore(letter, origin))
        except Exception as error:
            events.REPLAY_FAILED.tell(REPLAY, letter=letter, exc_info=error)
            self.report(letter, f"{type(error).__name__}: {error}")
            return
        self._transaction.send([], [letter])
        self.report(letter, None)

    def _send(self, chunk: list[Letter]) -> None:
        """Produce copies to their topics; one that is too large for its topic does not stop the others."""
        if not chunk:
            return
        assert self._transaction is not None
        try:
            self._transaction.send([self._copy(letter) for letter in chunk], chunk)
        except TooLarge as error:
            self._transaction.reopen()
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
