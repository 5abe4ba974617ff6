# SPDX-License-Identifier: MIT
"""With CREW_EARLY the supervisor's process has used producer and database before it forks."""

import os
from typing import Any

from django.apps import AppConfig

early: dict[str, Any] = {}


class CrewConfig(AppConfig):
    name = "crew"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        if os.environ.get("CREW_EARLY"):
            from django.db import connection

            from django_kafka import kafka

            connection.ensure_connection()
            early["connection"] = connection.connection
            kafka.producer.produce("early", b"from the parent")
            early["left"] = kafka.producer.flush(10)
            early["pid"] = os.getpid()
