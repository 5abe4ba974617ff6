# SPDX-License-Identifier: MIT
"""Offsets that are stored with what was handled, in the same transaction (`offsets_in_database` of a topic).

A partition's row moves only from the offset that its owner expects to the one behind what it has handled. If the row
has another offset, somebody else has moved it (a member that lost the partition, say), and nothing that was handled
is committed: the consumer goes on from where the row is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaException, TopicPartition
from django.apps import apps
from django.db import IntegrityError
from django.db.models import Case, Q, Value, When
from django.utils import timezone

from django_kafka import events
from django_kafka.consumer.topics import Topics
from django_kafka.exceptions import TopicNotRegisteredError
from django_kafka.failures.attempts import Place, place_of
from django_kafka.logs.tracebacks import line_of

if TYPE_CHECKING:
    import logging

Span = tuple[str, int, int, int, int]

# How long the end of a log may take to be told, in seconds.
END_TIMEOUT = 10.0


class Moved(Exception):
    """A row has another offset than expected."""


class StoredOffsets:
    """Of one consumer. Owned by the thread that runs it."""

    def __init__(self, topics: Topics, group: str, name: str, logger: logging.Logger) -> None:
        """name: of the consumer, for the log."""
        self._topics = topics
        self._group = group
        self._name = name
        self._logger = logger
        # Where each partition's row is; None: there is none.
        self._expected: dict[Place, int | None] = {}
        # Behind messages that are finished without a transaction: copies of them are confirmed.
        self._behind: dict[Place, int] = {}

    # ---- partitions ----

    def begin(self, client: Any, partitions: Iterable[TopicPartition]) -> None:
        """Partitions are being assigned: those with a row begin there. One whose row cannot be read now is looked up
        when it has messages."""
        for partition in partitions:
            place = place_of(partition)
            try:
                using = self._using(place)
                if using is None:
                    continue
                offset = self._look_up(using, place)
                if offset is not None:
                    client.seek(TopicPartition(*place, offset))
            except Exception as error:  # whatever the driver raises: it is not the end of the consumer
                reason = line_of(error)
                events.OFFSET_NOT_READ.tell(
                    self._logger, consumer=self._name, topic=place[0], partition=place[1], reason=reason
                )

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """Forget partitions that were taken away."""
        for partition in partitions:
            self._expected.pop(place_of(partition), None)
            self._behind.pop(place_of(partition), None)

    def _using(self, place: Place) -> str | None:
        """The database of the partition's row, None when its topic stores none."""
        try:
            topic = self._topics.get(place[0])
        except TopicNotRegisteredError:
            return None
        return topic.get_using() if topic.offsets_in_database is True else None

    # ---- before messages are handled ----

    def admit(self, client: Any, using: str, spans: Iterable[Span]) -> dict[Place, int]:
        """Look where the rows of partitions are that have messages now. Returns the partitions of which messages
        before an offset were handled already, with that offset.

        Errors: Moved, when a partition has to go on from elsewhere, which it then does."""
        handled: dict[Place, int] = {}
        for topic, partition, _, first, _ in spans:
            place = (topic, partition)
            if place not in self._expected:
                row = self._look_up(using, place)
                if row is not None and row != first and not self._is_new_log(client, place, row):
                    self._go_to(client, place, row)
                    raise Moved
            expected = self._expected[place]
            if expected is not None and first < expected and not self._is_new_log(client, place, expected):
                handled[place] = expected
        return handled

    def _look_up(self, using: str, place: Place) -> int | None:
        rows = self._rows(using).filter(topic=place[0], partition=place[1])
        offset: int | None = rows.values_list("offset", flat=True).first()
        self._expected[place] = offset
        self._behind.pop(place, None)
        return offset

    def _is_new_log(self, client: Any, place: Place, offset: int) -> bool:
        """Whether the log ends before this offset: the topic was recreated, and the row is of the old one."""
        try:
            ends = client.get_watermark_offsets(TopicPartition(*place), END_TIMEOUT)
        except KafkaException:
            return False
        return ends is not None and ends[1] < offset

    def _go_to(self, client: Any, place: Place, offset: int) -> None:
        topic, partition = place
        events.OFFSET_MOVED.tell(
            self._logger, consumer=self._name, topic=topic, partition=partition, offset=offset, group=self._group
        )
        try:
            client.seek(TopicPartition(*place, offset))
        except KafkaException:  # it was revoked meanwhile
            self._expected.pop(place, None)

    # ---- when they are ----

    def finish(self, spans: Iterable[Span]) -> None:
        """These were finished without a transaction; the next one that stores the partition's offset counts them."""
        for topic, partition, _, _, end in spans:
            self._behind[topic, partition] = end

    def store(self, using: str, spans: Iterable[Span]) -> dict[Place, int]:
        """Inside a transaction: move the rows behind these messages. Returns what `stored` is to be called with when
        it is committed. Errors: Moved: roll it back, and call `moved`."""
        ends = {(topic, partition): end for topic, partition, _, _, end in spans}
        known = [place for place in ends if self._expected.get(place) is not None]
        try:
            if len(known) < len(ends):
                self._create(using, {place: end for place, end in ends.items() if place not in known})
        except IntegrityError as error:
            raise Moved from error
        if known and self._update(using, {place: ends[place] for place in known}) != len(known):
            raise Moved
        return ends

    def _create(self, using: str, ends: dict[Place, int]) -> None:
        model = self._model()
        model.objects.using(using).bulk_create(
            model(group=self._group, topic=topic, partition=partition, offset=end)
            for (topic, partition), end in ends.items()
        )

    def _update(self, using: str, ends: dict[Place, int]) -> int:
        """Returns how many rows were where they are expected."""
        which, cases = Q(), []
        for (topic, partition), end in ends.items():
            place = Q(topic=topic, partition=partition)
            which |= place & Q(offset=self._expected[topic, partition])
            cases.append(When(place, then=Value(end)))
        return self._rows(using).filter(which).update(offset=Case(*cases), updated_at=timezone.now())

    def stored(self, ends: dict[Place, int]) -> None:
        """The transaction is committed."""
        self._expected.update(ends)
        for place in ends:
            self._behind.pop(place, None)

    def moved(self, client: Any, using: str, spans: Iterable[Span]) -> None:
        """A transaction is rolled back, because somebody has moved a row: go on from where the rows are."""
        for topic, partition, _, _, _ in spans:
            place = (topic, partition)
            before = self._expected.get(place)
            row = self._look_up(using, place)
            if row is not None and row != before:
                self._go_to(client, place, row)

    def lagging(self, using: str) -> list[Span]:
        """Partitions of this database with finished messages that no transaction has counted yet."""
        return [
            (topic, partition, 0, end, end)
            for (topic, partition), end in self._behind.items()
            if self._using((topic, partition)) == using
        ]

    # ---- the table ----

    def _rows(self, using: str) -> Any:
        return self._model().objects.using(using).filter(group=self._group)

    @staticmethod
    def _model() -> Any:
        return apps.get_model("django_kafka", "StoredOffset")


def stored_offsets_of(consumer: Any, name: str) -> StoredOffsets | None:
    """Of a consumer with a topic whose offsets are in the database; None: it has none."""
    topics = getattr(consumer, "topics", None)
    if not isinstance(topics, Topics) or not any(topic.offsets_in_database is True for topic in topics):
        return None
    return StoredOffsets(topics, consumer.group_id, name, consumer.default_logger)
