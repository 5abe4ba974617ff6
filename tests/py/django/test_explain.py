# SPDX-License-Identifier: MIT
"""manage.py kafka_explain."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.db.models.signals import post_save

from django_kafka import kafka
from django_kafka.consumer import Consumer, Topics
from django_kafka.management import explanation
from django_kafka.registry import ConsumersRegistry
from django_kafka.retry.settings import RetrySettings
from django_kafka.sync.columns import Column, Table
from django_kafka.topic.avro import AvroTopicConsumer
from django_kafka.topic.debezium import DbzModelTopicConsumer
from django_kafka.topic.json import JSONTopicConsumer
from tests.py.django.helpers import Recorder, project_registry
from tests.py.schema_registry import SchemaRegistry
from tests.synced.models import Customer, Order, Restaurant


class Customers(AvroTopicConsumer, DbzModelTopicConsumer):
    name = "shop.customers"
    model = Customer


class Restaurants(JSONTopicConsumer, DbzModelTopicConsumer):
    name = "shop.restaurants"
    model = Restaurant
    offsets_in_database = True


class Shards(JSONTopicConsumer, DbzModelTopicConsumer):
    name = "^shop.shard.*"
    reroute_model_map = {"a": Order, "b": Order}


class Unknown(JSONTopicConsumer, DbzModelTopicConsumer):
    name = "unknown"

    def get_model(self, key: Any, value: Any) -> Any:
        return Order


class Wrong(JSONTopicConsumer, DbzModelTopicConsumer):
    name = "wrong"
    model = Restaurant
    sync_mode = "bulk"


class ShopConsumer(Consumer):
    config = {"group.id": "shop"}
    topics = Topics(Customers(), Restaurants(), Shards(), Unknown(), Wrong())


class PlainConsumer(Consumer):
    config = {"group.id": "plain"}
    topics = Topics(Recorder("events"), Recorder("shop.customers"))

    def __init__(self) -> None:
        raise AssertionError("nothing is made to explain it")

    def consume(self, msg: Any) -> None: ...


class EmptyConsumer(Consumer):
    config = {"group.id": "empty"}
    topics = Topics()


@pytest.fixture(autouse=True)
def _consumers() -> Iterator[None]:
    registry = ConsumersRegistry()
    for consumer in (ShopConsumer, PlainConsumer, EmptyConsumer):
        registry.register(consumer)
    with mock.patch.object(kafka, "consumers", registry):
        yield


@pytest.fixture
def _copies() -> Iterator[None]:
    """The database is taken for PostgreSQL, with the table of customers."""
    columns = [("id", "bigint", True), ("name", "character varying(50)", True), ("code", "integer", False)]
    table = Table("customer", {name: Column(name, kind, req, False, False) for name, kind, req in columns}, ())
    with (
        mock.patch.object(connection, "vendor", "postgresql"),
        mock.patch.object(explanation, "describe_table", return_value=table),
    ):
        yield


def run(*args: str) -> str:
    out = io.StringIO()
    call_command("kafka_explain", *args, stdout=out)
    return out.getvalue()


def models_of(*args: str) -> dict[str, Any]:
    """What is said of the model of a topic."""
    consumers = json.loads(run("--json", *args))
    return next(model for one in consumers for topic in one["topics"] for model in topic["models"])


def test_all() -> None:
    text = run("--no-connect")
    assert max(map(len, text.splitlines())) <= 80
    one_line = " ".join(text.split())
    for words in (
        "tests.py.django.test_explain.ShopConsumer (group shop)",
        "direct: each message goes straight to its topic's consume()",
        "hooks: each message goes through the consumer's own consume()",
        "not faster: consume() is overridden",
        "consume_batch() gets up to 5000 messages at a time",
        "in a transaction with their offsets",
        "rows of synced.Customer in database 'default': bulk not copy: SQLite has no COPY",
        "rows of synced.Restaurant in database 'default': instances not copy: SQLite has no COPY "
        "not bulk: its rows are in several tables (multi-table inheritance)",
        "not copy: the model depends on the message",
        "rows: get_model() says for each message",
        "rows of synced.Restaurant: sync_mode of tests.py.django.test_explain.Wrong is 'bulk', but",
        "EmptyConsumer (group empty)",
        "no topics",
    ):
        assert words in one_line
    assert one_line.count("rows of synced.Order ") == 1  # two tables of one model


def test_receivers_are_told() -> None:
    def receiver(**_: Any) -> None: ...

    post_save.connect(receiver, sender=Customer)
    try:
        model = models_of("shop.customers")
    finally:
        post_save.disconnect(receiver, sender=Customer)
    assert model["path"] == "instances"
    assert {"against": "bulk", "reason": "post_save of Customer has receivers", "impossible": False} in model[
        "reasons"
    ]


def test_refusal_and_batches_of_one() -> None:
    class Stubborn(Consumer):
        config = {"group.id": "stubborn"}
        topics = Topics(Restaurants())

        def poll(self) -> Any: ...

    kafka.consumers.register(Stubborn)
    text = " ".join(run(kafka.consumers.get_key(Stubborn)).split())
    assert "poll: one message at a time" in text
    assert "cannot run: Restaurants stores offsets in the database" in text
    assert "consume_batch() gets one message at a time" in text


def test_retry_consumers() -> None:
    class Retried(Recorder):
        retry_settings = RetrySettings(max_retries=1, delay=1, blocking=False)

    class Retrying(Consumer):
        config = {"group.id": "retrying"}
        topics = Topics(Retried("tried"))

    kafka.consumers.register(Retrying)
    found = json.loads(run("--json", "--no-connect"))
    key = kafka.consumers.get_key(Retrying)
    retry = next(one for one in found if one["consumer"] == f"{key}.retry")
    assert [topic["class"].rpartition(".")[2] for topic in retry["topics"]] == ["Retried"]


class TestNames:
    def test_a_consumer(self) -> None:
        found = json.loads(run("--json", kafka.consumers.get_key(PlainConsumer)))
        assert [one["consumer"].rpartition(".")[2] for one in found] == ["PlainConsumer"]
        assert [topic["topic"] for topic in found[0]["topics"]] == ["events", "shop.customers"]

    def test_topics(self) -> None:
        found = json.loads(run("--json", "shop.shard7", "shop.customers"))
        topics = {one["group"]: [topic["topic"] for topic in one["topics"]] for one in found}
        assert topics == {"shop": ["^shop.shard.*", "shop.customers"], "plain": ["shop.customers"]}

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("shop.customer", "neither a registered consumer nor a topic of one .did you mean 'shop.customers'"),
            ("ShopConsumer", "did you mean 'tests.py.django.test_explain.ShopConsumer'"),
            ("zzz", "Consumers: tests.py.*EmptyConsumer. Topics: .*events"),
        ],
    )
    def test_unknown(self, name: str, text: str) -> None:
        with pytest.raises(CommandError, match=text):
            run(name)

    def test_nothing_registered(self) -> None:
        with mock.patch.object(kafka, "consumers", ConsumersRegistry()):
            assert "No consumer is registered" in run()
            assert json.loads(run("--json")) == []
            with pytest.raises(CommandError, match="No consumer is registered"):
                run("orders")


@pytest.fixture
def registry() -> Iterator[SchemaRegistry]:
    with project_registry() as found:
        yield found


def schema_of(**fields: Any) -> str:
    listed = [{"name": name, "type": kind} for name, kind in fields.items()]
    return json.dumps({"type": "record", "name": "Value", "fields": listed})


@pytest.mark.usefixtures("_copies")
class TestSchemas:
    def test_every_reason(self, registry: SchemaRegistry) -> None:
        registry.add("shop.customers-value", schema_of(id="long", orders="string", code=["null", "string"]))
        model = models_of("shop.customers")
        assert model["path"] == "copy"
        assert model["schema"] == {
            "subject": "shop.customers-value",
            "version": 1,
            "copied": False,
            "reasons": [
                "orders is not a column of Customer",
                "code: a CharField in a column of type integer",
                "the table has no unique index on id",
            ],
        }
        text = run("shop.customers")
        assert max(map(len, text.splitlines())) <= 80
        assert "not copied: orders is not a column of Customer" in " ".join(text.split())

    def test_copied(self, registry: SchemaRegistry) -> None:
        registry.add("shop.customers-value", schema_of(id="long", name="string", other="string"))
        table = explanation.describe_table(connection, "customer")
        good = Table(table.quoted, table.columns, (frozenset({"id"}),))  # type: ignore[union-attr]
        good.columns["code"] = Column("code", "character varying(20)", False, False, False)
        with mock.patch.object(explanation, "describe_table", return_value=good):
            assert models_of("shop.customers")["schema"]["copied"] is True
            assert "schema shop.customers-value, version 1: is copied" in run("shop.customers")

    def test_nothing_registered_yet(self, registry: SchemaRegistry) -> None:
        assert "none for it yet" in models_of("shop.customers")["schema"]["unknown"]

    def test_not_connected(self, registry: SchemaRegistry) -> None:
        assert "--no-connect" in models_of("--no-connect", "shop.customers")["schema"]["unknown"]
        assert registry.requests == []

    def test_no_registry(self) -> None:
        assert "`SCHEMA_REGISTRY` configuration is not defined" in models_of("shop.customers")["schema"]["unknown"]

    def test_registry_is_asked_once_when_it_fails(self, registry: SchemaRegistry) -> None:
        class Twice(Consumer):
            config = {"group.id": "twice"}
            topics = Topics(Customers(), Customers())

        kafka.consumers.register(Twice)
        registry.fail_with = 503
        run(kafka.consumers.get_key(Twice))
        assert len(registry.requests) == 1

    def test_no_database(self, registry: SchemaRegistry) -> None:
        registry.add("shop.customers-value", schema_of(id="long"))
        with mock.patch.object(explanation, "describe_table", side_effect=OperationalError("refused")):
            assert models_of("shop.customers")["schema"]["unknown"] == "database 'default' cannot be asked: refused"
        with mock.patch.object(explanation, "describe_table", return_value=None):
            assert "there is no table" in models_of("shop.customers")["schema"]["unknown"]

    def test_values_without_a_schema_of_their_own(self) -> None:
        class Plain(JSONTopicConsumer, DbzModelTopicConsumer):
            name = "plain"
            model = Customer

        class Pattern(Customers):
            name = "^many.*"

        class Others(Consumer):
            config = {"group.id": "others"}
            topics = Topics(Plain(), Pattern())

        kafka.consumers.register(Others)
        assert "the values are JSON" in models_of("plain")["schema"]["unknown"]
        assert "pattern" in models_of("many1")["schema"]["unknown"]
