# SPDX-License-Identifier: MIT
"""Serializers besides confluent_kafka's, and which of those can be shared between messages."""

from __future__ import annotations

from typing import Any

from confluent_kafka.serialization import (
    Deserializer,
    DoubleDeserializer,
    DoubleSerializer,
    IntegerDeserializer,
    IntegerSerializer,
    SerializationContext,
    Serializer,
    StringDeserializer,
    StringSerializer,
)


class NoOpSerializer(Serializer, Deserializer):
    """Gives back what it gets. Serves as serializer and as deserializer."""

    def __init__(self, **kwargs: Any) -> None:
        """Takes and ignores what other serializers are configured with."""

    def __call__(self, obj: Any, ctx: SerializationContext | None = None) -> Any:
        return obj


_SHAREABLE: frozenset[type] = frozenset(
    {
        StringSerializer,
        StringDeserializer,
        IntegerSerializer,
        IntegerDeserializer,
        DoubleSerializer,
        DoubleDeserializer,
        NoOpSerializer,
    }
)
_shared: dict[type, Any] = {}


def make(cls: Any, kwargs: dict[str, Any]) -> Any:
    """A serializer of class `cls`. Without arguments, objects of classes known to keep no state are made once."""
    if kwargs or cls not in _SHAREABLE:
        return cls(**kwargs)
    made = _shared.get(cls)
    if made is None:
        made = _shared[cls] = cls()
    return made
