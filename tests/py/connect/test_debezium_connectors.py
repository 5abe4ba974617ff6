# SPDX-License-Identifier: MIT
"""Configurations of Debezium's connectors that follow from DATABASES and models."""

from __future__ import annotations

from typing import Any, ClassVar
from unittest import mock

import pytest
from django.db import connections, models
from django.test import override_settings

from django_kafka.connect.debezium import (
    DebeziumJdbcSinkConnector,
    DebeziumMySqlConnector,
    DebeziumPostgresConnector,
)
from django_kafka.connect.debezium.common import exactly, identifier, split_table
from django_kafka.connect.models import KafkaConnectSkipModel
from django_kafka.connect.versioned import KafkaConnectVersionedModel
from django_kafka.exceptions import ConfigurationError

ENTRY = {
    "ENGINE": "django.db.backends.postgresql",
    "NAME": "shop",
    "HOST": "db",
    "PORT": "",
    "USER": "me",
    "PASSWORD": "hunter2",
    "OPTIONS": {"sslmode": "verify-full", "sslrootcert": "/ca.pem"},
}


class Orders(models.Model):
    class Meta:
        app_label = "connectors"
        db_table = "orders"


class Lines(models.Model):
    class Meta:
        app_label = "connectors"
        db_table = "lines"


class Flagged(KafkaConnectSkipModel):
    class Meta:
        app_label = "connectors"
        db_table = '"sales"."flagged"'


class Versioned(KafkaConnectVersionedModel):
    class Meta:
        app_label = "connectors"
        db_table = "connectors_versioned"


class Base(models.Model):
    class Meta:
        app_label = "connectors"
        db_table = "base.with+dots"


class Dotted(models.Model):
    name = models.TextField(db_column="The Name")

    class Meta:
        app_label = "connectors"
        db_table = "a.b"


class Odd(models.Model):
    name = models.TextField(db_column="a:b, c")

    class Meta:
        app_label = "connectors"
        db_table = "odd"


class Child(Base):
    class Meta:
        app_label = "connectors"


class Proxy(Child):
    class Meta:
        app_label = "connectors"
        proxy = True


def config_of(
    kind: Any, *, entry: dict[str, Any] | None = None, kafka: dict[str, Any] | None = None, **members: Any
) -> Any:
    cls = type("Shop", (kind,), {"__module__": "shop.connectors", "models": [Orders], **members})
    settings = {"CONNECT_HOST": "http://c", "GLOBAL_CONFIG": {"bootstrap.servers": "k:9092"}, **(kafka or {})}
    with (
        override_settings(DJANGO_KAFKA=settings),
        mock.patch.object(connections["default"], "settings_dict", {**ENTRY, **(entry or {})}),
    ):
        return cls().final_config


def test_postgres() -> None:
    assert config_of(DebeziumPostgresConnector, models=[Orders, "django_kafka.StoredOffset", Orders]) == {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "plugin.name": "pgoutput",
        "database.hostname": "db",
        "database.port": "5432",
        "database.user": "me",
        "database.password": "hunter2",
        "database.dbname": "shop",
        "database.sslmode": "verify-full",
        "database.sslrootcert": "/ca.pem",
        "topic.prefix": "shop",
        "table.include.list": r"public\.orders,public\.django_kafka_storedoffset",
        "slot.name": "shop",
        "publication.name": "shop",
        "publication.autocreate.mode": "filtered",
        "heartbeat.interval.ms": "10000",
        "transforms": "unwrap",
        "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState",
        "transforms.unwrap.delete.tombstone.handling.mode": "rewrite-with-tombstone",
        "transforms.unwrap.add.fields": "op,source.ts_ms",
        "key.converter": "org.apache.kafka.connect.json.JsonConverter",
        "key.converter.schemas.enable": "false",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter.schemas.enable": "false",
    }


def test_names_follow_the_connectors() -> None:
    config = config_of(DebeziumPostgresConnector, kafka={"CONNECTOR_NAME_PREFIX": "Eu-1"})
    assert config["slot.name"] == config["publication.name"] == "eu_1_shop"
    assert identifier("A" * 100) == "a" * 63


