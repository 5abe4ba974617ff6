# SPDX-License-Identifier: MIT
"""Messages and topics in a line."""

from __future__ import annotations

import itertools
import json
from typing import Any

from django_kafka.topic.debezium import DbzModelTopicConsumer
from django_kafka.topic.json import JSONTopicConsumer
from django_kafka.topic.model import ModelTopicConsumer
from django_kafka.utils.message import Message

_offsets = itertools.count()


class JSONModelTopic(JSONTopicConsumer, ModelTopicConsumer):
    name = "orders"


class DbzJSONTopic(JSONTopicConsumer, DbzModelTopicConsumer):
    name = "orders"


def topic_of(model: Any, base: type = JSONModelTopic, **members: Any) -> Any:
    return type("MyTopic", (base,), {"model": model, "__module__": __name__, **members})()


def message(key: Any, value: Any = None, headers: Any = None, offset: int | None = None) -> Message:
    """A message of JSON. A tombstone has None for its value."""
    return Message(
        "orders",
        None if key is None else json.dumps(key).encode(),
        None if value is None else json.dumps(value).encode(),
        headers,
        offset=next(_offsets) if offset is None else offset,
        partition=0,
    )
