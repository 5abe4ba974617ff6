# SPDX-License-Identifier: MIT
"""Rows that cannot be made, since Debezium does not have a large value of theirs."""

from __future__ import annotations

from typing import Any

import pytest

from django_kafka.exceptions import ModelSyncError
from tests.py.sync.helpers import DbzJSONTopic, message, topic_of
from tests.synced.models import Order

UNAVAILABLE = "__debezium_unavailable_value"


def event(op: str, pk: int, **row: Any) -> dict[str, Any]:
    side = {"before": {"id": pk}, "after": None} if op == "d" else {"before": None, "after": {"id": pk, **row}}
    return {"op": op, "source": {"lsn": 5}, "ts_ms": 17, **side}


def change(op: str, pk: int, **row: Any) -> Any:
    return message({"id": pk}, event(op, pk, **row))


def key_change(old: int, new: int, **row: Any) -> list[Any]:
    """What Debezium sends for it, with REPLICA IDENTITY DEFAULT."""
    return [
        message({"id": old}, event("d", old), [("__debezium.newkey", b'{"id":%d}' % new)]),
        message({"id": old}),
        message({"id": new}, event("c", new, **row), [("__debezium.oldkey", b'{"id":%d}' % old)]),
    ]


@pytest.fixture(params=["auto", "bulk", "instances", "hooks"])
def topic(request: pytest.FixtureRequest) -> Any:
    if request.param != "hooks":
        return topic_of(Order, DbzJSONTopic, sync_mode=request.param)
    return topic_of(Order, DbzJSONTopic, transform=lambda self, model, value: dict(value))


def notes() -> dict[int, Any]:
    return dict(Order.objects.values_list("id", "note"))


def test_a_change_of_the_key_writes_no_default(topic: Any) -> None:
    Order.objects.create(id=1, name="a", note="large")
    messages = [change("c", 3, name="b", note="c"), *key_change(1, 2, name="a", note=UNAVAILABLE)]
    with pytest.raises(ModelSyncError, match=r"Order\.note: '__debezium_.*REPLICA IDENTITY FULL") as raised:
        topic.consume_batch(messages)
    assert raised.value.index == 3
    assert str(raised.value).startswith(f"Topic orders, partition 0, offset {messages[3].offset()}: ")
    assert notes() == {1: "large"}
    topic.consume_batch(messages[:3])
    for write in (topic.consume, lambda msg: topic.consume_batch([msg])):
        with pytest.raises(ModelSyncError, match="REPLICA IDENTITY FULL"):
            write(messages[3])
    assert notes() == {3: "c"}


@pytest.mark.parametrize("flat", [False, True])
def test_an_update_of_a_row_that_is_not_there(topic: Any, flat: bool) -> None:
    Order.objects.create(id=1, name="a", note="large")
    rows = [{"id": pk, "name": "b", "note": UNAVAILABLE} for pk in (1, 2)]
    messages = [message({"id": row["id"]}, row if flat else event("u", row["id"], **row)) for row in rows]
    with pytest.raises(ModelSyncError, match=r"Order\.note"):
        topic.consume_batch(messages)
    topic.consume_batch(messages[:1])
    assert notes() == {1: "large"}


def test_what_the_batch_itself_says_counts(topic: Any) -> None:
    """A redelivery meets rows that are gone already: as long as they go again, nothing is missing."""
    update = {"name": "b", "note": UNAVAILABLE}
    topic.consume_batch([change("u", 1, **update), change("d", 1), message({"id": 1})])
    assert notes() == {}
    topic.consume_batch(
        [change("c", 1, note="x"), change("u", 1, **update), change("u", 2, **update), change("d", 2)]
    )
    assert notes() == {1: "x"}
    topic.consume_batch([change("u", 3, **update), change("u", 3, name="c", note="y")])
    assert notes() == {1: "x", 3: "y"}
    with pytest.raises(ModelSyncError):
        topic.consume_batch([change("d", 1), change("c", 1, **update), change("u", 1, **update)])
    assert notes() == {1: "x", 3: "y"}


def test_columns_that_are_not_written_do_not_count() -> None:
    topic = topic_of(Order, DbzJSONTopic, exclude_fields=("note",))
    topic.consume_batch([change("u", pk, name="b", note=UNAVAILABLE, unheard_of=UNAVAILABLE) for pk in (1, 2)])
    assert notes() == {1: None, 2: None}


def test_a_hook_that_knows_the_value() -> None:
    class Topic(DbzJSONTopic):
        model = Order

        def get_defaults(self, model: Any, value: Any) -> Any:
            return {"note": "from elsewhere", **value}

    Topic().consume_batch([change("u", 1, name="b", note=UNAVAILABLE)])
    assert notes() == {1: "from elsewhere"}
