# SPDX-License-Identifier: MIT
"""System checks: what is wrong with the settings or with the registered consumers, before anything runs."""

from __future__ import annotations

from django_kafka.checks.consumers import check_consumers
from django_kafka.checks.distributions import check_distributions
from django_kafka.checks.settings import check_settings

__all__ = ["check_consumers", "check_distributions", "check_settings"]
