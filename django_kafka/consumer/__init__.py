# SPDX-License-Identifier: MIT
"""Consumers: which topics, with which configuration, and the loop that handles their messages."""

from __future__ import annotations

from django_kafka.consumer.consumer import Consumer
from django_kafka.consumer.topics import Topics

__all__ = ["Consumer", "Topics"]
