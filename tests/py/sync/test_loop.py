# SPDX-License-Identifier: MIT
"""Model topics in a consumer: messages arrive at the table, and one that does not fit at its dead-letter topic."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import close_old_connections

from django_kafka import kafka
from django_kafka.testing import kafka_broker, run_consumer_until
from tests.py.django.helpers import consumer_of
from tests.py.sync.helpers import DbzJSONTopic, topic_of
from tests.synced.models import Order, Saved, contents


@pytest.mark.parametrize("model", [Order, Saved])
def test_a_poison_message_among_others(model: Any) -> None:
    with kafka_broker(topics=["orders"]):
        group = f"sync-{model.__name__}"
        topic = topic_of(model, DbzJSONTopic)
        seen: list[Any] = []
        dead = topic_of(None, DbzJSONTopic, name=f"{group}.orders.dlt", consume=lambda self, msg: seen.append(msg))
        consumer = consumer_of(topic, group=group, config={"auto.offset.reset": "earliest"})
        for n in range(300):
            value: Any = {"id": n % 100, "name": f"n{n}" if n != 150 else ["poison"]}
            kafka.producer.produce("orders", json.dumps(value).encode(), key=json.dumps({"id": n % 100}).encode())
        kafka.producer.produce("orders", None, key=b'{"id": 7}')
        kafka.producer.flush(10)
        run_consumer_until(consumer, lambda: not model.objects.filter(pk=7).exists() and len(contents(model)) == 99)
        close_old_connections()
        names = {row["id"]: row["name"] for row in contents(model)}
        assert names == {n: f"n{n + 200}" for n in range(100) if n != 7}
        second = consumer_of(dead, group="dead", config={"auto.offset.reset": "earliest"})
        run_consumer_until(second, lambda: bool(seen))
        assert [json.loads(msg.value()) for msg in seen] == [{"id": 50, "name": ["poison"]}]
        headers = dict(seen[0].headers())
        assert any(f"{model.__name__}.name: list of 1 is not a text".encode() in (v or b"") for v in headers.values())
