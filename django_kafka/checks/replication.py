# SPDX-License-Identifier: MIT
"""`check --database`: what the connectors of a database need of it.

All of it is a warning: `migrate` runs these checks too, and has to pass before there are tables to replicate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register

from django_kafka import kafka
from django_kafka.connect.connector import MIGRATE
from django_kafka.exceptions import ConfigurationError


@register(Tags.database)
def check_replication(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """The prerequisites of registered connectors that read one of these databases. Tables that are not there are
    `migrate`'s to make."""
    messages: list[CheckMessage] = []
    for name in kafka.connectors:
        cls = kafka.connectors[name]
        if getattr(cls, "using", None) not in (databases or ()) or cls.mark_for_removal:
            continue
        try:
            found = object.__new__(cls).prerequisites()  # a client of Kafka Connect is not needed for it
        except ConfigurationError:
            continue  # another check says so
        messages += [
            Warning(f"Connector {name}: {each.text}", hint=each.remedy or None, obj=cls, id="django_kafka.W032")
            for each in found
            if each.remedy != MIGRATE
        ]
    return messages
