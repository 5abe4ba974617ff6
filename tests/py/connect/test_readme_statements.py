# SPDX-License-Identifier: MIT
"""What django-kafka's README says about connectors, the command and the skip flag: a test is named as the statement.

Its examples run as they are written there, in a project of its own (readme_project/)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import override_settings
from requests import PreparedRequest
from requests.auth import AuthBase

from django_kafka.conf import settings
from django_kafka.connect.client import KafkaConnectClient
from django_kafka.management.commands import kafka_connect
from tests.py.connect.calling import lines
from tests.py.connect.stub import Answer, StubConnect, error, state

ROOT = Path(__file__).parents[3]
ALL = ("--validate", "--publish", "--check-status", "--ignore-failures")


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_connect, "STATUS_PAUSES", (0.0, 0.0))


# ---- connectors ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    """What the project says of itself."""
    command = [sys.executable, "-W", "error", "-m", "tests.py.connect.readme_project.run"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_connectors_are_discovered_in_both_places_and_the_decorator_registers_them(project: dict[str, Any]) -> None:
    """some_django_app/kafka/connectors.py and some_django_app/connectors.py."""
    assert project["connectors"] == ["MyConnector", "OtherConnector"]


def test_a_connector_submits_validates_and_deletes_its_configuration(stub: StubConnect, make: Any) -> None:
    connector = make("MyConnector", size=1)()
    assert connector.is_valid()
    assert connector.submit()["config"]["size"] == 1
    assert list(stub.connectors) == ["MyConnector"]
    assert connector.delete()
    assert stub.connectors == {}


# ---- the command ---------------------------------------------------------------------------------------------------


def test_a_single_connector_is_managed_by_its_path_with_all_flags(stub: StubConnect, make: Any) -> None:
    make("SpecialConnector")
    make("Another")
    assert lines("shop.connectors.SpecialConnector", *ALL) == [
        "Validating connectors...",
        "SpecialConnector: valid",
        "Publishing connectors...",
        "SpecialConnector: submitted",
        "Checking status...",
        "SpecialConnector: RUNNING",
    ]
    assert list(stub.connectors) == ["SpecialConnector"]


def test_all_connectors_are_managed_without_a_path(stub: StubConnect, make: Any) -> None:
    make("A")
    make("B")
    assert [line for line in lines(*ALL) if ": " in line] == [
        f"{name}: {word}" for word in ("valid", "submitted", "RUNNING") for name in "AB"
    ]


def test_validate_validates_the_config_over_the_rest_api(stub: StubConnect, make: Any) -> None:
    make("A")
    lines("--validate")
    assert stub.requests == ["PUT /connector-plugins/PostgresConnector/config/validate"]
    stub.errors = {"slot.name": ["Bad name"]}
    assert lines("--validate", code=1)[1:] == ["A: invalid", "slot.name: Bad name"]


def test_publish_creates_or_updates_or_deletes_when_marked_for_removal(stub: StubConnect, make: Any) -> None:
    cls = make("A", size=1)
    for size in (1, 2):
        cls.config = {**cls.config, "size": size}
        assert lines("--publish")[1:] == ["A: submitted"]
        assert stub.connectors["A"]["size"] == str(size)
    cls.mark_for_removal = True
    assert lines("--publish")[1:] == ["A: deleted"]
    assert stub.connectors == {}


@pytest.mark.parametrize(
    "answer", [state("PAUSED", "PAUSED"), state("RUNNING", "FAILED"), state("RUNNING"), state("FAILED", "RUNNING")]
)
def test_check_status_checks_that_the_connector_is_running(stub: StubConnect, make: Any, answer: Any) -> None:
    make("A")
    stub.connectors["A"] = {}
    assert lines("--check-status")[1:] == ["A: RUNNING"]
    stub.states["A"] = answer
    lines("--check-status", code=1)


@pytest.mark.parametrize("flag", ["--validate", "--publish", "--check-status"])
def test_with_ignore_failures_the_command_does_not_fail(stub: StubConnect, make: Any, flag: str) -> None:
    make("A")
    for code, more in ((1, ()), (0, ("--ignore-failures",))):
        stub.next = [error(400, "no"), error(400, "no")]
        assert "400: no" in lines(flag, *more, code=code)


def test_help_explains_each_flag(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command("kafka_connect", "--help")
    assert ended.value.code == 0
    assert set(ALL) <= set(capsys.readouterr().out.replace(",", " ").split())


# ---- settings ------------------------------------------------------------------------------------------------------


def test_the_defaults_of_the_settings() -> None:
    with override_settings(DJANGO_KAFKA={}):
        assert (settings.CONNECT_HOST, settings.CONNECT_AUTH, settings.CONNECTOR_NAME_PREFIX) == (None, None, "")
        assert settings.CONNECT_REQUESTS_TIMEOUT == 30
        assert settings.CONNECT_RETRY == {
            "connect": 5,
            "read": 5,
            "status": 5,
            "backoff_factor": 0.5,
            "status_forcelist": [502, 503, 504],
        }


class Token(AuthBase):
    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = "Bearer x"
        return request


@pytest.mark.parametrize(("auth", "header"), [(Token(), "Bearer x"), (("u", "p"), "Basic dTpw")])
def test_connect_auth_is_an_auth_base_or_a_user_with_a_password(
    stub: StubConnect, make: Any, auth: Any, header: str
) -> None:
    connector = make("A")
    with override_settings(DJANGO_KAFKA={"CONNECT_HOST": stub.url, "CONNECT_RETRY": None, "CONNECT_AUTH": auth}):
        connector().submit()
    assert stub.authorizations == [header]


def test_connect_retry_are_arguments_of_urllib3s_retry(stub: StubConnect, make: Any) -> None:
    connector = make("A")
    retry = {"status": 2, "status_forcelist": [503], "backoff_factor": 0, "allowed_methods": None}
    stub.next = [Answer(503), Answer(503)]
    with override_settings(DJANGO_KAFKA={"CONNECT_HOST": stub.url, "CONNECT_RETRY": retry}):
        connector().submit()
    assert len(stub.requests) == 3


def test_the_timeout_is_passed_to_every_request(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def request(self: Any, method: str, url: str, **options: Any) -> Any:
        seen.append((method, options["timeout"]))
        return Answer(200)

    monkeypatch.setattr("requests.Session.request", request)
    monkeypatch.setattr(Answer, "status_code", 200, raising=False)
    client = KafkaConnectClient("http://connect", timeout=7)
    client.update_or_create("a", {})
    client.delete("a")
    client.validate({"connector.class": "a.b"})
    client.connector_status("a")
    assert [timeout for _, timeout in seen] == [7] * 4


def test_the_prefix_is_added_to_the_name_when_publishing(stub: StubConnect, connectors: Any, make: Any) -> None:
    with override_settings(DJANGO_KAFKA={"CONNECT_HOST": stub.url, "CONNECTOR_NAME_PREFIX": "shop"}):
        make("A")
        lines("--publish")
    assert list(stub.connectors) == ["shop.A"]


def test_the_command_needs_the_settings(make: Any) -> None:
    make("A")
    with override_settings(DJANGO_KAFKA={}):
        assert lines("--publish", code=1)[1:] == ["A: failed", "Kafka `CONNECT_HOST` is not configured."]


# ---- the skip flag -------------------------------------------------------------------------------------------------


def test_the_model_adds_a_boolean_field_that_is_false(project: dict[str, Any]) -> None:
    assert project["field"] == ["BooleanField", False]


def test_the_flag_is_reset_when_saving(project: dict[str, Any]) -> None:
    assert project["saved"] is False


def test_the_flag_is_kept_when_it_is_explicitly_set(project: dict[str, Any]) -> None:
    assert project["set"] is True


def test_the_flag_is_reset_when_deleting(project: dict[str, Any]) -> None:
    assert project["deleted"] == [False]


def test_the_flag_is_true_while_all_production_is_suppressed(project: dict[str, Any]) -> None:
    assert project["suppressed"] == [True, [True]]


def test_a_manager_of_the_projects_own_takes_the_queryset(project: dict[str, Any]) -> None:
    assert project["manager"] == ["UserManager", "KafkaConnectSkipQueryset", True]


def test_update_adds_false_when_it_is_not_provided(project: dict[str, Any]) -> None:
    assert project["updated"] is False


def test_update_does_not_change_a_flag_that_is_provided(project: dict[str, Any]) -> None:
    assert project["updated with it"] is True


def test_bulk_delete_updates_the_flag_of_all_instances_before(project: dict[str, Any]) -> None:
    assert project["deleted together"] == [False, False, True, True]


def test_the_projects_check_finds_nothing(project: dict[str, Any]) -> None:
    assert project["checks"] == []
