# SPDX-License-Identifier: MIT
"""kafka_connect with a real Kafka Connect and Debezium: a connector's life, from a wrong configuration to its end."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import override_settings

from tests.live.servers import ConnectServer, PostgresServer
from tests.live.servers.process import wait_until

import tests.live.in_process  # noqa: F401  isort: skip  (configures Django)
from django_kafka import DjangoKafka
from django_kafka.connect.connector import Connector
from django_kafka.registry import ConnectorsRegistry

pytestmark = pytest.mark.timeout(300)  # two JVMs start, on a machine that is busy


def connector_of(source: PostgresServer, **more: str) -> type[Connector]:
    config = {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "plugin.name": "pgoutput",
        "database.hostname": "127.0.0.1",
        "database.port": str(source.port),
        "database.user": "lab",
        "database.password": "hunter2",
        "database.dbname": "lab",
        "topic.prefix": "life",
        "table.include.list": "public.things",
        # Its committed offset would be behind the next slot, and the task fail.
        "slot.drop.on.stop": "false",
        **more,
    }
    return type("Things", (Connector,), {"config": config, "__module__": "shop.connectors"})


class Run:
    """The command with one registered connector."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch

    def register(self, cls: type[Connector]) -> None:
        registry = ConnectorsRegistry()
        registry()(cls)
        self.monkeypatch.setattr(DjangoKafka, "connectors", registry)

    def __call__(self, *arguments: str, fails: bool = False) -> list[str]:
        out = io.StringIO()
        try:
            call_command("kafka_connect", *arguments, stdout=out, skip_checks=True, no_color=True)
        except CommandError as error:
            assert fails, f"{error}\n{out.getvalue()}"
        else:
            assert not fails, out.getvalue()
        assert "hunter2" not in out.getvalue()
        return out.getvalue().splitlines()


BAD = {  # what fails is the task, with the first row
    "transforms": "bad",
    "transforms.bad.type": "org.apache.kafka.connect.transforms.ExtractField$Value",
    "transforms.bad.field": "nobody",
}


def test_the_life_of_a_connector(
    source: PostgresServer, connect_server: ConnectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(monkeypatch)
    source.psql("CREATE TABLE things (id int PRIMARY KEY, name text); INSERT INTO things VALUES (1, 'one')")
    with override_settings(DJANGO_KAFKA={"CONNECT_HOST": connect_server.url, "CONNECT_RETRY": None}):
        run.register(connector_of(source, **{"slot.name": "Not A Slot", "database.port": "1"}))
        wrong = run("--validate", fails=True)
        assert wrong[1] == "Things: invalid"
        assert any(line.startswith("slot.name: ") for line in wrong), wrong
        assert run("--check-status", fails=True)[1] == "Things: failed to retrieve"
        assert run("Things", "--pause", fails=True)[1] == "Things: failed"

        run.register(connector_of(source, **BAD))
        assert run("--validate", "--publish")[1:] == [
            "Things: valid",
            "Publishing connectors...",
            "Things: submitted",
        ]
        failed = wait_for(run, "FAILED")
        assert "task 0 of 1 is FAILED: " in failed
        assert "nobody" in failed
        assert "\tat " not in failed
        assert run("--restart")[1:] == ["Things: restarted"]
        assert wait_for(run, "FAILED") == failed

        run.register(connector_of(source))
        assert run("--diff")[1:] == ["Things: changed", *(f"- {key} = {value}" for key, value in sorted(BAD.items()))]
        assert run("--publish")[1:] == ["Things: submitted"]
        assert run("--wait", "60")[1:] == ["Things: RUNNING"]
        assert run("--publish")[1:] == ["Things: unchanged"]
        assert run("--diff")[1:] == ["Things: unchanged"]

        assert run("--pause")[1:] == ["Things: paused"]
        wait_for(run, "PAUSED")
        assert run("--resume", "--wait", "60")[-1] == "Things: RUNNING"
        assert run("--reset-offsets", fails=True)[1] == "Things: failed"
        assert run("--stop")[1:] == ["Things: stopped"]
        wait_for(run, "STOPPED")
        assert run("--offsets")[1] == "Things: offsets"
        assert run("--reset-offsets", "--resume", "--wait", "60")[-1] == "Things: RUNNING"

        connect_server.stop()
        lines = run("--check-status", fails=True)
        assert lines[1] == "Things: failed to retrieve"
        assert lines[2].startswith("Kafka Connect cannot be reached, see CONNECT_HOST: ")
        connect_server.start()
        assert run("--wait", "60")[1:] == ["Things: RUNNING"]

        DjangoKafka.connectors["Things"].mark_for_removal = True
        assert run("--publish")[1:] == ["Things: deleted"]
        assert run("--publish")[1:] == ["Things: does not exist (already deleted)"]
        assert run("--prune")[1:] == []


def wait_for(run: Run, state: str) -> str:
    """Until the connector has this state; the reason that is given."""
    found: dict[str, Any] = {}

    def is_so() -> bool:
        (result,) = json.loads("\n".join(run("--check-status", "--ignore-failures", "--json")))
        found.update(result)
        return bool(result["result"] == state)

    wait_until(is_so, 60, f"the connector is {state}")
    return str(found.get("text", ""))
