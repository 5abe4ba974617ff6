# SPDX-License-Identifier: MIT
"""The public path of what runs registered consumers; it lives in django_kafka.processes."""

from __future__ import annotations

from django_kafka.processes.runner import KafkaConsumeRunner, explain, run_consumers
from django_kafka.processes.worker import ConsumerWorker

__all__ = ["ConsumerWorker", "KafkaConsumeRunner", "explain", "run_consumers"]
