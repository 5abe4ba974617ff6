# SPDX-License-Identifier: MIT
"""Real messages of Debezium, in Avro by way of a real Kafka Connect and schema registry: read by the C codec, and
written by model topics into a second database, which ends equal to the first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer as TheirDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from tests.live import debezium
from tests.live.avro_cases import same
from tests.live.clients import Plain
from tests.live.in_process import as_another_process, django_kafka_settings
from tests.live.servers import ConnectServer, KafkaServer, PostgresServer, RegistryServer

from django_kafka._native import AvroRecord  # isort: skip  (Django is configured by in_process)
from django_kafka.testing.consumer import run_consumer_until
from django_kafka.topic.avro import AvroTopicConsumer
from django_kafka.topic.debezium import DbzModelTopicConsumer
from tests.live.debezium_models import Row, Whole
from tests.live.model_tables import database
from tests.py.django.helpers import consumer_of

KEY, VALUE = MessageField.KEY, MessageField.VALUE
pytestmark = pytest.mark.timeout(400)  # five servers start, and each has to get to its end on a machine that is busy


@pytest.fixture(scope="module")
def messages(
    shared_kafka: KafkaServer, source: PostgresServer, connect_server: ConnectServer, shared_registry: RegistryServer
) -> dict[str, list[Plain]]:
    return debezium.messages_of_all_changes(shared_kafka, source, connect_server, shared_registry)


@pytest.fixture(autouse=True)
def _settings(broker: KafkaServer, shared_registry: RegistryServer) -> Iterator[None]:
    with django_kafka_settings(broker.bootstrap, shared_registry.url):
        yield


class Changes(AvroTopicConsumer):
    name = r"^live(-flat)?\.public\.(orders|lines|notes)$"
    retry_settings = None

    def __init__(self) -> None:
        self.seen: dict[tuple[str, int], tuple[Any, Any]] = {}

    def consume(self, msg: Any) -> None:
        key = self.deserialize(msg.key(), KEY, msg.headers())
        self.seen[msg.topic(), msg.offset()] = (key, self.deserialize(msg.value(), VALUE, msg.headers()))


class LazyChanges(Changes):
    lazy = True


def consumed(topic: Changes, messages: dict[str, list[Plain]], name: str) -> dict[tuple[str, int], tuple[Any, Any]]:
    count = sum(map(len, messages.values()))
    with as_another_process():
        run_consumer_until(consumer_of(topic, group=name), lambda: len(topic.seen) >= count, 60)
    assert len(topic.seen) == count
    return topic.seen


def test_what_debezium_writes_is_read_as_confluent_reads_it(
    messages: dict[str, list[Plain]], name: str, shared_registry: RegistryServer
) -> None:
    reader = TheirDeserializer(SchemaRegistryClient({"url": shared_registry.url}))
    seen = consumed(Changes(), messages, name)
    for table, found in messages.items():
        for message in found:
            context = SerializationContext(message.topic, VALUE)
            expected = reader(message.key, SerializationContext(message.topic, KEY)), reader(message.value, context)
            ours = seen[message.topic, message.offset]
            assert same(ours, expected), f"{table}, offset {message.offset}: {ours} != {expected}"


def test_as_lazy_views(messages: dict[str, list[Plain]], name: str) -> None:
    plain, lazy = consumed(Changes(), messages, name), consumed(LazyChanges(), messages, f"{name}-lazy")
    for place, (_, value) in plain.items():
        view = lazy[place][1]
        if value is not None:
            assert type(view) is AvroRecord
            assert same(view.to_dict(), value)
            assert view == value


def test_the_changes_are_those_that_were_made(messages: dict[str, list[Plain]], name: str) -> None:
    """What the messages say, by hand: neither decoder is believed on its own."""
    seen = consumed(Changes(), messages, name)

    def values(topic: str) -> list[Any]:
        return [value for (found, _), (_, value) in sorted(seen.items()) if found == topic]

    orders = values("live.public.orders")
    assert [value and value["op"] for value in orders] == ["r", "r", "c", "u", "u", "d", None, "c", "u"]
    first, second = orders[0]["after"], orders[1]["after"]
    assert first["note"] == "grüße ✓ 😀"
    assert (first["id"], first["small"], first["number"], first["paid"]) == (1, 32767, -(2**31), True)
    assert str(first["price"]) == "9999999999.99"
    assert first["length"] == -1e300
    assert first["tags"] == ["a", None, "c d"]
    assert first["numbers"] == [1, None, -3]
    assert first["blob"] == b"\x00\xff\x10"
    assert first["at"] == "2024-02-29T21:59:59.123456Z"
    assert first["day"] == 19782
    assert first["took"] == 37091106789000
    assert (second["code"], second["data"], second["note"]) == ("new", "{}", None)
    changed = orders[3]
    assert (str(changed["before"]["price"]), str(changed["after"]["price"])) == ("9999999999.99", "9999999999.98")
    assert changed["after"]["note"] is None
    assert orders[5]["after"] is None
    assert "extra" not in orders[5]["before"]
    assert orders[7]["after"]["extra"] == 6
    assert "note" not in orders[8]["after"]
    keys = [key for (found, _), (key, _) in sorted(seen.items()) if found == "live.public.lines"]
    assert keys[:20] == [{"order_id": 1, "line": n} for n in range(1, 21)]
    assert [value["__deleted"] for value in values("live-flat.public.orders") if value] == ["false"] * 5 + [
        "true"
    ] + ["false"] * 2
    assert [value["after"]["what"] for value in values("live.public.notes")] == ["no key", None]


# ---- a second database ----


@pytest.fixture(scope="module")
def target(source: PostgresServer) -> Iterator[str]:
    source.psql("CREATE DATABASE target")
    for statement in (debezium.SCHEMA, *(text for text in debezium.BEHIND if text.startswith("ALTER TABLE"))):
        source.psql(statement, database="target")
    with database("target", {**source.django_settings(), "NAME": "target"}) as alias:
        yield alias


def rows(source: PostgresServer, name: str, model: Any) -> str:
    columns = ", ".join(f'"{field.column}"' for field in model._meta.concrete_fields)
    return source.psql(f"SELECT {columns} FROM orders ORDER BY id", database=name)


@pytest.mark.parametrize("prefix", debezium.PREFIXES.values())
@pytest.mark.parametrize(
    ("model", "mode"), [(Row, "copy"), (Row, "instances"), (Whole, "auto"), (Whole, "bulk"), (Whole, "instances")]
)
def test_a_second_database_ends_equal(
    prefix: str,
    model: Any,
    mode: str,
    source: PostgresServer,
    connect_server: ConnectServer,
    messages: Any,
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
