# SPDX-License-Identifier: MIT
"""manage.py kafka_connect against a stub: the original's texts and exit codes, and what is new."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import override_settings

from django_kafka.management.commands import kafka_connect
from tests.py.connect import calling
from tests.py.connect.stub import Answer, StubConnect, error, state
from tests.py.connect.test_session import nobody


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_connect, "STATUS_PAUSES", (0.0, 0.0))
    monkeypatch.setattr(kafka_connect, "WAIT_PAUSE", 0.01)


def run(*arguments: str, code: int = 0) -> str:
    """What the command prints, and the text of its error behind that."""
    return "".join(calling.run(*arguments, code=code))


def test_list(make: Any) -> None:
    make("Orders")
    make("Old", removed=True)
    assert run("--list", "--publish") == "Available connectors:\n- Orders\n- Old (marked for removal)\n"


def test_nothing_asked_for_is_help(make: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run()
    assert "--check-status" in capsys.readouterr().out


def test_a_connector_without_flags_is_nothing(stub: StubConnect, make: Any) -> None:
    make("Orders")
    assert run("Orders") == ""
    assert stub.requests == []


def test_by_name_and_by_path(stub: StubConnect, make: Any) -> None:
    with override_settings(DJANGO_KAFKA={"CONNECT_HOST": stub.url, "CONNECTOR_NAME_PREFIX": "shop"}):
        make("Orders")
        make("Others")
        for name in ("shop.Orders", "shop.connectors.Orders"):
            assert run(name, "--validate") == "Validating connectors...\nshop.Orders: valid\n"
        assert run("shop.Order", "--validate", code=1) == (
            "`shop.Order` is not registered. Did you mean `shop.Orders`?\n"
        )
    assert run("x", "--validate", code=1) == "`x` is not registered.\n"


def test_the_order_is_fixed(stub: StubConnect, make: Any) -> None:
    make("Orders")
    make("Old", removed=True)
    stub.connectors["Old"] = {}
    assert run("--check-status", "--publish", "--validate").splitlines() == [
        "Validating connectors...",
        "Orders: valid",
        "Old: skip (REASON: marked for removal)",
        "Publishing connectors...",
        "Orders: submitted",
        "Old: deleted",
        "Checking status...",
        "Orders: RUNNING",
        "Old: skip (REASON: marked for removal)",
    ]
    assert run("--publish").splitlines()[1:] == ["Orders: unchanged", "Old: does not exist (already deleted)"]


def test_errors_are_told_field_by_field(stub: StubConnect, make: Any) -> None:
    make("Orders", password="hunter2")
    stub.errors = {"database.hostname": ["A value is required"], "slot.name": ["Bad name"]}
    assert run("--validate", code=1).splitlines() == [
        "Validating connectors...",
        "Orders: invalid",
        "database.hostname: A value is required",
        "slot.name: Bad name",
        "Command does not succeed.",
    ]
    assert "invalid" in run("--validate", "--ignore-failures")


def test_a_connector_that_fails_does_not_stop_the_others(stub: StubConnect, make: Any) -> None:
    make("A")
    broken = make("B")
    broken.config = property(lambda self: {}["missing"])
    make("C")
    assert run("--publish", code=1).splitlines() == [
        "Publishing connectors...",
        "A: submitted",
        "B: failed",
        "KeyError: 'missing'",
        "C: submitted",
        "Command does not succeed.",
    ]


def test_connection_errors_count_per_connector(make: Any) -> None:
    make("A")
    make("B")
    with override_settings(DJANGO_KAFKA={"CONNECT_HOST": nobody(), "CONNECT_RETRY": None}):
        lines = run("--check-status", "--ignore-failures").splitlines()
    assert [line for line in lines if line.endswith("failed to retrieve")] == [
        "A: failed to retrieve",
        "B: failed to retrieve",
    ]
    assert lines[2].startswith("Kafka Connect cannot be reached, see CONNECT_HOST: ")


def test_only_running_is_a_success(stub: StubConnect, make: Any) -> None:
    for name, status in (("A", state("RUNNING", "FAILED", trace="boom")), ("B", state("PAUSED", "PAUSED"))):
        make(name)
        stub.connectors[name] = {}
        stub.states[name] = status
    assert run("--check-status", code=1).splitlines() == [
        "Checking status...",
        "A: FAILED",
        "task 0 of 1 is FAILED: boom",
        "B: PAUSED",
        "Command does not succeed.",
    ]


def test_what_is_not_there_yet_is_asked_for_again(stub: StubConnect, make: Any) -> None:
    make("A")
    stub.connectors["A"] = {}
    stub.next = [error(404, "No status found"), Answer(200, state("UNASSIGNED"))]
    assert run("--check-status").splitlines()[1:] == ["A: RUNNING"]
    del stub.connectors["A"]
    asked = len(stub.requests)
    assert run("--check-status", code=1).splitlines()[1:3] == [
        "A: failed to retrieve",
        "404: No status found for connector A",
    ]
    assert len(stub.requests) == asked + 3
    stub.connectors["A"] = {}
    stub.states["A"] = state("RUNNING")
    assert run("--check-status", code=1).splitlines()[1:3] == ["A: UNASSIGNED", "it has no task"]


def test_diff_masks_and_changes_nothing(stub: StubConnect, make: Any) -> None:
    make("A", **{"database.password": "hunter2", "size": 2})
    make("B")
    stub.connectors["A"] = {"connector.class": "io.debezium.connector.postgresql.PostgresConnector", "size": "1"}
    assert run("--diff").splitlines() == [
        "Comparing connectors...",
        "A: changed",
        "+ database.password = ********",
        "~ size: 1 -> 2",
        "B: new",
        "+ connector.class = io.debezium.connector.postgresql.PostgresConnector",
    ]
    assert {request.split()[0] for request in stub.requests} == {"GET"}


def test_wait(stub: StubConnect, make: Any) -> None:
    make("A")
    stub.connectors["A"] = {}
    stub.next = [error(404, "not yet"), Answer(200, state("RUNNING", "FAILED")), Answer(200, state("RUNNING"))]
    assert run("--wait", "20").splitlines() == ["Waiting for connectors...", "A: RUNNING"]
    stub.states["A"] = state("RUNNING", "FAILED", trace="boom")
    assert run("--wait", "0", code=1).splitlines()[1:3] == ["A: FAILED", "task 0 of 1 is FAILED: boom; after 0 s"]


@pytest.mark.parametrize("text", ["x", "-1", "nan", "inf"])
def test_a_wait_that_is_no_number(text: str) -> None:
    with pytest.raises(CommandError, match="not a number of seconds"):
        call_command("kafka_connect", f"--wait={text}", skip_checks=True)


@pytest.mark.parametrize(
    ("flag", "request_line", "word"),
    [
        ("--restart", "POST /connectors/A/restart?includeTasks=true&onlyFailed=true", "restarted"),
        ("--pause", "PUT /connectors/A/pause", "paused"),
        ("--resume", "PUT /connectors/A/resume", "resumed"),
        ("--stop", "PUT /connectors/A/stop", "stopped"),
        ("--reset-offsets", "DELETE /connectors/A/offsets", "reset"),
    ],
)
def test_requests_for_a_connector(stub: StubConnect, make: Any, flag: str, request_line: str, word: str) -> None:
    make("A")
    stub.connectors["A"] = {}
    assert run("A", flag).splitlines()[1:] == [f"A: {word}"]
    assert stub.requests == [request_line]
    stub.next = [error(400, "Connector A must be in the STOPPED state")]
    assert "A: failed\n400: Connector A must be in the STOPPED state\n" in run("A", flag, code=1)


def test_offsets(stub: StubConnect, make: Any) -> None:
    make("A")
    stub.connectors["A"] = {}
    assert run("--offsets").splitlines()[1:] == ["A: offsets", "server=A: lsn=5"]


def test_prune_deletes_only_when_told_so(stub: StubConnect, make: Any) -> None:
    make("Known")
    stub.connectors.update({"Known": {}, "b": {}, "a": {}})
    assert run("--prune").splitlines()[1:] == ["a: unknown (--yes deletes it)", "b: unknown (--yes deletes it)"]
    assert sorted(stub.connectors) == ["Known", "a", "b"]
    assert run("--prune", "--yes").splitlines()[1:] == ["a: deleted", "b: deleted"]
    assert list(stub.connectors) == ["Known"]


def test_prune_leaves_what_has_another_prefix(stub: StubConnect, connectors: Any) -> None:
    stub.connectors.update({"shop.Old": {}, "bank.Other": {}})
    with override_settings(DJANGO_KAFKA={"CONNECT_HOST": stub.url, "CONNECTOR_NAME_PREFIX": "shop"}):
        run("--prune", "--yes")
    assert list(stub.connectors) == ["bank.Other"]


def test_prune_without_kafka_connect(connectors: Any) -> None:
    with override_settings(DJANGO_KAFKA={"CONNECT_HOST": nobody(), "CONNECT_RETRY": None}):
        assert run("--prune", code=1).startswith("Kafka Connect cannot be reached, see CONNECT_HOST: ")


def test_json(stub: StubConnect, make: Any) -> None:
    make("A")
    make("B")
    stub.connectors["A"] = {}
    out = run("--check-status", "--json", code=1).removesuffix("Command does not succeed.\n")
    assert json.loads(out) == [
        {"connector": "A", "action": "status", "result": "RUNNING"},
        {
            "connector": "B",
            "action": "status",
            "result": "failed to retrieve",
            "text": "404: No status found for connector B",
        },
    ]
    assert json.loads(run("--list", "--json")) == [
        {"connector": "A", "action": "list", "result": "known"},
        {"connector": "B", "action": "list", "result": "known"},
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_it_is_a_table_of_80_columns(stub: StubConnect, make: Any) -> None:
    make("A")
    make("LongerName")
    stub.connectors.update({"A": {}, "LongerName": {}})
    stub.states["A"] = state("RUNNING", "FAILED", trace="word " * 40)
    out = Terminal()
    with pytest.raises(CommandError):
        call_command("kafka_connect", "--check-status", stdout=out, skip_checks=True, no_color=True)
    lines = out.getvalue().splitlines()
    assert lines[1] == "A:          FAILED"
    assert lines[-1] == "LongerName: RUNNING"
    assert max(map(len, lines)) <= 80


def test_many_connectors_are_asked_about_together(stub: StubConnect, make: Any) -> None:
    """And told of in the order of registration."""
    names = [f"C{i}" for i in range(100)]
    for name in names:
        make(name)
        stub.connectors[name] = {}
    stub.delay = 0.05
    lines = run("--check-status").splitlines()[1:]
    assert lines == [f"{name}: RUNNING" for name in names]
    assert stub.most_at_once > 4
