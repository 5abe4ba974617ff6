# SPDX-License-Identifier: MIT
"""A stub of Kafka Connect that the settings name, and an empty registry of connectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import override_settings

import tests.django_project  # noqa: F401
from tests.py.connect.stub import StubConnect


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[StubConnect]:
    from django_kafka.connect.session import KafkaConnectSession

    monkeypatch.setattr(KafkaConnectSession, "conflict_pauses", (0.0, 0.0))
    with StubConnect() as stub, override_settings(DJANGO_KAFKA={"CONNECT_HOST": stub.url, "CONNECT_RETRY": None}):
        yield stub


@pytest.fixture
def connectors(monkeypatch: pytest.MonkeyPatch) -> Any:
    """An empty registry of connectors in the place of the real one."""
    from django_kafka import DjangoKafka
    from django_kafka.registry import ConnectorsRegistry

    empty = ConnectorsRegistry()
    monkeypatch.setattr(DjangoKafka, "connectors", empty)
    return empty


@pytest.fixture
def make(connectors: Any) -> Callable[..., Any]:
    """make("Orders", option="value"): a registered connector class."""
    from django_kafka.connect.connector import Connector

    def make(name: str, *, removed: bool = False, **config: Any) -> Any:
        config = {"connector.class": "io.debezium.connector.postgresql.PostgresConnector", **config}
        members = {"config": config, "mark_for_removal": removed, "__module__": "shop.connectors"}
        return connectors()(type(name, (Connector,), members))

    return make
