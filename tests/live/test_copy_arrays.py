# SPDX-License-Identifier: MIT
"""The copy path with ArrayFields."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from django.db import connections, models, transaction
from hypothesis import given
from hypothesis import strategies as st

import tests.django_project  # noqa: F401
from django_kafka.sync import bulk
from django_kafka.utils.message import Message
from tests.live.model_tables import own_database
from tests.live.servers import PostgresServer
from tests.live.test_copy_path import WRITTEN, AvroModelTopic
from tests.py.sync.helpers import JSONModelTopic, message
from tests.py.sync.test_equivalence import LIMITS
from tests.synced.models import Base

from django.contrib.postgres.fields import ArrayField  # isort: skip  (Django is configured)


class Lists(Base):
    id = models.BigIntegerField(primary_key=True)
    numbers = ArrayField(models.IntegerField(null=True), null=True)
    words = ArrayField(models.CharField(max_length=5), default=list)
    prices = ArrayField(models.DecimalField(max_digits=9, decimal_places=2), null=True)
    days = ArrayField(models.DateField(), null=True)
    refs = ArrayField(models.UUIDField(), null=True)
    flags = ArrayField(models.BooleanField(), null=True)
    reals = ArrayField(models.FloatField(), null=True)
    moments = ArrayField(models.DateTimeField(), null=True)
    hours = ArrayField(models.TimeField(), null=True)
    blobs = ArrayField(models.BinaryField(), null=True)
    grid = ArrayField(ArrayField(models.IntegerField(null=True)), null=True)
    cubes = ArrayField(ArrayField(ArrayField(models.CharField(max_length=5))), null=True)
    sums = ArrayField(ArrayField(models.DecimalField(max_digits=9, decimal_places=2)), null=True)
    calendar = ArrayField(ArrayField(models.DateField(null=True)), null=True)


class Others(Base):
    """Whose lists are left to Python."""

    id = models.BigIntegerField(primary_key=True)
    data = ArrayField(models.JSONField(), null=True)


@pytest.fixture(scope="module")
def pg(shared_postgres: PostgresServer) -> Iterator[str]:
    with own_database(shared_postgres, "copy_arrays") as alias:
        with connections[alias].schema_editor() as editor:
            editor.create_model(Lists)
            editor.create_model(Others)
        yield alias


@pytest.fixture
def alias(pg: str) -> Iterator[str]:
    yield pg
    Lists.objects.using(pg).all().delete()
    connections[pg].close()


ITEMS: dict[str, tuple[Any, Any]] = {
    "numbers": (["null", "int"], st.none() | st.integers(-(2**31), 2**31 - 1)),
    "words": ("string", st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5)),
    "prices": ("string", st.decimals("-9999999.99", "9999999.99", places=2).map(str)),
    "days": (
        {"type": "int", "connect.name": "io.debezium.time.Date", "connect.version": 1},
        st.integers(-719162, 2932896),
    ),
    "refs": ("string", st.uuids().map(str)),
    "flags": ("boolean", st.booleans()),
    "moments": (
        {"type": "string", "connect.name": "io.debezium.time.ZonedTimestamp", "connect.version": 1},
        st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30)).map(lambda at: at.isoformat() + "Z"),
    ),
    "hours": (
        {"type": "long", "connect.name": "io.debezium.time.MicroTime", "connect.version": 1},
        st.integers(0, 86_399_999_999),
    ),
    "blobs": ("string", st.binary(max_size=5).map(lambda data: base64.b64encode(data).decode())),
    "reals": ("double", st.floats(allow_nan=False, allow_infinity=False).map(lambda real: real + 0.0)),  # no -0.0
}
_WORDS = ITEMS["words"]


def _list(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _grids(items: Any, dimensions: int) -> Any:
    """Lists of lists, each of the same length on its level."""

    def of(lengths: list[int]) -> Any:
        return st.lists(of(lengths[1:]), min_size=lengths[0], max_size=lengths[0]) if lengths else items

    return st.lists(st.integers(1, 3), min_size=dimensions, max_size=dimensions).flatmap(of) | st.just([])


# Of several dimensions: type of what is in the list, and lists.
GRIDS: dict[str, tuple[Any, Any]] = {
    "grid": (_list(ITEMS["numbers"][0]), _grids(ITEMS["numbers"][1], 2)),
    "cubes": (_list(_list("string")), _grids(_WORDS[1], 3)),
    "sums": (_list("string"), _grids(ITEMS["prices"][1], 2)),
    "calendar": (_list(["null", ITEMS["days"][0]]), _grids(st.none() | ITEMS["days"][1], 2)),
}
TYPES = {name: kind for name, (kind, _) in {**ITEMS, **GRIDS}.items()}
VALUE = {
    "type": "record",
    "name": "Value",
    "fields": [
        {"name": "id", "type": "long"},
        *({"name": name, "type": ["null", {"type": "array", "items": kind}]} for name, kind in TYPES.items()),
    ],
}
_lists = {name: st.lists(items, max_size=4) for name, (_, items) in ITEMS.items()}
_lists |= {name: lists for name, (_, lists) in GRIDS.items()}
_rows = st.fixed_dictionaries({name: one if name == "words" else st.none() | one for name, one in _lists.items()})


def avro(number: int, row: dict[str, Any], offset: int) -> Message:
    return WRITTEN.message(VALUE, {"id": number, **row}, offset)


def as_json(number: int, row: dict[str, Any], offset: int) -> Message:
    return message({"id": number}, {"id": number, **row}, offset=offset)


in_each_form = pytest.mark.parametrize(("base", "make"), [(AvroModelTopic, avro), (JSONModelTopic, as_json)])


def topic_of(base: Any, model: Any, alias: str, mode: str) -> Any:
    members = {"model": model, "using": alias, "sync_mode": mode, "decimal_handling_mode": "string"}
    return type("Topic", (base,), members)()


@in_each_form
def test_the_table_is_the_same_on_all_paths(alias: str, base: Any, make: Any) -> None:
    def table(mode: str, history: list[Any]) -> list[dict[str, Any]]:
        topic = topic_of(base, Lists, alias, mode)
        with transaction.atomic(using=alias):
            topic.consume_batch([make(number, row, n) for n, (number, row) in enumerate(history)])
            found = list(Lists.objects.using(alias).order_by("id").values())
            transaction.set_rollback(True, using=alias)
        return found

    @LIMITS
    @given(st.lists(st.tuples(st.integers(1, 3), _rows), min_size=2, max_size=6))
    def check(history: list[Any]) -> None:
        with mock.patch.object(bulk, "write", side_effect=AssertionError):
            copied = table("copy", history)
        assert copied == table("instances", history) == table("bulk", history)

    check()


@in_each_form
def test_what_does_not_fit_is_named(alias: str, base: Any, make: Any) -> None:
    row: dict[str, Any] = {**dict.fromkeys(TYPES), "words": ["a"], "days": [0]}
    topic = topic_of(base, Lists, alias, "copy")
    with pytest.raises(Exception, match=r"offset 1: Lists\.words: list of 2 is not a text of at most 5"):
        topic.consume_batch([make(1, row, 0), make(2, {**row, "words": ["a", "too long"]}, 1)])
    assert not Lists.objects.using(alias).exists()
    topic.consume_batch([make(1, row, 0), make(2, row, 1)])
    assert Lists.objects.using(alias).get(id=2).days == [dt.date(1970, 1, 1)]


def test_lists_of_documents_are_left_to_python(alias: str) -> None:
    value = [{"a": 1}, [2]]
    topic = topic_of(JSONModelTopic, Others, alias, "copy")
    topic.consume_batch([message({"id": n}, {"id": n, "data": value}) for n in (1, 2)])
    assert [row.data for row in Others.objects.using(alias).all()] == [value, value]
    Others.objects.using(alias).all().delete()


# What is no array of two dimensions.
UNEVEN: list[Any] = [
    [[]],
    [[], []],
    [[1], [2, 3]],
    [[1], None],
    [None],
    [1],
    [[[1]]],
    [[1], []],
    "{{1}}",
    {},
    [[1, "x"]],
]


@pytest.mark.parametrize("value", UNEVEN, ids=str)
def test_other_lists_of_lists_mean_the_same_on_all_paths(alias: str, value: Any) -> None:
    row = {**dict.fromkeys(TYPES), "words": ["a"]}

    def outcome(mode: str) -> Any:
        topic = topic_of(JSONModelTopic, Lists, alias, mode)
        try:
            with transaction.atomic(using=alias):
                topic.consume_batch([as_json(1, row, 0), as_json(2, {**row, "grid": value}, 1)])
                found = [one.grid for one in Lists.objects.using(alias).order_by("id")]
                transaction.set_rollback(True, using=alias)
                return found
        except Exception as error:
            return f"{type(error).__name__}: {str(error).splitlines()[0]}"

    assert outcome("copy") == outcome("bulk") == outcome("instances")


@pytest.mark.parametrize("mode", ["copy", "bulk", "instances"])
def test_lists_of_bytes(alias: str, mode: str) -> None:
    value = [b"\0\xff", b"", b"{,}"]
    blobs = {"name": "blobs", "type": {"type": "array", "items": "bytes"}}
    schema = {**VALUE, "fields": [field for field in VALUE["fields"] if field["name"] != "blobs"] + [blobs]}
    row = {**dict.fromkeys(TYPES), "words": [], "blobs": value}
    with mock.patch.object(bulk, "write", side_effect=AssertionError if mode == "copy" else bulk.write):
        messages = [WRITTEN.message(schema, {"id": n, **row}, n) for n in (1, 2)]
        topic_of(AvroModelTopic, Lists, alias, mode).consume_batch(messages)
    assert [[bytes(one) for one in row.blobs] for row in Lists.objects.using(alias).all()] == [value, value]


def test_connects_schema_says_what_is_in_lists_of_lists(alias: str) -> None:
    def wrapped(number: int) -> Message:
        days = {"type": "int32", "name": "io.debezium.time.Date", "optional": True}
        inner = {"type": "array", "items": days}
        fields = [{"field": "id", "type": "int64"}, {"field": "words", "type": "array", "items": {"type": "string"}}]
        fields.append({"field": "calendar", "type": "array", "items": inner})
        payload = {"id": number, "words": [], "calendar": [[0, None], [1, 2]]}
        return message({"id": number}, {"schema": {"type": "struct", "fields": fields}, "payload": payload})

    with mock.patch.object(bulk, "write", side_effect=AssertionError):
        topic_of(JSONModelTopic, Lists, alias, "copy").consume_batch([wrapped(1), wrapped(2)])
    first, second, third = (dt.date(1970, 1, day) for day in (1, 2, 3))
    assert Lists.objects.using(alias).get(id=2).calendar == [[first, None], [second, third]]
