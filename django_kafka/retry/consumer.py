# SPDX-License-Identifier: MIT
"""The consumer of a consumer's retry topics: made at registration, run in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django_kafka import events
from django_kafka.conf import settings
from django_kafka.consumer import Consumer, Topics
from django_kafka.consumer.describe import name_of
from django_kafka.consumer.plan import own
from django_kafka.dead_letter.topic import DeadLetterTopicProducer
from django_kafka.exceptions import ConfigurationError
from django_kafka.failures.headers import RetryHeader
from django_kafka.retry.search import SHORTEST
from django_kafka.retry.sharing import foreign_origin
from django_kafka.retry.topic import RetryTopicConsumer
from django_kafka.utils.moments import seconds_until

if TYPE_CHECKING:
    from django_kafka.topic import TopicConsumer

# Kept as names of this module because that is where projects patch them.
__all__ = ["Consumer", "DeadLetterTopicProducer", "RetryConsumer", "RetryTopics"]


class RetryTopics(Topics):
    """The retry topics of some topics."""

    def __init__(self, group_id: str, *topic_consumers: TopicConsumer) -> None:
        super().__init__(*(RetryTopicConsumer(group_id, topic) for topic in topic_consumers))


class NotDue(Exception):
    """The message's time has not come yet."""

    def __init__(self, due: datetime) -> None:
        super().__init__(due)
        self.due = due


class RetryConsumer(Consumer):
    """Handles messages when they are due. Methods that the consumer class overrides are inherited."""

    origin: ClassVar[type[Consumer]]
    origin_group_id: ClassVar[str]
    _search_pause = SHORTEST
    _told_foreign: frozenset[tuple[str, str]] = frozenset()  # (topic, origin) of messages that are passed over
    _config_settings = ("GLOBAL_CONFIG", "CONSUMER_CONFIG", "RETRY_CONSUMER_CONFIG")

    @classmethod
    def build(cls, consumer_cls: type[Consumer]) -> type[RetryConsumer] | None:
        """The retry consumer of a consumer class; None when none of its topics has non-blocking retries.

        Errors: ConfigurationError when the consumer has no group.id, or one that no topic can be named after."""
        topics = getattr(consumer_cls, "topics", None)
        retryable = topics.get_retryable(blocking=False) if topics is not None else []
        if not retryable:
            return None
        name = f"{consumer_cls.__module__}.{consumer_cls.__name__}"
        group_id = consumer_cls.build_config().get("group.id")
        if not group_id:
            raise ConfigurationError(
                f"{name} has topics with non-blocking retries but no 'group.id', after which retry topics are named."
            )
        config = {**getattr(cls, "config", {}), "group.id": f"{group_id}.retry"}
        members = {
            "__module__": consumer_cls.__module__,
            "__qualname__": f"{consumer_cls.__qualname__}Retry",
            "__doc__": f"Retries messages of {name}.",
            "topics": RetryTopics(group_id, *retryable),
            "config": config,
            "origin": consumer_cls,
            "origin_group_id": group_id,
        }
        return type(f"{consumer_cls.__name__}Retry", (cls, consumer_cls), members)

    @classmethod
    def build_config(cls) -> dict[str, Any]:
        """The consumer's own configuration, then RETRY_CONSUMER_CONFIG, then the group id; later ones win.

        "auto.offset.reset" is "earliest" unless RETRY_CONSUMER_CONFIG says otherwise: a retry topic has messages
        before this consumer has found it."""
        return {
            **super().build_config(),
            **getattr(getattr(cls, "origin", None), "config", {}),
            "auto.offset.reset": "earliest",
            **settings.RETRY_CONSUMER_CONFIG,
            **cls.config,
        }

    def _tell_unmatched(self) -> None:
        """Retry topics are made when something fails: that there are none is no news."""

    def retry_msg(self, msg: Any, exc: Exception) -> tuple[bool, bool]:
        producer = self.get_topic(msg).get_producer_for(msg)  # type: ignore[attr-defined]
        return self._retry_in_topic(producer, producer.settings, msg, exc), False

    def dead_letter_msg(self, msg: Any, exc: Exception) -> None:
        self._dead_letter(DeadLetterTopicProducer, self.origin_group_id, msg, exc)

    def is_own_failure_topic(self, topic_name: str) -> bool:
        """Retry topics are what this consumer is for; its patterns do not match dead letters."""
        return False

    def handler_for(self, topic_name: str) -> Callable[[Any], Any]:
        handle = super().handler_for(topic_name)

        def when_due(msg: Any) -> Any:
            if self.is_foreign(msg):
                return None
            if (early := self.not_due(msg)) is not None:
                raise early
            return handle(msg)

        return when_due

    def is_foreign(self, msg: Any) -> bool:
        """Whether the message is another group's, whose retry topic has the same name. It is passed over."""
        origin = foreign_origin(msg, self.origin_group_id)
        if origin is None:
            return False
        if (place := (msg.topic(), origin)) not in self._told_foreign:
            self._told_foreign |= {place}
            name = name_of(type(self))
            events.FOREIGN_PASSED_OVER.tell(self.default_logger, consumer=name, topic=place[0], origin=origin)
        return True

    def not_due(self, msg: Any) -> NotDue | None:
        due = RetryHeader.get_retry_time(msg.headers())
        return NotDue(due) if due is not None and seconds_until(due) > 0 else None

    def handle_exception(self, msg: Any, exc: Exception) -> bool:
        if isinstance(exc, NotDue):
            self.pause_partition(msg, exc.due)
            return False
        return super().handle_exception(msg, exc)

    @own
    def process_message(self, msg: Any) -> None:
        if not msg.error():
            if self.is_foreign(msg):
                self.commit_offset(msg)
                return
            early = self.not_due(msg)
            if early is not None:
                self.pause_partition(msg, early.due)
                return
        super().process_message(msg)
