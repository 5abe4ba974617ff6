# SPDX-License-Identifier: MIT
"""The copy path with range fields: what their texts mean there is what they mean on the other paths."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from django.db import connections, models, transaction
from hypothesis import given
from hypothesis import strategies as st

import tests.django_project  # noqa: F401
from django_kafka.sync import bulk
from django_kafka.sync.columns import Column, Table
from django_kafka.sync.plain import against_column, against_field, with_ranges
from django_kafka.utils.message import Message
from tests.live.model_tables import own_database
from tests.live.servers import PostgresServer
from tests.live.test_copy_path import WRITTEN, AvroModelTopic
from tests.py.sync.helpers import DbzJSONTopic, JSONModelTopic, message
from tests.py.sync.test_equivalence import LIMITS
from tests.synced.models import Base

from django.contrib.postgres.fields import (  # isort: skip  (Django is configured)
    ArrayField,
    BigIntegerRangeField,
    DateRangeField,
    DateTimeRangeField,
    DecimalRangeField,
    IntegerRangeField,
)

pytestmark = pytest.mark.usefixtures("copy_form")


class SpanField(models.TextField):
    """A range that is a text to Django."""

    def db_type(self, connection: Any) -> str:
        return "int4range"


class ExactField(models.DecimalField):
    """Of any scale."""

    def db_type(self, connection: Any) -> str:
        return "numeric"


class Ranges(Base):
    id = models.BigIntegerField(primary_key=True)
    ages = IntegerRangeField(null=True)
    sizes = BigIntegerRangeField(null=True)
    prices = DecimalRangeField(null=True)
    days = DateRangeField(null=True)
    moments = DateTimeRangeField(null=True)
    texts = SpanField(null=True)
    exact = ExactField(max_digits=None, decimal_places=None, null=True)


class Spans(Base):
    """With an array, which no parameter takes."""

    id = models.BigIntegerField(primary_key=True)
    spans = ArrayField(DateRangeField(null=True), null=True)


PATHS = ("copy", "bulk", "instances")
COLUMNS = ("ages", "sizes", "prices", "days", "moments", "texts")


@pytest.fixture(scope="module")
def pg(shared_postgres: PostgresServer) -> Iterator[str]:
    with own_database(shared_postgres, "copy_ranges") as alias:
        with connections[alias].schema_editor() as editor:
            editor.create_model(Ranges)
            editor.create_model(Spans)
        yield alias


@pytest.fixture
def alias(pg: str) -> Iterator[str]:
    yield pg
    with connections[pg].cursor() as cursor:
        cursor.execute(f"TRUNCATE {Ranges._meta.db_table}, {Spans._meta.db_table}")
    connections[pg].close()


VALUE = {
    "type": "record",
    "name": "Value",
    "fields": [
        {"name": "id", "type": "long"},
        *({"name": name, "type": ["null", "string"]} for name in (*COLUMNS, "exact")),
    ],
}


def avro(number: int, row: dict[str, Any], offset: int = 0) -> Message:
    return WRITTEN.message(VALUE, {"id": number, **dict.fromkeys((*COLUMNS, "exact")), **row}, offset)


def as_json(number: int, row: dict[str, Any], offset: int = 0) -> Message:
    whole = {"id": number, **dict.fromkeys((*COLUMNS, "exact")), **row}
    return message({"id": number}, whole, offset=offset)


FORMS = [(AvroModelTopic, avro), (JSONModelTopic, as_json), (DbzJSONTopic, as_json)]
in_each_form = pytest.mark.parametrize(("base", "make"), FORMS, ids=["avro", "json", "debezium"])


def topic_of(base: Any, alias: str, mode: str, model: Any = Ranges) -> Any:
    members = {"model": model, "using": alias, "sync_mode": mode}
    return type("Topic", (base,), members)()


def texts_of(alias: str) -> list[Any]:
    """To the letter: as Python has them, [1,2) and [1.0,2) are equal."""
    names = ", ".join(f"{name}::text" for name in (*COLUMNS, "exact"))
    with connections[alias].cursor() as cursor:
        cursor.execute(f"SELECT id, {names} FROM {Ranges._meta.db_table} ORDER BY id")
        found: list[Any] = cursor.fetchall()
    return found


def outcome(alias: str, topic: Any, messages: list[Message]) -> Any:
    """The rows, or what the error says."""
    try:
        with transaction.atomic(using=alias):
            topic.consume_batch(messages)
            found = texts_of(alias)
            transaction.set_rollback(True, using=alias)
            return found
    except Exception as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0]}"


def _range(bounds: Any) -> Any:
    """Texts of ranges, as PostgreSQL writes them and as others might."""
    one = st.none() | bounds
    low_first = st.tuples(one, one).map(lambda pair: pair if None in pair else tuple(sorted(pair)))
    quoted = st.sampled_from(["{}", '"{}"'])
    return st.builds(
        lambda pair, form, opening, closing: (
            opening + ",".join("" if one is None else form.format(one) for one in pair) + closing
        ),
        low_first,
        quoted,
        st.sampled_from("[("),
        st.sampled_from("])"),
    )


_ints = st.integers(-(2**31), 2**31 - 2) | st.integers(-3, 3)
_rows = st.fixed_dictionaries(
    {
        "ages": st.none() | st.just("empty") | _range(_ints),
        "sizes": st.none() | _range(st.integers(-(2**63), 2**63 - 2) | st.integers(-3, 3)),
        "prices": st.none() | _range(st.decimals("-9999", "9999", places=2) | st.decimals("-3", "3", places=1)),
        "days": st.none() | _range(st.dates()),
        "moments": st.none() | _range(st.datetimes().map(lambda at: at.isoformat(" ") + "+00")),
        "texts": st.none() | st.sampled_from(["[1,5)", "(1,5]", "empty"]),
        "exact": st.none() | st.sampled_from(["2.5", "2.50"]),
    }
)


@in_each_form
def test_the_table_is_the_same_on_all_paths(alias: str, base: Any, make: Any) -> None:
    @LIMITS
    @given(st.lists(st.tuples(st.integers(1, 2), _rows), min_size=2, max_size=6))
    def check(history: list[Any]) -> None:
        messages = [make(number, {**row, "exact": None}, n) for n, (number, row) in enumerate(history)]
        found = {mode: outcome(alias, topic_of(base, alias, mode), messages) for mode in PATHS}
        assert isinstance(found["copy"], list)
        assert found["copy"] == found["bulk"] == found["instances"]

    check()


GOOD = {
    "ages": "[1,5)",
    "sizes": "(,9223372036854775807)",
    "prices": "[1000,2000)",  # which would be base64, too
    "days": "[2024-01-01,2024-02-01)",
    "moments": '["2024-01-01 00:00:00+00",)',
    "texts": "[1,5)",
}


@in_each_form
def test_no_message_comes_to_python(alias: str, base: Any, make: Any) -> None:
    topic = topic_of(base, alias, "auto")
    if base is AvroModelTopic:
        assert topic.plan().path == "copy"
    with mock.patch.object(bulk, "write", side_effect=AssertionError):
        topic.consume_batch([make(number, {**GOOD, "ages": f"[{number},)"}, number) for number in (1, 2, 3)])
    assert texts_of(alias) == [
        (number, f"[{number},)", *(GOOD[name] for name in COLUMNS[1:]), None) for number in (1, 2, 3)
    ]


# What is no text of PostgreSQL's, or means nothing there: column, value in JSON.
OTHERS = [
    *(("ages", value) for value in ([1, 5], [5, 1], [None, 5], [1], [], {"lower": 1, "upper": 5}, 5, True, 1.5)),
    *(("ages", text) for text in ("", "[1,5", "1,5", " [1,5) ", "[ 1 , 5 )", "EMPTY", " empty", "[1_0,20)")),
    ("ages", "[+1,5)"),
    *(("ages", text) for text in ("[5,1)", "[1.0,5)", "[1,2147483648)", "[1,2147483647]", '["",5)', '["1\\"",5)')),
    *(("ages", text) for text in ('["\\1","5")', "[1,5)x", "[1,2,3)", "[٣,5)", "[NaN,)", "[1 ,5)", "[-0,007)")),
    *(("ages", [value]) for value in ("[1,5)",)),
    *(("sizes", text) for text in ("[1,9223372036854775807]", "[9223372036854775808,)", "(9223372036854775807,)")),
    *(("prices", text) for text in ("[NaN,)", "[1,Infinity)", "[1e3,1e4)", "[1.,2)", "[.5,2)", "[2,1.9]", "[-0,1)")),
    *(("prices", value) for value in ([1, 5], [1.5, 2], "[AAAA,BBBB)", "[1_0,2_0)", "[-0.00,1)", "[1E+3,)")),
    ("prices", '["",2)'),
    *(("days", text) for text in ("[19782,)", "[2024-02-30,)", "[-infinity,infinity)", "[infinity,)", "[2024-2-1,)")),
    *(("days", text) for text in ("[2024-01-01,9999-12-31]", "(9999-12-31,)", "[20240101,)", "[0044-03-15 BC,)")),
    *(("days", text) for text in ("[2024-01-01T10:00:00Z,)", "[2024-02-01,2024-01-01]", "[2024-01-01Z,)")),
    *(("moments", text) for text in ("[2024-01-01,)", "[infinity,)", "[2024-01-01T00:00:00,)", "[1,2)", "[0,)")),
    *(("moments", text) for text in ('["2024-01-01 00:00:00.1234567+00",)', '["12024-01-01 00:00:00+00",)')),
    *(("moments", text) for text in ('["2024-01-01 10:00:00+02",)', '["2024-01-01 10:00:00+02:30",)')),
    *(("moments", text) for text in ('["2024-01-01 10:00:00+00","2024-01-01 11:00:00+02")',)),
    *((name, "__debezium_unavailable_value") for name in COLUMNS),
    *((name, "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==") for name in ("ages", "days")),
]


@pytest.mark.parametrize("base", [JSONModelTopic, DbzJSONTopic], ids=["json", "debezium"])
def test_other_forms_mean_the_same_on_all_paths(alias: str, base: Any) -> None:
    topics = {mode: topic_of(base, alias, mode) for mode in PATHS}
    wrong = []
    for name, value in OTHERS:
        messages = [as_json(1, GOOD, 0), as_json(2, {**GOOD, name: value}, 1)]
        found = {mode: outcome(alias, topic, messages) for mode, topic in topics.items()}
        if len({str(one) for one in found.values()}) > 1:
            wrong.append((name, value, found))
    assert [str(one)[:600] for one in wrong] == []


@pytest.mark.parametrize("mode", PATHS)
def test_digits_of_debezium_are_no_base64(alias: str, mode: str) -> None:
    topic = topic_of(DbzJSONTopic, alias, mode)
    topic.consume_batch([as_json(number, {"prices": "[1000,2000)"}) for number in (1, 2)])
    assert [row[3] for row in texts_of(alias)] == ["[1000,2000)"] * 2


class CentsField(DecimalRangeField):
    """Whose bounds have two places."""

    base_field = functools.partial(models.DecimalField, max_digits=9, decimal_places=2)


class RealsField(IntegerRangeField):
    base_field = models.FloatField


class OwnRange(DecimalRangeField.range_type):  # type: ignore[misc]
    pass


class OwnField(DecimalRangeField):
    range_type = OwnRange


class ChangedField(DecimalRangeField):
    def get_prep_value(self, value: Any) -> Any:
        return super().get_prep_value(value)


@pytest.mark.parametrize(
    ("field", "said"),
    [
        (CentsField, "its bounds are of a DecimalField of the project's own"),
        (RealsField, "its bounds are of a FloatField of the project's own"),
        (OwnField, "its ranges are of a OwnRange"),
        (ChangedField, "ChangedField.get_prep_value() is the project's own"),
    ],
)
def test_ranges_of_the_projects_own_are_left_to_python(field: Any, said: str) -> None:
    assert against_field(field()) == said
    assert against_field(ArrayField(field())) == said


def test_the_column_has_to_be_the_fields() -> None:
    column = Column("ages", "int8range", False, False, False)
    table = with_ranges(Table("t", {"ages": column}, ()), [Ranges._meta.get_field("ages")])
    reason = against_column(Ranges._meta.get_field("ages"), table.columns["ages"])
    assert reason == "a IntegerRangeField in a column of type int8range"


@in_each_form
def test_what_does_not_fit_is_named(alias: str, base: Any, make: Any) -> None:
    topic = topic_of(base, alias, "copy")
    bad = (("ages", "[a,b)", "an integer"), ("days", "[1,2)", "a date"), ("prices", "[1;2)", "a range"))
    for name, text, said in bad:
        with pytest.raises(Exception, match=rf"offset 1: Ranges\.{name}: .* is not {said}"):
            topic.consume_batch([make(1, GOOD, 0), make(2, {**GOOD, name: text}, 1), make(3, GOOD, 2)])
        assert texts_of(alias) == []


@in_each_form
@pytest.mark.parametrize("name", ["prices", "exact"])
def test_other_digits_are_another_value(alias: str, base: Any, make: Any, name: str) -> None:
    """PostgreSQL calls them equal, and the row would be left as it is."""
    digits = {"prices": ("[1.5,2]", "[1.50,2]"), "exact": ("2.5", "2.50")}[name]
    members = {"decimal_handling_mode": "string"}
    topic = type("Topic", (base,), {"model": Ranges, "using": alias, "sync_mode": "copy", **members})()
    at = (*COLUMNS, "exact").index(name) + 1
    with mock.patch.object(bulk, "write", side_effect=AssertionError):
        for text in digits:
            topic.consume_batch([make(number, {**GOOD, name: text}, number) for number in (1, 2, 3)])
            assert [row[at] for row in texts_of(alias)] == [text] * 3


@pytest.mark.parametrize("mode", PATHS)
def test_arrays_of_ranges(alias: str, mode: str) -> None:
    value = ["[2024-01-01,2024-01-31]", None, "empty"]
    topic = topic_of(JSONModelTopic, alias, mode, Spans)
    with mock.patch.object(bulk, "write", side_effect=AssertionError if mode == "copy" else bulk.write):
        topic.consume_batch([message({"id": n}, {"id": n, "spans": value}) for n in (1, 2)])
    with connections[alias].cursor() as cursor:
        cursor.execute(f"SELECT spans::text FROM {Spans._meta.db_table}")
        assert cursor.fetchall() == [('{"[2024-01-01,2024-02-01)",NULL,empty}',)] * 2
    with pytest.raises(Exception, match=r"Spans\.spans"):
        topic.consume_batch([message({"id": n}, {"id": n, "spans": ["[x,)"]}) for n in (1, 2)])


def test_texts_of_unquoted_numbers_in_connects_json(alias: str) -> None:
    def wrapped(number: int) -> Message:
        fields = [{"field": "id", "type": "int64"}]
        fields += [{"field": name, "type": "string", "optional": True} for name in (*COLUMNS, "exact")]
        payload = {"id": number, **GOOD, "exact": None}
        whole = {"schema": {"type": "struct", "fields": fields}, "payload": payload}
        return Message("t", b'{"id":%d}' % number, json.dumps(whole).encode(), None, offset=number)

    with mock.patch.object(bulk, "write", side_effect=AssertionError):
        topic_of(JSONModelTopic, alias, "copy").consume_batch([wrapped(1), wrapped(2)])
    assert [row[:2] for row in texts_of(alias)] == [(1, "[1,5)"), (2, "[1,5)")]
