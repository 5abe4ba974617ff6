# SPDX-License-Identifier: MIT
"""Headers of a message that waits in a retry topic."""

from __future__ import annotations

from django_kafka.failures.headers import RetryHeader

__all__ = ["RetryHeader"]
