# SPDX-License-Identifier: MIT
"""The path of a consumer that overrides poll(), process_message() or commit_offset(), or that has another client: one
message at a time, as in the original's loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django_kafka._native import Stopped
from django_kafka.exceptions import is_failure
from django_kafka.failures import database
from django_kafka.failures.borrowed import savepoints
from django_kafka.logs.safely import safely

if TYPE_CHECKING:
    from django_kafka.consumer.consumer import Consumer
    from django_kafka.consumer.member import Member
    from django_kafka.failures.policy import Policy


class PollPath:
    """Of one run of a consumer."""

    def __init__(self, consumer: Consumer, member: Member, policy: Policy) -> None:
        self.consumer = consumer
        self.member = member
        self.policy = policy

    def run(self) -> None:
        """resume_partitions(), poll(), process_message(), until a stop is asked for."""
        while getattr(self.member.client, "stopping", False) is not True:
            self.consumer.resume_partitions()
            try:
                msg = self.consumer.poll()
            except Stopped:
                return
            self.member.look_around()
            if msg is not None:
                if database.in_use():
                    database.refresh()
                self._handle(msg)
                database.used()
            elif database.in_use():
                database.rest()

    def _handle(self, msg: Any) -> None:
        delivery = self.member.take_polled(msg)
        try:
            with savepoints():
                self.consumer.process_message(msg)
        except Stopped:
            raise
        except BaseException as exc:
            if not is_failure(exc):
                self.policy.interrupted(msg, exc)
                raise
            if msg.error():  # nothing that could be redelivered
                safely(self.consumer.log_error, msg, exc_info=exc)
            else:
                self.policy.escaped(delivery, exc)
        finally:
            self.member.release()
