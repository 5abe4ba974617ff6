# SPDX-License-Identifier: MIT
"""Tables with every common type of PostgreSQL's columns, what is done to them, and the ways in which Debezium can be
told to write that: see tests/live/capture_streams.py."""

from __future__ import annotations

from dataclasses import dataclass, field

DDL = """
CREATE EXTENSION IF NOT EXISTS hstore;
CREATE EXTENSION IF NOT EXISTS citext;
CREATE EXTENSION IF NOT EXISTS ltree;
CREATE TYPE mood AS ENUM ('fine', 'so so');
CREATE TABLE wide (
    id bigint PRIMARY KEY,
    small smallint NOT NULL DEFAULT 7, number integer, big bigint, flag boolean NOT NULL DEFAULT false,
    real4 real, real8 double precision, price numeric(12, 2) NOT NULL DEFAULT 1.50, exact numeric, cash money,
    code varchar(10) NOT NULL DEFAULT 'new', note text, padded char(5), insens citext,
    day date NOT NULL DEFAULT '2020-02-02', hour time, hour3 time(3), hourz timetz, ts timestamp, ts3 timestamp(3),
    tsz timestamptz NOT NULL DEFAULT '2020-02-02 02:02:02.020202+00', took interval,
    ref uuid, doc jsonb NOT NULL DEFAULT '{}', raw json, blob bytea, markup xml,
    one bit(1), bits bit(10), varbits bit varying(20), feeling mood, address inet, net cidr, mac macaddr, tree ltree,
    pairs hstore,
    texts text[] NOT NULL DEFAULT '{}', ints integer[], bigs bigint[], numbers numeric(10, 2)[], flags boolean[],
    floats double precision[], days date[], moments timestamptz[], refs uuid[],
    ir int4range, lr int8range, nr numrange, tr tsrange, zr tstzrange, dr daterange
);
-- What is large stays outside of the row, however well it could be compressed.
ALTER TABLE wide ALTER note SET STORAGE EXTERNAL, ALTER blob SET STORAGE EXTERNAL, ALTER doc SET STORAGE EXTERNAL,
    ALTER texts SET STORAGE EXTERNAL, ALTER ints SET STORAGE EXTERNAL, ALTER pairs SET STORAGE EXTERNAL,
    ALTER code SET STORAGE EXTERNAL, ALTER raw SET STORAGE EXTERNAL, ALTER bigs SET STORAGE EXTERNAL,
    ALTER refs SET STORAGE EXTERNAL, ALTER markup SET STORAGE EXTERNAL;
CREATE TABLE kept (id integer PRIMARY KEY, note text NOT NULL DEFAULT 'none', price numeric(8, 3), day date);
ALTER TABLE kept REPLICA IDENTITY FULL;
CREATE TABLE pairs (left_id integer, right_id integer, what text NOT NULL, PRIMARY KEY (left_id, right_id));
CREATE TABLE extremes (id integer PRIMARY KEY, exact numeric, real8 double precision, hour time, day date,
    ts timestamp, tsz timestamptz, dr daterange, took interval);
CREATE TABLE keyless (what text, number integer);
"""

_FULL = """
(1, -32768, 2147483647, -9223372036854775808, true, 1.1, -1.7976931348623157e308, -9999999999.99,
 -123456789012345678901234567890.123456789, '$1,234.56', 'abc', 'grüße ✓ 😀 "quoted" \\ back', 'x', 'CaSe',
 '2024-02-29', '23:59:59.999999', '12:30:15.123', '10:11:12.131415+00', '1900-01-01 00:00:00.000001',
 '2024-02-29 12:30:15.123', '2024-02-29 23:59:59.123456+02', '3 days 04:05:06.789',
 '9b2e4f3a-0a4c-4f0e-8d55-6c1f0d1e2a3b', '{"a": [1, {"b": null}], "ü": "😀"}', '{"z": 1, "y": [true, 2.5]}',
 '\\x00ff10', '<a b="c">d</a>', '1', '1000000001', '101', 'so so', '192.168.0.1/24', '10.0.0.0/8',
 '08:00:2b:01:02:03', 'top.sub', '"a"=>"1", "b"=>NULL, "c d"=>"\\"e\\""',
 '{a,NULL,"c d","NULL",""}', '{1,NULL,-3}', '{9223372036854775807,NULL}', '{1.50,NULL,-0.01}', '{t,f,NULL}',
 '{1.5,NULL,-1e300}', '{2024-02-29,NULL,1969-12-31}', '{"2024-02-29 12:00:00.123456+00",NULL}',
 '{9b2e4f3a-0a4c-4f0e-8d55-6c1f0d1e2a3b,NULL}', '[1,10)', '(,5]', '[1.5,2.5]',
 '[2024-01-01 00:00:00.5,2024-02-01 12:30:00)', '["2024-01-01 00:00:00+00",)', '[2024-01-01,2024-02-01)')
"""
_LARGE = """
INSERT INTO wide (id, note, blob, doc, texts, ints, pairs, raw, bigs, refs, markup) SELECT id, repeat('n', 3000),
    decode(repeat('ab', 3000), 'hex'), jsonb_build_object('k', repeat('j', 3000)), ARRAY[repeat('t', 3000), 'u'],
    (SELECT array_agg(n) FROM generate_series(1, 1000) n), hstore('k', repeat('h', 3000)),
    json_build_object('r', repeat('r', 3000)), (SELECT array_agg(n::bigint) FROM generate_series(1, 600) n),
    (SELECT array_agg('9b2e4f3a-0a4c-4f0e-8d55-6c1f0d1e2a3b'::uuid) FROM generate_series(1, 200)),
    xmlparse(content '<m>' || repeat('x', 3000) || '</m>')
    FROM (VALUES (3), (8)) ids (id)
"""

