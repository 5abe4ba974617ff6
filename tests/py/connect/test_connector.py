# SPDX-License-Identifier: MIT
"""Connectors: names, validation, publishing, states, and what is said when an answer is no."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from django.test import override_settings

from django_kafka.connect.changes import changes
from django_kafka.connect.connector import Connector, ConnectorStatus
from django_kafka.connect.masking import masked, masked_text
from django_kafka.exceptions import DjangoKafkaError
from tests.py.connect.stub import Answer, StubConnect, error, state

TRACE = """org.apache.kafka.connect.errors.ConnectException: Could not connect to the database
\tat io.debezium.connector.Foo.start(Foo.java:12)
\t... 7 more
Caused by: org.postgresql.util.PSQLException: FATAL: role "x" does not exist
\tat org.postgresql.Bar.baz(Bar.java:1)
"""
SENTENCE = 'ConnectException: Could not connect to the database: PSQLException: FATAL: role "x" does not exist'


def test_names(make: Any) -> None:
    cls = make("Orders")
    assert cls.name == "Orders"
    with override_settings(DJANGO_KAFKA={"CONNECTOR_NAME_PREFIX": "shop"}):
        assert cls.name == "shop.Orders"


def test_no_host() -> None:
    class Orders(Connector):
        config = {}

    with (
        override_settings(DJANGO_KAFKA={}),
        pytest.raises(DjangoKafkaError, match="`CONNECT_HOST` is not configured"),
    ):
        Orders()


def test_the_client_gets_the_settings(make: Any) -> None:
    cls = make("Orders")
    settings = {
        "CONNECT_HOST": "https://c",
        "CONNECT_AUTH": ("u", "p"),
        "CONNECT_RETRY": {"connect": 1},
        "CONNECT_REQUESTS_TIMEOUT": 3,
        "CONNECT_VERIFY": "/ca.pem",
    }
    with (
        override_settings(DJANGO_KAFKA=settings),
        mock.patch("django_kafka.connect.connector.KafkaConnectClient") as client,
    ):
        connector = cls()
    assert connector.client is client.return_value
    client.assert_called_once_with(
        host="https://c", auth=("u", "p"), retry={"connect": 1}, timeout=3, verify="/ca.pem"
    )


def test_life(stub: StubConnect, make: Any) -> None:
    connector = make("Orders", size=5)()
    assert connector.published_config() is None
    assert not connector.delete()
    assert connector.submit()["name"] == "Orders"
    assert connector.published_config()["size"] == "5"
    assert connector.status() == ConnectorStatus.RUNNING == "RUNNING"
    assert connector.delete()


def test_validation_sends_the_name_and_reads_the_body(stub: StubConnect, make: Any) -> None:
    connector = make("Orders")()
    assert connector.is_valid()
    assert stub.bodies[0]["name"] == "Orders"
    stub.errors = {"database.hostname": ["A value is required"], "slot.name": ["Bad name", "Too long"]}
    assert not connector.is_valid()
    with pytest.raises(DjangoKafkaError) as caught:
        connector.is_valid(raise_exception=True)
    assert str(caught.value).splitlines() == [
        "database.hostname: A value is required",
        "slot.name: Bad name",
        "slot.name: Too long",
    ]
    assert caught.value.context.status_code == 200


@pytest.mark.parametrize("body", ["<html>login</html>", "[]", "null", '"x"', ""])
def test_what_answers_is_not_kafka_connect(stub: StubConnect, make: Any, body: str) -> None:
    connector = make("Orders")()
    stub.next = [Answer(200, body)]
    with pytest.raises(DjangoKafkaError, match="is CONNECT_HOST Kafka Connect"):
        connector.is_valid()


def test_an_error_count_without_errors(stub: StubConnect, make: Any) -> None:
    connector = make("Orders")()
    stub.next = [Answer(200, {"error_count": 2, "configs": []})]
    assert not connector.is_valid()


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (error(500, TRACE), f"500: {SENTENCE}"),
        (Answer(502, "<html><head><style>p {}</style></head><body><h1>Bad</h1> Gateway</body>"), "502: Bad Gateway"),
        (Answer(400), "400, without a word of explanation"),
        (Answer(401, "no"), "401: the credentials in CONNECT_AUTH are missing or refused (no)"),
        (
            error(400, "url jdbc://me:hunter2@db password=hunter2, x"),
            "400: url jdbc://********@db password=********, x",
        ),
        (
            Answer(302, "", Location="https://login"),
            "302: redirected to https://login; name that host in CONNECT_HOST",
        ),
        (
            Answer(500, "\x1b[31mred" + "x" * 1000 + "why"),
            "500: \N{REPLACEMENT CHARACTER}[31mred" + "x" * 242 + " … " + "x" * 247 + "why",
        ),
    ],
    ids=["trace", "page", "nothing", "401", "secrets", "redirection", "terminal"],
)
def test_an_answer_that_says_no_is_one_sentence(stub: StubConnect, make: Any, answer: Answer, text: str) -> None:
    connector = make("Orders")()
    reading = () if answer.status == 302 else (connector.status, connector.published_config)  # which is followed
    for call in (connector.submit, connector.delete, *reading):
        stub.next = [answer]
        with pytest.raises(DjangoKafkaError) as caught:
            call()
        assert str(caught.value) == text
        assert caught.value.context.status_code == answer.status


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (state("RUNNING", "RUNNING", "RUNNING"), "RUNNING", ""),
        (state("RUNNING"), "UNASSIGNED", "it has no task"),
        (state("RUNNING", "RUNNING", "FAILED", trace=TRACE), "FAILED", f"task 1 of 2 is FAILED: {SENTENCE}"),
        (state("RUNNING", "UNASSIGNED", "FAILED"), "FAILED", "task 1 of 2 is FAILED"),
        (state("RUNNING", "UNASSIGNED"), "UNASSIGNED", "task 0 of 1 is UNASSIGNED"),
        (state("RUNNING", "RESTARTING"), "RESTARTING", "task 0 of 1 is RESTARTING"),
        (state("RUNNING", "PAUSED"), "PAUSED", "task 0 of 1 is PAUSED"),
        (state("FAILED", trace=TRACE), "FAILED", SENTENCE),
        (state("PAUSED", "PAUSED"), "PAUSED", ""),
        (state("STOPPED"), "STOPPED", ""),
        ({"connector": {"state": "RUNNING"}}, "RUNNING", ""),
    ],
)
def test_the_state_is_that_of_the_tasks_too(
    stub: StubConnect, make: Any, body: Any, status: str, reason: str
) -> None:
    stub.connectors["Orders"] = {}
    stub.states["Orders"] = body
    connector = make("Orders")()
    assert connector.status() == status
    assert connector.state().reason == reason


@pytest.mark.parametrize("body", [{}, {"connector": {}}, {"connector": {"state": "RUNNING"}, "tasks": [{}]}, [], "x"])
def test_an_answer_that_is_no_status(stub: StubConnect, make: Any, body: Any) -> None:
    stub.connectors["Orders"] = {}
    stub.states["Orders"] = body
    with pytest.raises(DjangoKafkaError, match="Kafka Connect"):
        make("Orders")().status()


def test_two_connectors_of_one_name(make: Any) -> None:
    make("Orders")
    with pytest.raises(DjangoKafkaError, match="`Orders` is already registered"):
        make("Orders")


def test_changes() -> None:
    old = {"name": "x", "a": "1", "b": "true", "gone": "x", "database.password": "old"}
    new = {"a": 1, "b": True, "new": 5, "none": None, "database.password": "new"}
    assert [str(change) for change in changes(old, new)] == [
        "~ database.password: ******** -> ********",
        "- gone = x",
        "+ new = 5",
    ]


def test_masking() -> None:
    config = {
        "database.password": "hunter2",
        "database.user": "me",
        "sasl.jaas.config": 'x password="hunter2";',
        "transforms.x.key": "id",
        "key.converter": "org.x",
        "secret": "${file:/run/secrets:key}",
        "connection.url": "jdbc:postgresql://me:hunter2@db/x?user=me&password=hunter2",
        "schema.history.internal.producer.sasl.jaas.config": "hunter2",
        "table.include.list": "public.orders",
    }
    shown = masked(config)
    assert "hunter2" not in str(shown)
    assert shown["secret"] == "${file:/run/secrets:key}"
    assert {"database.user", "transforms.x.key", "key.converter", "table.include.list"} <= {
        key for key, value in shown.items() if value == config[key]
    }
    assert masked_text("password: hunter2, at https://a:b@c/d") == "password: ********, at https://********@c/d"
