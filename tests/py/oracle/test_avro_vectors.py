"""The vectors of tests/vectors/avro, which the C tests read too, through the binding and against fastavro."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import fastavro
import pytest

from django_kafka import _native

FOLDER = Path(__file__).parents[2] / "vectors" / "avro"


def read(name: str) -> list[Any]:
    found = []
    for section in (FOLDER / f"{name}.md").read_text().split("\n## ")[1:]:
        blocks = re.findall(r"^```([^\n]+)\n(.*?)\n?```$", section, re.MULTILINE | re.DOTALL)
        vector = {info.removesuffix(" one-way"): body for info, body in blocks}
        vector["one-way"] = "```hex one-way" in section
        found.append(pytest.param(vector, id=f"{name}: {section.splitlines()[0]}"))
    return found


FILES = ("primitives", "complex", "logical", "resolution", "hostile", "debezium")
VECTORS = [v for name in FILES for v in read(name)]


def schema_of(vector: dict[str, str]) -> _native.AvroSchema:
    writer = _native.AvroSchema(vector["avsc"])
    if "avsc reader" in vector:
        return _native.AvroSchema.reader(writer, _native.AvroSchema(vector["avsc reader"]))
    return writer


def check_error(text: str, error: Exception) -> None:
    for line in text.splitlines():
        key, _, want = line.partition(": ")
        if key == "path":
            assert error.path == want
        elif key == "pos":
            assert error.pos == int(want)
        else:
            assert want in str(error)


def plain(value: Any) -> Any:
    """A value as the json block has it; None for what has no such form (logical types)."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


@pytest.mark.parametrize("vector", VECTORS)
def test_decode(vector: dict[str, Any]) -> None:
    if "error schema" in vector:
        with pytest.raises(_native.SchemaError) as refused:
            schema_of(vector)
        check_error(vector["error schema"], refused.value)
        return
    schema = schema_of(vector)
    data = bytes.fromhex(vector["hex"])
    if "error" in vector:
        with pytest.raises(_native.DecodeError) as caught:
            schema.decode(data)
        check_error(vector["error"], caught.value)
        return
    value = schema.decode(data)
    assert schema.decode(b"head" + data, 4) == value
    assert schema.decode(bytearray(data)) == value
    if "logicalType" not in vector["avsc"]:
        assert plain(value) == json.loads(vector["json"], parse_float=float)
    lazy = schema.decode(data, lazy=True)
    assert lazy == value
    writer = fastavro.parse_schema(json.loads(vector["avsc"]))
    reader = fastavro.parse_schema(json.loads(vector["avsc reader"])) if "avsc reader" in vector else None
    theirs = fastavro.schemaless_reader(io.BytesIO(data), writer, reader)
    if "differs" in vector:
        assert repr(value) != repr(theirs), "fastavro does not differ any more"
    else:
        assert value == theirs
        assert type(value) is type(theirs)
    if not vector["one-way"] and reader is None:
        assert schema.encode(value) == data


@pytest.mark.parametrize("vector", read("schemas"))
def test_schemas(vector: dict[str, Any]) -> None:
    if "error schema" in vector:
        with pytest.raises(_native.SchemaError) as caught:
            _native.AvroSchema(vector["avsc"])
        check_error(vector["error schema"], caught.value)
    else:
        schema = _native.AvroSchema(vector["avsc"])
        assert schema.canonical == vector["canonical"]
        assert schema.fingerprint.to_bytes(8, "little").hex() == vector["fingerprint"]
