# SPDX-License-Identifier: MIT
"""What a consumer tells of itself: the methods for it that a project may call, or override."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from confluent_kafka import TopicPartition

from django_kafka import events
from django_kafka.consumer.cluster import MockNotice
from django_kafka.consumer.describe import describe, name_of, with_place
from django_kafka.consumer.plan import Plan, make_plan
from django_kafka.consumer.subscription import Unmatched
from django_kafka.logs.loggers import CONSUMER
from django_kafka.logs.tracebacks import line_of

if TYPE_CHECKING:
    from django_kafka.consumer.member import Member
    from django_kafka.consumer.topics import Topics


class Reports:
    """The part of Consumer that logs and explains."""

    default_logger: logging.Logger = CONSUMER
    topics: Topics
    config: dict[str, Any]
    _consumer: Any
    _member: Member

    def log_error(self, msg: Any = None, exc_info: Any = False) -> None:
        """One line at level ERROR, about a message or about the consumer. Of failures at the same place no more than
        FAILURE_LOG_LIMIT in a second; the others are counted and logged together."""
        logger = self.default_logger
        if msg is None:
            events.CONSUMER_FAILED.tell(logger, consumer=name_of(type(self)), exc_info=exc_info)
        elif error := msg.error():
            events.MESSAGE_IS_ERROR.tell(logger, error=error, exc_info=exc_info, **describe(self, msg).fields)
        elif not isinstance(exc_info, BaseException) or self._member.failures.admits(msg, exc_info):
            fields = {"follows": self._member.story(msg), **describe(self, msg).fields}
            events.MESSAGE_FAILED.tell(logger, exc_info=exc_info, **fields)

    def _log_retry(self, msg: Any, exc: Exception) -> None:
        """One line, without a traceback: of a failure that another try may mend."""
        if self._member.failures.admits(msg, exc):
            fields = {"follows": self._member.story(msg), "reason": line_of(exc), **describe(self, msg).fields}
            events.MESSAGE_RETRIED.tell(self.default_logger, **fields)

    @staticmethod
    def debug_log(description: str, msg: Any = None, partition: TopicPartition | None = None) -> None:
        """One line at level DEBUG, with the place of the message or partition."""
        CONSUMER.debug("%s", with_place(description, msg, partition))

    def _tell_of_hold(self, msg: Any, delay: float, reason: BaseException) -> None:
        """The partition of a message waits for so many seconds."""
        events.PARTITION_PAUSED.tell(
            self.default_logger,
            message=describe(self, msg),
            delay=delay,
            reason=line_of(reason),
            outcome="wait",
            exc_info=self._member.failures.traceback_of(reason),
        )

    def _tell_unmatched(self) -> None:
        """Have it said which patterns match no topic."""
        if self._member.is_native:
            unmatched = Unmatched(self._consumer, self.topics, name_of(type(self)), self.config)
            self._member.chores.append(partial(unmatched.look, self.default_logger))

    def show_lag(self, show: Callable[[str], object]) -> None:
        """show: called about once a second with a short text while this consumer is behind, with "" after that."""
        self._member.lag.show = show

    def warn_of_mock(self) -> None:
        """Have it said when the cluster is an embedded broker."""
        if self._member.is_native:
            notice = MockNotice(self._consumer, self.topics.names, name_of(type(self)), self.config)
            self._member.chores.append(partial(notice.look, self.default_logger))

    def plan(self) -> Plan:
        """Which way messages take through the loop, and why. `print(consumer.plan().explain())`."""
        return make_plan(self, self._member.is_native)
