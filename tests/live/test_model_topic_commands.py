# SPDX-License-Identifier: MIT
"""kafka_explain and kafka_model_topic with a real PostgreSQL behind them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from django.core.management import call_command
from django.db import connections

import tests.django_project  # noqa: F401
from django_kafka import kafka
from django_kafka.registry import ConsumersRegistry
from django_kafka.topic.avro import AvroTopicConsumer
from django_kafka.topic.debezium import DbzModelTopicConsumer
from tests.live.model_tables import own_database
from tests.live.servers import PostgresServer
from tests.live.test_copy_path import Everything, schema_of
from tests.py.django.helpers import consumer_of, project_registry
from tests.py.schema_registry import SchemaRegistry


class Topic(AvroTopicConsumer, DbzModelTopicConsumer):
    name = "everything"
    model = Everything
    using = "explained"


@pytest.fixture(scope="module")
def alias(shared_postgres: PostgresServer) -> Iterator[str]:
    with own_database(shared_postgres, "explained") as alias:
        with connections[alias].schema_editor() as editor:
            editor.create_model(Everything)
        yield alias


@pytest.fixture
def registry(alias: str) -> Iterator[SchemaRegistry]:
    consumers = ConsumersRegistry()
    consumers.register(consumer_of(Topic()))
    with project_registry() as found, mock.patch.object(kafka, "consumers", consumers):
        yield found


def explained() -> Any:
    out = io.StringIO()
    call_command("kafka_explain", "everything", "--json", stdout=out)
    ((model,),) = [topic["models"] for topic in json.loads(out.getvalue())[0]["topics"]]
    assert model["path"] == "copy"
    return model["schema"]


def test_copied(registry: SchemaRegistry) -> None:
    registry.add("everything-value", json.dumps(schema_of()))
    assert explained() == {"subject": "everything-value", "version": 1, "copied": True, "reasons": []}


def test_every_reason(registry: SchemaRegistry) -> None:
    time = {"type": {"type": "long", "connect.name": "io.debezium.time.MicroTime"}}
    registry.add("everything-value", json.dumps(schema_of("id", day=time, took=time)))
    assert explained()["reasons"] == [
        "day: io.debezium.time.MicroTime is no date",
        "took: io.debezium.time.MicroTime is no duration",
        "the primary key is not in the value",
    ]


def test_table_that_drifted(registry: SchemaRegistry, alias: str) -> None:
    registry.add("everything-value", json.dumps(schema_of()))
    table = Everything._meta.db_table
    with connections[alias].cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME COLUMN note TO remark")
        cursor.execute(f"ALTER TABLE {table} ALTER COLUMN big TYPE text")
    try:
        assert explained()["reasons"] == [
            "big: a BigIntegerField in a column of type text",
            "the table has no column note",
        ]
        with connections[alias].cursor() as cursor:
            cursor.execute(f"ALTER TABLE {table} RENAME TO elsewhere")
        assert explained()["unknown"] == f"there is no table {table}"
    finally:
        with connections[alias].cursor() as cursor:
            cursor.execute(f"ALTER TABLE IF EXISTS elsewhere RENAME TO {table}")
            cursor.execute(f"ALTER TABLE {table} RENAME COLUMN remark TO note")
            cursor.execute(f"ALTER TABLE {table} ALTER COLUMN big TYPE bigint USING big::bigint")
        connections[alias].close()


def test_a_model_that_fits_its_schema(registry: SchemaRegistry) -> None:
    registry.add("everything-value", json.dumps(schema_of()))
    out = io.StringIO()
    call_command("kafka_model_topic", "synced.Everything", "--topic", "everything", stdout=out)
    assert "#" not in out.getvalue()
