# SPDX-License-Identifier: MIT
from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from django.apps import AppConfig

from django_kafka import hooks

if TYPE_CHECKING:
    from django_kafka.consumer import Consumer


class DjangoKafkaConfig(AppConfig):
    """Finds the project's consumers and connectors when Django starts, and registers the system checks."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "django_kafka"

    def ready(self) -> None:
        hooks.build_retry_consumer = build_retry_consumer
        hooks.run_consumers = run_consumers
        importlib.import_module("django_kafka.checks")
        self.module.autodiscover()


# Processes without consumers should not pay for importing what these need.


def build_retry_consumer(cls: type[Consumer]) -> type[Consumer] | None:
    built: type[Consumer] | None = importlib.import_module("django_kafka.retry.consumer").RetryConsumer.build(cls)
    return built


def run_consumers(*args: Any, **kwargs: Any) -> int:
    code: int = importlib.import_module("django_kafka.consumer.runner").run_consumers(*args, **kwargs)
    return code
