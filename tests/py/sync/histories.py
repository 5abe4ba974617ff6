# SPDX-License-Identifier: MIT
"""Histories of events by chance, what they make of a table on each path, and what update_or_create() makes of it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from django.db import connections, transaction
from hypothesis import strategies as st

from django_kafka.utils.message import Message
from tests.py.sync.helpers import JSONModelTopic, topic_of
from tests.synced.models import Customer, Line, Node, Order, Renamed, Restaurant, Saved, ShownOrder, Watched, contents

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
small = st.integers(-5, 5)
maybe = st.one_of

# Documents, as texts, with numbers that are other ones as floats.
EXACT = ('{"a": 2.50}', '[1e30, {"b": 1.10}]', "[123456789012345678901234567890.10]")

# Values of columns, as plain JSON has them, for each model; and of its key.
COLUMNS: dict[Any, dict[str, Any]] = {
    Order: {
        "name": texts,
        "note": maybe(st.none(), texts),
        "number": small,
        "small": maybe(st.none(), small),
        "paid": st.booleans(),
        "weight": maybe(st.none(), st.floats(-10, 10)),
        "price": maybe(st.none(), st.decimals(-100, 100, places=2).map(str)),
        "day": maybe(st.none(), st.integers(-1000, 1000)),
        "at": maybe(st.none(), st.integers(10**14, 10**14 + 10**6)),
        "took": maybe(st.none(), small),
        "ref": maybe(st.none(), st.uuids(version=4).map(str)),
        "data": maybe(st.lists(small, max_size=2), st.dictionaries(texts, small, max_size=2)),
        "customer": maybe(st.none(), st.integers(1, 2)),
        "customer_id": maybe(st.none(), st.integers(1, 2)),
    },
    Line: {"what": texts, "amount": maybe(st.none(), small)},
    Renamed: {"Title Text": texts, "cust": maybe(st.none(), st.sampled_from(["c1", "c2"])), "version": small},
    Node: {"label": texts, "extra": texts, "parent_id": maybe(st.none(), st.just(1))},
    Watched: {"name": texts, "count": small},
    Saved: {"name": texts},
    Restaurant: {"name": texts, "stars": small},
}
COLUMNS[ShownOrder] = COLUMNS[Order]
KEYS: dict[Any, tuple[str, ...]] = {Line: ("order_number", "place")}
AUTOMATIC = ("created", "changed")


@st.composite
def histories(draw: Callable[[Any], Any]) -> tuple[Any, list[tuple[Any, Any]], list[tuple[Any, Any]]]:
    """A model; what is in its table already, and what happens: (key, value), None for a deletion."""
    model = draw(st.sampled_from(list(COLUMNS)))
    columns = COLUMNS[model]
    names = KEYS.get(model, ("id",))
    keys = st.tuples(*(st.integers(1, 3 if len(names) > 1 else 5) for _ in names))
    # Each message has them then: save() writes all columns, and Python has other numbers for those that are left out.
    exact = "data" in columns and draw(st.booleans())

    def event() -> tuple[Any, Any]:
        key = dict(zip(names, draw(keys), strict=True))
        kind = draw(st.sampled_from(["tombstone", "marked", "set", "set", "set"]))
        if kind == "tombstone":
            return key, None
        there = draw(st.sets(st.sampled_from(list(columns)), max_size=len(columns)))
        value = {**key, **{name: draw(columns[name]) for name in columns if name in there}}
        if "customer" in value:
            value.pop("customer_id", None)
        if exact:
            value["data"] = draw(maybe(columns["data"], st.sampled_from(EXACT)))
        if kind == "marked":
            value["__deleted"] = "true"
        elif model is Saved:
            value.setdefault("name", "n")
        return key, value

    before = [event() for _ in range(draw(st.integers(0, 4)))]
    return model, before, [event() for _ in range(draw(st.integers(1, 25)))]


def reference(model: Any, events: list[tuple[Any, Any]], using: str) -> None:
    """What a project would write by hand: a query or two for each message."""
    topic = topic_of(model, JSONModelTopic, exclude_fields=["id"] if model in KEYS else None)
    for key, value in events:
        rows = model._base_manager.using(using)
        lookup = {"pk": key["id"]} if "id" in key else key
        if value is None or value.get("__deleted") == "true":
            rows.filter(**lookup).delete()
            continue
        # The conversion of values is not what is compared: it is done alike.
        change = topic.reader.change(0, model, dict(key), dict(value), using)
        rows.update_or_create(**lookup, defaults=change.values)


def on_path(path: str, size: int) -> Callable[[Any, list[tuple[Any, Any]], str], None]:
    """Messages on a path, so many at a time."""

    def run(model: Any, events: list[tuple[Any, Any]], using: str) -> None:
        excluded = ["id"] if model in KEYS else None
        topic = topic_of(model, sync_mode=path, using=using, exclude_fields=excluded)
        messages = [
            Message("t", json.dumps(key).encode(), None if value is None else json.dumps(value).encode(), None, n, 0)
            for n, (key, value) in enumerate(events)
        ]
        for start in range(0, len(messages), size):
            topic.consume_batch(messages[start : start + size])

    return run


def outcome(run: Any, model: Any, before: list[Any], events: list[Any], using: str) -> list[dict[str, Any]]:
    """The table afterwards, without what the time or a sequence has made. Nothing stays behind."""
    with transaction.atomic(using=using):
        for number in (1, 2):
            Customer.objects.using(using).create(id=number, code=f"c{number}")
        if model is Node:
            Node.objects.using(using).create(id=1)
        reference(model, copy.deepcopy(before), using)
        run(model, copy.deepcopy(events), using)
        if connections[using].vendor == "postgresql":  # which puts it off
            connections[using].check_constraints()
        rows = contents(model, using)
        transaction.set_rollback(True, using=using)
    left_out = {*AUTOMATIC, *(("id",) if model in KEYS else ())}
    return sorted(({name: item for name, item in row.items() if name not in left_out} for row in rows), key=repr)
