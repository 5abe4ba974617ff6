# SPDX-License-Identifier: MIT
"""Messages that are read by their shape give the same changes as through the hooks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from django_kafka.exceptions import DjangoKafkaError
from django_kafka.sync.batch import _read
from django_kafka.sync.convert.semantic import Semantic
from django_kafka.sync.forms import ConnectPayloads, ConnectSchemas
from django_kafka.utils.message import Message
from tests.py.sync.debezium import as_json, captured
from tests.py.sync.helpers import DbzJSONTopic, JSONModelTopic, message, topic_of
from tests.py.sync.histories import KEYS, histories
from tests.py.sync.test_debezium_forms import DELETES, MADE_UP, envelope
from tests.py.sync.test_equivalence import LIMITS
from tests.synced.models import Captured, Order, Skipping


def changes(topic: Any, messages: list[Any]) -> list[Any]:
    try:
        found = _read(topic, messages)
    except (ValueError, DjangoKafkaError) as error:
        return [str(error)]
    return [
        (c.index, c.model, c.lookup, c.delete, {name: repr(item) for name, item in c.values.items()})
        for part in found.values()
        for c in part
    ]


def compare(base: type, model: Any, messages: list[Any], **members: Any) -> None:
    fast = topic_of(model, base, **members)

    def transform(self: Any, model: Any, value: Any) -> Any:
        return super(type(self), self).transform(model, value)

    def get_defaults(self: Any, model: Any, value: Any) -> Any:
        return super(type(self), self).get_defaults(model, value)

    def get_model(self: Any, key: Any, value: Any) -> Any:
        return super(type(self), self).get_model(key, value)

    slow = topic_of(model, base, transform=transform, get_defaults=get_defaults, get_model=get_model, **members)
    middle = topic_of(model, base, get_model=get_model, **members)
    assert slow.fast_reader() is None
    assert middle.fast_reader() is None
    assert middle.reader.plain
    assert not slow.reader.plain
    wanted = changes(slow, messages)
    assert changes(fast, messages) == wanted
    assert changes(middle, messages) == wanted


@LIMITS
@given(histories())
def test_histories(history: Any) -> None:
    model, before, events = history
    messages = [message(key, value, offset=n) for n, (key, value) in enumerate([*before, *events])]
    for base in (JSONModelTopic, DbzJSONTopic):
        compare(base, model, messages, exclude_fields=["id"] if model in KEYS else None)


@pytest.mark.parametrize("base", [JSONModelTopic, DbzJSONTopic])
@pytest.mark.parametrize("name", DELETES)
def test_deletions(name: str, base: type) -> None:
    compare(base, Order, [DELETES[name]])
    compare(base, Order, [DELETES[name]], deletion_key=None)


ODD = [
    message({"id": 1}, {"id": 2, "name": "b"}),
    message({"id": 1}, envelope("c", None, {"id": 1, "name": "a", "note": "__debezium_unavailable_value"})),
    message({"id": 1}, envelope("t")),
    message({"id": 1}, {"id": 1, "price": "1000", "data": "17", "__op": "u"}),
    message({"id": 1}, {"id": 1, "price": "1000", "data": "17"}),
    message({"id": 1}, {"id": 1, "price": "1000", "data": "17"}, [("__debezium.context.taskId", b"0")]),
    message({"id": 1}, {"id": None, "name": "b"}),
    message("1", {"name": "b"}),
    message(5, {"name": "b"}),
    message(None, {"id": 3, "name": "b"}),
    message(None, {"name": "b"}),
    message({"id": "x"}, {"name": "b"}),
    message({"code": 1}, {"name": "b"}),
    message({"id": 1}, {"id": 1, "name": None}),
    message({"id": 1}, {"id": 1, "number": "x"}),
    message({"id": 1}, {"id": 1, "op": "c", "source": {}}),
    message({"id": 1}, {"id": 1, "at": "__debezium_unavailable_value", "number": "__debezium_unavailable_value"}),
    message({"id": 1}, {"id": 1, "blob": "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="}),
    message({"id": 1, "__dbz__physicalTableIdentifier": "t"}, {"id": 1}),
    message({"id": 1}, {**MADE_UP, "__deleted": "no"}),
    message({"id": 1}, [1]),
    message({"id": 1}, "text"),
]


@pytest.mark.parametrize("base", [JSONModelTopic, DbzJSONTopic])
@pytest.mark.parametrize("number", range(len(ODD)))
def test_odd_messages(number: int, base: type) -> None:
    compare(base, Order, [ODD[number]])
    compare(base, Skipping, [ODD[number]], exclude_fields=["price"])


@pytest.mark.parametrize("schemas", [True, False])
def test_captured_messages(schemas: bool) -> None:
    messages = [
        Message("t", None, as_json(*found, schemas), offset=0, partition=0)
        for heading, found in captured().items()
        if "orders, value" in heading
    ]
    compare(DbzJSONTopic, Captured, messages)


def test_schemas_of_connect_are_read_once() -> None:
    payloads = ConnectPayloads(ConnectSchemas())

    def of(name: str, value: Any) -> bytes:
        schema = {"type": "struct", "fields": [{"field": "a", "type": "int32", "name": name}]}
        return json.dumps({"schema": schema, "payload": value}, separators=(",", ":")).encode()

    for _ in range(3):
        for name in ("io.debezium.time.Date", "other"):
            found = payloads.payload(of(name, {"a": 1}))
            assert found is not None
            assert found[0] == {"a": 1}
            assert found[1].fields["a"] == Semantic(name, "int32")
    assert len(payloads.beginnings) == 2
    assert payloads.payload(of("other", None)) == (None, payloads.struct)
    for odd in (
        b"",
        b"{}",
        b'{"payload":1}',
        b'{"schema":{',
        b'{"schema":null}',
        of("other", 1)[:-1],
        b'{"schema":1 ,"payload":1}',
    ):
        assert payloads.payload(odd) is None
