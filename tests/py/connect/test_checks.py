# SPDX-License-Identifier: MIT
"""What `manage.py check` says about connectors."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.test import override_settings

from django_kafka import checks
from django_kafka.connect.connector import Connector
from django_kafka.connect.debezium import DebeziumPostgresConnector
from tests.synced.models import Skipping, SkippingProxy, Versioned, VersionedChild, VersionedHalf
from tests.synced.skipping import Fern, Lichen, Moss, Perch


def found(host: str | None = "http://c:8083") -> list[tuple[str, str]]:
    with override_settings(DJANGO_KAFKA={"CONNECT_HOST": host}):
        return [(str(each.id).removeprefix("django_kafka."), each.msg) for each in checks.check_connectors()]


def test_nothing_to_say(make: Any) -> None:
    assert found(None) == []
    make("Orders")
    assert found() == found("http://a:1, https://b:2") == []


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (None, "Connector X: its config must be a dict."),
        ({}, "Connector X: its config has no 'connector.class'."),
        (
            {"connector.class": "x", "tables": ["a"]},
            "Connector X: Kafka Connect takes no lists and no dicts, which these options are: tables.",
        ),
    ],
)
def test_configurations(connectors: Any, config: Any, text: str) -> None:
    cls = type("X", (Connector,), {"config": config})
    connectors()(cls)
    assert found() == [("E030", text)]
    cls.mark_for_removal = True
    assert found() == []


def test_a_configuration_that_is_made_when_it_is_needed(connectors: Any) -> None:
    connectors()(type("X", (Connector,), {"config": property(lambda self: 1 / 0)}))
    assert found() == []


def test_a_ready_made_configuration_is_made(connectors: Any) -> None:
    connectors()(type("X", (DebeziumPostgresConnector,), {"models": []}))
    connectors()(type("Y", (DebeziumPostgresConnector,), {"models": ["nobody.Nothing"], "mark_for_removal": True}))
    ((number, text),) = found()
    assert (number, "has no `models`" in text) == ("E030", True)


def test_hosts(make: Any) -> None:
    assert [number for number, _ in found("connect:8083")] == ["E031"]
    make("Orders")
    assert [number for number, _ in found(None)] == ["W030"]


def test_managers_that_write_no_flag() -> None:
    """A base manager is none of them: nothing is changed through it."""
    app = SimpleNamespace(get_models=lambda: [Skipping, SkippingProxy, Fern, Perch, Moss, Lichen])
    (warning,) = checks.check_skip_models([app])
    assert (warning.id, warning.obj) == ("django_kafka.W031", Lichen)
    assert warning.msg.startswith("synced.Lichen.objects writes rows without their kafka_skip")


def test_managers_that_write_no_version() -> None:
    app = SimpleNamespace(get_models=lambda: [Versioned, VersionedChild, VersionedHalf])
    (warning,) = checks.check_skip_models([app])
    assert (warning.id, warning.obj) == ("django_kafka.W031", VersionedHalf)
    assert warning.msg.startswith(
        "synced.VersionedHalf.objects writes rows without their kafka_skip and kafka_version"
    )
