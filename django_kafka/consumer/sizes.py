# SPDX-License-Identifier: MIT
"""How many messages a topic takes at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_kafka.consumer.describe import name_of
from django_kafka.exceptions import ConfigurationError

if TYPE_CHECKING:
    from django_kafka.topic import TopicConsumer

# If the topic does not say.
DEFAULT_SIZE = 5000
LARGEST_SIZE = 1_000_000


def size_of(topic: TopicConsumer) -> int:
    """How many messages a topic takes at most. Errors: ConfigurationError."""
    if topic.takes_batches is not True:
        return 1
    size = topic.batch_size
    if size is None:
        return DEFAULT_SIZE
    if not isinstance(size, int) or isinstance(size, bool) or not 0 < size <= LARGEST_SIZE:
        raise ConfigurationError(f"batch_size of {name_of(type(topic))} must be a number of messages, not {size!r}.")
    return size
