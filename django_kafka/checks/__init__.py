# SPDX-License-Identifier: MIT
"""System checks: what is wrong with the settings or with the registered consumers, before anything runs."""

from __future__ import annotations

from django_kafka.checks.connectors import check_connectors
from django_kafka.checks.consumers import check_consumers
from django_kafka.checks.distributions import check_distributions
from django_kafka.checks.replication import check_replication
from django_kafka.checks.settings import check_settings
from django_kafka.checks.skip_models import check_skip_models

__all__ = [
    "check_connectors",
    "check_consumers",
    "check_distributions",
    "check_replication",
    "check_settings",
    "check_skip_models",
]
