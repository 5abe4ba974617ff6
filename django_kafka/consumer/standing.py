# SPDX-License-Identifier: MIT
"""Partitions that do not go on: named with what they stand at and what helps, again and again while it lasts.

librdkafka reports such an error once, or not at all. So it is remembered here until something of the partition was
read again. What is reported goes to the consumer's error handler (setting ERROR_HANDLER), as `PartitionError`."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from django_kafka import events
from django_kafka.consumer.remedies import remedy_of
from django_kafka.error_handlers import PartitionError, is_of_subscription
from django_kafka.failures.attempts import Place, place_of
from django_kafka.logs.clean import in_one_line, without_credentials
from django_kafka.utils.backoff import doubled

LOOK = 10.0  # seconds between two looks
SILENT = 120.0  # after so many without a message, although there are some, a partition stands
FIRST_AGAIN, LONGEST_AGAIN = 60.0, 3600.0  # seconds between two lines about one partition
ASK_TIMEOUT = 2.0  # the loop stands still meanwhile

PROBE_AFTER = 20.0  # and after so many the batch there is looked at
SHARE = 20  # of the time, one part in so many is for looking into silent partitions: the loop stands still meanwhile

Report = Callable[[KafkaError], object]
# The error of a damaged batch of a partition at an offset, if there is one.
Find = Callable[[Place, int], KafkaError | None]


class _Standing:
    """One partition. offset: the first that was not read."""

    __slots__ = ("again", "code", "due", "offset", "reason")

    def __init__(self, code: int, reason: str, offset: int | None, due: float) -> None:
        self.code = code
        self.reason = reason
        self.offset = offset
        self.due = due
        self.again = FIRST_AGAIN


class _Silence:
    """Of one partition. at: where it is, None: nothing was read yet. first: the offset that it waits for, None: not
    known yet. since: when there was nothing to wait for. looked: when it was looked into, or begun."""

    __slots__ = ("at", "first", "looked", "probed", "since")

    def __init__(self, at: int | None, first: int | None, since: float) -> None:
        self.at = at
        self.first = first
        self.since = since
        self.looked = since
        self.probed = False


class Standstills:
    """Of one consumer. Owned by the thread that runs it."""

    def __init__(
        self,
        client: Any,
        name: str,
        group: str,
        report: Report | None,
        logger: logging.Logger,
        clock: Callable[[], float] = time.monotonic,
        find_damage: Find = lambda _place, _offset: None,
        at_end: bool = False,
    ) -> None:
        """name: of the consumer. report: its error handler. find_damage: called once for each silence. at_end: where
        a partition without an offset is begun."""
        self._client = client
        self._name = name
        self._group = group
        self._report = report
        self._logger = logger
        self._clock = clock
        self._find_damage = find_damage
        self._at_end = at_end
        self._standing: dict[Place, _Standing] = {}
        self._silent: dict[Place, _Silence] = {}
        self._looked = clock()
        self._may_look_into = self._looked  # from then on

    def on_error(self, error: KafkaError, topic: str, partition: int, offset: int) -> None:
        """librdkafka has an error of this partition. Errors: what the error handler raises."""
        if is_of_subscription(error):  # librdkafka's partition and offset of it are none
            self._hand_over(error)
            return
        if error.code() == KafkaError._PARTITION_EOF:
            events.PARTITION_AT_ITS_END.tell(
                self._logger, consumer=self._name, topic=topic, partition=partition, offset=offset
            )
            return
        place, now = (topic, partition), self._clock()
        known = self._standing.get(place)
        if known is not None and known.code == error.code():
            return  # it is told when it is due
        numbers = self._numbers().get(place)
        at = None if numbers is None else next_of(numbers)
        if at is None and offset >= 0:
            at = offset
        self._stands(place, error, at, now)

    def look(self) -> float:
        """A chore of the consumer: report what still stands, and what stands without a word."""
        now = self._clock()
        if now - self._looked < LOOK:
            return LOOK - (now - self._looked)
        gap, self._looked = now - self._looked, now
        numbers = self._numbers()
        for place, standing in list(self._standing.items()):
            mine = numbers.get(place)
            if mine is None or _has_moved(mine, standing.offset):
                del self._standing[place]
            elif now >= standing.due:
                self._tell(place, now)
        if gap > 2 * LOOK:  # a handler ran: nobody has read meanwhile
            self._silent.clear()
        silent = self._find_silent(numbers, now)
        if silent and now >= self._may_look_into:
            place = min(silent, key=lambda place: silent[place].looked)
            self._look_into(place, silent[place], now)
            # A slow consumer of many partitions, or one whose brokers are away, has hundreds of them.
            ended = self._clock()
            self._may_look_into = ended + (ended - now) * SHARE
        return LOOK

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """Forget partitions that were taken away."""
        for partition in partitions:
            self._standing.pop(place_of(partition), None)
            self._silent.pop(place_of(partition), None)

    def _find_silent(self, numbers: dict[Place, dict[str, Any]], now: float) -> dict[Place, _Silence]:
        """Partitions that have messages, of which none was read for long."""
        found = {}
        for place, mine in numbers.items():
            at, end = next_of(mine), mine["end"]
            if mine["held"] or mine["outstanding"] or mine["paused"] or end is None or place in self._standing:
                self._silent.pop(place, None)
                continue
            silence = self._silent.get(place)
            if silence is None or silence.at != at:
                first = end if at is None and self._at_end else at
                silence = self._silent[place] = _Silence(at, first, now)
            if end <= (silence.first or 0):
                silence.since, silence.probed = now, False
            elif now - silence.since >= (SILENT if silence.probed else PROBE_AFTER):
                found[place] = silence
        return found

    def _look_into(self, place: Place, silence: _Silence, now: float) -> None:
        """See what a partition that says nothing stands at. Where it is goes without saying only if it was read."""
        silence.looked = now
        ends = self._ends(place)
        if ends is None:
            return
        first = silence.first = ends[0] if silence.first is None else silence.first
        if ends[1] <= first:
            return
        if not silence.probed:
            silence.probed = True
            if (damage := self._find_damage(place, first)) is not None:
                self._stands(place, damage, first, now)
        elif silence.at is not None:
            reason = f"nothing was read for {now - silence.since:.0f} s, although the log goes on to {ends[1]}"
            self._stands(place, KafkaError(KafkaError._TIMED_OUT, reason), first, now)

    def _ends(self, place: Place) -> tuple[int, int] | None:
        """Where the log begins and ends, as the broker says now; None when there is no broker that does."""
        try:
            ends: tuple[int, int] | None = self._client.get_watermark_offsets(TopicPartition(*place), ASK_TIMEOUT)
        except KafkaException:
            return None
        return ends

    def _stands(self, place: Place, error: KafkaError, at: int | None, now: float) -> None:
        self._standing[place] = _Standing(error.code(), error.str(), at, now)
        self._tell(place, now)

    def _tell(self, place: Place, now: float) -> None:
        standing = self._standing[place]
        standing.due = now + standing.again
        standing.again = doubled(standing.again, longest=LONGEST_AGAIN)
        self._hand_over(self._error_of(place, standing))

    def _hand_over(self, error: KafkaError) -> None:
        if self._report is not None:
            self._report(error)
        elif isinstance(error, PartitionError):
            error.log(self._logger)
        else:
            events.CLIENT_ERROR.tell(self._logger, text=without_credentials(error.str()))

    def _error_of(self, place: Place, standing: _Standing) -> PartitionError:
        return PartitionError.make(
            standing.code,
            consumer=self._name,
            group=self._group,
            topic=place[0],
            partition=place[1],
            offset=standing.offset,
            reason=in_one_line(standing.reason, 300),
            remedy=remedy_of(standing.code, place, self._group),
        )

    def _numbers(self) -> dict[Place, dict[str, Any]]:
        return {(one["topic"], one["partition"]): one for one in self._client.partition_counters()}


def next_of(numbers: dict[str, Any]) -> int | None:
    """The offset that a partition goes on with; committed may be ahead, behind the marks of transactions."""
    known = [offset for offset in (numbers["position"], numbers["committed"]) if offset is not None]
    return max(known, default=None)


def _has_moved(numbers: dict[str, Any], offset: int | None) -> bool:
    at = next_of(numbers)
    if at is None:
        return False
    return offset is None or at > offset or (numbers["end"] is not None and at == numbers["end"])
