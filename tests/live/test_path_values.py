# SPDX-License-Identifier: MIT
"""One value in one column, whatever it is written in: all paths leave the same in the table, or fail with the same
words. What Python cannot read back is written by none; digits of JSON are lost by none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections, models, transaction

import tests.django_project  # noqa: F401
from django_kafka.utils.message import Message
from tests.live.copy_cases import DEBEZIUM_INFINITY, DEBEZIUM_MINUS_INFINITY, connect, debezium
from tests.live.model_tables import own_database
from tests.live.servers import PostgresServer
from tests.live.test_copy_path import WRITTEN, AvroModelTopic
from tests.py.sync.helpers import DbzJSONTopic, JSONModelTopic
from tests.synced.models import Base


class Cell(Base):
    """Of each row one column is looked at."""

    id = models.BigIntegerField(primary_key=True)
    flag = models.BooleanField(null=True)
    small = models.SmallIntegerField(null=True)
    big = models.BigIntegerField(null=True)
    real = models.FloatField(null=True)
    price = models.DecimalField(max_digits=12, decimal_places=3, null=True)
    exact = models.DecimalField(max_digits=None, decimal_places=None, null=True)
    name = models.CharField(max_length=12, null=True)
    note = models.TextField(null=True)
    blob = models.BinaryField(null=True)
    day = models.DateField(null=True)
    hour = models.TimeField(null=True)
    at = models.DateTimeField(null=True)
    took = models.DurationField(null=True)
    ref = models.UUIDField(null=True)
    data = models.JSONField(null=True)

    class Meta(Base.Meta):
        abstract = False
        managed = False
        db_table = "cells"


DDL = """CREATE TABLE cells (id bigint PRIMARY KEY, flag boolean, small smallint, big bigint, real double precision,
  price numeric(12,3), exact numeric, name varchar(12), note text, blob bytea, day date, hour time, at timestamptz,
  took interval, ref uuid, data jsonb)"""
PATHS = ("copy", "bulk", "instances")


class Fails(str):
    """What the error says."""


LATE, DAY_FAILS = Fails("is not a timestamp of the years 1 to 9999"), Fails("is not a date of the years 1 to 9999")
NO_TIME, NO_DECIMAL = Fails("is not a time of day before 24:00"), Fails("is not a decimal number")
ANY: Any = None  # the same on all paths, whatever it is

# Column, value as JSON has it, and the column's text.
PLAIN: list[tuple[str, str, Any]] = [
    *(("day", text, DAY_FAILS) for text in ("-719163", "2932897", "86400000", str(DEBEZIUM_INFINITY))),
    ("day", "-719162", "0001-01-01"),
    ("day", "2932896", "9999-12-31"),
    *(
        ("day", json.dumps(text), DAY_FAILS)
        for text in (
            "infinity",
            "-infinity",
            "Infinity",
            "0000-01-01",
            "-0043-03-15",
            "0044-03-15 BC",
            "+12345-06-07",
            "12345-06-07",
            "+999999999-12-31",
            "+292278994-08-16T23:00:00Z",
            "2024-02-29T24:00:00Z",
            "2023-02-29",
        )
    ),
    *(("day", json.dumps(text), "2024-02-29") for text in ("2024-02-29", "2024-02-29Z", "2024-02-29T12:30:15Z")),
    *(("day", json.dumps(text), ANY) for text in ("2024-02-29+02:00", "2024-2-29", "20240229", " 2024-02-29")),
    *(("hour", text, NO_TIME) for text in ("86400000", "86400000000", "86400000000000", "86400000000001", "-1")),
    ("hour", "86399999", "23:59:59.999"),
    *(("hour", json.dumps(text), NO_TIME) for text in ("24:00:00", "24:00", "24:00:00Z", "24:00:00+02:00")),
    ("hour", '"23:59:59.9999999"', "23:59:59.999999"),
    ("hour", '"00:30:00+02:00"', "22:30:00"),
    *(("hour", json.dumps(text), ANY) for text in ("12:30", "1:30", "12", "T12:30:15", "12:30:15,5", "23:59:60")),
    ("at", str(DEBEZIUM_INFINITY), LATE),
    ("at", str(DEBEZIUM_MINUS_INFINITY), LATE),
    *(("at", text, LATE) for text in ("-62135596800001", "-62135596800000001")),
    ("at", "253402300799999", "1978-01-11 21:31:40.799999+00"),
    *(
        ("at", json.dumps(text), LATE)
        for text in (
            "infinity",
            "-infinity",
            "0000-01-01",
            "-0043-03-15T00:00:00Z",
            "0044-03-15 12:00:00 BC",
            "+12345-06-07T00:00:00Z",
            "12345-06-07",
            "+292278994-08-16T23:00:00Z",
            "2024-02-29T24:00:00Z",
            "-292275055-05-16T16:47:04.192Z",
            "0001-01-01T00:00:00+02:00",
            "9999-12-31T23:59:59.999999-02:00",
            "2024-02-29+02:00",
            "2024-02-29Z",
            "2024-02-29t12:30:15z",
        )
    ),
    ("at", '"2024-02-29T12:30:15.123456789Z"', "2024-02-29 12:30:15.123456+00"),
    ("at", '"2024-02-29T12:30:15+0200"', "2024-02-29 10:30:15+00"),
    ("at", '"2024-02-29"', "2024-02-29 00:00:00+00"),
    *(("at", json.dumps(text), ANY) for text in ("2024-02-29T12", "20240229T123015Z", "2024-02-29T12:30:15,5Z")),
    ("took", '"P1Y2M3DT4H5M6.789S"', "428 days 04:05:06.789"),
    ("took", '"P1Y-1M"', "335 days"),
    ("took", '"P-1DT-0.5S"', "-2 days +23:59:59.5"),
    ("took", '"-P1DT0.5S"', "-2 days +23:59:59.5"),
    ("took", '"P+1D"', "1 day"),
    *(("took", json.dumps(text), ANY) for text in ("P1W", "P", "PT", "P1.5D", "1 day", "P2147483647D", "04:05:06")),
    *(("exact", json.dumps(text), NO_DECIMAL) for text in ("NaN", "nan", "Infinity", "-infinity", "inf", "")),
    ("price", '"NaN"', NO_DECIMAL),
    ("exact", "NaN", NO_DECIMAL),
    ("exact", "2.50", "2.50"),
    ("exact", "1e3", "1000"),
    ("exact", "-0.0", "0.0"),
    ("exact", "1e400", "1" + "0" * 400),
    ("exact", "123456789012345678901234567890.1234567890", "123456789012345678901234567890.1234567890"),
    ("exact", "7" * 5000, "7" * 5000),
    ("exact", json.dumps("1." + "5" * 12000), "1." + "5" * 12000),
    ("price", "0.0005", "0.001"),
    ("price", "1e400", NO_DECIMAL),
    ("price", "1.", ANY),
    *(("price", json.dumps(text), ANY) for text in ("1_0", "+1", "01", "1.", "1e3", "YQ", "AP8", "-_8=", "AP8Q")),
    ("big", "9223372036854775807.0", "9223372036854775807"),
    ("big", "1e400", Fails("is not an integer")),
    ("big", '"1e400"', Fails("is not an integer")),
    ("real", "1e400", Fails("1e400 is not a number")),
    ("real", '"1e400"', Fails("is not a number")),
    ("real", "-0.0", ANY),
    ("real", "NaN", "NaN"),
    ("real", '"-inf"', "-Infinity"),
    *(
        ("blob", json.dumps(text), ANY)
        for text in ("01", "1e3", "AP8", "00ff10", "zz", "YQ", "YQ==", "-_8=", "AP8Q\n")
    ),
    ("blob", '"AP8Q"', r"\x00ff10"),
    *(("ref", json.dumps(text), ANY) for text in ("9B2E4F3A0A4C4F0E8D556C1F0D1E2A3B", "urn:uuid:9b2e")),
    *(("flag", text, ANY) for text in ("0", "2", '"on"', '"x"', "1.0")),
    *(("note", text, ANY) for text in ("2.50", "1e400", "17", "true", r'"\u0000"', r'"\ud800"')),
    # JSON, as part of the message and as a text.
    ("data", "2.50", "2.50"),
    ("data", "1e3", "1000"),
    ("data", "1e-400", "0." + "0" * 399 + "1"),
    ("data", "1e400", "1" + "0" * 400),
    ("data", "0." + "7" * 5000, "0." + "7" * 5000),
    *(("data", text, Fails("is not JSON whose integers")) for text in ("7" * 5000, f'"[{"7" * 5000}]"')),
    ("data", '{"a": 2.50, "b": [1E+2, 1.10, {"c": 0.1}], "a": 1.0}', '{"a": 1.0, "b": [100, 1.10, {"c": 0.1}]}'),
    ("data", "[123456789012345678901234567890.10]", "[123456789012345678901234567890.10]"),
    ("data", "[9007199254740993.0, 9007199254740993]", "[9007199254740993.0, 9007199254740993]"),
    ("data", r'{"é\"\n": 1.50, "x": "\u00e9"}', r'{"x": "é", "é\"\n": 1.50}'),
    ("data", '"{\\"a\\": 2.50}"', '{"a": 2.50}'),
    ("data", '"[1, 1e400]"', "[1, 1" + "0" * 400 + "]"),
    ("data", '"[123456789012345678901234567890.10]"', "[123456789012345678901234567890.10]"),
    ("data", '"[0.000001, 1.5, 10]"', "[0.000001, 1.5, 10]"),
    ("data", "[NaN]", Fails("is not JSON, which has neither NaN nor infinity")),
    ("data", "NaN", Fails("is not JSON, which has neither NaN nor infinity")),
    ("data", '"[NaN]"', '"[NaN]"'),
    ("data", '"[-Infinity]"', '"[-Infinity]"'),
    *(("data", text, ANY) for text in ("[1e131072]", '"[1e999999]"', r'["\u0000"]', r'["\ud800"]', "[-0, -0.0]")),
    *(("data", text, ANY) for text in (r'"[\"\\u0000\"]"', r'"[\"\\ud800\"]"', '"[1,]"', '"nul"', '"NaN"', '""')),
]

# Column, type as Avro has it and as Connect's JSON schema, value in Avro and in JSON, and the column's text.
TYPED: list[tuple[str, Any, Any, Any, Any]] = [
    ("day", debezium("int", "time.Date"), -719163, -719163, DAY_FAILS),
    ("day", debezium("int", "time.Date"), 2932897, 2932897, DAY_FAILS),
    ("day", debezium("int", "time.Date"), 19782, 19782, "2024-02-29"),
    ("day", connect("int", "org.apache.kafka.connect.data.Date"), -719163, -719163, DAY_FAILS),
    ("day", debezium("string", "time.IsoDate"), "-0043-03-15Z", "-0043-03-15Z", DAY_FAILS),
    ("day", debezium("string", "time.IsoDate"), "2024-02-29Z", "2024-02-29Z", "2024-02-29"),
    ("day", debezium("long", "time.MicroTimestamp"), DEBEZIUM_INFINITY, DEBEZIUM_INFINITY, DAY_FAILS),
    ("hour", debezium("int", "time.Time"), 86400000, 86400000, NO_TIME),
    ("hour", debezium("long", "time.MicroTime"), 86400000000, 86400000000, NO_TIME),
    ("hour", debezium("long", "time.NanoTime"), 86400000000001, 86400000000001, NO_TIME),
    ("hour", connect("int", "org.apache.kafka.connect.data.Time"), 86400000, 86400000, NO_TIME),
    ("hour", debezium("string", "time.ZonedTime"), "24:00:00Z", "24:00:00Z", NO_TIME),
    ("hour", debezium("string", "time.IsoTime"), "23:59:59.999999Z", "23:59:59.999999Z", "23:59:59.999999"),
    *(
        ("at", debezium("long", f"time.{name}"), value, value, LATE)
        for name in ("Timestamp", "MicroTimestamp", "NanoTimestamp")
        for value in (DEBEZIUM_INFINITY, DEBEZIUM_MINUS_INFINITY)
    ),
    ("at", debezium("long", "time.Timestamp"), -62135596800001, -62135596800001, LATE),
    ("at", debezium("long", "time.MicroTimestamp"), 253402300800000000, 253402300800000000, LATE),
    ("at", debezium("long", "time.NanoTimestamp"), -1, -1, "1969-12-31 23:59:59.999999+00"),
    ("at", connect("long", "org.apache.kafka.connect.data.Timestamp"), 253402300800000, 253402300800000, LATE),
    ("at", debezium("string", "time.ZonedTimestamp"), "infinity", "infinity", LATE),
    ("at", debezium("string", "time.ZonedTimestamp"), "+12345-06-07T00:00:00Z", "+12345-06-07T00:00:00Z", LATE),
    (
        "took",
        debezium("string", "time.Interval"),
        "P1Y2M3DT4H5M6.789S",
        "P1Y2M3DT4H5M6.789S",
        "428 days 04:05:06.789",
    ),
    ("took", debezium("long", "time.MicroDuration"), -1, -1, "-1 days +23:59:59.999999"),
    ("exact", connect("bytes", "org.apache.kafka.connect.data.Decimal", scale="2"), b"\x07\xcf", "B88=", "19.99"),
    ("exact", connect("bytes", "org.apache.kafka.connect.data.Decimal", scale="2"), b"\x07\xcf", 19.99, "19.99"),
    ("exact", "string", "NaN", "NaN", NO_DECIMAL),
    ("exact", "double", float("nan"), ANY, NO_DECIMAL),
    ("exact", "double", float("inf"), ANY, NO_DECIMAL),
    ("price", "double", 1e22, 1e22, NO_DECIMAL),
    ("real", "double", -0.0, -0.0, ANY),
    ("real", "double", float("nan"), ANY, "NaN"),
    ("data", debezium("string", "data.Json"), '{"a": 2.50}', '{"a": 2.50}', '{"a": 2.50}'),
    ("data", debezium("string", "data.Json"), "1e400", "1e400", "1" + "0" * 400),
    ("data", debezium("string", "data.Json"), "[NaN]", "[NaN]", Fails("is not JSON")),
    (
        "data",
        debezium("string", "data.Json"),
        "[9007199254740993.10]",
        "[9007199254740993.10]",
        "[9007199254740993.10]",
    ),
    ("data", "double", float("nan"), ANY, Fails("is not JSON")),
    ("data", {"type": "array", "items": "double"}, [1.5, float("inf")], ANY, Fails("is not JSON")),
    ("data", {"type": "array", "items": "double"}, [1.5, 1e22], [1.5, 1e22], ANY),
    ("flag", debezium("bytes", "data.Bits", length="1"), b"\1", "AQ==", ANY),
    ("big", debezium("bytes", "data.Bits", length="10"), b"\5\1", "BQE=", "261"),
    ("note", debezium("bytes", "data.Bits", length="10"), b"\5\1", "BQE=", "0100000101"),
]


@pytest.fixture(scope="module")
def pg(shared_postgres: PostgresServer) -> Iterator[str]:
    with own_database(shared_postgres, "cells", DDL) as alias:
        yield alias


def outcome(topic: Any, messages: list[Message], column: str, alias: str) -> Any:
    """The text in the second message's row, or what the error says."""
    try:
        with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
            topic.consume_batch(messages)
            cursor.execute(f"SELECT {column}::text FROM cells WHERE id = 2")
            ((found,),) = cursor.fetchall()
            transaction.set_rollback(True, using=alias)
            return found
    except Exception as error:
        return Fails(f"{type(error).__name__}: {str(error).splitlines()[0]}")


