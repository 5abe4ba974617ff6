# SPDX-License-Identifier: MIT
"""The loop of a consumer: fetches batches, has them walked on the path that plan.py has chosen, and does in between
what is due besides messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_kafka import events
from django_kafka._native import Stopped
from django_kafka.conf import settings
from django_kafka.consumer.describe import name_of
from django_kafka.consumer.paths.direct import DirectPath
from django_kafka.consumer.paths.hooks import HooksPath
from django_kafka.consumer.paths.poll import PollPath
from django_kafka.consumer.plan import Path
from django_kafka.consumer.sizes import size_of
from django_kafka.consumer.topics import Topics
from django_kafka.consumer.watch import Watch
from django_kafka.exceptions import ConfigurationError
from django_kafka.failures import database

if TYPE_CHECKING:
    from django_kafka.consumer.consumer import Consumer
    from django_kafka.consumer.member import Member
    from django_kafka.failures.policy import Policy


# What the engine puts into a batch at most, unless it is asked for more.
ENGINE_FETCH = 1000


class Loop:
    """One run of a consumer. Owned by the thread that runs it."""

    def __init__(self, consumer: Consumer, member: Member, policy: Policy) -> None:
        self.consumer = consumer
        self.member = member
        self.policy = policy
        self.plan = consumer.plan()

    def run(self) -> None:
        """Until a stop is asked for. Errors: what the client raises, and what the error handler makes of events."""
        logger, consumer = self.consumer.default_logger, self.consumer
        events.CONSUMER_STARTS.tell(logger, consumer=name_of(type(consumer)), plan=self.plan.in_words())
        if self.plan.refusal:
            raise ConfigurationError(self.plan.refusal)
        if self.plan.path is Path.POLL:
            PollPath(consumer, self.member, self.policy).run()
            return
        direct = self.plan.path is Path.DIRECT
        path = (
            DirectPath(consumer, self.member, self.policy)
            if direct
            else HooksPath(consumer, self.member, self.policy)
        )
        with Watch(self.member.client, settings.SLOW_HANDLER_SECONDS, logger):
            self._fetch(path)

    def _largest_size(self) -> int:
        """How many messages one of the topics takes at a time."""
        topics = self.consumer.topics
        return max(map(size_of, topics), default=0) if isinstance(topics, Topics) else 0

    def _fetch(self, path: DirectPath | HooksPath) -> None:
        largest = self._largest_size() if isinstance(path, DirectPath) else 0
        while True:
            wanted = max(largest, path.wanted()) if isinstance(path, DirectPath) else 0
            most = wanted if wanted > ENGINE_FETCH else 0  # 0: as many as the engine takes by itself
            try:
                batch = self.member.client.fetch(self.member.patience(float(self.consumer.polling_freq)), most)
            except Stopped:
                return
            self.member.look_around()
            if self.plan.always_resumes or len(self.member.pauses):
                self.consumer.resume_partitions()
            if batch is not None:
                with batch:
                    path.walk(batch)
                if database.in_use():
                    database.used()
                    database.refresh()
            elif database.in_use():
                database.rest()