@pytest.mark.parametrize(
    ("found", "tables"),
    [
        ([Flagged], r"sales\.flagged"),
        ([Child], r"public\.connectors_child,public\.base\.with\+dots"),
        ([Proxy, Base], r"public\.connectors_child,public\.base\.with\+dots"),
    ],
)
def test_tables(found: Any, tables: str) -> None:
    assert config_of(DebeziumPostgresConnector, models=found)["table.include.list"] == tables


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("orders", ("", "orders")),
        ('"shop"."orders"', ("shop", "orders")),
        ('shop"."orders', ("shop", "orders")),
        ('"my.table"', ("", "my.table")),
        ("my.table", ("", "my.table")),
        ("Ünïcode", ("", "Ünïcode")),
    ],
)
def test_names_of_tables(name: str, parts: tuple[str, str]) -> None:
    assert split_table(name) == parts
    assert exactly("a.b|c(d)") == r"a\.b\|c\(d\)"


def test_explicit_options_win_and_none_takes_away() -> None:
    config = config_of(
        DebeziumPostgresConnector,
        options={"slot.name": "mine", "plugin.name": None, "snapshot.mode": "no_data", "tasks.max": 1},
        password="${file:/run/secrets/db:password}",
        topic_prefix="events",
        flatten=False,
        signal_table="public.signals",
    )
    assert (config["slot.name"], config["snapshot.mode"], config["tasks.max"]) == ("mine", "no_data", "1")
    assert (config["topic.prefix"], config["signal.data.collection"]) == ("events", "public.signals")
    assert config["database.password"] == "${file:/run/secrets/db:password}"
    assert not {"plugin.name", "transforms"} & config.keys()


@pytest.mark.parametrize(("skip", "transforms"), [(True, "skip,unwrap"), (False, "unwrap")])
def test_changes_that_came_from_kafka_are_left_out(skip: bool, transforms: str) -> None:
    config = config_of(DebeziumPostgresConnector, models=[Flagged, Orders], skip_own=skip)
    assert config["transforms"] == transforms
    assert ("transforms.skip.condition" in config) == skip


@pytest.mark.parametrize(
    ("skip", "tombstones", "flatten", "handling", "second"),
    [
        (False, True, True, "rewrite-with-tombstone", None),
        (False, False, True, "rewrite", "false"),
        (True, None, True, "delete-to-tombstone", "false"),
        (True, True, True, "delete-to-tombstone", "false"),
        (True, False, True, "rewrite", "false"),
        (True, True, False, None, "false"),
        (False, True, False, None, None),
    ],
)
@pytest.mark.parametrize("kind", [DebeziumPostgresConnector, DebeziumMySqlConnector])
def test_a_tombstone_does_not_say_whose_deletion_it_follows(
    kind: Any, skip: bool, tombstones: bool | None, flatten: bool, handling: str | None, second: str | None
) -> None:
    config = config_of(kind, models=[Flagged], skip_own=skip, tombstones=tombstones, flatten=flatten)
    assert config.get("transforms.unwrap.delete.tombstone.handling.mode") == handling
    assert config.get("tombstones.on.delete") == second


@pytest.mark.parametrize(("given", "handling"), [(None, "rewrite"), (True, "delete-to-tombstone")])
def test_deletions_of_versioned_rows_have_their_version(given: bool | None, handling: str) -> None:
    config = config_of(DebeziumPostgresConnector, models=[Orders, Versioned], tombstones=given)
    assert config["transforms.unwrap.delete.tombstone.handling.mode"] == handling
    assert config["tombstones.on.delete"] == "false"


def test_avro() -> None:
    registry = {"SCHEMA_REGISTRY": {"url": "http://r:8081"}}
    config = config_of(DebeziumPostgresConnector, converter="avro", kafka=registry)
    assert config["value.converter"] == "io.confluent.connect.avro.AvroConverter"
    assert config["value.converter.schema.registry.url"] == "http://r:8081"


def test_mysql() -> None:
    config = config_of(DebeziumMySqlConnector, entry={"ENGINE": "django.db.backends.mysql"})
    assert config["connector.class"] == "io.debezium.connector.mysql.MySqlConnector"
    assert config["table.include.list"] == r"shop\.orders"
    assert config["database.include.list"] == "shop"
    assert config["schema.history.internal.kafka.bootstrap.servers"] == "k:9092"
    assert config["schema.history.internal.kafka.topic"] == "shop.schema-history"
    assert config["schema.history.internal.kafka.query.timeout.ms"] == "30000"
    assert 10_000 <= int(config["database.server.id"]) < 2**32
    assert config["booleans.type"].endswith("TinyIntOneToBooleanConverter"), "Django's booleans are no numbers"
    assert config == config_of(DebeziumMySqlConnector, entry={"ENGINE": "django.db.backends.mysql"})
    assert "mariadb" in config_of(DebeziumMySqlConnector, mariadb=True)["connector.class"]


