# SPDX-License-Identifier: MIT
"""Logical types at the edges of what Python can hold: the last value that there is, and an error for the next one."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import uuid
import zoneinfo
from typing import Any

import pytest

from django_kafka._native import AvroSchema, DecodeError, EncodeError

D = decimal.Decimal
UTC = dt.UTC
FIRST, LAST = dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999)


def of(base: str, kind: str, **more: Any) -> AvroSchema:
    """In a record, so that errors have a path."""
    field = {"name": "f", "type": {"type": base, "logicalType": kind, **more}}
    return AvroSchema(json.dumps({"type": "record", "name": "R", "fields": [field]}))


def number(value: int) -> bytes:
    return AvroSchema('"long"').encode(value)


def decoded(schema: AvroSchema, data: bytes) -> Any:
    value = schema.decode(data)
    assert schema.decode(data, lazy=True)["f"] == value["f"]
    return value["f"]


def refused(schema: AvroSchema, data: bytes, why: str) -> None:
    for lazy in (False, True):
        with pytest.raises(DecodeError, match=why) as caught:
            schema.decode(data, lazy=lazy)["f"]
        assert (caught.value.path, caught.value.pos) == ("f", 0)


@pytest.mark.parametrize(("unit", "scale"), [("millis", 1000), ("micros", 1)])
@pytest.mark.parametrize("local", [False, True])
def test_timestamps(unit: str, scale: int, local: bool) -> None:
    schema = of("long", f"{'local-' if local else ''}timestamp-{unit}")
    zone = None if local else UTC
    epoch = dt.datetime(1970, 1, 1, tzinfo=zone)
    for when in (
        FIRST,
        LAST.replace(microsecond=999000),
        dt.datetime(1969, 12, 31, 23, 59, 59, 1000),
        dt.datetime(1970, 1, 1),
    ):
        at = when.replace(tzinfo=zone)
        micros = (at - epoch) // dt.timedelta(microseconds=1)
        assert schema.encode({"f": at}) == number(micros // scale)
        assert decoded(schema, number(micros // scale)) == at
    first = (FIRST.replace(tzinfo=zone) - epoch) // dt.timedelta(microseconds=scale)
    last = (LAST.replace(tzinfo=zone) - epoch) // dt.timedelta(microseconds=scale)
    for beyond in (first - 1, last + 1, -(2**63), 2**63 - 1):
        refused(schema, number(beyond), f"the timestamp {beyond} is outside the years 1 to 9999")


def test_timestamps_of_any_zone() -> None:
    schema = of("long", "timestamp-micros")
    at = dt.datetime(2024, 2, 29, 23, 30, 0, 5, tzinfo=dt.timezone(dt.timedelta(hours=-11, minutes=-30)))
    assert decoded(schema, schema.encode({"f": at})) == at
    early = FIRST.replace(tzinfo=dt.timezone(dt.timedelta(hours=14)))  # in UTC a year 0
    with pytest.raises(DecodeError, match="outside the years"):
        schema.decode(schema.encode({"f": early}))


@pytest.mark.parametrize("name", ["Europe/Berlin", "Australia/Lord_Howe", "America/New_York", "Africa/Monrovia"])
def test_timestamps_across_changes_of_the_clock(name: str) -> None:
    """Hours that come twice, hours that never come, offsets of half an hour and of odd seconds (Monrovia, 1972)."""
    schema, zone = of("long", "timestamp-micros"), zoneinfo.ZoneInfo(name)
    start = dt.datetime(1971, 12, 30) if name == "Africa/Monrovia" else dt.datetime(2024, 1, 1)
    epoch = dt.datetime(1970, 1, 1, tzinfo=UTC)
    for step in range(24 * 366):
        for fold in (0, 1):
            at = (start + dt.timedelta(hours=step, microseconds=step)).replace(tzinfo=zone, fold=fold)
            written = schema.decode(schema.encode({"f": at}))["f"]
            assert (written - epoch) == (at - epoch), at


def test_zones_that_are_odd() -> None:
    class Odd(dt.tzinfo):
        answer: Any = None

        def utcoffset(self, when: dt.datetime | None) -> Any:
            if isinstance(self.answer, type):
                raise self.answer
            return self.answer

    class Offset(dt.timedelta):
        pass

    schema, zone = of("long", "timestamp-micros"), Odd()
    at = dt.datetime(2024, 1, 1, tzinfo=zone)
    zone.answer = dt.timedelta(hours=-23, seconds=5, microseconds=999_999)
    assert schema.decode(schema.encode({"f": at}))["f"] == at
    zone.answer = Offset(hours=1)
    assert schema.decode(schema.encode({"f": at}))["f"] == at
    for answer in (None, 5, dt.timedelta(days=1), dt.timedelta(days=-1), ValueError):
        zone.answer = answer
        with pytest.raises(EncodeError, match="a time zone that works"):
            schema.encode({"f": at})
    zone.answer = KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        schema.encode({"f": at})


@pytest.mark.parametrize("kind", ["timestamp-nanos", "local-timestamp-nanos"])
def test_nanoseconds_are_numbers(kind: str) -> None:
    """datetime cannot hold them. One that is given is written all the same, if 64 bits can."""
    schema = of("long", kind)
    for value in (0, -1, 2**63 - 1, -(2**63), 1_700_000_000_123_456_789):
        assert decoded(schema, schema.encode({"f": value})) == value
    at = dt.datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    assert schema.encode({"f": at}) == number(-1000)
    for beyond in (FIRST.replace(tzinfo=UTC), LAST.replace(tzinfo=UTC)):
        with pytest.raises(EncodeError, match="f: the datetime is out of range for nanoseconds"):
            schema.encode({"f": beyond})


def test_dates() -> None:
    schema = of("int", "date")
    for day in (dt.date(1, 1, 1), dt.date(1969, 12, 31), dt.date(2024, 2, 29), dt.date(9999, 12, 31)):
        days = (day - dt.date(1970, 1, 1)).days
        assert schema.encode({"f": day}) == number(days) == schema.encode({"f": days})
        assert decoded(schema, number(days)) == day
    for beyond in (-719163, 2932897, 2**31 - 1, -(2**31)):
        refused(schema, number(beyond), f"the date {beyond} days from 1970 is outside the years 1 to 9999")


@pytest.mark.parametrize(("base", "unit", "day"), [("int", "millis", 86_400_000), ("long", "micros", 86_400_000_000)])
def test_times(base: str, unit: str, day: int) -> None:
    schema = of(base, f"time-{unit}")
    assert decoded(schema, number(0)) == dt.time(0)
    last = dt.time(23, 59, 59, 999000 if unit == "millis" else 999999)
    assert decoded(schema, number(day - 1)) == last
    assert schema.encode({"f": last}) == number(day - 1)
    for beyond in (-1, day):
        refused(schema, number(beyond), f"the time {beyond} is not within a day")


@pytest.mark.parametrize(
    ("schema", "wanted"),
    [
        (of("int", "date"), "a date or an int"),
        (of("long", "time-micros"), "a time or an int"),
        (of("long", "timestamp-millis"), "a datetime or an int"),
        (of("long", "local-timestamp-nanos"), "a datetime or an int"),
    ],
)
def test_what_is_wanted_is_said(schema: AvroSchema, wanted: str) -> None:
    with pytest.raises(EncodeError, match=f"^f: {wanted} is wanted, not float"):
        schema.encode({"f": 1.5})


FIXED = {"name": "F", "size": 3}


@pytest.mark.parametrize(("base", "more"), [("bytes", {}), ("fixed", FIXED)])
def test_decimals(base: str, more: dict[str, Any]) -> None:
    schema = of(base, "decimal", precision=5, scale=2, **more)
    for value in ("0", "999.99", "-999.99", "1E+2", "-1", "0.01"):
        assert decoded(schema, schema.encode({"f": D(value)})) == D(value)
    for value, why in {
        "1.234": "more decimal places than its scale, 2",
        "1000.00": "more digits than its precision, 5",
        "NaN": "no finite number",
        "-Infinity": "no finite number",
        "1E+20000": "too large",
    }.items():
        with pytest.raises(EncodeError, match=f"f: the decimal .*{why}"):
            schema.encode({"f": D(value)})
    with pytest.raises(EncodeError, match="f: a Decimal is wanted, not float"):
        schema.encode({"f": 1.5})


def test_decimals_beyond_64_bits() -> None:
    schema = of("bytes", "decimal", precision=1000, scale=500)
    for digits in (18, 19, 20, 40, 999):
        value = D((1, (9,) * digits, -500))
        assert decoded(schema, schema.encode({"f": value})) == value
    small = of("bytes", "decimal", precision=5)
    for size in (3, 8, 9, 64, 65, 100, 4096):  # more digits than the precision: none is rounded away
        for raw in (b"\x7f" * size, b"\x80" + b"\1" * (size - 1)):
            assert decoded(small, number(size) + raw) == D(int.from_bytes(raw, "big", signed=True))
    with pytest.raises(DecodeError, match="a decimal of 5000 bytes, but its precision is 5 digits"):
        small.decode(number(5000) + b"\x7f" * 5000)


def test_durations_stay_bytes() -> None:
    schema = of("fixed", "duration", name="D", size=12)
    data = bytes(range(12))
    assert decoded(schema, data) == data
    assert schema.encode({"f": data}) == data
    with pytest.raises(EncodeError, match="f: 12 bytes are wanted, not 11"):
        schema.encode({"f": data[1:]})
    with pytest.raises(EncodeError, match=r"f: bytes is wanted, not datetime\.timedelta"):
        schema.encode({"f": dt.timedelta(1)})


def test_uuids() -> None:
    one = uuid.UUID("12345678-1234-5678-1234-567812345678")
    for schema in (of("string", "uuid"), of("fixed", "uuid", name="U", size=16)):
        assert schema.decode(schema.encode({"f": one}))["f"] in (
            one,
            one.bytes,
        )  # a fixed stays bytes, as in fastavro
    text = of("string", "uuid")
    assert decoded(text, text.encode({"f": "{12345678123456781234567812345678}"})) == one  # other forms of it
    refused(text, text.encode({"f": "x"}), "the string is not a UUID")


@pytest.mark.parametrize(
    ("base", "kind", "more"),
    [
        ("string", "date", {}),
        ("int", "timestamp-millis", {}),
        ("long", "time-millis", {}),
        ("bytes", "decimal", {}),
        ("bytes", "decimal", {"precision": 0}),
        ("bytes", "decimal", {"precision": 2, "scale": 3}),
        ("fixed", "decimal", {"precision": 7, "name": "F", "size": 2}),
        ("fixed", "duration", {"name": "F", "size": 11}),
        ("fixed", "uuid", {"name": "F", "size": 15}),
        ("string", "made-up", {}),
    ],
)
def test_what_is_no_logical_type_is_its_base(base: str, kind: str, more: dict[str, Any]) -> None:
    value = {"string": "x", "int": 1, "long": 1, "bytes": b"x", "fixed": b"x" * more.get("size", 0)}[base]
    schema = of(base, kind, **more)
    assert decoded(schema, schema.encode({"f": value})) == value
