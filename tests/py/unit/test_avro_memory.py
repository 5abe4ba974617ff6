# SPDX-License-Identifier: MIT
"""Each of Python's allocations that decoding and encoding make fails once: MemoryError, and nothing is leaked."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SWEEP = """
import datetime as dt, decimal, gc, json, sys, uuid
import _testcapi
from django_kafka._native import AvroReader, AvroSchema, wire_prefix

def field(name, kind, **more):
    return {"name": name, "type": kind, **more}

def logical(kind, name, **more):
    return {"type": kind, "logicalType": name, **more}

INNER = {"type": "record", "name": "Inner", "fields": [field("k", "string"), field("n", ["null", "Inner"])]}
SCHEMA = AvroSchema(json.dumps({"type": "record", "name": "R", "fields": [
    field("l", {"type": "array", "items": INNER}), field("m", {"type": "map", "values": ["null", "long", "Inner"]}),
    field("d", logical("bytes", "decimal", precision=30, scale=2)), field("t", logical("long", "timestamp-micros")),
    field("u", logical("string", "uuid")), field("b", "bytes"), field("f", "double"),
    field("e", {"type": "enum", "name": "E", "symbols": ["A", "B"]}),
    *(field(f"s{i}", "string") for i in range(80)),
]}))
VALUE = {
    "l": [{"k": "one", "n": {"k": "two", "n": None}}] * 3, "m": {"a": 1 << 40, "bc": None, "x": {"k": "", "n": None}},
    "d": decimal.Decimal("12345678901234567890.12"), "t": dt.datetime(2024, 5, 6, 7, 8, 9, 10, dt.UTC),
    "u": uuid.UUID(int=12345 << 100), "b": b"bytes", "f": 1.5, "e": "B",
    **{f"s{i}": f"text {i} é" for i in range(80)},
}
DATA = SCHEMA.encode(VALUE)
MESSAGE = wire_prefix(300) + DATA
READER, LAZY = AvroReader(), AvroReader(lazy=True)
for reader in (READER, LAZY):
    reader.add(300, SCHEMA)
    reader.decode(MESSAGE)
MAPPING = type("Mapping", (dict,), {})(VALUE)
CALLS = {
    "decode": lambda: SCHEMA.decode(DATA) == VALUE,
    "reader": lambda: READER.decode(MESSAGE) == VALUE,
    "view": lambda: LAZY.decode(MESSAGE).to_dict() == VALUE,
    "encode": lambda: SCHEMA.encode(VALUE) == DATA,
    "mapping": lambda: SCHEMA.encode(MAPPING) == DATA,
    "refused": lambda: refused(),
    "malformed": lambda: malformed(),
}

def refused():
    try:
        SCHEMA.encode({**VALUE, "m": {"a": "no long"}})
    except ValueError as error:
        return error.path == 'm["a"]'

def malformed():
    try:
        SCHEMA.decode(DATA[:-1])
    except ValueError as error:
        return error.path == "s79"

def fails(call, n):
    _testcapi.set_nomemory(n, n + 1)
    try:
        good = call()
    except MemoryError:
        return True
    finally:
        _testcapi.remove_mem_hooks()
    assert good
    return False

def sweep(call):
    failed, last, n = 0, 0, 0
    while n < last + 50:  # beyond the last there is none to fail
        n += 1
        if fails(call, n):
            failed, last = failed + 1, n
    return failed

call = CALLS[sys.argv[1]]
assert call()
for _ in range(20):  # the first ones fill Python's own caches; what is leaked is leaked each time
    gc.collect()
    blocks = sys.getallocatedblocks()
    failed = sweep(call)
    gc.collect()
    more = sys.getallocatedblocks() - blocks
    if more <= 0:
        break
assert call()
print(failed, "allocations failed in turn,", more, "blocks more than before")
assert failed >= 5
assert more <= 0
"""


@pytest.mark.skipif(importlib.util.find_spec("_testcapi") is None, reason="this Python comes without its tests")
@pytest.mark.parametrize("what", ["decode", "reader", "view", "encode", "mapping", "refused", "malformed"])
def test_failing_allocations(what: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SWEEP, what], capture_output=True, text=True, timeout=240, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
