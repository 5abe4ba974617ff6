# SPDX-License-Identifier: MIT
"""What `manage.py check` says of model topics."""

from __future__ import annotations

from typing import Any

import pytest

from django_kafka.checks.topics import check_topic
from django_kafka.topic.avro import AvroTopicConsumer
from django_kafka.topic.debezium import DbzModelTopicConsumer
from tests.py.django.helpers import consumer_of
from tests.py.sync.helpers import DbzJSONTopic, JSONModelTopic, topic_of
from tests.synced.models import Base, Order, Renamed, Restaurant, Versioned


def check(model: Any, base: type = JSONModelTopic, **members: Any) -> list[tuple[str, str]]:
    topic = topic_of(model, base, **members)
    found = check_topic("key", consumer_of(topic), topic, "group")
    return [((message.id or "").removeprefix("django_kafka."), message.msg) for message in found]


def test_good_topics() -> None:
    assert check(Order) == []
    assert check(None, DbzJSONTopic, reroute_model_map={"a": Order}) == []
    assert check(None, get_model=lambda self, key, value: Order) == []
    assert check(Renamed, version_field="version", tombstones="ignore", using="other", sync_mode="bulk") == []


def test_avro_without_a_registry_in_the_settings() -> None:
    class AvroModelTopic(AvroTopicConsumer, DbzModelTopicConsumer):
        name = "orders"

    assert [number for number, _ in check(Order, AvroModelTopic)] == ["E042"]


@pytest.mark.parametrize(
    ("members", "identity", "text"),
    [
        ({"model": None}, "E020", "has no model"),
        ({"model": "Order"}, "E020", "'Order' is no model"),
        ({"model": Base}, "E020", "is no model that has a table"),
        ({"exclude_fields": "id"}, "E021", "must be a list of names, not the text 'id'"),
        ({"tombstones": "keep"}, "E021", "tombstones is 'keep', not one of delete, ignore"),
        ({"time_precision_mode": "fine"}, "E021", "not one of adaptive,"),
        ({"using": "nowhere"}, "E021", "which is not in DATABASES"),
        ({"version_field": "lsn"}, "E022", "Order has no such field"),
        ({"version_field": "number"}, "W020", "an old one deletes a newer row"),
        ({"model": Versioned}, "W021", "has no version_field, but rows of Versioned have versions"),
        ({"sync_mode": "fast"}, "E023", "not one of auto, copy, bulk, instances"),
        ({"model": Restaurant, "sync_mode": "bulk"}, "E023", "multi-table inheritance"),
        ({"reroute_model_map": {"a": Restaurant}, "sync_mode": "bulk"}, "E023", "multi-table inheritance"),
    ],
)
def test_bad_topics(members: dict[str, Any], identity: str, text: str) -> None:
    found = check(members.pop("model", Order), DbzJSONTopic, **members)
    assert [name for name, _ in found] == [identity]
    assert text in found[0][1]
    assert "MyTopic" in found[0][1]
