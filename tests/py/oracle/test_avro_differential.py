"""The C codec against fastavro, and against confluent's (de)serializers, by cases of chance.

AVRO_CASES is the number of cases per test (default 300). What differs on purpose is said in the tests' names and
comments.
"""

from __future__ import annotations

import copy
import decimal
import io
import json
import math
import os
from typing import Any

import fastavro
import pytest
from fastavro.schema import to_parsing_canonical_form
from hypothesis import HealthCheck, Phase, assume, example, given, settings
from hypothesis import strategies as st

from django_kafka import _native

from .avro_cases import Names, build, cases, odd_values, record

CASES = int(os.environ.get("AVRO_CASES", "300"))
many = settings(
    max_examples=CASES,
    deadline=None,
    database=None,
    derandomize="AVRO_CASES" not in os.environ,  # the same cases in each ordinary run; chance when it is asked for
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


def parsed(schema: Any) -> Any:
    return fastavro.parse_schema(copy.deepcopy(schema))


def theirs_encode(schema: Any, value: Any) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, parsed(schema), value)
    return out.getvalue()


def written_by_theirs(schema: Any, value: Any) -> bytes:
    """fastavro cannot choose a branch when a decimal does not fit an earlier one: such a case says nothing."""
    try:
        return theirs_encode(schema, value)
    except ValueError:
        assume(False)
        raise


def check_written(schema: Any, value: Any, ours: bytes, theirs: bytes) -> None:
    """The same bytes; but a negative Decimal too large for its fixed is written by fastavro as another number."""
    if ours != theirs:
        assert theirs_decode(schema, ours) == value != theirs_decode(schema, theirs)


def is_there_no_such_value(error: Exception) -> bool:
    """Whether a plain number or text in a union became a date, time or UUID that there is not: fastavro writes it so,
    too, and raises when it reads it, or makes a time up (of -1 ms)."""
    return any(text in str(error) for text in ("not within a day", "outside the years", "not a UUID"))


def theirs_decode(schema: Any, data: bytes, reader: Any = None) -> Any:
    return fastavro.schemaless_reader(io.BytesIO(data), parsed(schema), None if reader is None else parsed(reader))


def promotes_within_a_union(schema: Any) -> bool:
    """Whether some union has two branches of which one can be promoted to the other. There fastavro takes the first
    that takes the value (bytes as a string, an error included), and we the one of the same type."""
    if isinstance(schema, list):
        kinds = [b["type"] if isinstance(b, dict) else b for b in schema]
        numbers = sum(kind in ("int", "long", "float", "double") for kind in kinds)
        return numbers > 1 or {"string", "bytes"} <= set(kinds) or any(map(promotes_within_a_union, schema))
    if isinstance(schema, dict):
        inner = [schema.get(part) for part in ("type", "items", "values")]
        fields = schema.get("fields", [])
        return any(map(promotes_within_a_union, inner)) or any(promotes_within_a_union(f["type"]) for f in fields)
    return False


