# SPDX-License-Identifier: MIT
"""Dead-letter topics: `<group>.<topic>.dlt`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django_kafka.conf import settings
from django_kafka.copies import Copy, standalone
from django_kafka.dead_letter.header import DeadLetterHeader
from django_kafka.retry.header import RetryHeader
from django_kafka.retry.topic import clip, get_origin, retry_number, strip_retry
from django_kafka.serialization import NoOpSerializer
from django_kafka.topic import TopicProducer

if TYPE_CHECKING:
    from django_kafka.copies import Slot


class DeadLetterTopicProducer(TopicProducer):
    """Puts one failed message into its dead-letter topic: key, value and headers unchanged, its own headers added."""

    key_serializer = NoOpSerializer
    value_serializer = NoOpSerializer

    def __init__(self, group_id: str, msg: Any, outbox: Slot | None = None) -> None:
        """group_id: of the consumer that handles the topic itself, also when the message is in a retry topic.
        outbox: where the copy goes; without one produce_for() waits for the broker's confirmation."""
        self.group_id = group_id
        self.msg = msg
        self._outbox = outbox
        super().__init__()

    @classmethod
    def suffix(cls) -> str:
        suffix: str = settings.DEAD_LETTER_TOPIC_SUFFIX
        return suffix

    @property
    def name(self) -> str:
        topic: str = self.msg.topic()
        if retry_number(topic, self.group_id) is not None:
            return f"{strip_retry(topic)}.{self.suffix()}"
        return f"{self.group_id}.{topic}.{self.suffix()}"

    def produce_for(
        self,
        header_summary: str | None = None,
        header_detail: str | None = None,
        *,
        header_message: str | None = None,
        exception: BaseException | None = None,
    ) -> None:
        """Produce the copy. header_summary and header_message are two names for the exception's text; header_detail
        is its traceback, which is cut if the record would be too large with it.

        Errors: DjangoKafkaError when it cannot be produced (without an outbox: or is not confirmed)."""
        summary = clip(header_summary if header_summary is not None else header_message or "")
        origin = get_origin(self.msg, self.group_id)
        added = {
            DeadLetterHeader.MESSAGE: summary,
            DeadLetterHeader.SUMMARY: summary,
            DeadLetterHeader.MESSAGE_TOPIC: self.msg.topic(),
            DeadLetterHeader.MESSAGE_PARTITION: str(self.msg.partition()),
            DeadLetterHeader.MESSAGE_OFFSET: str(self.msg.offset()),
            DeadLetterHeader.EXCEPTION: _class_name(exception),
            DeadLetterHeader.ORIGIN_TOPIC: origin[0],
            DeadLetterHeader.ORIGIN_PARTITION: origin[1],
            DeadLetterHeader.ORIGIN_OFFSET: origin[2],
            DeadLetterHeader.ORIGIN_TIMESTAMP: origin[3],
            DeadLetterHeader.DETAIL: (header_detail or "").encode(errors="replace"),
        }
        headers = [(name, value) for name, value in self.msg.headers() or () if name not in _REPLACED]
        headers += [(name.value, value) for name, value in added.items() if value is not None]
        copy = Copy(self.msg, self.name, headers, cut=DeadLetterHeader.DETAIL.value)
        (self._outbox or standalone()).send(copy)


_REPLACED = frozenset([*(header.value for header in DeadLetterHeader), *(header.value for header in RetryHeader)])


def _class_name(exception: BaseException | None) -> str | None:
    if exception is None:
        return None
    return f"{type(exception).__module__}.{type(exception).__qualname__}"
