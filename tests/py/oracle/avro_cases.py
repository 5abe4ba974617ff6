"""Schemas and values by chance, for the comparison with other implementations of Avro.

A case is a schema and a value that fits it. Names are numbered as they are made, so that all schemas are valid.
"""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

Draw = Callable[[Any], Any]

FIRST = dt.datetime(1, 1, 2)
LAST = dt.datetime(9999, 12, 30)
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)

PRIMITIVES: dict[str, Any] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(width=32, allow_nan=False),
    "double": st.floats(allow_nan=False),
    "bytes": st.binary(max_size=12),
    "string": texts,
}


def logical(base: str, kind: str, /, **more: Any) -> dict[str, Any]:
    return {"type": base, "logicalType": kind, **more}


LOGICAL: list[tuple[dict[str, Any], Any]] = [
    (logical("int", "date"), st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31))),
    (logical("int", "time-millis"), st.times().map(lambda t: t.replace(microsecond=t.microsecond // 1000 * 1000))),
    (logical("long", "time-micros"), st.times()),
    (
        logical("long", "timestamp-millis"),
        st.datetimes(FIRST, LAST, timezones=st.just(dt.UTC)).map(
            lambda t: t.replace(microsecond=t.microsecond // 1000 * 1000)
        ),
    ),
    (logical("long", "timestamp-micros"), st.datetimes(FIRST, LAST, timezones=st.just(dt.UTC))),
    (
        logical("long", "local-timestamp-millis"),
        st.datetimes(FIRST, LAST).map(lambda t: t.replace(microsecond=t.microsecond // 1000 * 1000)),
    ),
    (logical("long", "local-timestamp-micros"), st.datetimes(FIRST, LAST)),
    (logical("long", "timestamp-nanos"), PRIMITIVES["long"]),
    (logical("string", "uuid"), st.uuids()),
    (logical("string", "unheard-of"), texts),
]


@st.composite
def decimals(draw: Draw, precision: int, scale: int) -> decimal.Decimal:
    digits = draw(st.integers(0, 10**precision - 1))
    sign = draw(st.integers(0, 1)) if digits else 0  # fastavro writes -0 in a fixed as -2
    return decimal.Decimal((sign, tuple(map(int, str(digits))), -scale))


class Names:
    """Numbers for the names of one schema."""

    def __init__(self) -> None:
        self.last = 0

    def next(self, prefix: str) -> str:
        self.last += 1
        return f"{prefix}{self.last}"


def scalar(draw: Draw, names: Names) -> tuple[Any, Any]:
    kind = draw(st.sampled_from(["primitive", "primitive", "logical", "decimal", "enum", "fixed", "fixed decimal"]))
    if kind == "primitive":
        name = draw(st.sampled_from(sorted(PRIMITIVES)))
        return name, PRIMITIVES[name]
    if kind == "logical":
        return draw(st.sampled_from(LOGICAL))
    if kind == "enum":
        symbols = [f"S{i}" for i in range(draw(st.integers(1, 5)))]
        return {"type": "enum", "name": names.next("E"), "symbols": symbols}, st.sampled_from(symbols)
    if kind == "fixed":
        size = draw(st.integers(0, 5))
        return {"type": "fixed", "name": names.next("F"), "size": size}, st.binary(min_size=size, max_size=size)
    precision = draw(st.integers(1, 30))
    scale = draw(st.integers(0, precision))
    if kind == "decimal":
        return logical("bytes", "decimal", precision=precision, scale=scale), decimals(precision, scale)
    return (
        logical("fixed", "decimal", name=names.next("F"), size=14, precision=precision, scale=scale),
        decimals(precision, scale),
    )


def kind_of(schema: Any) -> str:
    return schema if isinstance(schema, str) else schema["type"]


def build(draw: Draw, names: Names, depth: int, in_union: bool = False) -> tuple[Any, Any]:
    """A schema, and a strategy for its values."""
    kinds = (
        ["scalar", "scalar"]
        if depth == 0
        else ["scalar", "scalar", "array", "map", "record"] + ["union"] * (not in_union)
    )
    kind = draw(st.sampled_from(kinds))
    if kind == "array":
        items, values = build(draw, names, depth - 1)
        return {"type": "array", "items": items}, st.lists(values, max_size=3)
    if kind == "map":
        items, values = build(draw, names, depth - 1)
        return {"type": "map", "values": items}, st.dictionaries(texts, values, max_size=3)
    if kind == "record":
        return record(draw, names, depth)
    if kind == "union":
        return union(draw, names, depth)
    return scalar(draw, names)


def record(draw: Draw, names: Names, depth: int) -> tuple[Any, Any]:
    name = names.next("R")
    fields, values = [], {}
    for i in range(draw(st.integers(0, 5))):
        schema, value = build(draw, names, depth - 1)
        fields.append({"name": f"f{i}", "type": schema})
        values[f"f{i}"] = value
    return {"type": "record", "name": name, "fields": fields}, st.fixed_dictionaries(values)


def union(draw: Draw, names: Names, depth: int) -> tuple[Any, Any]:
    branches, strategies, seen = [], [], set()
    for _ in range(draw(st.integers(1, 4))):
        schema, values = build(draw, names, depth - 1, in_union=True)
        kind = kind_of(schema)
        if kind in seen and kind not in ("record", "enum", "fixed"):
            continue
        seen.add(kind)
        branches.append(schema)
        strategies.append(values)
    # Arrays last: fastavro would write bytes as an array that comes before them.
    order = sorted(range(len(branches)), key=lambda i: kind_of(branches[i]) == "array")
    return [branches[i] for i in order], st.one_of([strategies[i] for i in order])


@st.composite
def cases(draw: Draw, depth: int = 3) -> tuple[Any, Any]:
    """(schema, value)"""
    schema, values = build(draw, Names(), depth)
    return schema, draw(values)


@st.composite
def odd_values(draw: Draw) -> Any:
    """Values that fit some schema or none."""
    leaf = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**65), 2**65),
        st.floats(),
        texts,
        st.binary(max_size=4),
        st.uuids(),
        st.datetimes(FIRST, LAST, timezones=st.just(dt.UTC)),
        st.dates(),
        st.times(),
        st.decimals(allow_nan=False, allow_infinity=False, places=2).map(lambda d: d or abs(d)),  # see decimals()
        st.sampled_from(["S0", "S1", "NaN", "2024-02-29", uuid.UUID(int=1), ("null", None), ("string", "x")]),
    )
    return draw(
        st.recursive(
            leaf,
            lambda inner: st.one_of(
                st.lists(inner, max_size=2),
                st.dictionaries(st.sampled_from(["f0", "f1", "f2", "k"]), inner, max_size=3),
            ),
            max_leaves=5,
        )
    )
