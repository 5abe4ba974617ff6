# SPDX-License-Identifier: MIT
"""Headers of a dead letter, and of what is replayed."""

from __future__ import annotations

from django_kafka.failures.headers import DeadLetterHeader
from django_kafka.utils.message import Header

__all__ = ["DeadLetterHeader", "ReplayHeader"]


class ReplayHeader(Header):
    """OF is on a message that was replayed: topic:partition:offset of its dead letter. MARK is on a record in the
    dead-letter topic that remembers replays: the offsets, in the record's own partition, as in 3-7,9."""

    OF = "DEAD_LETTER_REPLAY_OF"
    MARK = "DEAD_LETTER_REPLAYED"
