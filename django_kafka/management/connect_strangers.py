# SPDX-License-Identifier: MIT
"""Connectors on the cluster that no code knows: left behind by a class that was renamed or deleted."""

from __future__ import annotations

from collections.abc import Container

from django_kafka.conf import settings
from django_kafka.connect.answers import is_ok, refusal
from django_kafka.connect.connector import NOT_FOUND, make_client
from django_kafka.exceptions import DjangoKafkaError


class Strangers:
    """Errors of its methods: DjangoKafkaError, and those of requests."""

    def __init__(self, known: Container[object]) -> None:
        self._known = known
        self._client = make_client()

    def names(self) -> list[str]:
        """In alphabetical order. With a CONNECTOR_NAME_PREFIX only those that begin with it: the others belong to
        other projects."""
        response = self._client.connectors()
        if not is_ok(response):
            raise refusal(response)
        names = response.json()
        if not isinstance(names, list):
            raise DjangoKafkaError("The answer is not a list of connectors.", context=response)
        prefix = settings.CONNECTOR_NAME_PREFIX
        return sorted(
            name for name in names if name not in self._known and (not prefix or name.startswith(f"{prefix}."))
        )

    def delete(self, name: str) -> str:
        """Returns what became of it."""
        response = self._client.delete(name)
        if response.status_code == NOT_FOUND:
            return "does not exist (already deleted)"
        if not is_ok(response):
            raise refusal(response)
        return "deleted"