# Each a transaction. Before the connectors start, so that their snapshots read it; and behind.
BEFORE = [
    f"INSERT INTO wide VALUES {_FULL}",
    "INSERT INTO wide (id) VALUES (2)",
    _LARGE,
    "INSERT INTO kept SELECT n, 'note ' || n, n / 8.0, date '2024-01-01' + n FROM generate_series(1, 6) n",
    "INSERT INTO pairs SELECT n / 3, n % 3, 'pair ' || n FROM generate_series(0, 8) n",
    "INSERT INTO keyless VALUES ('a', 1), ('b', 2)",
    "INSERT INTO extremes (id, exact, real8) VALUES (1, 'NaN', 'NaN'), (2, NULL, 'Infinity'), (3, NULL, '-Infinity')",
]
BEHIND = [
    "UPDATE wide SET number = 1, small = 8 WHERE id IN (3, 8)",  # what is large is not in the log
    "INSERT INTO wide (id, price, exact, day, took) VALUES (4, -0.01, 0.1, '0001-01-01', '-1 day -00:00:00.000001')",
    "UPDATE wide SET price = price + 0.01, note = NULL, texts = '{}', doc = '[]', pairs = '', one = '0' WHERE id = 1",
    "UPDATE wide SET bits = '0000000011', varbits = '', cash = '-$0.01', feeling = 'fine' WHERE id = 2",
    "UPDATE wide SET doc = 'null', raw = '\"text\"', exact = 12, ir = 'empty', nr = '(,)', dr = '[,2024-01-01)' "
    "WHERE id = 2",
    "INSERT INTO wide (id, note) VALUES (5, 'short life'), (6, 'key change'), (7, 'back again')",
    "DELETE FROM wide WHERE id = 5",
    "UPDATE wide SET id = 60 WHERE id = 6",
    "DELETE FROM wide WHERE id = 7; INSERT INTO wide (id, number) VALUES (7, 77)",
    "UPDATE wide SET id = 30 WHERE id = 3",  # of the key, and what is large is not in the log
    "UPDATE wide SET number = 31 WHERE id = 30",
    "UPDATE kept SET note = note || '!', price = -price WHERE id > 2",
    "DELETE FROM kept WHERE id IN (2, 4)",
    "UPDATE kept SET id = id + 100 WHERE id = 5",
    "UPDATE pairs SET what = what || '!' WHERE left_id = 1",
    "UPDATE pairs SET right_id = 9 WHERE left_id = 0 AND right_id = 2",
    "DELETE FROM pairs WHERE left_id = 2",
    "INSERT INTO keyless VALUES (NULL, NULL)",
    "INSERT INTO extremes (id, hour) VALUES (4, '24:00:00')",
    "INSERT INTO extremes (id, day, ts, tsz) VALUES (5, 'infinity', 'infinity', 'infinity')",
    "INSERT INTO extremes (id, day, ts, tsz) VALUES (6, '-infinity', '-infinity', '-infinity')",
    "INSERT INTO extremes (id, day) VALUES (7, '0044-03-15 BC')",
    "INSERT INTO extremes (id, tsz) VALUES (8, '0044-03-15 12:00:00+00 BC')",
    "INSERT INTO extremes (id, ts) VALUES (9, '0044-03-15 12:00:00 BC')",
    "INSERT INTO extremes (id, day, ts, tsz) VALUES (10, '12024-01-01', '12024-01-01', '12024-01-01 00:00:00+00')",
    "INSERT INTO extremes (id, took) VALUES (11, '1 year 2 mons')",
    "INSERT INTO extremes (id, dr) VALUES (12, '[-infinity,infinity)')",
    "INSERT INTO extremes (id, exact) VALUES (13, 1e-40), (14, 1e40), (15, '-0.0')",
    "DELETE FROM extremes WHERE id = 1",
    "INSERT INTO extremes (id) VALUES (16)",
    "ALTER TABLE kept ADD COLUMN extra integer NOT NULL DEFAULT 5",
    "UPDATE kept SET extra = 6 WHERE id = 3",
    "INSERT INTO kept (id, extra) VALUES (7, 8)",
    "ALTER TABLE kept DROP COLUMN day",
    "INSERT INTO kept (id, note) VALUES (8, 'last')",
    "INSERT INTO wide (id, note) VALUES (99, 'the end')",
    "INSERT INTO pairs VALUES (99, 99, 'the end')",
]
TABLES = ("wide", "kept", "pairs", "extremes", "keyless")
ORDER = {"wide": "id", "kept": "id", "pairs": "left_id, right_id", "extremes": "id", "keyless": "number NULLS LAST"}


