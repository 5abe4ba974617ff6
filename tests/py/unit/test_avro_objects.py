# SPDX-License-Identifier: MIT
"""Values that run Python code while they are written: what they raise comes out, what they hold may change."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from django_kafka._native import AvroSchema, EncodeError


class Stop(BaseException):
    pass


class Raises:
    """Raises from whatever it is asked."""

    def __init__(self, error: type[BaseException]) -> None:
        self.error = error

    def __index__(self) -> int:
        raise self.error

    __float__ = __iter__ = __index__

    @property
    def __class__(self) -> Any:
        raise self.error


class Entries(Mapping[Any, Any]):
    def __init__(self, error: type[BaseException]) -> None:
        self.error = error

    def __getitem__(self, key: str) -> Any:
        raise self.error

    def __iter__(self) -> Iterator[Any]:
        raise self.error

    def __len__(self) -> int:
        raise self.error


RECORD = {"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}]}
MAP = {"type": "map", "values": "int"}
SCHEMAS: list[Any] = ["boolean", "int", "long", "double", {"type": "array", "items": "int"}, RECORD, MAP]
SCHEMAS += [["int", "string", "double", RECORD], ["null", "long", MAP]]


@pytest.mark.parametrize("error", [Stop, KeyboardInterrupt, SystemExit, MemoryError])
@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_what_says_nothing_of_the_value_comes_out(schema: Any, error: type[BaseException]) -> None:
    """It said that a value of another type was wanted: a soft time limit was lost so."""
    compiled = AvroSchema(json.dumps(schema))
    raised = 0
    for value in (Raises(error), Entries(error)):
        try:
            compiled.encode(value)
        except error:
            raised += 1
        except EncodeError:
            pass  # it was not asked
    assert raised > 0


@pytest.mark.parametrize("error", [TypeError, ValueError, AttributeError, RuntimeError])
def test_what_says_that_the_value_is_wrong_is_ours(error: type[Exception]) -> None:
    for schema in ("boolean", "int", "long"):
        with pytest.raises(EncodeError):
            AvroSchema(json.dumps(schema)).encode(Raises(error))


def tangled() -> tuple[AvroSchema, Any]:
    """A value that can be one of two records at each of 60 levels, and fits nowhere in the end."""
    b: dict[str, Any] = {"type": "record", "name": "B", "fields": [{"name": "next", "type": ["null", "A", "B"]}]}
    a = {"type": "record", "name": "A", "fields": [{"name": "next", "type": ["null", "A", b]}]}
    value: Any = {"next": object()}
    for _ in range(60):
        value = {"next": value}
    return AvroSchema(json.dumps(["null", a, "string"])), value


def test_the_choice_of_branches_has_an_end() -> None:
    schema, value = tangled()
    with pytest.raises(EncodeError, match=r"in too many ways; give \(name of the type, value\)"):
        schema.encode(value)


def test_the_choice_of_branches_can_be_interrupted() -> None:
    schema, value = tangled()

    def stop(*args: object) -> None:
        raise Stop

    before = signal.signal(signal.SIGUSR1, stop)
    timer = threading.Timer(0.02, signal.raise_signal, (signal.SIGUSR1,))
    try:
        timer.start()
        with pytest.raises(Stop):
            schema.encode(value)  # it would take a second
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)


def test_the_fuzzer_of_objects_finds_nothing() -> None:
    """Some hundred schemas, without a sanitizer; `make check-objects` has one."""
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.objects", "--seconds", "3", "--seed", "1"],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "schemas, from seed 1 on" in done.stderr
