# SPDX-License-Identifier: MIT
"""Reading dead letters: from the beginning of a topic to where it ended when reading began."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from django_kafka.dead_letter.header import DeadLetterHeader
from django_kafka.dead_letter.tool.catalogue import ASK_TIMEOUT, Cluster
from django_kafka.dead_letter.tool.marks import Marks
from django_kafka.exceptions import DjangoKafkaError

if TYPE_CHECKING:
    from django_kafka.dead_letter.tool.catalogue import Owner

# Reading ends with an error when nothing came for so long (seconds).
PATIENCE = 30.0

_NUMBER = re.compile("[0-9]{1,18}")  # what fits in 64 bits

# Called with the number of records that were passed over or read.
Progress = Callable[[int], None]


class Letter:
    """One dead letter: a record, and what its headers say."""

    __slots__ = ("headers", "msg")

    def __init__(self, msg: Any) -> None:
        self.msg = msg
        self.headers: list[tuple[str, Any]] = msg.headers() or []

    @property
    def place(self) -> tuple[int, int]:
        """Partition and offset in the dead-letter topic."""
        return self.msg.partition(), self.msg.offset()

    def __str__(self) -> str:
        return f"{self.msg.topic()} {self.msg.partition()}:{self.msg.offset()}"

    def text(self, header: DeadLetterHeader) -> str | None:
        """A header as text, None when it is missing."""
        value = DeadLetterHeader.get(self.headers, header)
        return value.decode(errors="replace") if isinstance(value, bytes) else value

    def number(self, header: DeadLetterHeader) -> int | None:
        """A header as a number, None when it is missing or no number."""
        text = self.text(header)
        return int(text) if text is not None and _NUMBER.fullmatch(text) else None

    @property
    def exception(self) -> str | None:
        """The exception's class with its module."""
        return self.text(DeadLetterHeader.EXCEPTION)

    @property
    def summary(self) -> str | None:
        summary = self.text(DeadLetterHeader.SUMMARY)
        return self.text(DeadLetterHeader.MESSAGE) if summary is None else summary

    @property
    def timestamp(self) -> int | None:
        """When the message was produced at first, in ms since 1970."""
        origin = self.number(DeadLetterHeader.ORIGIN_TIMESTAMP)
        if origin is not None:
            return origin
        kind, milliseconds = self.msg.timestamp()
        return milliseconds if kind else None

    def origin(self, owner: Owner | None) -> str | None:
        """The topic that the message came from: by header, else (letters of the original library) by the name."""
        return self.text(DeadLetterHeader.ORIGIN_TOPIC) or (owner.origin if owner is not None else None)


@dataclass(frozen=True)
class Extent:
    """A partition's part that is read: from `low` to before `high`."""

    partition: int
    low: int
    high: int


def extents(cluster: Cluster, topic: str) -> list[Extent]:
    """What there is to read in each partition of a topic. Errors: DjangoKafkaError."""
    found = []
    for partition in range(cluster.partitions[topic]):
        try:
            marks = cluster.client.get_watermark_offsets(TopicPartition(topic, partition), ASK_TIMEOUT)
        except KafkaException as error:
            raise DjangoKafkaError(f"Cannot ask how long '{topic}' is, partition {partition}: {error}") from error
        if marks is None:
            raise DjangoKafkaError(f"Cannot ask how long '{topic}' is, partition {partition}: no answer in time.")
        found.append(Extent(partition, *marks))
    return found


def length(parts: list[Extent]) -> int:
    """How many records there are at most."""
    return sum(part.high - part.low for part in parts)


def records(cluster: Cluster, topic: str, parts: list[Extent], progress: Progress | None = None) -> Iterator[Any]:
    """All records, marks included, in order within a partition. Errors: DjangoKafkaError when reading gets stuck."""
    left = {part.partition: part for part in parts if part.high > part.low}
    if not left:
        return
    with cluster.reader() as client:
        client.assign([TopicPartition(topic, part.partition, part.low) for part in left.values()])
        last = time.monotonic()
        while left:
            msg: Any = client.poll(1.0)
            if msg is None:
                if time.monotonic() - last > PATIENCE:
                    raise DjangoKafkaError(f"Reading '{topic}' got stuck: no more records arrive{cluster.trouble()}.")
                continue
            last = time.monotonic()
            part = left.get(msg.partition())
            if msg.error() is not None:
                _check(msg.error(), topic)
                left.pop(msg.partition(), None)
            elif part is not None:
                if progress is not None:
                    progress(1)
                if msg.offset() + 1 >= part.high:
                    del left[part.partition]
                if msg.offset() < part.high:
                    yield msg
                    last = time.monotonic()  # the caller may have taken its time


def _check(error: KafkaError, topic: str) -> None:
    if error.code() != KafkaError._PARTITION_EOF:
        raise DjangoKafkaError(f"Reading '{topic}' failed: {error.str()} ({error.name()}).", context=error)


@dataclass
class Count:
    """What is in a dead-letter topic."""

    letters: int
    replayed: int

    @property
    def waiting(self) -> int:
        return self.letters - self.replayed


def count(cluster: Cluster, topic: str, progress: Progress | None = None) -> Count:
    """Count the letters by reading them: offsets alone would count marks and the ends of transactions too."""
    marks = Marks()
    places: dict[int, list[range]] = {}
    for msg in records(cluster, topic, extents(cluster, topic), progress):
        if not marks.note(msg):
            _append(places.setdefault(msg.partition(), []), msg.offset())
    letters = sum(len(part) for ranges in places.values() for part in ranges)
    return Count(letters, sum(marks.count(partition, ranges) for partition, ranges in places.items()))


def _append(ranges: list[range], offset: int) -> None:
    """Offsets that follow on one another are one range."""
    if ranges and ranges[-1].stop == offset:
        ranges[-1] = range(ranges[-1].start, offset + 1)
    else:
        ranges.append(range(offset, offset + 1))


def read_marks(cluster: Cluster, topic: str, parts: list[Extent], progress: Progress | None = None) -> Marks:
    """Which letters were replayed."""
    marks = Marks()
    for msg in records(cluster, topic, parts, progress):
        marks.note(msg)
    return marks


def letters(cluster: Cluster, topic: str, parts: list[Extent], progress: Progress | None = None) -> Iterator[Letter]:
    """The dead letters, without marks."""
    seen = Marks()
    for msg in records(cluster, topic, parts, progress):
        if not seen.note(msg):
            yield Letter(msg)
