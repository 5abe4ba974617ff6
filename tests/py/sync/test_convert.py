# SPDX-License-Identifier: MIT
"""Values of messages to those of fields: all semantic types, and without a schema by the field alone."""

from __future__ import annotations

import base64
import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.db import models
from django.db.models import Value
from django.test import override_settings

from django_kafka.sync.convert.fields import converter
from django_kafka.sync.convert.placeholder import Placeholder
from django_kafka.sync.convert.semantic import NONE, Modes, Semantic
from django_kafka.sync.convert.unfit import Unfit, excerpt
from tests.synced.models import Customer, Order, Renamed

DBZ, CONNECT = "io.debezium.", "org.apache.kafka.connect.data."
PLAIN = Modes()
FIELDS = {field.name: field for field in Order._meta.get_fields() if hasattr(field, "attname")}


def convert(name: str, value: Any, semantic: Any = NONE, modes: Modes = PLAIN) -> Any:
    kind = Semantic(semantic) if isinstance(semantic, str) else semantic
    return converter(FIELDS[name], kind, modes, "default")(value)


def utc(*args: int) -> dt.datetime:
    return dt.datetime(*args, tzinfo=dt.UTC)  # type: ignore[misc, arg-type]


UUID = uuid.UUID("9b2e4f3a-0a4c-4f0e-8d55-6c1f0d1e2a3b")
TEXT = str(UUID)
AT = utc(2024, 2, 29, 12, 30, 15, 123000)
TYPED = [
    ("day", 19782, f"{DBZ}time.Date", dt.date(2024, 2, 29)),
    ("day", -719162, f"{DBZ}time.Date", dt.date(1, 1, 1)),
    ("day", 19782, f"{CONNECT}Date", dt.date(2024, 2, 29)),
    ("day", "2024-02-29Z", f"{DBZ}time.IsoDate", dt.date(2024, 2, 29)),
    ("day", 1709209815123, f"{DBZ}time.Timestamp", dt.date(2024, 2, 29)),
    ("day", dt.date(2024, 2, 29), "date", dt.date(2024, 2, 29)),
    ("hour", 86399999999, f"{DBZ}time.MicroTime", dt.time(23, 59, 59, 999999)),
    ("hour", 1000, f"{DBZ}time.Time", dt.time(0, 0, 1)),
    ("hour", 1000, f"{CONNECT}Time", dt.time(0, 0, 1)),
    ("hour", 1000, f"{DBZ}time.NanoTime", dt.time(0, 0, 0, 1)),
    ("hour", "12:30:15.123456Z", f"{DBZ}time.IsoTime", dt.time(12, 30, 15, 123456)),
    ("hour", "12:30:15+02:00", f"{DBZ}time.ZonedTime", dt.time(10, 30, 15)),
    ("at", 1709209815123, f"{DBZ}time.Timestamp", AT),
    ("at", 1709209815123, f"{CONNECT}Timestamp", AT),
    ("at", 1709209815123000, f"{DBZ}time.MicroTimestamp", AT),
    ("at", 1709209815123000999, f"{DBZ}time.NanoTimestamp", AT),
    ("at", -2208988799999999, f"{DBZ}time.MicroTimestamp", utc(1900, 1, 1, 0, 0, 0, 1)),
    ("at", "2024-02-29T12:30:15.123Z", f"{DBZ}time.ZonedTimestamp", AT),
    ("at", "2024-02-29T14:30:15.123000000+02:00", f"{DBZ}time.ZonedTimestamp", AT),
    ("at", "2024-02-29T12:30:15.123Z", f"{DBZ}time.IsoTimestamp", AT),
    ("at", AT, "timestamp-millis", AT),
    ("took", 37091106789000, f"{DBZ}time.MicroDuration", dt.timedelta(microseconds=37091106789000)),
    ("took", 1500, f"{DBZ}time.NanoDuration", dt.timedelta(microseconds=1)),
    ("took", "P1Y2M3DT4H5M6.789S", f"{DBZ}time.Interval", dt.timedelta(428, 14706, 789000)),
    ("took", "P0Y0M0DT0H0M-1.5S", f"{DBZ}time.Interval", dt.timedelta(seconds=-1.5)),
    ("ref", TEXT, f"{DBZ}data.Uuid", UUID),
    ("data", '{"a": [1, null]}', f"{DBZ}data.Json", {"a": [1, None]}),
    ("data", "17", f"{DBZ}data.Json", 17),
    ("note", '{"a": 1}', f"{DBZ}data.Json", '{"a": 1}'),
    ("note", "<a/>", f"{DBZ}data.Xml", "<a/>"),
    ("note", "a.b", f"{DBZ}data.Ltree", "a.b"),
    ("note", b"\x01\x02", Semantic(f"{DBZ}data.Bits", "bytes", 10), "1000000001"),
    ("note", "BQ==", Semantic(f"{DBZ}data.Bits", "bytes", 10), "0000000101"),
    ("note", b"\x05", f"{DBZ}data.Bits", "101"),
    ("note", b"", f"{DBZ}data.Bits", ""),
    ("name", "fine", f"{DBZ}data.Enum", "fine"),
    ("name", "a,b", f"{DBZ}data.EnumSet", "a,b"),
    ("number", 2024, f"{DBZ}time.Year", 2024),
    ("number", b"\x05\x01", f"{DBZ}data.Bits", 261),
    ("number", "BQE=", f"{DBZ}data.Bits", 261),
    ("paid", b"\x01", f"{DBZ}data.Bits", True),
    ("price", {"scale": 1, "value": b"\x07"}, f"{DBZ}data.VariableScaleDecimal", Decimal("0.7")),
    ("price", {"scale": 1, "value": "Bw=="}, f"{DBZ}data.VariableScaleDecimal", Decimal("0.7")),
    ("weight", {"scale": 1, "value": "Bw=="}, f"{DBZ}data.VariableScaleDecimal", 0.7),
    ("note", {"scale": 1, "value": "Bw=="}, f"{DBZ}data.VariableScaleDecimal", "0.7"),
    ("note", 19782, f"{DBZ}time.Date", "2024-02-29"),
]