def compare(base: type, cases: list[tuple[str, list[Message], Any]], alias: str, **members: Any) -> None:
    topics = {
        path: type("Topic", (base,), {"model": Cell, "using": alias, "sync_mode": path, **members})()
        for path in PATHS
    }
    wrong = []
    for column, messages, wanted in cases:
        found = {path: outcome(topic, messages, column, alias) for path, topic in topics.items()}
        said = messages[1].value()
        if len({(type(one), one) for one in found.values()}) > 1:
            wrong.append((column, said, found))
        elif isinstance(wanted, Fails):
            if not isinstance(found["copy"], Fails) or wanted not in found["copy"]:
                wrong.append((column, said, found["copy"]))
        elif wanted is not ANY and found["copy"] != wanted:
            wrong.append((column, said, found["copy"]))
    assert [str(one)[:400] for one in wrong] == []


def plain_cases() -> list[tuple[str, list[Message], Any]]:
    return [
        (
            column,
            [
                Message("cells", b'{"id":%d}' % n, f'{{"id":{n},"{column}":{value}}}'.encode(), None, offset=n)
                for n, value in ((1, "null"), (2, text))
            ],
            wanted,
        )
        for column, text, wanted in PLAIN
    ]


def test_json_without_schemas(pg: str) -> None:
    compare(JSONModelTopic, plain_cases(), pg)


