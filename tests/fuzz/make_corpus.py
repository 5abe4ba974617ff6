# SPDX-License-Identifier: MIT
"""Seeds of the fuzzers, made of the vectors in tests/vectors/avro: run it when those change.

python tests/fuzz/make_corpus.py
"""

from __future__ import annotations

import json
import re
import shutil
from hashlib import sha1
from pathlib import Path

HERE = Path(__file__).parent
CUT = b"\xfe"

STRUCT = b"""{"type":"struct","fields":[{"type":"int64","field":"id"},{"type":"bytes","name":
"org.apache.kafka.connect.data.Decimal","version":1,"parameters":{"scale":"2"},"field":"a"},{"type":"array","items":
{"type":"int32","name":"io.debezium.time.Date"},"field":"b"}],"optional":true,"name":"t.Value"}"""
ENVELOPE = (
    b'{"type":"struct","fields":[' + STRUCT[:-1] + b',"field":"before"},' + STRUCT[:-1] + b',"field":"after"},'
    b'{"type":"string","field":"op"}],"name":"t.Envelope"}'
)
# Options and kinds of columns, and messages: each is read behind the one before it.
JSON = [
    (
        b"\x01\x03\x06\x2b",
        [
            b'{"schema":' + STRUCT + b',"payload":{"id":1,"a":"B88=","b":[1,null]}}',
            b'{"schema":' + STRUCT + b',"payload":{"b":null,"id":2,"a":"/w=="}}',
            b'{"payload":{"id":3,"a":1.5,"b":[]},"schema":' + STRUCT + b"}",
            b'{"schema":' + ENVELOPE + b',"payload":{"before":null,"after":{"id":1,"a":"B88=","b":[]},"op":"c"}}',
            b'{"schema":' + ENVELOPE + b',"payload":{"before":{"id":1,"a":"","b":[]},"after":null,"op":"d"}}',
            b'{"schema":null,"payload":null}',
        ],
    ),
    (
        b"\x02\x03\x07\x12\x07\x08\x46",
        [
            b'{"id": 1, "a": "\\u00e9\\uD83D\\uDE00\\n", "b": {"x": [1, 1e400, "\\u0000"]}, "op": null, '
            b'"na\xc3\xafve": "x", "price": "B88="}',
            b'{"op":"c","price":19.99,"na\\u00efve":"\\ud800","b":"[1]","a":"__debezium_unavailable_value","id":-0}',
            b'{"stranger":[[]],"id":1,"a":"x","b":true,"op":"y","na\xc3\xafve":"","price":{"scale":2,"value":"B88="}}',
            b'{"id":1,"__deleted":"true"}',
            b"null",
        ],
    ),
    (
        b"\x33\x03\x05\x31\x07",
        [
            b'{"before":null,"after":{"id":1,"a":1e10,"b":["{}",{}],"op":"x"},"source":{"lsn":1},"op":"u","ts_ms":1}',
            b'{"before":{"id":1},"after":null,"op":"d"}',
            b'{"op":"t","before":null,"after":null}',
            b'{"stranger":1,"after":{},"id":1,"a":NaN,"b":null,"op":"zz"}',
            b'{"id":1,"a":0.1,"b":[],"op":"c","long_name_of_a_field":1}',
            b'{"id":1,"a":0.1,"b":[1.50,"\\udc00"],"op":"c",}',
            b'{"a":1,"a":2,"id":1,"id":2,"b":[],"op":"\xed\xa0\x80"}',
        ],
    ),
]


def sections(text: str) -> list[dict[str, str]]:
    found = []
    for section in text.split("\n## ")[1:]:
        blocks = re.findall(r"^```([^\n]+)\n(.*?)\n?```$", section, re.MULTILINE | re.DOTALL)
        found.append({info.removesuffix(" one-way"): body for info, body in blocks})
    return found


def write(fuzzer: str, seed: bytes) -> None:
    folder = HERE / "corpus" / fuzzer
    folder.mkdir(parents=True, exist_ok=True)
    (folder / sha1(seed).hexdigest()[:12]).write_bytes(seed)


# Kinds of columns by their number (DK_PG_KIND_MAP) that suit a type, or a name of Kafka Connect's.
BOOL, INT8, FLOAT8, NUMERIC, TEXT, BYTEA, DATE, TIME, STAMP, SPAN, UUID, JSONB, ARRAY = (
    0,
    3,
    5,
    6,
    7,
    10,
    11,
    12,
    14,
    15,
    16,
    18,
    32,
)
KINDS = {
    "boolean": BOOL,
    "int": INT8,
    "long": INT8,
    "float": FLOAT8,
    "double": FLOAT8,
    "string": TEXT,
    "bytes": BYTEA,
}
MEANT = {
    "Date": DATE, "Time": TIME, "Timestamp": STAMP, "MicroTime": TIME, "MicroTimestamp": STAMP,
    "ZonedTimestamp": STAMP, "MicroDuration": SPAN, "Interval": SPAN, "Decimal": NUMERIC,
    "VariableScaleDecimal": NUMERIC, "Json": JSONB, "Uuid": UUID,
}  # fmt: skip


def kind_of(schema: object) -> int:
    if isinstance(schema, list):
        return next((kind_of(branch) for branch in schema if branch != "null"), TEXT)
    if isinstance(schema, dict):
        if (meant := MEANT.get(schema.get("connect.name", schema.get("logicalType", "")).split(".")[-1])) is not None:
            return meant
        if schema["type"] == "array":
            return ARRAY | kind_of(schema["items"])
        return JSONB if schema["type"] in ("record", "map") else kind_of(schema["type"])
    return KINDS.get(str(schema), TEXT)


def write_rows(avsc: bytes, data: bytes) -> None:
    """A column of the kind that suits for each field, and one of another kind."""
    schema = json.loads(avsc)
    if isinstance(schema, dict) and schema.get("type") == "record":
        suits = bytes(kind_of(field["type"]) for field in schema["fields"])
        write("rows", avsc + CUT + suits + CUT + data)
        write("rows", avsc + CUT + bytes((kind + i) % 21 | 0x40 for i, kind in enumerate(suits)) + CUT + data)


def main() -> None:
    shutil.rmtree(HERE / "corpus", ignore_errors=True)
    for path in sorted((HERE.parent / "vectors" / "avro").glob("*.md")):
        for vector in sections(path.read_text()):
            avsc = vector.get("avsc", "").encode()
            data = bytes.fromhex(vector.get("hex", ""))
            write("schema", avsc)
            if "avsc reader" in vector:
                write("resolve", avsc + CUT + vector["avsc reader"].encode() + CUT + data)
            elif "hex" in vector:
                write("decode", avsc + CUT + data)
                write_rows(avsc, data)
    guid = bytes(range(16))
    for seed in (
        b"\0\0\0\0\7x",
        b"\1" + guid + b"x",
        b"x" + CUT + b"\1" + guid,
        b"x" + CUT + b"\0\0\0\0\7",
        b"{}",
        b"\0\0",
    ):
        write("wire", seed)
    for columns, messages in JSON:
        for first, second in zip(messages, messages[1:] + messages[:1], strict=True):
            write("json", columns + CUT + first + CUT + second)


if __name__ == "__main__":
    main()