@pytest.mark.parametrize(("field", "value", "semantic", "wanted"), TYPED)
def test_semantic_types(field: str, value: Any, semantic: str, wanted: Any) -> None:
    got = convert(field, value, semantic)
    assert got == wanted
    assert type(got) is type(wanted)


@pytest.mark.parametrize("value", [b"\x07\xcf", "B88=", Decimal("19.99"), 19.99])
def test_decimals_of_connect(value: Any) -> None:
    kind = Semantic(f"{CONNECT}Decimal", "bytes", 2)
    assert convert("price", value, kind) == Decimal("19.99")
    assert convert("price", base64.b64encode(b"\xff").decode(), kind) == Decimal("-0.01")
    assert convert("number", b"\x07", Semantic(f"{CONNECT}Decimal", "bytes", 0)) == 7


def test_decimals_are_exact_whatever_their_size() -> None:
    packed = (10**60 + 1).to_bytes(32, "big", signed=True)
    kind = Semantic(f"{CONNECT}Decimal", "bytes", 9)
    assert str(convert("note", packed, kind)) == "1" + "0" * 51 + ".000000001"


UNTYPED = [
    ("day", 19782, dt.date(2024, 2, 29)),
    ("day", "2024-02-29", dt.date(2024, 2, 29)),
    ("day", "2024-02-29T10:00:00Z", dt.date(2024, 2, 29)),
    ("at", 1709209815123, AT),
    ("at", 1709209815123000, AT),
    ("at", 1709209815123000000, AT),
    ("at", "2024-02-29T12:30:15.123Z", AT),
    ("at", "2024-02-29", utc(2024, 2, 29)),
    ("hour", 45015000, dt.time(12, 30, 15)),
    ("hour", 45015000000, dt.time(12, 30, 15)),
    ("hour", "12:30:15", dt.time(12, 30, 15)),
    ("took", 1500000, dt.timedelta(seconds=1.5)),
    ("took", "04:05:06", dt.timedelta(hours=4, minutes=5, seconds=6)),
    ("ref", TEXT, UUID),
    ("ref", UUID.bytes, UUID),
    ("data", {"a": 1}, {"a": 1}),
    ("data", '{"a": 1}', {"a": 1}),
    ("data", "[1]", [1]),
    ("data", "just a text", "just a text"),
    ("data", "17", "17"),
    ("data", 17, 17),
    ("blob", "AP8Q", b"\x00\xff\x10"),
    ("blob", "_-8=", b"\xff\xef"),
    ("blob", b"\x00", b"\x00"),
    ("blob", "zz", None),
    ("price", "19.99", Decimal("19.99")),
    ("price", 19.99, Decimal("19.99")),
    ("price", 20, Decimal(20)),
    ("price", "1000", Decimal(1000)),
    ("price", "B88=", Decimal("19.99")),
    ("price", b"\x07\xcf", Decimal("19.99")),
    ("price", {"scale": 3, "value": "B88="}, Decimal("1.999")),
    ("price", "many!", None),
    ("price", True, None),
    ("number", "17", 17),
    ("number", 17.0, 17),
    ("number", 17.5, None),
    ("number", "x", None),
    ("number", "9" * 5000, None),
    ("paid", "false", False),
    ("paid", 1, True),
    ("paid", 2, None),
    ("weight", "NaN", "nan"),
    ("weight", 3, 3.0),
    ("name", 17, "17"),
    ("name", {"a": 1}, None),
    ("hour", 86400000000, None),
    ("hour", "24:00:00", None),
    ("hour", -1, None),
    ("day", 10**9, None),
    ("at", 10**30, None),
    ("at", "soon", None),
    ("ref", "not a uuid", None),
    ("took", "long", None),
]