def test_json_of_debezium_without_schemas(pg: str) -> None:
    """Texts that are no documents, and decimals that could be base64, have other meanings there."""
    compare(DbzJSONTopic, [(column, found, ANY) for column, found, _ in plain_cases()], pg)


MODES = [
    {"time_precision_mode": "connect"},
    {"time_precision_mode": "microseconds"},
    {"time_precision_mode": "nanoseconds"},
    {"decimal_handling_mode": "precise", "binary_handling_mode": "hex"},
    {"decimal_handling_mode": "string", "binary_handling_mode": "base64"},
]
OF_MODES = {"time": {"day", "hour", "at", "took"}, "deci": {"price", "exact", "blob"}}


@pytest.mark.parametrize("modes", MODES, ids=lambda modes: "-".join(modes.values()))
def test_json_with_modes(modes: dict[str, str], pg: str) -> None:
    columns = OF_MODES[next(iter(modes))[:4]]
    compare(JSONModelTopic, [(c, found, ANY) for c, found, _ in plain_cases() if c in columns], pg, **modes)


def test_json_with_schemas(pg: str) -> None:
    def message(number: int, column: str, kind: Any, value: Any) -> Message:
        typed = {"type": kind} if isinstance(kind, str) else kind
        names = {"int": "int32", "long": "int64"}
        field = {"field": column, "type": names.get(typed["type"], typed["type"]), "optional": True}
        field |= {"name": typed["connect.name"]} if "connect.name" in typed else {}
        field |= {"parameters": typed["connect.parameters"]} if "connect.parameters" in typed else {}
        field |= {"items": {"type": typed["items"]}} if "items" in typed else {}
        schema = {"type": "struct", "fields": [{"field": "id", "type": "int64"}, field]}
        whole = {"schema": schema, "payload": {"id": number, column: value}}
        return Message("cells", b'{"id":%d}' % number, json.dumps(whole).encode(), None, offset=number)

    cases = [
        (column, [message(1, column, kind, None), message(2, column, kind, value)], wanted)
        for column, kind, _, value, wanted in TYPED
        if value is not None
    ]
    compare(JSONModelTopic, cases, pg)


def test_avro(pg: str) -> None:
    def message(number: int, column: str, kind: Any, value: Any) -> Message:
        field = {"name": column, "type": ["null", kind], "default": None}
        schema = {"type": "record", "name": "Value", "fields": [{"name": "id", "type": "long"}, field]}
        return WRITTEN.message(schema, {"id": number, column: value}, number)

    cases = [
        (column, [message(1, column, kind, None), message(2, column, kind, value)], wanted)
        for column, kind, value, _, wanted in TYPED
    ]
    compare(AvroModelTopic, cases, pg)
