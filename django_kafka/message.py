# SPDX-License-Identifier: MIT
"""Message, the type of the messages that handlers get, for annotations and isinstance().

It has the methods of confluent_kafka's Message, but it is a type of its own:
`isinstance(msg, confluent_kafka.Message)` is false."""

from __future__ import annotations

from django_kafka._native import Message

__all__ = ["Message"]
