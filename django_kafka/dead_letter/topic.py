# SPDX-License-Identifier: MIT
"""Dead-letter topics: `<group>.<topic>.dlt`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django_kafka.conf import settings
from django_kafka.failures.copies import standalone
from django_kafka.failures.copy import Copy
from django_kafka.failures.headers import CUTS, clip, cut
from django_kafka.failures.names import route_of
from django_kafka.serialization import NoOpSerializer
from django_kafka.topic import TopicProducer

if TYPE_CHECKING:
    from django_kafka.failures.delivery import Delivery


class DeadLetterTopicProducer(TopicProducer):
    """Puts one failed message into its dead-letter topic: key, value and headers unchanged, its own headers added."""

    key_serializer = NoOpSerializer
    value_serializer = NoOpSerializer

    # Who takes the copy, and what has happened; a consumer sets them. Without a target produce_for() waits for the
    # broker's confirmation.
    target: Delivery | None = None
    exception: BaseException | None = None

    def __init__(self, group_id: str, msg: Any) -> None:
        """group_id: of the consumer that handles the topic itself, also when the message is in a retry topic."""
        self.group_id = group_id
        self.msg = msg
        self._route = route_of(group_id)
        super().__init__()

    @classmethod
    def suffix(cls) -> str:
        suffix: str = settings.DEAD_LETTER_TOPIC_SUFFIX
        return suffix

    @property
    def name(self) -> str:
        return self._route.dead_topic(self.msg.topic())

    def produce_for(
        self,
        header_summary: str | None = None,
        header_detail: str | None = None,
        *,
        header_message: str | None = None,
    ) -> None:
        """Produce the copy. header_summary and header_message are two names for the exception's text; header_detail
        is its traceback, which is cut if the record would be too large with it.

        Errors: DjangoKafkaError when it cannot be produced (without a target: or is not confirmed)."""
        summary = clip(header_summary if header_summary is not None else header_message or "")
        detail = cut((header_detail or "").encode(errors="replace"), CUTS[0])
        headers = self._route.dead_headers(self.msg, summary, _class_name(self.exception), detail)
        if (self.target or standalone()).forward(Copy(self.msg, self.name, headers)) and self.target is not None:
            self.target.story.ends_in(self.name)


def _class_name(exception: BaseException | None) -> str | None:
    if exception is None:
        return None
    return f"{type(exception).__module__}.{type(exception).__qualname__}"
