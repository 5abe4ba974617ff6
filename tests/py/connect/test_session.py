# SPDX-License-Identifier: MIT
"""Hosts, credentials, time-outs, rebalances, redirections."""

from __future__ import annotations

import socket
from typing import Any
from unittest import mock

import pytest
import requests

from django_kafka.connect.answers import trouble_of
from django_kafka.connect.client import KafkaConnectClient, KafkaConnectSession
from django_kafka.exceptions import DjangoKafkaError
from tests.py.connect.stub import Answer, StubConnect, error


def nobody() -> str:
    """A host that refuses connections."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_paths_are_on_the_host(stub: StubConnect) -> None:
    session = KafkaConnectSession(f"{stub.url}/", timeout=5)
    assert session.get("/connectors").json() == []
    assert stub.requests == ["GET /connectors"]


def test_the_original_arguments(stub: StubConnect) -> None:
    """By position, with retries mounted on the host."""
    with mock.patch.object(KafkaConnectSession, "mount_retry_adapter") as mount:
        session = KafkaConnectSession(stub.url, ("user", "word"), {"connect": 2}, 7)
    mount.assert_called_once_with({"connect": 2})
    with mock.patch.object(requests.Session, "request", return_value=mock.Mock(status_code=200)) as request:
        session.get("/x")
    assert request.call_args == mock.call("GET", f"{stub.url}/x", params=None, timeout=7, allow_redirects=True)


def test_credentials(stub: StubConnect) -> None:
    KafkaConnectClient(stub.url, auth=("user", "word")).connectors()
    assert stub.authorizations == ["Basic dXNlcjp3b3Jk"]


def test_retries_by_status(stub: StubConnect) -> None:
    stub.next = [Answer(503), Answer(502)]
    retry = {"status": 3, "backoff_factor": 0.0, "status_forcelist": [502, 503]}
    assert KafkaConnectClient(stub.url, retry=retry).connectors().json() == []
    assert len(stub.requests) == 3


def test_retries_come_to_an_end(stub: StubConnect) -> None:
    stub.next = [Answer(503)] * 3
    retry = {"status": 1, "backoff_factor": 0.0, "status_forcelist": [503]}
    with pytest.raises(requests.exceptions.RetryError) as caught:
        KafkaConnectClient(stub.url, retry=retry).connectors()
    assert trouble_of(caught.value) == (
        "Kafka Connect answers with errors again and again: too many 503 error responses"
    )


def test_hosts_are_tried_in_turn(stub: StubConnect) -> None:
    client = KafkaConnectClient(f"{nobody()}, {stub.url}")
    for _ in range(2):
        assert client.connectors().json() == []
    assert client._requests.hosts[0] == stub.url, "the one that answered is asked first"


def test_no_host_can_be_reached() -> None:
    with pytest.raises(requests.ConnectionError) as caught:
        KafkaConnectClient(f"{nobody()},{nobody()}").connectors()
    text = trouble_of(caught.value)
    assert text.startswith("Kafka Connect cannot be reached, see CONNECT_HOST: ")
    assert "Connection refused" in text
    assert "0x" not in text


@pytest.mark.parametrize("host", ["localhost:8083", "ftp://host", " , "])
def test_what_is_no_host(host: str) -> None:
    with pytest.raises(DjangoKafkaError, match="CONNECT_HOST"):
        KafkaConnectSession(host)


def test_a_host_that_does_not_answer(stub: StubConnect) -> None:
    stub.delay = 0.4
    with pytest.raises(requests.Timeout) as caught:
        KafkaConnectClient(stub.url, timeout=0.05).connectors()
    assert trouble_of(caught.value).startswith("Kafka Connect does not answer in time")


def test_a_rebalance_is_waited_for(stub: StubConnect) -> None:
    stub.next = [error(409, "Cannot complete request momentarily due to no known leader URL")] * 2
    assert KafkaConnectClient(stub.url).update_or_create("a", {"x": "1"}).status_code == 201
    assert stub.requests == ["PUT /connectors/a/config"] * 3


def test_a_rebalance_without_end(stub: StubConnect) -> None:
    stub.next = [error(409, "rebalance")] * 9
    assert KafkaConnectClient(stub.url).restart("a").status_code == 409


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirected_change_is_not_followed(stub: StubConnect, status: int) -> None:
    stub.next = [Answer(status, "", Location=f"{stub.url}/elsewhere")]
    assert KafkaConnectClient(stub.url).update_or_create("a", {}).status_code == status
    assert stub.requests == ["PUT /connectors/a/config"]


def test_names_are_quoted(stub: StubConnect) -> None:
    client = KafkaConnectClient(stub.url)
    client.delete("a/../b c?")
    assert stub.requests == ["DELETE /connectors/a%2F..%2Fb%20c%3F"]


CALLS: list[tuple[str, tuple[Any, ...], str]] = [
    ("update_or_create", ("a", {"x": 1}), "PUT /connectors/a/config"),
    ("delete", ("a",), "DELETE /connectors/a"),
    ("validate", ({"connector.class": "org.x.FooConnector"},), "PUT /connector-plugins/FooConnector/config/validate"),
    ("connector_status", ("a",), "GET /connectors/a/status"),
    ("connectors", (), "GET /connectors"),
    ("connector_config", ("a",), "GET /connectors/a/config"),
    ("restart", ("a",), "POST /connectors/a/restart?includeTasks=true&onlyFailed=true"),
    ("pause", ("a",), "PUT /connectors/a/pause"),
    ("resume", ("a",), "PUT /connectors/a/resume"),
    ("stop", ("a",), "PUT /connectors/a/stop"),
    ("offsets", ("a",), "GET /connectors/a/offsets"),
    ("reset_offsets", ("a",), "DELETE /connectors/a/offsets"),
]


@pytest.mark.parametrize(("method", "arguments", "request_line"), CALLS)
def test_requests(stub: StubConnect, method: str, arguments: tuple[Any, ...], request_line: str) -> None:
    getattr(KafkaConnectClient(stub.url), method)(*arguments)
    assert stub.requests == [request_line]


def test_a_configuration_without_a_class_cannot_be_validated(stub: StubConnect) -> None:
    with pytest.raises(DjangoKafkaError, match=r"'connector\.class' config is required for validation"):
        KafkaConnectClient(stub.url).validate({})
    assert stub.requests == []
