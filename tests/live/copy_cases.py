# SPDX-License-Identifier: MIT
"""Values, as PostgreSQL's SQL has them and as Avro does: what CopyPlan makes of the latter has to be what the server
makes of the former."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

DEBEZIUM_INFINITY = 9223372036825200000
DEBEZIUM_MINUS_INFINITY = -9223372036832400000
DAY = 86_400_000_000


def connect(base: str, name: str, **parameters: str) -> dict[str, Any]:
    """An Avro type as Kafka Connect's converter writes it."""
    schema: dict[str, Any] = {"type": base, "connect.name": name}
    if parameters:
        schema["connect.parameters"] = parameters
    return schema


def debezium(base: str, name: str, **parameters: str) -> dict[str, Any]:
    return connect(base, f"io.debezium.{name}", **parameters)


def unscaled(value: int) -> bytes:
    """Big-endian two's complement, as short as may be."""
    return value.to_bytes((value if value >= 0 else ~value).bit_length() // 8 + 1, "big", signed=True)


@dataclass(frozen=True)
class Case:
    """`sql` of type `type`, and `value` of the Avro type `avro`. plan: the column's type as CopyPlan has it."""

    type: str
    sql: str
    avro: Any
    value: Any
    plan: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def column(self) -> tuple[str, str, dict[str, Any]]:
        return ("v", self.plan or self.type, {"nullable": True, **self.options})

    def __str__(self) -> str:
        return f"{self.type}-{self.sql[:40]}-{self.avro if isinstance(self.avro, str) else ''}"


def numbers() -> Iterator[Case]:
    for kind, bits in (("int2", 16), ("int4", 32), ("int8", 64)):
        for value in (0, 1, -1, 2 ** (bits - 1) - 1, -(2 ** (bits - 1))):
            yield Case(kind, f"'{value}'", "long", value)
            yield Case(kind, f"'{value}'", "string", str(value))
    yield Case("int4", "'7'", "double", 7.0)
    yield Case("int4", "'1'", "boolean", True)
    yield Case("bool", "true", "boolean", True)
    yield Case("bool", "false", "boolean", False)
    yield Case("bool", "true", "int", 1)
    yield Case("bool", "false", "string", "False")
    yield Case("bool", "true", "string", "on")
    yield Case("bool", "true", debezium("bytes", "data.Bits", length="1"), b"\1")
    for text in (
        "0",
        "-0",
        "1.5",
        "-1e-5",
        "1e300",
        "1.7976931348623157e308",
        "5e-324",
        "NaN",
        "Infinity",
        "-Infinity",
    ):
        yield Case("float8", f"'{text}'", "double", float(text))
        yield Case("float8", f"'{text}'", "string", text)
    for text in ("0", "-0", "1.5", "0.1", "3.4028235e38", "1e-45", "NaN", "Infinity", "-Infinity"):
        yield Case("float4", f"'{text}'", "float", float(text))
    yield Case("float4", "'1.1'", "double", 1.1)
    yield Case("float8", "'9007199254740993'", "long", 9007199254740993)


def decimals() -> Iterator[Case]:
    def scaled(scale: int) -> dict[str, Any]:
        return connect("bytes", "org.apache.kafka.connect.data.Decimal", scale=str(scale))

    variable = {
        "type": "record",
        "name": "VariableScaleDecimal",
        "namespace": "io.debezium.data",
        "fields": [{"name": "scale", "type": "int"}, {"name": "value", "type": "bytes"}],
        "connect.name": "io.debezium.data.VariableScaleDecimal",
    }
    for value, scale in (
        (0, 0), (0, 2), (1, 0), (-1, 0), (5, 2), (1999, 2), (-1999, 2), (10000, 0), (99999999, 0), (100000000, 4),
        (123456789012345678901234567890, 10), (-(10**60) + 1, 20), (2**63 - 1, 0), (-(2**63), 3), (2**64, 5),
        (1, 20), (12345, 16383), (10**300, 0), (7, -3), (-12, -9), (2**127, 2), (-(2**127), 2), (2**128 - 1, 0),
    ):  # fmt: skip
        text = f"'{value}e{-scale}'"
        if 0 <= scale <= 1000:
            yield Case("numeric", text if scale else f"'{value}'", scaled(scale), unscaled(value))
        yield Case("numeric", text, variable, {"scale": scale, "value": unscaled(value)})
    for text in (
        "0",
        "0.00",
        "-0.0",
        "1",
        "10000",
        "0.0001",
        "123.4500",
        "-99999.99999",
        "1e10",
        "1.5E-7",
        "NaN",
        "Infinity",
        "-Infinity",
        "000012.50",
        "1e-16383",
        "9" * 200 + "." + "9" * 50,
        "1e131071",
        "-.5",
    ):
        yield Case("numeric", f"'{text}'", "string", text)
    for text in (
        "0",
        "1.005",
        "-1.005",
        "1.004",
        "99999999.994",
        "0.004",
        "0.005",
        "-0.0049",
        "12345.6",
        "9.999",
        "NaN",
    ):
        yield Case("numeric(10,2)", f"'{text}'", "string", text)
    for text in ("0.00012345", "0.0000499", "0.00995", "-0.00005"):
        yield Case("numeric(3,4)", f"'{text}'", "string", text)
    yield Case("numeric(5,0)", "'12345.49'", "string", "12345.49")
    yield Case("numeric(10,2)", "'0.1'", "double", 0.1)
    yield Case("numeric(10,2)", "'42'", "long", 42)
    yield Case("numeric", "'1e100'", "double", 1e100)
    yield Case("numeric(12,3)", "'-12.345'", "string", "z8c=", options={"form": "base64"})
    yield Case(
        "numeric(9,3)",
        "'-1234.567'",
        {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 3},
        Decimal("-1234.567"),
    )


def texts() -> Iterator[Case]:
    for text in ("", "a", "naïve 😀", "x" * 5000):
        yield Case("text", f"'{text}'", "string", text)
    yield Case("varchar(5)", "'naïve'", "string", "naïve")
    yield Case("varchar(5)", "'ab  '", "string", "ab  ")
    yield Case("varchar(3)", "'😀😀😀'", "string", "😀😀😀")
    yield Case("char(5)", "'ab'", "string", "ab")
    yield Case("char(5)", "'naïve'", "string", "naïve")
    yield Case("char(3)", "'ab'", "string", "ab       ")
    yield Case("text", "'42'", "long", 42)
    yield Case("text", "'new'", {"type": "enum", "name": "E", "symbols": ["old", "new"]}, "new")
    yield Case("text", "'0101'", debezium("bytes", "data.Bits", length="4"), b"\x05", plan="text")
    hstore = {"form": "hstore"}
    yield Case("text", """'"a"=>"x","\\"b"=>NULL'""", "string", r'{"a": "\u0078", "\"b": null}', options=hstore)
    yield Case("text", "''", "string", "{}", options=hstore)
    maps = {"type": "map", "values": ["null", "string"]}
    yield Case("text", """'"a"=>"","b\\\\"=>NULL'""", maps, {"a": "", "b\\": None}, options=hstore)
    yield Case("bytea", r"'\x00ff10'", "bytes", b"\x00\xff\x10")
    yield Case("bytea", "''", "bytes", b"")
    yield Case("bytea", r"'\x00ff10'", "string", "AP8Q")
    yield Case("bytea", r"'\xfbff'", "string", "-_8=")
    yield Case("bytea", r"'\xfb'", "string", "+w==")
    yield Case("bytea", r"'\x00ff10'", "string", "00ff10", options={"form": "hex"})
    uuid = "6f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0"
    yield Case("uuid", f"'{uuid}'", debezium("string", "data.Uuid"), uuid)
    yield Case("uuid", f"'{uuid}'", "string", uuid.upper().replace("-", ""))
    yield Case("uuid", f"'{uuid}'", {"type": "fixed", "name": "F", "size": 16}, bytes.fromhex(uuid.replace("-", "")))
    yield Case("text", f"'{uuid}'", debezium("string", "data.Uuid"), uuid)
    for text in ("127.0.0.1", "10.1.2.3/8", "::1", "::", "2001:db8::ff00:42:8329", "fe80::1/64", "::ffff:1.2.3.4",
                 "1:2:3:4:5:6:7:8", "1::8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "0.0.0.0/0"):  # fmt: skip
        yield Case("inet", f"'{text}'", "string", text)
    yield Case("cidr", "'10.0.0.0/8'", "string", "10.0.0.0/8")
    yield Case("cidr", "'2001:db8::/32'", "string", "2001:db8::/32")


def times() -> Iterator[Case]:
    of_days, stamp = debezium("int", "time.Date"), debezium("long", "time.MicroTimestamp")
    for text, days in (
        ("1970-01-01", 0), ("1969-12-31", -1), ("2000-02-29", 11016), ("4714-11-24 BC", -2440588),
        ("5874897-12-31", 2145042905), ("0001-12-31 BC", -719163),
    ):  # fmt: skip
        yield Case("date", f"'{text}'", of_days, days)
    yield Case("date", "'2024-02-29'", {"type": "int", "logicalType": "date"}, date(2024, 2, 29))
    yield Case("date", "'2024-02-29'", "string", "2024-02-29")
    yield Case("date", "'2024-02-29'", "string", "2024-02-29Z")
    yield Case("date", "'0044-03-15 BC'", "string", "-0043-03-15")
    yield Case("date", "'0044-03-15 BC'", "string", "0044-03-15 BC")
    yield Case("date", "'12345-06-07'", "string", "+12345-06-07")
    yield Case("date", "'infinity'", "string", "infinity")
    yield Case("date", "'-infinity'", "string", "-infinity")
    yield Case("date", "'infinity'", "string", "+999999999-12-31")
    yield Case("date", "'1969-12-31'", stamp, -1)
    for text, micros in (
        ("00:00:00", 0), ("23:59:59.999999", DAY - 1), ("24:00:00", DAY), ("12:34:56.789", 45296789000),
    ):  # fmt: skip
        yield Case("time", f"'{text}'", debezium("long", "time.MicroTime"), micros)
        yield Case("time", f"'{text}'", "string", text)
    yield Case("time", "'12:34:56.789'", debezium("int", "time.Time"), 45296789)
    yield Case("time", "'12:34:56.789'", debezium("long", "time.NanoTime"), 45296789000999)
    yield Case("time", "'12:34:56'", debezium("string", "time.ZonedTime"), "12:34:56Z")
    yield Case("time", "'00:04:56'", "string", "23:34:56-00:30")
    for kind in ("timestamp", "timestamptz"):
        zone = "+00" if kind == "timestamptz" else ""
        for text, micros in (
            ("1970-01-01 00:00:00", 0), ("1969-12-31 23:59:59.999999", -1),
            ("2024-02-29 23:59:59.123456", 1709251199123456), ("4714-11-24 00:00:00", -210866803200000000),
        ):  # fmt: skip
            era = " BC" if micros < -(10**17) else ""
            yield Case(kind, f"'{text}{zone}{era}'", stamp, micros)
        yield Case(kind, f"'2024-02-29 23:59:59.123{zone}'", debezium("long", "time.Timestamp"), 1709251199123)
        yield Case(kind, f"'294276-12-31 23:59:59.999{zone}'", debezium("long", "time.Timestamp"), 9224318015999999)
        yield Case(
            kind, f"'2024-02-29 23:59:59.123456{zone}'", debezium("long", "time.NanoTimestamp"), 1709251199123456789
        )
        yield Case(kind, f"'1969-12-31 23:59:59.999999{zone}'", debezium("long", "time.NanoTimestamp"), -1)
        yield Case(kind, f"'2024-02-29 00:00:00{zone}'", of_days, 19782)
        yield Case(kind, "'infinity'", stamp, DEBEZIUM_INFINITY)
        yield Case(kind, "'-infinity'", stamp, DEBEZIUM_MINUS_INFINITY)
        yield Case(kind, "'infinity'", "string", "+292278994-08-16T23:00:00Z")
        yield Case(kind, "'-infinity'", "string", "-292275055-05-16T16:47:04.192Z")
        yield Case(kind, "'infinity'", "string", "infinity")
        yield Case(kind, f"'2024-02-29 21:29:59.123456{zone}'", "string", "2024-02-29T23:59:59.1234567+02:30")
        yield Case(kind, f"'2024-02-29 23:59:59{zone}'", "string", "2024-02-29 23:59:59")
        yield Case(kind, f"'2024-03-01 00:00:00{zone}'", "string", "2024-02-29T24:00:00Z")
        yield Case(kind, f"'0044-03-15 12:00:00{zone} BC'", "string", "0044-03-15 12:00:00 BC")
        yield Case(kind, f"'2024-02-29 23:59:00{zone}'", "string", "2024-02-29T23:59Z")
    yield Case("timestamptz", "'2024-02-29 23:59:59.123+00'", "long", 1709251199123, options={"unit": "millis"})
    yield Case("timestamp", "'2024-02-29 23:59:59.123456'", "long", 1709251199123456)
    yield Case("timestamp", "'2024-02-29 23:59:59.123'", "long", 1709251199123)
    yield Case("timestamp", "'2024-02-29 23:59:59.123456'", "long", 1709251199123456789)
    yield Case("timestamp", "'-infinity'", "long", DEBEZIUM_MINUS_INFINITY)
    yield Case("time", "'12:34:56.789'", "long", 45296789)
    yield Case("time", "'12:34:56.789'", "long", 45296789000)
    yield Case("time", "'12:34:56.789'", "long", 45296789000999)
    yield Case("date", "'1970-01-02'", "long", 1)
    yield Case("date", "'2024-02-29'", "string", "2024-02-29T01:00:00+02:30")
    for text, micros in (("0", 0), ("-1 day 23:59:59.999999", -1), ("429 days 07:05:06.789", 37091106789000)):
        yield Case("interval", f"'{text}'", debezium("long", "time.MicroDuration"), micros)
    for text in ("P1Y2M3DT4H5M6.789S", "P0Y0M0DT0H0M0S", "P-1Y-2M3DT-4H5M-6.5S", "P2W", "PT0.000001S"):
        yield Case("interval", f"'{text}'", debezium("string", "time.Interval"), text)


def documents() -> Iterator[Case]:
    json = debezium("string", "data.Json")
    for text in ('{"a": [1, 2.50, null, true, "x\\u00e9\\n"], "b": {}}', "[]", '"s"', "1e5", " { } ", "null", "-0.0"):
        for kind in ("json", "jsonb"):
            yield Case(kind, f"'{text}'", json, text)
    yield Case("json", r"""'"\u0000"'""", json, r'"\u0000"')
    yield Case("json", r"""'"\ud800"'""", json, r'"\ud800"')
    yield Case("jsonb", r"""'"\ud83d\ude00"'""", json, r'"\ud83d\ude00"')
    yield Case("jsonb", "'5'", "long", 5)
    yield Case("jsonb", "'true'", "boolean", True)
    yield Case("jsonb", "'1.5'", "double", 1.5)
    yield Case("jsonb", "'5.0'", "double", 5.0)
    yield Case("jsonb", "'1e+22'", "double", 1e22)
    yield Case("jsonb", "'0.0001'", "double", 0.0001)
    yield Case("jsonb", "'1234567.25'", "double", 1234567.25)
    yield Case("jsonb", "'1000000000000000.0'", "double", 1e15)
    yield Case("jsonb", '\'"not a \\"document\\""\'', "string", 'not a "document"')
    yield Case("jsonb", "'\"123\"'", "string", "123")
    yield Case("jsonb", "'123'", "string", "123", options={"form": "document"})
    yield Case("jsonb", "'[1, {}]'", "string", " [1, {}]")
    yield Case("jsonb", "'\"[1\"'", "string", "[1")
    yield Case("jsonb", "'\"quoted\"'", "string", '"quoted"')
    yield Case("text", "'{\"a\": 1}'", json, '{"a": 1}')
    inner = {"type": "record", "name": "Inner", "fields": [
        {"name": "n", "type": ["null", "int"]},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
        {"name": "by", "type": {"type": "map", "values": "double"}},
    ]}  # fmt: skip
    yield Case(
        "jsonb",
        '\'{"n": null, "tags": ["a", "é\\"\\n"], "by": {"x": 1.5, "y": -0.1}}\'',
        inner,
        {"n": None, "tags": ["a", 'é"\n'], "by": {"x": 1.5, "y": -0.1}},
    )
    yield Case("json", '\'{"n":3,"tags":[],"by":{}}\'', inner, {"n": 3, "tags": [], "by": {}})
    yield Case("jsonb", "'[1, null]'", {"type": "array", "items": ["null", "int"]}, [1, None])


def arrays() -> Iterator[Case]:
    def array(items: Any) -> dict[str, Any]:
        return {"type": "array", "items": ["null", items]}

    yield Case("int4[]", "'{1,NULL,-3}'", array("int"), [1, None, -3])
    yield Case("int8[]", "'{1,2}'", {"type": "array", "items": "long"}, [1, 2])
    yield Case("int2[]", "'{}'", array("int"), [])
    yield Case("text[]", "'{a,NULL,\"\"}'", array("string"), ["a", None, ""])
    yield Case("varchar(3)[]", "'{abc}'", array("string"), ["abc"])
    yield Case("bool[]", "'{t,f}'", array("boolean"), [True, False])
    yield Case("float8[]", "'{1.5}'", array("double"), [1.5])
    yield Case("numeric(10,2)[]", "'{1.50}'", array("string"), ["1.5"])
    yield Case("date[]", "'{1970-01-02}'", array(debezium("int", "time.Date")), [1])
    zoned = array(debezium("string", "time.ZonedTimestamp"))
    yield Case("timestamptz[]", "'{1970-01-01 00:00:00+00}'", zoned, ["1970-01-01T00:00:00Z"])
    yield Case("jsonb[]", "ARRAY['{}'::jsonb]", array(debezium("string", "data.Json")), ["{}"])
    yield Case("bytea[]", r"""'{"\\x00ff",NULL,""}'""", array("bytes"), [b"\x00\xff", None, b""])
    yield Case("inet[]", "'{::1}'", array("string"), ["::1"])
    for kind in ("char(2)", "bytea", "time", "interval", "uuid", "cidr", "json", "float4", "timestamp"):
        yield Case(f"{kind}[]", "'{NULL,NULL}'", array("string"), [None, None])

    def nested(items: Any, dimensions: int) -> Any:
        return items if dimensions == 0 else {"type": "array", "items": nested(items, dimensions - 1)}

    for type_, sql, items, value in (
        ("int4[][]", "'{{1,NULL,3},{4,5,6}}'", ["null", "int"], [[1, None, 3], [4, 5, 6]]),
        ("int4[][]", "'{}'", "int", []),
        ("text[][]", "'{{a},{\"\"},{c}}'", "string", [["a"], [""], ["c"]]),
        ("numeric(10,2)[][]", "'{{1.50}}'", "string", [["1.5"]]),
        ("date[][]", "'{{1970-01-02}}'", debezium("int", "time.Date"), [[1]]),
        ("bool[][][]", "'{{{t},{f}},{{f},{t}}}'", "boolean", [[[True], [False]], [[False], [True]]]),
        ("int8[][][][][][]", "'{{{{{{1,2}}}}}}'", "long", [[[[[[1, 2]]]]]]),
        ("daterange[][]", "'{{empty,\"[2024-01-01,)\"}}'", "string", [["empty", "[2024-01-01,)"]]),
    ):
        yield Case(type_, sql, nested(items, type_.count("[")), value)


def ranges() -> Iterator[Case]:
    for kind, *texts in (
        ("int4range", "[1,5)", "[1,5]", "(1,5)", "(,5]", "[5,]", "(,)", "empty", "[3,3)", "(3,4)", "[-2147483648,0)"),
        ("int8range", "[1,5)", "(-9223372036854775808,9223372036854775806]", '["1","2")', "[7,7]"),
        ("numrange", "[1.50,2]", "[1.0,1)", "[1.0,1]", "(-0.001,1e3)", "[1000,2000)", "[,99999999999999999999.5)"),
        ("daterange", "[2024-01-01,2024-02-01)", "(2024-02-28,2024-02-29]", "[,2024-01-01]", "(-infinity,infinity]"),
        (
            "tstzrange",
            '["2024-01-01 00:00:00+00",)',
            '("2024-01-01 00:00:00.5+00","2024-02-01 12:30:00+02"]',
            "(,2024-01-01T00:00:00Z]",
            '["2024-01-01 00:00:00+00","2024-01-01 01:00:00+01")',
        ),
    ):
        for text in texts:
            yield Case(kind, f"'{text}'", "string", text)


def cases() -> list[Case]:
    everything = [*numbers(), *decimals(), *texts(), *times(), *documents(), *arrays(), *ranges()]
    kinds = sorted({case.type for case in everything})
    return [*everything, *(Case(kind, "NULL", ["null", "string"], None) for kind in kinds)]


# What both refuse: (type, text).
REFUSED = [
    ("int4range", "[5,1)"), ("int4range", "[1,2147483647]"), ("int8range", "(9223372036854775807,)"),
    ("int4range", "[1.5,2)"), ("numrange", "[2,1.9]"), ("numrange", "[-1,-1.1]"), ("daterange", "[2024-02-30,)"),
    ("daterange", "[2024-01-01,5874897-12-31]"), ("tstzrange", "[2024-01-01 00:00:01+00,2024-01-01 00:00:00+00]"),
    ("int2", "32768"), ("int4", "-2147483649"), ("int8", "9223372036854775808"), ("int4", "1.5"), ("int4", ""),
    ("float4", "1e39"), ("float4", "1e-60"), ("float8", "1e400"), ("float8", "x"),
    ("numeric(4,2)", "99.995"), ("numeric(4,2)", "100"), ("numeric(4,2)", "Infinity"), ("numeric(2,4)", "0.01"),
    ("numeric", "1e131072"), ("numeric", "1e-16384"), ("numeric", "1,5"),
    ("varchar(3)", "abcd"), ("varchar(3)", "ab  x"), ("char(3)", "abcd"), ("char(2)", "äöü"),
    ("uuid", "6f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f"), ("bool", "2"),
    ("date", "2023-02-29"), ("date", "2024-13-01"), ("date", "5874898-01-01"), ("date", "4714-11-23 BC"),
    ("timestamp", "294277-01-01 00:00:00"), ("timestamp", "4714-11-23 23:59:59 BC"),
    ("timestamptz", "2024-02-30T00:00:00Z"),
    ("time", "24:00:00.000001"), ("time", "25:00:00"), ("time", "12:61:00"),
    ("inet", "1.2.3.256"), ("inet", "1::2::3"), ("inet", "1.2.3.4/33"), ("cidr", "10.0.0.1/8"), ("inet", "12345::"),
    ("json", "{"), ("json", "[1,]"), ("json", "01"), ("json", '"\\x"'), ("json", "'a'"), ("json", ""),
    ("jsonb", '"\\u0000"'), ("jsonb", '"\\ud800"'), ("jsonb", '"\\ude00\\ud800"'), ("jsonb", "1e131072"),
    ("jsonb", "1e-16384"), ("json", "{} {}"), ("json", '{"a"}'), ("json", '{1: 2}'), ("json", "[1 2]"), ("json", "-"),
]  # fmt: skip
