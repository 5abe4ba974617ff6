# SPDX-License-Identifier: MIT
"""The keywords of produce(), produce_many() and subscribe(), for type checkers: they find those that are misspelt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

from confluent_kafka import KafkaError, TopicPartition

from django_kafka._native import Message

# A list, a tuple or a dict.
Headers = Sequence[tuple[str, bytes | str | None]] | Mapping[str, bytes | str | None] | None
DeliveryCallback = Callable[[KafkaError | None, Message], Any]
# The first argument is the client, which projects annotate as confluent's.
RebalanceCallback = Callable[[Any, list[TopicPartition]], Any]


class RecordOptions(TypedDict, total=False):
    """What the client takes with a record, or with many."""

    partition: int
    timestamp: int
    headers: Headers
    on_delivery: DeliveryCallback | None


class ProduceManyOptions(RecordOptions, total=False):
    """What produce_many() of a topic takes: arguments for the serializers too."""

    key_serializer_kwargs: dict[str, Any] | None
    value_serializer_kwargs: dict[str, Any] | None


class ProduceOptions(ProduceManyOptions, total=False):
    """What produce() of a topic takes."""

    key: Any
    callback: DeliveryCallback | None


class SubscribeOptions(TypedDict, total=False):
    """What subscribe() takes beside topics."""

    on_assign: RebalanceCallback | None
    on_revoke: RebalanceCallback | None
    on_lost: RebalanceCallback | None
