# SPDX-License-Identifier: MIT
"""The path of a consumer that overrides consume() or get_topic(): a batch's messages go through process_message()."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django_kafka.exceptions import is_failure
from django_kafka.failures import database

if TYPE_CHECKING:
    from django_kafka._native import Batch
    from django_kafka.consumer.consumer import Consumer
    from django_kafka.consumer.member import Member
    from django_kafka.failures.policy import Policy


class HooksPath:
    """Of one run of a consumer."""

    def __init__(self, consumer: Consumer, member: Member, policy: Policy) -> None:
        self.consumer = consumer
        self.member = member
        self.policy = policy

    def walk(self, batch: Batch) -> None:
        """Call process_message() with the messages of a batch."""
        process: Callable[[Any], Any] = self.consumer.process_message
        if database.in_use():
            database.refresh()
            process = database.guard(process)
        while (name := batch.next_topic()) is not None:
            skip = self.consumer.is_own_failure_topic(name)
            for msg in batch:
                if not skip:
                    self._handle(process, batch, msg)

    def _handle(self, process: Callable[[Any], Any], batch: Batch, msg: Any) -> None:
        delivery = self.member.take(batch, msg)
        try:
            try:
                process(msg)
            except BaseException as exc:
                if not is_failure(exc):
                    self.policy.interrupted(msg, exc)
                    raise
                self.policy.escaped(delivery, exc)
            self.policy.settle(delivery)
        finally:
            self.member.release()
