# SPDX-License-Identifier: MIT
"""Many partitions in few words."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from confluent_kafka import TopicPartition

TOPICS_AT_MOST = 20


def in_short(partitions: Iterable[TopicPartition]) -> str:
    """orders[0-11], users[0,2-3]; "and … more topics" behind the first twenty."""
    by_topic: dict[str, list[int]] = {}
    for partition in partitions:
        by_topic.setdefault(partition.topic, []).append(partition.partition)
    texts = [f"{topic}[{_ranges(sorted(numbers))}]" for topic, numbers in sorted(by_topic.items())]
    if more := texts[TOPICS_AT_MOST:]:
        texts[TOPICS_AT_MOST:] = [f"and {len(more)} more topics"]
    return ", ".join(texts)


def _ranges(numbers: list[int]) -> str:
    """0-3,7 of 0, 1, 2, 3, 7."""
    runs = [[number for _, number in run] for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])]
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
