# SPDX-License-Identifier: MIT
"""Headers of a dead letter."""

from __future__ import annotations

from django_kafka.utils.message import Header


class DeadLetterHeader(Header):
    """MESSAGE is the name that the original used first, SUMMARY the later one; both hold the exception's text.

    MESSAGE_* tell where the record was that failed last (after non-blocking retries a retry topic), ORIGIN_* where
    the message came from at first."""

    MESSAGE = "DEAD_LETTER_MESSAGE"
    MESSAGE_TOPIC = "DEAD_LETTER_MESSAGE_TOPIC"
    MESSAGE_PARTITION = "DEAD_LETTER_MESSAGE_PARTITION"
    MESSAGE_OFFSET = "DEAD_LETTER_MESSAGE_OFFSET"
    SUMMARY = "DEAD_LETTER_SUMMARY"
    DETAIL = "DEAD_LETTER_DETAIL"
    EXCEPTION = "DEAD_LETTER_EXCEPTION"
    ORIGIN_TOPIC = "DEAD_LETTER_ORIGIN_TOPIC"
    ORIGIN_PARTITION = "DEAD_LETTER_ORIGIN_PARTITION"
    ORIGIN_OFFSET = "DEAD_LETTER_ORIGIN_OFFSET"
    ORIGIN_TIMESTAMP = "DEAD_LETTER_ORIGIN_TIMESTAMP"


class ReplayHeader(Header):
    """OF is on a message that was replayed: topic:partition:offset of its dead letter. MARK is on a record in the
    dead-letter topic that remembers replays: the offsets, in the record's own partition, as in 3-7,9."""

    OF = "DEAD_LETTER_REPLAY_OF"
    MARK = "DEAD_LETTER_REPLAYED"
