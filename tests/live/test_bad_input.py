# SPDX-License-Identifier: MIT
"""Messages of which no row can be made, among others, in a consumer and on a real PostgreSQL: each is named, the
others are written, nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import tests.django_project  # noqa: F401
from tests.live.model_tables import own_database
from tests.live.servers import PostgresServer
from tests.py.django.helpers import consumer_of
from tests.py.sync.helpers import DbzJSONTopic, JSONModelTopic, topic_of

from django.db import close_old_connections, connections, models  # isort: skip
from django_kafka import kafka  # isort: skip
from django_kafka.testing import kafka_broker, run_consumer_until  # isort: skip
from tests.synced.models import Base, Customer, Order, empty_tables, make_tables  # isort: skip


class Strict(Base):
    name = models.CharField(max_length=5, default="none")
    number = models.SmallIntegerField(default=0)


class Twice(Base):
    """Nothing says that a code is there once."""

    code = models.CharField(max_length=9)
    name = models.CharField(max_length=5, default="none")


@pytest.fixture(scope="module")
def alias(shared_postgres: PostgresServer) -> Iterator[str]:
    with own_database(shared_postgres, "bad_input", alias="bad") as found:
        make_tables(found)
        with connections[found].schema_editor() as editor:
            editor.create_model(Strict)
            editor.create_model(Twice)
        yield found


@pytest.fixture(autouse=True)
def _empty(alias: str) -> Iterator[None]:
    yield
    empty_tables(alias)
    for model in (Strict, Twice):
        model.objects.using(alias).all().delete()


PATHS = pytest.mark.parametrize("path", ["copy", "bulk", "instances"])


def good(n: int) -> tuple[Any, Any]:
    return {"id": n}, {"id": n, "name": f"n{n % 1000}", "number": n}


def letters_of(topic: Any, events: list[tuple[Any, Any]], count: int, done: Any) -> list[tuple[int, str]]:
    """Consume these events. Offset and reason of each dead letter, of which there have to be so many."""
    with kafka_broker({"orders": 1, "g.orders.dlt": 1}) as broker:
        for key, value in events:
            kafka.producer.produce("orders", json.dumps(value), key=json.dumps(key))
        kafka.producer.flush(30)
        run_consumer_until(consumer_of(topic, group="g", config={"auto.offset.reset": "earliest"}), done, 60)
        close_old_connections()
        found = broker.collect("g.orders.dlt", count)
    values = [json.dumps(value).encode() for _, value in events]
    reasons = []
    for msg in found:
        headers = {name: (value or b"").decode() for name, value in msg.headers()}
        told = "\n".join(headers.values())
        reasons.append((values.index(msg.value()), told))
    return reasons


# What is wrong, and what the failure names.
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "too long": ({"name": "longer"}, "Strict.name"),
    "null where none may be": ({"name": None}, "Strict.name"),
    "another type": ({"number": "many"}, "Strict.number"),
    "too large": ({"number": 40000}, "Strict.number"),
    "zero byte": ({"name": "a\0b"}, "name"),
}


@PATHS
@pytest.mark.parametrize("wrong", WRONG)
def test_poison_in_the_middle_of_5000(wrong: str, path: str, alias: str) -> None:
    values, named = WRONG[wrong]
    events = [good(n) for n in range(5000)]
    events[2500] = ({"id": 2500}, {**events[2500][1], **values})
    topic = topic_of(Strict, using=alias, sync_mode=path, retry_settings=None)
    table = Strict.objects.using(alias)
    letters = letters_of(topic, events, 1, lambda: table.count() == 4999)
    assert not table.filter(id=2500).exists()
    ((offset, told),) = letters
    assert offset == 2500
    assert named in told
    assert "partition 0, offset 2500" in told or wrong == "zero byte"


@PATHS
def test_a_key_that_names_no_field(path: str, alias: str) -> None:
    events = [*map(good, range(5)), ({"nothing": 1}, {"name": "x"}), *map(good, range(6, 10))]
    topic = topic_of(Strict, using=alias, sync_mode=path, retry_settings=None)
    ((offset, told),) = letters_of(topic, events, 1, lambda: Strict.objects.using(alias).count() == 9)
    assert offset == 5
    assert "Strict.nothing" in told
    assert "partition 0, offset 5" in told


@PATHS
def test_a_model_without_the_fields(path: str, alias: str) -> None:
    """What the model does not have is left out, in any row; a row without a key is not."""
    events = [({"id": n}, {"id": n, "name": "a", "unknown": {"b": [n]}, "other": "c"}) for n in range(9)]
    events[4] = ({"unknown": 4}, {"unknown": 4})
    topic = topic_of(Strict, using=alias, sync_mode=path, retry_settings=None)
    ((offset, told),) = letters_of(topic, events, 1, lambda: Strict.objects.using(alias).count() == 8)
    assert offset == 4
    assert "Strict.unknown" in told


@pytest.mark.parametrize("path", ["auto", "instances"])
def test_two_rows_for_one_lookup(path: str, alias: str) -> None:
    for _ in range(2):
        Twice.objects.using(alias).create(code="same")
    events = [({"code": f"c{n}"}, {"code": f"c{n}", "name": "new"}) for n in range(9)]
    events[4] = ({"code": "same"}, {"code": "same", "name": "new"})
    topic = topic_of(Twice, using=alias, sync_mode=path, retry_settings=None)
    table = Twice.objects.using(alias)
    ((offset, told),) = letters_of(topic, events, 1, lambda: table.filter(name="new").count() == 8)
    assert offset == 4
    assert "2" in told
    assert "Twice" in told
    assert list(table.filter(code="same").values_list("name", flat=True)) == ["none", "none"]


@pytest.mark.parametrize("path", ["auto", "bulk", "instances"])
def test_an_unknown_table_of_a_rerouted_topic(path: str, alias: str) -> None:
    tables = {"one": Customer, "two": Order}
    place = "__dbz__physicalTableIdentifier"
    events = [({"id": n, place: ("one", "two")[n % 2]}, {"id": n, "name": "a"}) for n in range(10)]
    events[5] = ({"id": 5, place: "three"}, {"id": 5, "name": "b"})
    members = {"reroute_model_map": tables, "using": alias, "sync_mode": path, "retry_settings": None}
    topic = topic_of(None, DbzJSONTopic, **members)

    def done() -> bool:
        return (Customer.objects.using(alias).count(), Order.objects.using(alias).count()) == (5, 4)

    ((offset, told),) = letters_of(topic, events, 1, done)
    assert offset == 5
    assert "`three`" in told


@PATHS
def test_messages_whose_fields_change_in_mid_stream(path: str, alias: str) -> None:
    """A field comes, goes, and is of another type for some."""
    events = [good(n) for n in range(200)]
    for n in range(50, 100):
        events[n] = ({"id": n}, {"id": n, "name": "less"})
    for n in range(100, 150):
        events[n] = ({"id": n}, {**events[n][1], "more": n})
    events[120] = ({"id": 120}, {"id": 120, "name": ["of another type"], "number": 1})
    topic = topic_of(Strict, JSONModelTopic, using=alias, sync_mode=path, retry_settings=None)
    table = Strict.objects.using(alias)
    ((offset, told),) = letters_of(topic, events, 1, lambda: table.count() == 199)
    assert offset == 120
    assert "Strict.name: list of 1 is not a text" in told
    assert table.filter(name="less", number=0).count() == 50
    assert table.get(id=149).number == 149
