# SPDX-License-Identifier: MIT
"""A fuzzer of the binding by Python's objects: values made for random schemas, of which some do what no value should.

They change the containers that hold them while these are read, raise from any method, call back into the codec, close
the producer that is given them, look at every object from callbacks of the garbage collector. Under AddressSanitizer
(tools/fuzz_objects.sh) a reference that was not owned, or a size that was not asked for again, ends the run.

    python -m tests.fuzz.objects --seconds 60 --seed 7
"""

from __future__ import annotations

import argparse
import collections
import copy
import datetime as dt
import decimal
import gc
import json
import logging
import pickle
import random
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaException

from django_kafka._native import (
    AvroReader,
    AvroSchema,
    Broker,
    DecodeError,
    EncodeError,
    Message,
    Producer,
    SchemaError,
)


class Thrown(BaseException):
    """Passes through everything: nobody may swallow it."""


class Fuzzer:
    """One run: its random numbers, and what its objects may reach while a value is written."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.root: Any = None  # the value in hand: nothing else holds what is in it, which has to be freed
        self.names = 0
        self.thrown = 0
        self.depth = 0
        self.schema: AvroSchema | None = None
        self.producer: Producer | None = None

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    # ---- mischief ----

    def disturb(self) -> None:
        """Whatever Python code can do in the middle of a call."""
        what = self.random.randrange(7)
        if what == 0 and self.chance(40):
            self.thrown += 1
            raise Thrown
        if what == 1 and self.chance(30):
            raise self.random.choice([ValueError, TypeError, KeyError, MemoryError, AttributeError])("as it likes")
        if what == 2:
            gc.collect(0)
        if what == 3 and self.schema is not None and self.depth < 3:
            self.depth += 1
            try:
                self.schema.encode(self.inside())
            except EncodeError:
                pass
            finally:
                self.depth -= 1
        if what >= 4:
            self.change(self.inside())
        if self.producer is not None and self.chance(2):
            self.producer.close(0)

    def inside(self) -> Any:
        """A container of the value in hand."""
        here = self.root
        while self.chance(70):
            here = getattr(here, "held", here)
            if isinstance(here, dict):
                parts: Sequence[Any] = list(dict.values(here))
            elif isinstance(here, (list, tuple)):
                parts = list.copy(here) if isinstance(here, list) else here
            else:
                break
            below = [part for part in parts if isinstance(part, CONTAINERS)]
            if not below:
                break
            here = self.random.choice(below)
        return getattr(here, "held", here)

    def change(self, container: Any) -> None:
        how = self.random.randrange(4)
        if isinstance(container, list):
            if how == 0:
                container.clear()
            elif how == 1:
                container.extend([None] * self.random.choice([1, 100]))
            elif container:
                del container[self.random.randrange(len(container)) :]
        elif isinstance(container, dict):
            if how == 0:
                container.clear()
            elif how == 1:
                container.update({f"new{i}": i for i in range(self.random.choice([1, 50]))})
            elif container:
                container.pop(self.random.choice(list(container)), None)
        elif isinstance(container, bytearray) and how == 0:
            try:
                container.extend(bytes(1000))
            except BufferError:
                pass

    # ---- schemas ----

    def name(self) -> str:
        self.names += 1
        return f"N{self.names}"

    def schema_of(self, depth: int) -> Any:
        kinds: list[Callable[[], Any]] = [
            lambda: self.random.choice(["null", "boolean", "int", "long", "float", "double", "bytes", "string"]),
            lambda: self.logical(),
            lambda: {"type": "enum", "name": self.name(), "symbols": ["A", "B", "C"]},
            lambda: {"type": "fixed", "name": self.name(), "size": self.random.choice([0, 1, 16])},
        ]
        if depth > 0:
            kinds += [
                lambda: {"type": "array", "items": self.schema_of(depth - 1)},
                lambda: {"type": "map", "values": self.schema_of(depth - 1)},
                lambda: self.record(depth),
                lambda: self.record(depth),
                lambda: self.union(depth),
            ]
        return self.random.choice(kinds)()

    def logical(self) -> Any:
        base, kind = self.random.choice(
            [
                ("int", "date"),
                ("int", "time-millis"),
                ("long", "time-micros"),
                ("long", "timestamp-millis"),
                ("long", "timestamp-micros"),
                ("long", "local-timestamp-micros"),
                ("string", "uuid"),
                ("bytes", "decimal"),
            ]
        )
        return {"type": base, "logicalType": kind, "precision": self.random.choice([4, 30, 200]), "scale": 2}

    def record(self, depth: int) -> Any:
        name = self.name()
        fields: list[dict[str, Any]] = [
            {"name": f"f{i}", "type": self.schema_of(depth - 1)} for i in range(self.random.randrange(6))
        ]
        if self.chance(20):
            fields.append({"name": "next", "type": ["null", name], "default": None})
        return {"type": "record", "name": name, "fields": fields}

    def union(self, depth: int) -> Any:
        branches: list[Any] = self.random.sample(
            ["null", "int", "string", "double", "bytes"], self.random.randint(1, 3)
        )
        branches += [self.record(depth) for _ in range(self.random.randrange(3))]
        if self.chance(30):
            branches.append({"type": "array", "items": self.schema_of(depth - 1)})
        return branches

    # ---- values ----

    def value_of(self, schema: Any, depth: int = 6) -> Any:
        if self.chance(3):
            return self.stranger()
        if isinstance(schema, list):
            branch = self.random.choice(schema)
            value = self.value_of(branch, depth)
            named = isinstance(branch, dict) and "name" in branch and self.chance(40)
            return (branch["name"], value) if named else value
        kind = schema["type"] if isinstance(schema, dict) else schema
        if isinstance(schema, dict) and "logicalType" in schema and self.chance(80):
            return self.moment(schema["logicalType"])
        if kind in _PLAIN:
            value = self.random.choice(_PLAIN[kind])
            return self.wrapped(value) if self.chance(15) else copy.copy(value)
        if kind == "enum":
            return self.random.choice(["A", "B", "C", "D"])
        if kind == "fixed":
            return bytes(schema["size"])
        return self.container(schema, kind, depth)

    def container(self, schema: Any, kind: str, depth: int) -> Any:
        held: Any
        if kind == "array":
            held = [self.value_of(schema["items"], depth - 1) for _ in range(self.random.randrange(5)) if depth > 0]
        elif kind == "map":
            held = {f"k{i}": self.value_of(schema["values"], depth - 1) for i in range(self.random.randrange(5))}
        elif kind == "record":
            held = {
                f["name"]: self.value_of(f["type"], depth - 1)
                for f in schema["fields"]
                if f["name"] != "next" or self.chance(50)
            }
        else:
            return None  # a name: the record that is being made
        if self.chance(30):
            held = self.odd(held)
        return held

    def odd(self, held: Any) -> Any:
        if isinstance(held, list):
            return (
                self.random.choice([tuple, OddList, OddSequence])(held)
                if self.chance(70)
                else collections.deque(held)
            )
        cls = self.random.choice([OddDict, OddMapping, collections.OrderedDict, Counting])
        return cls(held)

    def wrapped(self, value: Any) -> Any:
        """The value as a subclass that runs code, or as something that only turns into it."""
        for base, cls in ((bool, None), (int, OddInt), (float, OddFloat), (str, OddText), (bytes, bytearray)):
            if isinstance(value, base):
                made = value if cls is None else cls(value)
                if isinstance(made, bytearray):
                    return self.random.choice([made, memoryview(made)])
                return made
        return value

    def moment(self, kind: str) -> Any:
        if kind == "uuid":
            return self.random.choice([uuid.UUID(int=5), "no uuid", str(uuid.UUID(int=7))])
        if kind == "decimal":
            return self.random.choice(
                [decimal.Decimal("1.50"), decimal.Decimal(10) ** 30, decimal.Decimal("NaN"), OddDecimal("1.5"), 3]
            )
        zone = self.random.choice([None, dt.UTC, OddZone()])
        at = self.random.choice([dt.datetime, OddTime])(2024, 5, 6, 7, 8, 9, 10, tzinfo=zone)
        return self.random.choice([at, at.date(), at.time(), 5])

    def stranger(self) -> Any:
        return self.random.choice(
            [object(), Odd(), [], {}, (), b"", "", 2**70, float("nan"), "\ud800", ("N1", 5), type]
        )


_PLAIN: dict[str, list[Any]] = {
    "null": [None],
    "boolean": [True, False, 1],
    "int": [0, -1, 2**31 - 1, 2**31],
    "long": [0, 2**63 - 1, -(2**63), 2**64],
    "float": [1.5, 2, "nan"],
    "double": [-0.0, 1e300, 10**400],
    "bytes": [b"", b"abc", bytes(300)],
    "string": ["", "text", "é" * 100, "日本" * 50, "😀", "x" * 300],
}

fuzzer = Fuzzer(0)  # the one that runs: methods of the classes below have no other way to it


class Odd:
    """Answers everything, and changes things while it does."""

    def __index__(self) -> int:
        fuzzer.disturb()
        return 5

    def __float__(self) -> float:
        fuzzer.disturb()
        return 1.5

    def __len__(self) -> int:
        fuzzer.disturb()
        return fuzzer.random.choice([0, 3, 2**40])

    def __iter__(self) -> Iterator[Any]:
        fuzzer.disturb()
        yield from [1, 2]
        fuzzer.disturb()

    def __getitem__(self, key: Any) -> Any:
        fuzzer.disturb()
        return key


class OddInt(int):
    def __index__(self) -> int:
        fuzzer.disturb()
        return int.__index__(self)

    def __eq__(self, other: object) -> bool:
        fuzzer.disturb()
        return int.__eq__(self, other)

    __hash__ = int.__hash__


class OddFloat(float):
    def __float__(self) -> float:
        fuzzer.disturb()
        return 2.5


class OddText(str):
    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        fuzzer.disturb()
        return str.__eq__(self, other)

    def __hash__(self) -> int:
        fuzzer.disturb()
        return str.__hash__(self)

    def __str__(self) -> str:
        fuzzer.disturb()
        return "odd"


class OddDecimal(decimal.Decimal):
    def __str__(self) -> str:
        fuzzer.disturb()
        return "1.5"


class OddZone(dt.tzinfo):
    def utcoffset(self, when: dt.datetime | None) -> dt.timedelta | None:
        fuzzer.disturb()
        return dt.timedelta(hours=1)


class OddTime(dt.datetime):
    def utcoffset(self) -> dt.timedelta | None:
        fuzzer.disturb()
        return super().utcoffset()


class OddList(list):  # type: ignore[type-arg]
    def __len__(self) -> int:
        fuzzer.disturb()
        return list.__len__(self)

    def __iter__(self) -> Iterator[Any]:
        fuzzer.disturb()
        return list.__iter__(self)


class OddSequence(Sequence[Any]):
    def __init__(self, held: list[Any]) -> None:
        self.held = held

    def __len__(self) -> int:
        fuzzer.disturb()
        return len(self.held) + fuzzer.random.choice([0, 0, 0, 1, 1000])

    def __getitem__(self, index: Any) -> Any:
        fuzzer.disturb()
        return self.held[index]


class OddDict(dict):  # type: ignore[type-arg]
    def __missing__(self, key: Any) -> Any:
        raise AssertionError("__missing__ was called")

    def __getitem__(self, key: Any) -> Any:
        fuzzer.disturb()
        return dict.__getitem__(self, key)

    def get(self, key: Any, default: Any = None) -> Any:
        fuzzer.disturb()
        return dict.get(self, key, default)

    def items(self) -> Any:
        fuzzer.disturb()
        return dict.items(self)


class Counting(collections.defaultdict[Any, Any]):
    def __init__(self, held: dict[Any, Any]) -> None:
        super().__init__(int, held)


class OddMapping(Mapping[Any, Any]):
    def __init__(self, held: dict[Any, Any]) -> None:
        self.held = held

    def __len__(self) -> int:
        fuzzer.disturb()
        return len(self.held)

    def __iter__(self) -> Iterator[Any]:
        fuzzer.disturb()
        return iter(list(self.held))

    def __getitem__(self, key: Any) -> Any:
        fuzzer.disturb()
        return self.held[key]


CONTAINERS = (list, dict, tuple, bytearray, OddSequence, OddMapping)
# Numbers and texts are written for logical types as they are; other readers can make more of them.
BEYOND_PYTHON = ("outside the years", "is not within a day", "is not a UUID", "cannot be a decimal")
ALLOWED = (EncodeError, DecodeError, ValueError, TypeError, KeyError, MemoryError, AttributeError, IndexError)
ALLOWED_TOO = (RuntimeError, RecursionError, OverflowError, BufferError, KafkaException, Thrown)


def attempt(call: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """None if it raised what it may. Thrown must not be swallowed."""
    before = fuzzer.thrown
    try:
        result = call(*args, **options)
    except (*ALLOWED, *ALLOWED_TOO):
        return None
    if fuzzer.thrown != before:
        raise AssertionError("a BaseException was swallowed")
    return result


def one_schema(run: Fuzzer) -> None:
    described = run.schema_of(3)
    try:
        run.schema = schema = AvroSchema(json.dumps(described))
    except SchemaError:
        return
    for _ in range(20):
        run.root = value = run.value_of(described)
        if (data := attempt(schema.encode, value, b"\0\0\0\0\1")) is None:
            continue
        body = data[5:]
        try:
            read = schema.decode(body)  # what was encoded can be decoded
        except DecodeError as error:
            if not any(text in str(error) for text in BEYOND_PYTHON):
                raise
            continue
        # Bytes that were given for a decimal may be one of more digits than it may be written with.
        attempt(schema.encode, read, b"")
        views(schema, body)
        attempt(schema.encode_many, [value, read, value], b"")
        damaged = bytearray(body)
        for _ in range(3):
            if damaged:
                damaged[run.random.randrange(len(damaged))] = run.random.randrange(256)
            attempt(schema.decode, damaged)
        with_reader(schema, data)
        if run.producer is not None:
            produce(run, schema, value)


def views(schema: AvroSchema, body: bytes) -> None:
    view = schema.decode(body, lazy=True)
    if isinstance(view, Mapping):
        for key in view:
            attempt(view.__getitem__, key)
        copy.deepcopy(view)


def with_reader(schema: AvroSchema, data: bytes) -> None:
    reader = AvroReader(fuzzer.chance(50))
    reader.add(1, schema)
    attempt(reader.decode, data, None)
    message = Message("t", value=data, key=Odd(), headers=[("a", b"b")])
    message.set_value(message) if fuzzer.chance(10) else None
    attempt(message.__eq__, attempt(copy.copy, message))
    attempt(pickle.loads, pickle.dumps(Message("t", value=data)))


def produce(run: Fuzzer, schema: AvroSchema, value: Any) -> None:
    producer = run.producer
    assert producer is not None
    buffers: list[Any] = [bytearray(5), memoryview(b"abcdef")[::2], b"x", "é", None, value]
    run.root = values = run.random.choices(buffers, k=run.random.choice([1, 3, 70]))
    attempt(producer.produce_many, "t", values, run.random.choice([None, values]))
    attempt(producer.produce_many, "t", [value] * 3, value_encoder=(schema, b"\0"))
    attempt(
        producer.produce,
        "t",
        run.random.choice(buffers),
        partition=run.random.choice([0, Odd()]),
        headers={"h": b"1"},
    )
    attempt(producer.write, "t", value, (schema, b"\0"))
    producer_renewed(run)


def producer_renewed(run: Fuzzer) -> None:
    """Somebody may have closed it."""
    try:
        assert run.producer is not None
        run.producer.purge()
        run.producer.poll(0)
    except (RuntimeError, ValueError):
        run.producer = Producer(run.conf)  # type: ignore[attr-defined]


def look_around(phase: str, info: dict[str, int]) -> None:
    """A callback of the garbage collector that looks at what is being made."""
    for obj in gc.get_objects(0)[:200]:
        if type(obj) is dict:
            len(obj)
            list(obj.items())


def main() -> int:
    global fuzzer
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=None)
    args = parser.parse_args()
    seed = args.seed if args.seed is not None else random.randrange(10**9)
    logging.disable(logging.CRITICAL)
    gc.callbacks.append(look_around)
    gc.set_threshold(50)
    end, runs = time.monotonic() + args.seconds, 0
    with Broker() as broker:
        conf = {"bootstrap.servers": broker.bootstrap, "log_level": 0, "linger.ms": 0, "error_cb": lambda error: None}
        broker.create_topic("t", 1)
        producer = Producer(conf)
        while time.monotonic() < end:
            print(f"\rseed {seed + runs}", end="", file=sys.stderr, flush=True)
            fuzzer = Fuzzer(seed + runs)
            fuzzer.conf = conf  # type: ignore[attr-defined]
            fuzzer.producer = producer if runs % 10 == 0 else None
            one_schema(fuzzer)
            producer = fuzzer.producer or producer
            runs += 1
        fuzzer = Fuzzer(seed)
        producer.purge()
        producer.close(5)
    print(f"\n{runs} schemas, from seed {seed} on", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
