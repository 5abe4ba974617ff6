# SPDX-License-Identifier: MIT
"""Small helpers that are part of the public API."""

from __future__ import annotations

from django_kafka.utils.retry import retry

__all__ = ["retry"]