@pytest.mark.parametrize(("field", "value", "wanted"), UNTYPED)
def test_without_a_schema_the_field_tells(field: str, value: Any, wanted: Any) -> None:
    if wanted is None:
        with pytest.raises(Unfit):
            convert(field, value)
    elif wanted == "nan":
        assert str(convert(field, value)) == "nan"
    else:
        assert convert(field, value) == wanted


MODES = [
    ("price", "1000", Modes(decimal="precise"), Decimal("-26672.12")),
    ("price", "1000", Modes(debezium=True), Decimal("-26672.12")),
    ("price", "1000", Modes(decimal="string", debezium=True), Decimal(1000)),
    ("price", "5.00", Modes(debezium=True), Decimal("5.00")),
    ("blob", "00ff10", Modes(binary="hex"), b"\x00\xff\x10"),
    ("blob", "AP8Q", Modes(binary="base64"), b"\x00\xff\x10"),
    ("at", 1, Modes(time="connect"), utc(1970, 1, 1, 0, 0, 0, 1000)),
    ("at", 1, Modes(time="microseconds"), utc(1970, 1, 1, 0, 0, 0, 1)),
    ("at", 1000, Modes(time="nanoseconds"), utc(1970, 1, 1, 0, 0, 0, 1)),
    ("hour", 1, Modes(time="connect"), dt.time(0, 0, 0, 1000)),
    ("hour", 1, Modes(time="adaptive_time_microseconds"), dt.time(0, 0, 0, 1)),
    ("data", "17", Modes(debezium=True), 17),
    ("data", '"text"', Modes(debezium=True), "text"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value", "modes", "wanted"), MODES)
def test_modes_of_the_connector(field: str, value: Any, modes: Modes, wanted: Any) -> None:
    assert convert(field, value, NONE, modes) == wanted


def test_json_null_is_not_sql_null() -> None:
    got = convert("data", "null", f"{DBZ}data.Json")
    assert isinstance(got, Value)
    assert got.value is None


def test_without_time_zones() -> None:
    with override_settings(USE_TZ=False, TIME_ZONE="Europe/Berlin"):
        assert convert("at", 1709209815123) == AT.replace(tzinfo=None)
        assert convert("at", "2024-02-29T12:30:15.123Z") == dt.datetime(2024, 2, 29, 13, 30, 15, 123000)


def test_relations_have_the_type_of_what_they_point_to() -> None:
    assert convert("customer", "17") == 17
    to_code = next(field for field in Renamed._meta.concrete_fields if field.name == "customer")
    assert converter(to_code, NONE, PLAIN, "default")(17) == "17"
    assert Customer._meta.pk is not None


@pytest.mark.parametrize(
    "value",
    [
        "__debezium_unavailable_value",
        b"__debezium_unavailable_value",
        "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==",
        b"__debezium_unavailable_value".hex(),
        ["__debezium_unavailable_value"],
        list(b"__debezium_unavailable_value"),
        {"__debezium_unavailable_value": "__debezium_unavailable_value"},
        '{"__debezium_unavailable_value":"__debezium_unavailable_value"}',
    ],
)
def test_the_placeholder_in_all_its_forms(value: Any) -> None:
    assert Placeholder().matches(value)
    assert not Placeholder("other").matches(value)


@pytest.mark.parametrize("value", ["", b"", [], {}, "__debezium", ["a", "b"], [1] * 28, 0, None, {"a": 1}])
def test_what_is_no_placeholder(value: Any) -> None:
    assert not Placeholder().matches(value)


def test_excerpts_are_short() -> None:
    values: list[Any] = ["x" * 10**6, b"x" * 10**6, [1] * 1000, {n: n for n in range(1000)}, 10**9999, 1.5, None]
    for value in values:
        assert len(excerpt(value)) < 100
    assert excerpt("secret" * 100).endswith("… (540 more)")


class BitField(models.CharField):
    def db_type(self, connection: Any) -> str:
        return "bit(4)" if self.max_length == 4 else "bit varying(9)"


@pytest.mark.parametrize(
    ("length", "value", "modes", "wanted"),
    [
        (4, True, PLAIN, "0001"),
        (4, False, PLAIN, "0000"),
        (4, "0101", PLAIN, "0101"),
        (4, "BQ==", Modes(debezium=True), "0101"),
        (9, b"\x05", PLAIN, "101"),
        (9, b"", PLAIN, ""),
        (9, 5, PLAIN, "101"),
    ],
)
def test_columns_of_bits(length: int, value: Any, modes: Modes, wanted: str) -> None:
    assert converter(BitField(max_length=length), NONE, modes, "default")(value) == wanted


@pytest.mark.parametrize("value", [b"\x10", "x", -1, 16, 1.5, [1]])
def test_what_are_no_four_bits(value: Any) -> None:
    with pytest.raises(Unfit, match="4 bits"):
        converter(BitField(max_length=4), NONE, PLAIN, "default")(value)


def test_addresses() -> None:
    convert_address = converter(models.GenericIPAddressField(), NONE, PLAIN, "default")
    assert convert_address("192.168.0.1") == "192.168.0.1"
    assert convert_address("::1") == "::1"
    for value in ("192.168.0.1/24", "192.168.0", 7, ""):  # SQLite has no networks
        with pytest.raises(Unfit, match="an IP address"):
            convert_address(value)


@pytest.mark.parametrize("value", ["NaN", float("nan"), "Infinity", float("-inf"), Decimal("NaN")])
def test_decimals_are_finite(value: Any) -> None:
    with pytest.raises(Unfit, match="neither NaN nor infinity"):
        convert("price", value)
