# SPDX-License-Identifier: MIT
"""From a table of PostgreSQL by Debezium, Kafka Connect, Kafka and a model topic into a second database: both end equal,
on each path, from envelopes and from flattened records, with all that happens to the source meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.live import debezium
from tests.live.in_process import as_another_process, django_kafka_settings
from tests.live.model_tables import database
from tests.live.servers import ConnectServer, KafkaServer, PostgresServer, RegistryServer
from tests.live.test_debezium import messages, source, worker  # noqa: F401  (fixtures)

from django.contrib.postgres.fields import ArrayField  # isort: skip  (Django is configured by in_process)
from django.db import models
from django_kafka.testing.consumer import run_consumer_until
from django_kafka.topic.avro import AvroTopicConsumer
from django_kafka.topic.debezium import DbzModelTopicConsumer
from tests.py.django.helpers import consumer_of
from tests.synced.models import Base

pytestmark = pytest.mark.timeout(400)


class Plain(Base):
    """The columns that the engine can write by itself."""

    id = models.BigIntegerField(primary_key=True)
    small = models.SmallIntegerField(default=7)
    number = models.IntegerField(null=True)
    paid = models.BooleanField(default=False)
    length = models.FloatField(null=True)
    price = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    code = models.CharField(max_length=10, default="new")
    day = models.DateField(null=True)
    micros = models.DateTimeField(null=True)
    at = models.DateTimeField(null=True)
    ref = models.UUIDField(null=True)
    data = models.JSONField(default=dict)
    blob = models.BinaryField(null=True)
    address = models.GenericIPAddressField(null=True)
    extra = models.IntegerField(default=5)

    class Meta(Base.Meta):
        abstract = False
        managed = False
        db_table = "orders"


class Whole(Base):
    """The others too, which Python has to convert."""

    id = models.BigIntegerField(primary_key=True)
    small = models.SmallIntegerField(default=7)
    weight = models.FloatField(null=True)
    exact = models.DecimalField(max_digits=60, decimal_places=20, null=True)
    padded = models.CharField(max_length=5, null=True)
    hour = models.TimeField(null=True)
    tags = ArrayField(models.TextField(null=True), null=True)
    numbers = ArrayField(models.IntegerField(null=True), null=True)
    feeling = models.CharField(max_length=10, null=True)

    class Meta(Base.Meta):
        abstract = False
        managed = False
        db_table = "orders"


@pytest.fixture(scope="module")
def target(source: PostgresServer) -> Iterator[str]:  # noqa: F811
    source.psql("CREATE DATABASE target")
    for statement in (debezium.SCHEMA, *(text for text in debezium.BEHIND if text.startswith("ALTER TABLE"))):
        source.psql(statement, database="target")
    with database("target", {**source.django_settings(), "NAME": "target"}) as alias:
        yield alias


@pytest.fixture(autouse=True)
def _settings(broker: KafkaServer, shared_registry: RegistryServer) -> Iterator[None]:
    with django_kafka_settings(broker.bootstrap, shared_registry.url):
        yield


def rows(source: PostgresServer, name: str, model: Any) -> str:  # noqa: F811
    columns = ", ".join(f'"{field.column}"' for field in model._meta.concrete_fields)
    return source.psql(f"SELECT {columns} FROM orders ORDER BY id", database=name)


@pytest.mark.parametrize("prefix", debezium.PREFIXES.values())
@pytest.mark.parametrize(
    ("model", "mode"), [(Plain, "copy"), (Plain, "instances"), (Whole, "auto"), (Whole, "bulk"), (Whole, "instances")]
)
def test_a_second_database_ends_equal(
    prefix: str,
    model: Any,
    mode: str,
    source: PostgresServer,  # noqa: F811
    worker: ConnectServer,  # noqa: F811
    messages: Any,  # noqa: F811
    target: str,
    name: str,
) -> None:
    source.psql("TRUNCATE orders", database="target")
    members = {"name": f"{prefix}.public.orders", "model": model, "using": target, "sync_mode": mode}
    topic = type("OrderTopic", (AvroTopicConsumer, DbzModelTopicConsumer), {**members, "retry_settings": None})()
    wanted = rows(source, "lab", model)
    assert wanted.count("\n") == 2  # three rows
    with as_another_process():
        run_consumer_until(
            consumer_of(topic, group=f"{name}-{prefix}-{mode}"), lambda: rows(source, "target", model) == wanted, 60
        )
    assert rows(source, "target", model) == wanted
