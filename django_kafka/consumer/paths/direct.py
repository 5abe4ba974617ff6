# SPDX-License-Identifier: MIT
"""The direct path: a batch's messages go straight to their topics' consume(). The fastest; nothing is overridden.

A message counts as finished when the batch moves on from it. An exception stops there: the failure handling says what
becomes of the message, and the batch goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django_kafka import events
from django_kafka.consumer.describe import name_of
from django_kafka.consumer.paths.sink import Sink, is_for
from django_kafka.consumer.results import check_result
from django_kafka.exceptions import TopicNotRegisteredError, is_failure
from django_kafka.failures import database

if TYPE_CHECKING:
    from django_kafka._native import Batch
    from django_kafka.consumer.consumer import Consumer
    from django_kafka.consumer.member import Member
    from django_kafka.failures.policy import Policy

Handler = Callable[[Any], Any]

# Claims in a fetch, where those behind the one in hand are of use. All partitions of a fetch wait for its end: if
# that took more than so many seconds, a fetch brings one claim for so long.
AHEAD, QUICK, SLOW_FOR = 4, 0.5, 60.0


class DirectPath:
    """Of one run of a consumer."""

    def __init__(self, consumer: Consumer, member: Member, policy: Policy) -> None:
        self.consumer = consumer
        self.member = member
        self.policy = policy
        self.logger = consumer.default_logger
        self._handlers: dict[str, Handler | Sink] = {}
        self._guarded: dict[str, Handler | Sink] = {}
        self._was_slow = -SLOW_FOR  # when a walk ended that took long

    def wanted(self) -> int:
        """How many messages a fetch should bring, for topics that are better off with several claims at once; 0: as
        many as one of them takes."""
        handlers = (*self._handlers.values(), *self._guarded.values())
        sinks = [each for each in handlers if isinstance(each, Sink) and each.topic.reads_ahead is True]
        if not sinks or len(sinks) < len(handlers) or time.monotonic() < self._was_slow + SLOW_FOR:
            return 0
        return AHEAD * max(each.size for each in sinks)

    def walk(self, batch: Batch) -> None:
        """Call the topics' handlers with the messages of a batch."""
        begun = time.monotonic()
        self._walk(batch)
        ended = time.monotonic()
        if ended - begun > QUICK:
            self._was_slow = ended

    def _walk(self, batch: Batch) -> None:
        uses_database = database.in_use()
        if uses_database:
            database.refresh()
        handlers = self._guarded if uses_database else self._handlers
        while (name := batch.next_topic()) is not None:
            handle = handlers.get(name) or self._bind(name, handlers)
            if isinstance(handle, Sink):
                handle.walk(batch)
                continue
            going_on = False
            while not going_on:
                try:
                    for msg in batch:
                        if (result := handle(msg)) is not None:
                            check_result(result, msg, self.logger)
                    going_on = True
                except BaseException as exc:
                    failed = batch.current
                    if not is_failure(exc):
                        self.policy.interrupted(failed, exc)
                        raise
                    if failed is None:
                        raise  # not a message's failure
                    self.policy.handle(batch, failed, exc)

    def _bind(self, name: str, handlers: dict[str, Handler | Sink]) -> Handler | Sink:
        """What handles messages of this topic, remembered unless there is nothing."""
        if self.consumer.is_own_failure_topic(name):
            # A pattern such as ^.* matches the group's retry and dead-letter topics too. They are not for it.
            events.OWN_TOPIC_PASSED_OVER.tell(self.logger, consumer=name_of(type(self.consumer)), topic=name)
            handlers[name] = _ignore
            return _ignore
        sink = self._sink_of(name)
        if sink is not None:
            self._handlers[name] = self._guarded[name] = sink
            return sink
        try:
            handle = self.consumer.handler_for(name)
        except TopicNotRegisteredError as error:
            return _raiser(error)
        if handlers is self._guarded:
            handle = database.guard(handle)
        handlers[name] = handle
        return handle

    def _sink_of(self, name: str) -> Sink | None:
        try:
            topic = self.consumer.topics.get(topic_name=name)
        except TopicNotRegisteredError:
            return None
        return Sink(self.consumer, self.member, self.policy, topic) if is_for(topic) else None


def _ignore(_msg: Any) -> None:
    """The handler of messages that are nobody's business."""


def _raiser(error: Exception) -> Handler:
    def handle(_msg: Any) -> Any:
        raise error

    return handle
