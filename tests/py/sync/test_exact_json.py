# SPDX-License-Identifier: MIT
"""Numbers of JSON keep their digits on their way into a JSONField, and are floats to whoever looks at them."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.models.signals import post_save, pre_save

from django_kafka.sync.convert.exact_json import Number, read_message
from django_kafka.utils.message import Message
from tests.py.sync.helpers import JSONModelTopic, topic_of
from tests.synced.models import Order

PATHS = ("bulk", "instances")
TEXT = '{"a":2.50,"b":[1e400,123456789012345678901234567890.10],"é":"\\n"}'


def write(text: str, path: str = "instances", model: Any = Order, **members: Any) -> None:
    topic = topic_of(model, JSONModelTopic, sync_mode=path, **members)
    messages = [Message("orders", b'{"id":%d}' % n, text.encode(), None, offset=n, partition=0) for n in (1, 2)]
    for part in (messages, messages[1:]):  # rows that are new, and one that is there
        topic.consume_batch(part)


def stored(column: str = "data") -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM synced_order")
        return {row[0] for row in cursor.fetchall()}


@pytest.mark.parametrize("path", PATHS)
def test_a_document_in_the_message(path: str) -> None:
    write(f'{{"data":{TEXT}}}', path)
    assert {text.replace("\\u00e9", "é").replace(" ", "") for text in stored()} == {TEXT}
    assert Order.objects.get(pk=1).data["a"] == 2.5


@pytest.mark.parametrize("path", PATHS)
def test_a_document_in_a_text(path: str) -> None:
    write(json.dumps({"data": TEXT}), path)
    assert stored() == {TEXT}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("text", ["2.50", "1e400", "0." + "7" * 5000])
def test_a_number(path: str, text: str) -> None:
    write(f'{{"data":{text}}}', path)
    assert stored() == {text}


@pytest.mark.parametrize("path", PATHS)
def test_connects_schema_around_it(path: str) -> None:
    schema = {"type": "struct", "fields": [{"field": "data", "type": "string", "name": "io.debezium.data.Json"}]}
    write(f'{{"schema":{json.dumps(schema)},"payload":{{"data":{json.dumps(TEXT)}}}}}', path)
    assert stored() == {TEXT}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("text", ["NaN", "[NaN]", '{"a":[-Infinity]}'])
def test_what_is_no_json_is_not_written(path: str, text: str) -> None:
    with pytest.raises(Exception, match=r"Order\.data: .* is not JSON, which has neither NaN nor infinity"):
        write(f'{{"data":{text}}}', path)
    assert stored() == set()


@pytest.fixture
def seen() -> Iterator[list[Any]]:
    found: list[Any] = []

    def receive(instance: Any, **kwargs: Any) -> None:
        found.append(instance.data)

    post_save.connect(receive, sender=Order)
    yield found
    post_save.disconnect(receive, sender=Order)


def test_receivers_see_a_document(seen: list[Any]) -> None:
    write('{"data":{"a":2.50}}')
    assert seen == [{"a": 2.5}] * 3
    assert isinstance(seen[0], dict)
    assert json.dumps(seen[0]) == '{"a": 2.5}'


@pytest.mark.parametrize("text", ['{"a":[2.50]}', "[2.50, [1]]"])
def test_a_document_that_a_receiver_changes(text: str) -> None:
    """What the project made of it is written, not what it was."""

    def change(instance: Any, **kwargs: Any) -> None:
        (instance.data["a"] if isinstance(instance.data, dict) else instance.data).append("more")

    pre_save.connect(change, sender=Order)
    try:
        write(f'{{"data":{text}}}')
    finally:
        pre_save.disconnect(change, sender=Order)
    for row in Order.objects.all():
        assert (row.data["a"] if isinstance(row.data, dict) else row.data)[-1] == "more"


def test_hooks_see_floats() -> None:
    seen: list[Any] = []

    def transform(self: Any, model: Any, name: str, value: Any) -> Any:
        seen.append(value)
        return name, value * 2

    write('{"weight":2.50}', transform_weight=transform)
    assert seen == [2.5] * 3
    assert isinstance(seen[0], float)
    assert Order.objects.get(pk=1).weight == 5.0


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("text", ["7" * 5000, f"[{'7' * 5000}]", f'"[{"7" * 5000}]"'])
def test_an_integer_that_no_query_could_read(path: str, text: str) -> None:
    with pytest.raises(Exception, match=r"Order\.data: .* is not JSON whose integers"):
        write(f'{{"data":{text}}}', path)


def test_numbers_are_floats() -> None:
    assert [type(one) for one in read_message(b"[1.5, 0.1, -12.25, 1.0, 100000.5]")] == [float] * 5
    found = read_message(b"[1.50, 1e3, 0.12345678901234567, 7.000, 1E400]")
    assert [type(one) for one in found] == [Number] * 5
    assert [repr(one) for one in found] == ["1.50", "1e3", "0.12345678901234567", "7.000", "1E400"]
    assert found[0] == 1.5
    assert copy.deepcopy(found[0]).text == "1.50"