# ---- how it is written ----

_UNWRAP = {"transforms": "unwrap", "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState"}
JSON = {
    f"{part}.converter{key}": value
    for part in ("key", "value")
    for key, value in {"": "org.apache.kafka.connect.json.JsonConverter", ".schemas.enable": "false"}.items()
}
JSON_SCHEMAS = {key: "true" if value == "false" else value for key, value in JSON.items()}


def flat(handling: str | None = None, **more: str) -> dict[str, str]:
    options = {} if handling is None else {"delete.tombstone.handling.mode": handling}
    return {**_UNWRAP, **{f"transforms.unwrap.{key.replace('__', '.')}": v for key, v in {**options, **more}.items()}}


@dataclass(frozen=True)
class Way:
    """One way of writing. topic: options that our topic is told, as no message says them. inexact: columns of which
    the messages do not have all."""

    format: str  # avro, json, or json-schemas
    options: dict[str, str] = field(default_factory=dict)
    topic: dict[str, str] = field(default_factory=dict)
    inexact: tuple[str, ...] = ()
    deletes: bool = True


_DOUBLES = ("exact",)
# In its two modes of base64, Debezium 3.6.1 writes null for bytes that it does not have.
_NULL_FOR_UNAVAILABLE = ("blob",)
WAYS = {
    "avro-envelope": Way("avro"),
    "avro-envelope-connect": Way(
        "avro", {"time.precision.mode": "connect", "tombstones.on.delete": "false"}, inexact=("hour", "ts")
    ),
    "avro-flat": Way("avro", flat("rewrite-with-tombstone", add__fields="op,source.ts_ms,lsn")),
    "avro-flat-strings": Way(
        "avro",
        {
            **flat("delete-to-tombstone"),
            "decimal.handling.mode": "string",
            "interval.handling.mode": "string",
            "hstore.handling.mode": "map",
            "binary.handling.mode": "base64",
            "time.precision.mode": "microseconds",
        },
        inexact=_NULL_FOR_UNAVAILABLE,
    ),
    "json-schemas-envelope": Way("json-schemas"),
    "json-schemas-rewrite": Way(
        "json-schemas",
        {**flat("rewrite"), "time.precision.mode": "connect", "decimal.handling.mode": "double"},
        inexact=("hour", "ts", *_DOUBLES),
    ),
    "json-schemas-old-names": Way(
        "json-schemas",
        {
            **flat(None, drop__tombstones="false", delete__handling__mode="rewrite", add__headers="op,db"),
            "binary.handling.mode": "hex",
            "hstore.handling.mode": "map",
        },
        {"binary_handling_mode": "hex"},
    ),
    "json-envelope": Way("json"),
    "json-envelope-iso": Way(
        "json",
        {
            "time.precision.mode": "isostring",
            "decimal.handling.mode": "string",
            "binary.handling.mode": "hex",
            "interval.handling.mode": "string",
        },
        {"decimal_handling_mode": "string", "binary_handling_mode": "hex"},
    ),
    "json-tombstone": Way("json", flat("tombstone")),
    "json-rewrite": Way("json", {**flat("rewrite", add__fields="op"), "hstore.handling.mode": "map"}),
    "json-rewrite-with-tombstone": Way(
        "json",
        {
            **flat("rewrite-with-tombstone"),
            "time.precision.mode": "nanoseconds",
            "decimal.handling.mode": "double",
            "binary.handling.mode": "base64-url-safe",
        },
        {"time_precision_mode": "nanoseconds", "decimal_handling_mode": "double"},
        inexact=(*_DOUBLES, *_NULL_FOR_UNAVAILABLE),
    ),
    "json-delete-to-tombstone": Way(
        "json",
        {**flat("delete-to-tombstone"), "time.precision.mode": "connect", "decimal.handling.mode": "string"},
        {"time_precision_mode": "connect", "decimal_handling_mode": "string"},
        inexact=("hour", "ts"),
    ),
    "json-drop": Way(
        "json",
        {**flat("drop"), "time.precision.mode": "microseconds"},
        {"time_precision_mode": "microseconds"},
        deletes=False,
    ),
}