def test_jdbc_sink() -> None:
    config = config_of(DebeziumJdbcSinkConnector, models=[Orders, Lines], topic_prefix="events")
    assert config["topics"] == "events.public.orders,events.public.lines"
    assert config["connection.url"] == "jdbc:postgresql://db:5432/shop"
    assert config["transforms.table.regex"] == r"events\.public\.(.*)"
    assert config["value.converter.schemas.enable"] == "true"
    assert config["field.include.list"] == "orders:id,lines:id"
    assert config["quote.identifiers"] == "true"


def test_a_sink_of_tables_that_have_to_be_quoted() -> None:
    """No topic can have a `+` in its name: Debezium's sources write `_`. Columns are those of each table."""
    config = config_of(DebeziumJdbcSinkConnector, models=[Flagged, Child, Dotted], topic_prefix="events")
    child = Child._meta.db_table
    topics = ["events.sales.flagged", f"events.public.{child}", "events.public.base.with_dots", "events.public.a.b"]
    assert config["topics"].split(",") == topics
    assert config["transforms"] == "table3,table2,table1,table"
    routes = [
        (config[f"transforms.table{n}.regex"], config[f"transforms.table{n}.replacement"]) for n in ("1", "2", "3")
    ]
    assert routes == [
        (r"events\.sales\.flagged", '"sales"."flagged"'),
        (r"events\.public\.base\.with_dots", '"base.with+dots"'),
        (r"events\.public\.a\.b", '"a.b"'),
    ]
    assert config["field.include.list"].split(",") == [
        '"sales"."flagged":id',
        '"sales"."flagged":kafka_skip',
        f"{child}:base_ptr_id",
        '"base.with+dots":id',
        '"a.b":id',
        '"a.b":The Name',
    ]


def test_a_sink_with_a_column_that_its_option_cannot_name() -> None:
    assert "field.include.list" not in config_of(DebeziumJdbcSinkConnector, models=[Orders, Odd])


@pytest.mark.parametrize(
    ("kind", "members", "words"),
    [
        (DebeziumPostgresConnector, {"models": []}, "has no `models`"),
        (DebeziumPostgresConnector, {"models": ["django_kafka.Nobody"]}, "'django_kafka.Nobody' is no model"),
        (DebeziumPostgresConnector, {"models": [KafkaConnectSkipModel]}, "no model with a table"),
        (DebeziumPostgresConnector, {"models": [int]}, "no model with a table"),
        (DebeziumPostgresConnector, {"using": "nowhere"}, "DATABASES has no 'nowhere'"),
        (DebeziumPostgresConnector, {"entry": {"HOST": ""}}, "has no HOST"),
        (DebeziumPostgresConnector, {"entry": {"HOST": "/run/postgresql"}}, "has no HOST"),
        (DebeziumPostgresConnector, {"converter": "xml"}, "its converter is 'xml'"),
        (DebeziumPostgresConnector, {"converter": "avro"}, "Avro needs"),
        (DebeziumMySqlConnector, {"kafka": {"GLOBAL_CONFIG": {}}}, "needs the brokers"),
        (DebeziumJdbcSinkConnector, {"converter": "json"}, "the sink needs schemas"),
        (DebeziumJdbcSinkConnector, {"entry": {"ENGINE": "django.db.backends.oracle"}}, "connection.url"),
    ],
)
def test_what_cannot_be(kind: Any, members: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words.replace("(", r"\(")):
        config_of(kind, **members)


def test_a_host_of_its_own() -> None:
    config = config_of(DebeziumPostgresConnector, entry={"HOST": ""}, options={"database.hostname": "db.example"})
    assert config["database.hostname"] == "db.example"


class Unregistered(DebeziumPostgresConnector):
    models: ClassVar = [Orders]


def test_prerequisites_are_postgresqls() -> None:
    with mock.patch.object(connections["default"], "settings_dict", {**ENTRY}):
        (found,) = object.__new__(Unregistered).prerequisites()
    assert found.text == "The database 'default' is no PostgreSQL, but sqlite."