def same(a: Any, b: Any) -> bool:
    """Equal, of the same types, NaN equal to itself, -0.0 not equal to 0.0. b: fastavro's, which has rounded what has
    more digits than the precision of its decimal."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return math.copysign(1, a) == math.copysign(1, b) and (a == b or (math.isnan(a) and math.isnan(b)))
    if hasattr(a, "tzinfo"):
        return a == b and a.tzinfo == b.tzinfo
    if hasattr(a, "as_tuple"):
        rounded = decimal.Context(prec=len(b.as_tuple().digits)).create_decimal(a)
        return b.as_tuple() in (a.as_tuple(), rounded.as_tuple())
    return a == b


FIXED_FIRST = [
    {"type": "fixed", "logicalType": "decimal", "name": "F", "size": 14, "precision": 18, "scale": 18},
    {"type": "bytes", "logicalType": "decimal", "precision": 16, "scale": 0},
]


@many
@given(cases())
@example((FIXED_FIRST, decimal.Decimal(-2596148429267414)))
def test_bytes_and_values_are_those_of_fastavro(case: tuple[Any, Any]) -> None:
    schema, value = case
    ours = _native.AvroSchema(json.dumps(schema))
    theirs, data = written_by_theirs(schema, value), ours.encode(value)
    check_written(schema, value, data, theirs)
    try:
        decoded = ours.decode(data)
    except _native.DecodeError as error:
        assert is_there_no_such_value(error)
        return
    theirs_decoded = theirs_decode(schema, data)
    assert same(decoded, theirs_decoded)
    if decoded != theirs_decoded and "Decimal(" in repr(decoded):
        return  # a decimal that fastavro rounds, and that is not written with so many digits
    check_written(schema, decoded, ours.encode(decoded), written_by_theirs(schema, decoded))
    lazy = ours.decode(data, lazy=True)
    assert lazy == decoded
    if isinstance(decoded, dict) and isinstance(schema, dict) and schema["type"] == "record":
        assert type(lazy) is _native.AvroRecord
        assert [same(lazy[key], decoded[key]) for key in reversed(list(decoded))] == [True] * len(decoded)
        assert same(lazy.to_dict(), decoded)


@many
@given(cases())
def test_canonical_form_is_fastavros(case: tuple[Any, Any]) -> None:
    schema, _ = case
    assert _native.AvroSchema(json.dumps(schema)).canonical == to_parsing_canonical_form(parsed(schema))


@many
@given(cases(), st.data())
def test_a_changed_byte_never_does_more_than_an_error(case: tuple[Any, Any], data: st.DataObject) -> None:
    """Where both decode changed bytes, they decode the same; ours may refuse what fastavro lets pass, never the
    reverse."""
    schema, value = case
    good = written_by_theirs(schema, value)
    assume(good)
    at = data.draw(st.integers(0, len(good) - 1))
    bad = good[:at] + bytes([data.draw(st.integers(0, 255))]) + good[at + 1 :]
    ours = _native.AvroSchema(json.dumps(schema))
    try:
        decoded = ours.decode(bad)
    except _native.DecodeError as error:
        assert 0 <= error.pos <= len(bad)
        return
    assert same(decoded, theirs_decode(schema, bad))


@many
@given(st.data(), odd_values())
def test_what_is_encoded_of_any_value_is_what_fastavro_encodes(data: st.DataObject, value: Any) -> None:
    """Ours refuses some values of a wrong type that fastavro lets pass (1.5 for an int, None for a boolean); what
    both take becomes the same bytes. What only ours takes (a date's branch of a union does not end the search for one
    that fits a text, a Decimal is a float within a union too) becomes bytes that both read alike."""
    schema, _ = build(data.draw, Names(), 2)
    assume("timestamp-nanos" not in str(schema) or "datetime" not in repr(value))  # fastavro writes numbers alone so
    ours = _native.AvroSchema(json.dumps(schema))
    try:
        encoded = ours.encode(value)
    except _native.EncodeError as error:
        try:
            theirs = theirs_encode(schema, value)
        except Exception:
            return
        assert (
            "wanted" in str(error)
            or "does not fit" in str(error)
            or "too large" in str(error)
            or "none of" in str(error)
        ), f"{theirs!r}: {error}"
        return
    try:
        theirs = theirs_encode(schema, value)
    except (TypeError, ValueError):
        assert same(ours.decode(encoded), theirs_decode(schema, encoded))
        return
    assert encoded == theirs


def evolve(draw: Any, schema: dict[str, Any], names: Names) -> dict[str, Any]:
    """Another version of a record: fields gone, added with defaults, renamed by alias, promoted, in another order."""
    fields = []
    for field in schema["fields"]:
        what = draw(st.sampled_from(["keep", "keep", "keep", "drop", "rename", "promote", "nullable"]))
        kind = field["type"]
        if what == "drop":
            continue
        new = dict(field)
        if what == "rename":
            new = {"name": f"new_{field['name']}", "aliases": [field["name"]], "type": kind}
        elif what == "promote" and isinstance(kind, str):
            wider = {"int": ["long", "float", "double"], "long": ["double"], "float": ["double"], "string": ["bytes"]}
            new["type"] = draw(st.sampled_from(wider.get(kind, [kind])))
        elif what == "nullable" and not isinstance(kind, list) and kind != "null":
            new["type"] = ["null", kind]
        elif isinstance(kind, dict) and kind["type"] == "record":
            new["type"] = evolve(draw, kind, names)
        fields.append(new)
    for kind, default in (
        ("int", 7),
        ("string", "d"),
        (["null", "long"], None),
        ({"type": "array", "items": "int"}, [1, 2]),
    ):
        if draw(st.booleans()):
            fields.append({"name": names.next("added"), "type": kind, "default": default})
    return {**schema, "fields": draw(st.permutations(fields))}


@many
@given(st.data())
def test_another_schema_reads_as_fastavro_reads(data: st.DataObject) -> None:
    names = Names()
    writer, values = record(data.draw, names, 2)
    value = data.draw(values)
    assume(not promotes_within_a_union(writer))
    reader = evolve(data.draw, writer, names)
    written = written_by_theirs(writer, value)
    ours = _native.AvroSchema.reader(_native.AvroSchema(json.dumps(writer)), _native.AvroSchema(json.dumps(reader)))
    try:
        theirs = theirs_decode(writer, written, reader)
    except ValueError:  # fastavro has promoted to a logical type that the value is none of
        assume(False)
        raise
    assert same(ours.decode(written), theirs)
    lazy = ours.decode(written, lazy=True)
    assert lazy == theirs
    assert list(lazy) == list(theirs)


@many
@given(st.data())
def test_the_same_schema_reads_what_was_written(data: st.DataObject) -> None:
    """Unions of types that can be promoted to each other included."""
    writer, values = record(data.draw, Names(), 2)
    written = written_by_theirs(writer, data.draw(values))
    plain = _native.AvroSchema(json.dumps(writer))
    twice = _native.AvroSchema.reader(plain, _native.AvroSchema(json.dumps(writer)))
    try:
        expected = plain.decode(written)
    except _native.DecodeError as error:
        assert is_there_no_such_value(error)
        with pytest.raises(_native.DecodeError):
            twice.decode(written)
        return
    assert same(twice.decode(written), expected)


class Registry:
    """As much of confluent's registry client as its (de)serializers ask for."""

    def __init__(self) -> None:
        self.schemas: list[Any] = []

    def config(self) -> dict[str, Any]:
        return {}

    def register_schema_full_response(self, subject: str, schema: Any, normalize_schemas: bool = False) -> Any:
        from confluent_kafka.schema_registry import RegisteredSchema

        self.schemas.append(schema)
        return RegisteredSchema(schema_id=len(self.schemas), guid=None, schema=schema, subject=subject, version=1)

    def get_schema(self, schema_id: int, subject: Any = None, fmt: Any = None, **_: Any) -> Any:
        return self.schemas[schema_id - 1]


