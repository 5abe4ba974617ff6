# SPDX-License-Identifier: MIT
"""Avro through the real producer and the real loop, on the embedded broker and a registry on a loopback port."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka.serialization import MessageField
from django.conf import settings
from django.test import override_settings

from django_kafka import kafka
from django_kafka.consumer import Consumer
from django_kafka.exceptions import SchemaRegistryUnavailable
from django_kafka.testing.broker import LocalBroker, kafka_broker
from django_kafka.testing.consumer import run_consumer_until
from django_kafka.topic.avro import AvroTopic
from tests.py.django.helpers import consumer_of, project_registry
from tests.py.schema_registry import SchemaRegistry

ORDER = json.dumps(
    {
        "type": "record",
        "name": "Order",
        "fields": [
            {"name": "id", "type": "long"},
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        ],
    }
)
AT = dt.datetime(2024, 2, 29, 12, 30, tzinfo=dt.UTC)
ORDERS = [{"id": i, "at": AT + dt.timedelta(hours=i)} for i in range(200)]


class Orders(AvroTopic):
    name = "orders"
    key_schema = '"long"'
    value_schema = ORDER

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[Any, Any]] = []
        self.failed = threading.Event()

    def consume(self, msg: Any) -> None:
        try:
            key = self.deserialize(msg.key(), MessageField.KEY, msg.headers())
            value = self.deserialize(msg.value(), MessageField.VALUE, msg.headers())
        except Exception:
            self.failed.set()
            raise
        self.seen.append((key, value))


@pytest.fixture
def broker() -> Iterator[LocalBroker]:
    with kafka_broker({"orders": 1}) as broker:
        yield broker


@pytest.fixture
def registry(broker: LocalBroker) -> Iterator[SchemaRegistry]:
    with project_registry() as registry:
        yield registry


def as_another_process() -> Any:
    """New settings make kafka forget its clients, and topics what they learned."""
    return override_settings(DJANGO_KAFKA={**settings.DJANGO_KAFKA})


def test_dicts_arrive_as_they_were_produced(registry: SchemaRegistry) -> None:
    writer, reader = Orders(), Orders()
    for order in ORDERS[:100]:
        writer.produce(order, key=order["id"])
    writer.produce_many(ORDERS[100:], keys=[order["id"] for order in ORDERS[100:]])
    writer.produce(None, key=7)
    assert kafka.producer.flush(10) == 0
    with as_another_process():
        run_consumer_until(consumer_of(reader), lambda: len(reader.seen) > 200)
    assert reader.seen == [*((order["id"], order) for order in ORDERS), (7, None)]
    assert registry.count("POST") == 2  # a schema of keys, one of values
    assert registry.count("GET /schemas") == 2


def test_while_the_registry_is_away_the_partition_waits(
    registry: SchemaRegistry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def quick(self: Any, first: float = 0.01, longest: float = 0.05) -> None:
        from django_kafka.consumer.managers import RetryManager

        self.first, self.longest, self._failures = 0.01, 0.05, RetryManager()

    monkeypatch.setattr("django_kafka.consumer.managers.Backoff.__init__", quick)
    writer, reader = Orders(), Orders()
    writer.produce_many(ORDERS[:20], keys=list(range(20)))
    assert kafka.producer.flush(10) == 0
    registry.fail_with = 503

    def come_back() -> None:
        reader.failed.wait(20)
        registry.fail_with = None

    helper = threading.Thread(target=come_back)
    helper.start()
    with as_another_process():
        run_consumer_until(consumer_of(reader), lambda: len(reader.seen) >= 20)
    helper.join()
    assert reader.failed.is_set()
    assert [value for _, value in reader.seen] == ORDERS[:20]
    assert "(topic=orders partition=0 offset=0): the partition is paused until this message succeeds" in caplog.text
    assert "SchemaRegistryUnavailable: Schema id 1: " in caplog.text  # that of the keys


def test_who_does_not_want_to_wait_says_so(registry: SchemaRegistry, broker: LocalBroker) -> None:
    """As docs/avro.md shows it: one schema on which a registry fails for ever."""

    def handle_exception(self: Any, msg: Any, exc: Exception) -> bool:
        if isinstance(exc, SchemaRegistryUnavailable) and "Schema id 7:" in str(exc):
            self.dead_letter_msg(msg, exc)
            return True
        return Consumer.handle_exception(self, msg, exc)

    reader = Orders()
    Orders().produce_many(ORDERS[:2], keys=[1, 2])
    assert kafka.producer.flush(10) == 0
    broker.produce("orders", b"\0\0\0\0\7\2\0", key=b"\0\0\0\0\1\2")
    registry.broken.add(7)
    consumer = consumer_of(reader, group="own", handle_exception=handle_exception)
    with as_another_process():
        run_consumer_until(consumer, lambda: len(broker.collect("own.orders.dlt", timeout=0.1)) > 0)
    assert [value for _, value in reader.seen] == ORDERS[:2]
