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


if __name__ == "__main__":
    main()
