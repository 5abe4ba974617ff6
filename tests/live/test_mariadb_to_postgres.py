# SPDX-License-Identifier: MIT
"""DebeziumMySqlConnector reads a real MariaDB, DebeziumJdbcSinkConnector writes the same models to a PostgreSQL."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connections, models
from django.test import override_settings

from tests.live.servers import ConnectServer, KafkaServer, PostgresServer, connect, mariadb
from tests.live.servers.process import wait_until

import tests.live.in_process  # noqa: F401  isort: skip  (configures Django)
from django_kafka import DjangoKafka
from django_kafka.connect.debezium import DebeziumJdbcSinkConnector, DebeziumMySqlConnector
from django_kafka.connect.models import KafkaConnectSkipModel
from django_kafka.registry import ConnectorsRegistry
from tests.live.model_tables import database, own_database

pytestmark = pytest.mark.timeout(300)


class Plain(models.Model):
    name = models.CharField(max_length=20)
    paid = models.BooleanField(default=False)
    price = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    note = models.TextField(null=True)
    day = models.DateField(null=True)
    number = models.BigIntegerField(default=0)

    class Meta:
        app_label = "sunk"
        db_table = "sunk plain"


class Owned(KafkaConnectSkipModel):
    name = models.CharField(max_length=20)

    class Meta:
        app_label = "sunk"
        db_table = "sunk_owned"


TABLES = [Plain, Owned]


class Source(DebeziumMySqlConnector):
    models = TABLES
    using = "upstream"
    mariadb = True
    topic_prefix = "sunk"
    converter = "json_schemas"
    heartbeat_ms = 200


class Sink(DebeziumJdbcSinkConnector):
    models = TABLES
    using = "downstream"
    topic_prefix = "sunk"
    source_schema = "lab"


@pytest.fixture
def upstream() -> Iterator[str]:
    if reason := mariadb.available():
        pytest.skip(reason)
    pymysql = pytest.importorskip("pymysql")
    pymysql.install_as_MySQLdb()
    binlog = {"log-bin": "log", "server-id": "1", "binlog-format": "ROW"}
    with mariadb.MariaServer(binlog) as server, database("upstream", server.django_settings()) as alias:
        make(alias)
        yield alias


@pytest.fixture
def downstream(shared_postgres: PostgresServer) -> Iterator[str]:
    with own_database(shared_postgres, "sunk", alias="downstream") as alias:
        make(alias)
        yield alias


@pytest.fixture
def worker(request: pytest.FixtureRequest, shared_kafka: KafkaServer) -> Iterator[ConnectServer]:
    if reason := connect.available(connect.OTHERS):
        pytest.skip(reason)
    failed = request.session.testsfailed
    server = ConnectServer(shared_kafka.bootstrap, connect.OTHERS)
    try:
        server.start()
        yield server
    finally:
        if path := server.close(keep_logs=request.session.testsfailed > failed):
            print(f"\nConnect's log: {path}")


def make(alias: str) -> None:
    with connections[alias].schema_editor() as editor:
        for model in TABLES:
            editor.create_model(model)


def run(*flags: str) -> list[str]:
    out = io.StringIO()
    try:
        call_command("kafka_connect", *flags, stdout=out, skip_checks=True, no_color=True)
    except CommandError as error:
        raise AssertionError(f"{error}\n{out.getvalue()}") from error
    return out.getvalue().splitlines()


def rows(model: Any, alias: str) -> list[dict[str, Any]]:
    return list(model.objects.using(alias).order_by("pk").values())


def arrived(model: Any, alias: str) -> bool:
    """What was written last is there."""
    return bool(model.objects.using(alias).filter(name="last").exists())


def test_rows_arrive_and_what_came_from_kafka_does_not(
    worker: ConnectServer,
    shared_kafka: KafkaServer,
    upstream: str,
    downstream: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registry = ConnectorsRegistry()
    for cls in (Source, Sink):
        registry()(cls)
    monkeypatch.setattr(DjangoKafka, "connectors", registry)
    plain, owned = Plain.objects.using(upstream), Owned.objects.using(upstream)
    plain.create(pk=1, name="snapshot", paid=True, price="19.99", day="2024-02-29")
    owned.create(pk=1, name="own")
    owned.create(pk=2, name="from Kafka", kafka_skip=True)
    settings = {
        "CONNECT_HOST": worker.url,
        "CONNECT_RETRY": None,
        "GLOBAL_CONFIG": {"bootstrap.servers": shared_kafka.bootstrap},
    }
    with override_settings(DJANGO_KAFKA=settings):
        told = run("--validate", "--publish", "--wait", "120")
        assert told[-2:] == ["Source: RUNNING", "Sink: RUNNING"]
        plain.create(pk=2, name="\N{SNOWMAN}", number=2**62)
        plain.create(pk=3, name="gone")
        plain.filter(pk=1).update(name="changed", paid=False)
        plain.get(pk=3).delete()
        owned.create(pk=3, name="from Kafka", kafka_skip=True)
        owned.filter(pk=1).update(name="from Kafka", kafka_skip=True)
        owned.create(pk=4, name="own")
        owned.create(pk=5, name="gone")
        owned.get(pk=5).delete()
        owned.filter(pk=4).delete(kafka_skip=True)
        owned.create(pk=6, name="last")
        plain.create(pk=6, name="last")
        try:
            wait_until(lambda: all(arrived(model, downstream) for model in TABLES), 60, "all has arrived")
        except AssertionError as error:
            raise AssertionError("\n".join(run("--check-status", "--ignore-failures"))) from error
    assert rows(Plain, downstream) == rows(Plain, upstream)
    # The last update of 1 and the deletion of 4 are of the same kind.
    assert [(row["id"], row["name"]) for row in rows(Owned, downstream)] == [(1, "own"), (4, "own"), (6, "last")]
