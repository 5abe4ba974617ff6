"""The fuzzers' corpora, as they are and changed a little, through the codec as it ships.

tests/fuzz/fuzz_native.c compares the extension with a tree that the C walk makes. Here the same inputs, with changes
that are the same in each run, are compared with fastavro, with lazy views, and with what is encoded of the values.
"""

from __future__ import annotations

import io
import json
import random
from hashlib import sha1
from pathlib import Path
from typing import Any

import fastavro
import pytest

from django_kafka import _native
from tests.py.oracle.test_avro_differential import is_there_no_such_value, promotes_within_a_union, same
from tests.py.oracle.test_avro_vectors import VECTORS

CORPUS = Path(__file__).parents[2] / "fuzz" / "corpus"
CUT = b"\xfe"
CHANGES = 25  # of each input
# Numbers at which things break: as varints, and without an end.
NUMBERS = (b"\1", b"\2", b"\x7f", b"\x80\1", b"\xfe\xff\xff\xff\x0f", b"\xff" * 9 + b"\1", b"\x80" * 10, b"\x80\x80")


def input_of(vector: dict[str, Any]) -> str:
    """The name of the input that make_corpus.py made of a vector."""
    parts = [vector[part].encode() for part in ("avsc", "avsc reader") if part in vector]
    return sha1(CUT.join([*parts, bytes.fromhex(vector.get("hex", ""))])).hexdigest()[:12]


# fastavro is known to make something else of these.
DIFFER = {input_of(param.values[0]) for param in VECTORS if "differs" in param.values[0]}
INPUTS = [
    pytest.param(path, id=f"{folder}-{path.name}")
    for folder in ("decode", "resolve")
    for path in sorted((CORPUS / folder).iterdir())
]


def changed(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    some = chance.randrange(1, 9)
    kind = chance.randrange(5)
    if kind == 0 and at < len(data):
        return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
    if kind == 1:
        return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
    if kind == 2:
        return data[:at] + chance.choice(NUMBERS) + data[at + 1 :]
    if kind == 3:
        return data[:at] + data[at + some :]
    return data[:at] + data[at : at + some] + data[at:]


def theirs_of(writer: Any, reader: Any, data: bytes) -> tuple[bool, Any]:
    """Whether fastavro takes the bytes, all of them, and what it makes of them."""
    source = io.BytesIO(data)
    try:
        value = fastavro.schemaless_reader(source, writer, reader)
    except Exception:
        return False, None
    return source.tell() == len(data), value


def check(schema: _native.AvroSchema, data: bytes, writer: Any, reader: Any, comparable: bool) -> None:
    try:
        value = schema.decode(data)
    except _native.DecodeError as error:
        assert 0 <= error.pos <= len(data)
        with pytest.raises(_native.DecodeError):  # a view finds it too, when all is read
            view = schema.decode(data, lazy=True)
            if isinstance(view, _native.AvroRecord):
                view.to_dict()
        return
    view = schema.decode(data, lazy=True)
    if isinstance(view, _native.AvroRecord):
        assert all(same(view[name], value[name]) for name in reversed(list(value)))
        view = view.to_dict()
    assert same(view, value)
    accepted, theirs = theirs_of(writer, reader, data)
    if accepted and comparable:
        assert same(value, theirs)
    if reader is None:
        check_encoded(schema, value)


def check_encoded(schema: _native.AvroSchema, value: Any) -> None:
    try:
        written = schema.encode(value)
    except _native.EncodeError as error:
        # Bytes may hold what no writer writes: an int of more than 32 bits; and a union cannot choose for all values.
        assert "does not fit into an int" in str(error) or "none of the union's types" in str(error)
        return
    try:
        again = schema.decode(written)
    except _native.DecodeError as error:
        assert is_there_no_such_value(error)
        return
    assert same(again, value) or "union" in schema.dump()


@pytest.mark.parametrize("path", INPUTS)
def test_corpus(path: Path) -> None:
    text, _, rest = path.read_bytes().partition(CUT)
    reader_text, data = rest.split(CUT, 1) if path.parent.name == "resolve" else (None, rest)
    try:
        schema = _native.AvroSchema(text.decode())
        if reader_text is not None:
            schema = _native.AvroSchema.reader(schema, _native.AvroSchema(reader_text.decode()))
    except _native.SchemaError:
        return
    writer = fastavro.parse_schema(json.loads(text))
    reader = None if reader_text is None else fastavro.parse_schema(json.loads(reader_text))
    comparable = path.name not in DIFFER and not promotes_within_a_union(json.loads(text))
    check(schema, data, writer, reader, comparable)
    chance = random.Random(path.name)
    for _ in range(CHANGES):
        other = data
        for _ in range(chance.choice((1, 1, 2, 3))):
            other = changed(other, chance)
        check(schema, other, writer, reader, comparable)
