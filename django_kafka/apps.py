# SPDX-License-Identifier: MIT
from __future__ import annotations

import importlib

from django.apps import AppConfig


class DjangoKafkaConfig(AppConfig):
    """Finds the project's consumers and connectors when Django starts, and registers the system checks."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "django_kafka"

    def ready(self) -> None:
        importlib.import_module("django_kafka.checks")
        self.module.autodiscover()
