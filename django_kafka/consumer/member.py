# SPDX-License-Identifier: MIT
"""A consumer as a member of its group: the client, and all that is remembered of partitions and messages in hand."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from django_kafka import events
from django_kafka._native import Consumer as NativeConsumer
from django_kafka.conf import settings
from django_kafka.consumer.lag import Lag
from django_kafka.consumer.managers import PauseManager, RetryManager
from django_kafka.consumer.new_partitions import NewPartitions, begins_at_end
from django_kafka.consumer.probe import Probe
from django_kafka.consumer.standing import Standstills
from django_kafka.consumer.stopping import flush_producer, limit_exit
from django_kafka.consumer.waiting import Waiting, has_all
from django_kafka.failures.attempts import Note
from django_kafka.failures.backoff import Backoff
from django_kafka.failures.copies import Copies
from django_kafka.failures.delivery import InBatch, InClaim, Polled
from django_kafka.failures.log import FailureLog
from django_kafka.retry.search import TopicSearch, refresh_interval
from django_kafka.utils.moments import seconds_until
from django_kafka.utils.partitions import in_short
from django_kafka.utils.stop_time import TimeLeft, no_limit, time_to_flush

if TYPE_CHECKING:
    from django_kafka._native import Batch, Claim
    from django_kafka.consumer.offsets import StoredOffsets
    from django_kafka.consumer.topics import Topics
    from django_kafka.failures.delivery import Delivery
    from django_kafka.failures.story import Story
    from django_kafka.topic import TopicConsumer

# While copies of failed messages are on their way, the loop looks whether one was refused this often (seconds).
REFUSAL_INTERVAL = 0.02

_GONE = {"revoked": events.PARTITIONS_REVOKED, "lost": events.PARTITIONS_LOST}


class Member:
    """Owned by the thread that runs the consumer."""

    def __init__(
        self,
        client: Any,
        name: str,
        config: dict[str, Any],
        logger: logging.Logger,
        describe: Callable[[Any], object],
    ) -> None:
        """name: of the consumer, for the log. config: the client's. describe: what log lines call a message."""
        self.client = client
        self.name = name
        self.group: str = config.get("group.id", "")
        self.is_native = isinstance(client, NativeConsumer)
        self.logger = logger
        self.describe = describe
        self.time_left: TimeLeft = no_limit  # for a stop
        self.copies = Copies(name, lambda: self.time_left())
        self.pauses = PauseManager()
        self.retries = RetryManager()
        self.backoff = Backoff()
        self.failures = FailureLog(name, logger)
        # What this kind of consumer has to do besides messages. Each returns after how many seconds it wants to be
        # called again, None for whenever.
        self.chores: list[Callable[[], float | None]] = []
        self._next_chore: float | None = None
        self.lag = Lag(client, name, logger)
        self.waiting: Waiting | None = None
        self.new_partitions: NewPartitions | None = None
        report = config.get("error_cb")
        self.standstills = Standstills(
            *(client, name, self.group, report if callable(report) else None, logger),
            find_damage=Probe(config),
            at_end=begins_at_end(config),
        )
        self.offsets: StoredOffsets | None = None  # of topics that store them in the database
        self._in_hand: Delivery | None = None
        self._other: Polled | None = None  # a message that is not in the loop's hand, and was spoken of last

    def watch(self, topics: Iterable[TopicConsumer], config: dict[str, Any], search_pause: float) -> None:
        """Look after the engine's client: what it is given, what it waits for, what stands. search_pause: seconds
        between two looks for topics that are missing."""
        client, topics = self.client, list(topics)
        self.waiting = Waiting(client, self.name, self.group, topics, self.logger)
        client.on_rebalance = self.tell_rebalance
        client.on_partition_error = self.standstills.on_error
        search = TopicSearch(client, refresh_interval(config), search_pause, partial(has_all, topics))
        self.chores += [self.lag.look, self.waiting.look, search.look, self.standstills.look]
        if settings.NEW_PARTITIONS_FROM_BEGINNING and begins_at_end(config):
            self.new_partitions = NewPartitions(client, self.name, self.logger)
            self.chores.append(self.new_partitions.look)

    def take_error(self, msg: Any) -> bool:
        """poll() has given this error. Returns whether it is one of a partition, which is looked after here."""
        error = msg.error()
        if not self.is_native or not isinstance(error, KafkaError) or msg.topic() is None or msg.partition() < 0:
            return False
        self.standstills.on_error(error, msg.topic(), msg.partition(), -1 if msg.offset() is None else msg.offset())
        return True

    # ---- the message in hand ----

    def take(self, batch: Batch, msg: Any) -> InBatch:
        """The batch has handed this message out."""
        delivery = self._in_hand = InBatch(self, msg, batch)
        return delivery

    def take_claimed(self, claim: Claim, at_once: bool) -> InClaim:
        """This claim of one message is spoken of. at_once: as InClaim has it."""
        delivery = self._in_hand = InClaim(self, claim, at_once)
        return delivery

    def take_polled(self, msg: Any) -> Polled:
        """poll() has given this message out."""
        delivery = self._in_hand = Polled(self, msg)
        return delivery

    def release(self) -> None:
        """The message in hand has its outcome."""
        self._in_hand = None

    def delivery(self, msg: Any) -> Delivery:
        """What takes the outcome of this message: that of the batch which has handed it out, else of a polled one."""
        in_hand, other = self._in_hand, self._other
        if in_hand is not None and in_hand.holds(msg):
            return in_hand
        if other is None or not other.holds(msg):
            other = self._other = Polled(self, msg)
        return other

    def story(self, msg: Any) -> Story:
        """What is decided about a message that has failed, for the log."""
        return self.delivery(msg).story

    def count_failure(self, msg: Any) -> int:
        """The number of this failure of the message, from 1; those that an earlier owner has noted count."""
        if not self.retries.known(msg) and (noted := self.delivery(msg).noted) is not None:
            self.retries.set(msg, noted.attempts)
        return self.retries.next(msg)

    # ---- between messages ----

    def look_around(self) -> None:
        """Do what is due besides messages."""
        self.copies.poll()
        self.failures.tell()
        if self.chores:
            waits = [wait for chore in self.chores if (wait := chore()) is not None]
            self._next_chore = min(waits, default=None)

    def patience(self, longest: float) -> float:
        """How long to wait for messages before there is something else to do; seconds, at most so many."""
        if self.copies.busy:
            return min(longest, REFUSAL_INTERVAL)
        return min(when for when in (longest, self.pauses.next_due(), self._next_chore) if when is not None)

    def resume_ready(self) -> None:
        """Let partitions go on whose time has come."""
        for partition in self.pauses.pop_ready():
            self.client.resume([partition])

    # ---- partitions ----

    def heeds_assignments(self, topics: Topics) -> bool:
        """Whether on_assign() has anything to do."""
        return (
            self.offsets is not None or self.new_partitions is not None or bool(topics.get_retryable(blocking=True))
        )

    def tell_rebalance(self, what: str, partitions: list[TopicPartition]) -> None:
        """Log that partitions were assigned, revoked or lost. A member that was given nothing new says nothing."""
        if self.waiting is not None:
            self.waiting.rebalanced(what, partitions)
        if what != "assigned":
            self.standstills.forget(partitions)
            if partitions:
                words = in_short(partitions)
                _GONE[what].tell(self.logger, consumer=self.name, group=self.group, partitions=words)

    def on_assign(self, client: Any, partitions: list[TopicPartition]) -> None:
        """Partitions were assigned: one whose head waits for a retry has to wait here too; one whose offset is stored
        in the database begins there."""
        for partition in partitions:
            note = Note.read(partition.metadata)
            if note is not None and seconds_until(note.due) > 0:
                self.pauses.hold(partition, note.due)
                client.pause([partition])
        if self.new_partitions is not None:
            self.new_partitions.begin(client, partitions)
        if self.offsets is not None:
            self.offsets.begin(client, partitions)

    def on_gone(self, _client: Any, partitions: list[TopicPartition]) -> None:
        """Partitions were revoked or lost; the engine has waited for the copies that were on their way."""
        self.retries.forget(partitions)
        self.pauses.forget(partitions)
        self.backoff.forget(partitions)
        if self.offsets is not None:
            self.offsets.forget(partitions)

    # ---- the end ----

    def leave(self, flush_timeout: float) -> None:
        """Wait for what was produced, commit what is finished, leave the group. If something could not be delivered,
        what was finished since the last commit is not committed, but redelivered.

        flush_timeout: seconds to wait for copies, and for what the handlers have produced."""
        delivered = True
        self._hold_commits(True)
        try:
            self.copies.close(time_to_flush(flush_timeout, self.time_left()))
            self.failures.tell(everything=True)
            delivered = flush_producer(time_to_flush(flush_timeout, self.time_left()), self.logger)
        finally:
            if delivered:
                self._hold_commits(False)
            self._close(self.time_left())  # whatever callables have raised: others wait for the partitions
            limit_exit(self.time_left())

    def _hold_commits(self, held: bool) -> None:
        if isinstance(self.client, NativeConsumer):  # and not something in its place
            self.client.hold_commits(held)

    def _close(self, timeout: float | None) -> None:
        """The client is closed when this returns, whatever it could not do any more: its error names the partitions
        whose offsets are not committed."""
        try:
            self.client.close(*(() if timeout is None else (timeout,)))
        except KafkaException as error:
            events.CONSUMER_NOT_CLOSED_CLEANLY.tell(self.logger, consumer=self.name, reason=error.args[0].str())