@many
@given(st.data())
def test_messages_are_those_of_confluents_serializers(data: st.DataObject) -> None:
    avro = pytest.importorskip("confluent_kafka.schema_registry.avro")
    from confluent_kafka.schema_registry import topic_subject_name_strategy
    from confluent_kafka.serialization import MessageField, SerializationContext

    schema, values = record(data.draw, Names(), 2)
    value = data.draw(values)
    registry, ctx = Registry(), SerializationContext("topic", MessageField.VALUE)
    conf = {"subject.name.strategy": topic_subject_name_strategy}
    written_by_theirs(schema, value)
    message = avro.AvroSerializer(registry, json.dumps(schema), conf=conf)(value, ctx)
    assume(len(message) > 5)  # confluent's reader does not take a value without bytes
    ours = _native.AvroSchema(json.dumps(schema))
    try:
        theirs = avro.AvroDeserializer(registry, conf=conf)(message, ctx)
    except (ValueError, OverflowError):
        with pytest.raises(_native.DecodeError) as refused:
            ours.decode(message, 5)
        assert is_there_no_such_value(refused.value)
        return
    try:
        ours.decode(message, 5)
    except _native.DecodeError as error:
        assert is_there_no_such_value(error)
        return
    encoded = ours.encode(value, _native.wire_prefix(1))
    check_written(schema, value, encoded[5:], message[5:])
    schema_id, start = _native.wire_parse(message)
    assert (schema_id, start) == (1, 5)
    assert encoded[:5] == message[:5]
    assert same(ours.decode(message, start), theirs)
