# SPDX-License-Identifier: MIT
"""Avro without Python in between: records encoded into the queue, AvroMethod, and the dicts that come out."""

from __future__ import annotations

import copy
import gc
import json
import pickle
import sys
import weakref
from collections import ChainMap, UserDict, defaultdict
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from confluent_kafka import KafkaException

from django_kafka import _native
from django_kafka._native import AvroMethod, AvroReader, AvroSchema, DecodeError, EncodeError, wire_prefix

Make = Callable[..., _native.Producer]

SCHEMA = AvroSchema(
    json.dumps(
        {
            "type": "record",
            "name": "R",
            "fields": [{"name": f"f{i}", "type": ["null", "long"], "default": None} for i in range(7)]
            + [{"name": "text", "type": "string"}, {"name": "items", "type": {"type": "array", "items": "long"}}],
        }
    )
)
PREFIX = wire_prefix(7)
ENCODER = (SCHEMA, PREFIX)


def read(assigned: Callable[..., _native.Consumer], topic: str, n: int) -> list[_native.Message]:
    messages = assigned(topic).consume(n, 20)
    assert len(messages) == n
    return messages


def value(i: int) -> dict[str, Any]:
    return {**{f"f{k}": i + k for k in range(7)}, "text": f"number {i}", "items": [i] * (i % 3)}


class TestProducing:
    def test_write(self, producer: _native.Producer, assigned: Any, topic: str) -> None:
        producer.write(topic, value(1), ENCODER)
        producer.write(topic, None, ENCODER)
        producer.write(topic, b"bytes as they are")
        producer.write(topic, encoder=ENCODER, value=value(2))
        producer.flush(20)
        values = [message.value() for message in read(assigned, topic, 4)]
        assert sorted(values, key=repr) == sorted(
            [SCHEMA.encode(value(1), PREFIX), None, b"bytes as they are", SCHEMA.encode(value(2), PREFIX)], key=repr
        )

    def test_write_with_a_key(self, producer: _native.Producer, assigned: Any, topic: str) -> None:
        key = (AvroSchema('"long"'), wire_prefix(8))
        producer.write(topic, value(1), ENCODER, 5, key)
        producer.write(topic, "text", key="k")
        producer.write(topic, None, ENCODER, None, key)
        producer.write(topic, value(2), ENCODER, value(3), ENCODER)  # of one schema, whose memory is used once
        producer.write(topic, bytearray(b"v"), key=memoryview(b"k"))
        with pytest.raises(EncodeError, match=r"^an int is wanted, not str \(byte 0\)$"):
            producer.write(topic, value(1), ENCODER, "5", key)
        with pytest.raises(TypeError, match="key must be bytes, str or None"):
            producer.write(topic, value(1), ENCODER, 5)
        producer.flush(20)
        found = [(message.key(), message.value()) for message in read(assigned, topic, 5)]
        wanted = [
            (key[0].encode(5, key[1]), SCHEMA.encode(value(1), PREFIX)),
            (b"k", b"text"),
            (None, None),
            (SCHEMA.encode(value(3), PREFIX), SCHEMA.encode(value(2), PREFIX)),
            (b"k", b"v"),
        ]
        assert sorted(found, key=repr) == sorted(wanted, key=repr)

    def test_write_runs_callables_that_wait(self, make_producer: Make, topic: str) -> None:
        reports: list[Any] = []
        producer = make_producer({"on_delivery": lambda error, message: reports.append((error, message.value()))})
        producer.write(topic, value(1), ENCODER)
        while not reports:
            producer.write(topic, value(2), ENCODER)
        assert reports[0] == (None, SCHEMA.encode(value(1), PREFIX))

    def test_many(self, producer: _native.Producer, assigned: Any, topic: str) -> None:
        values = [value(i) for i in range(1000)]
        keys = [{"k": i} for i in range(1000)]
        key_schema = AvroSchema('{"type": "record", "name": "K", "fields": [{"name": "k", "type": "long"}]}')
        encoders: Any = {"value_encoder": ENCODER, "key_encoder": (key_schema, b"")}
        assert producer.produce_many(topic, values, keys, **encoders) == 1000
        assert producer.produce_many(topic, [None, value(5)], ["k", None], value_encoder=ENCODER) == 2
        producer.flush(20)
        found = {(message.key(), message.value()) for message in read(assigned, topic, 1002)}
        wanted = {(key_schema.encode(k), SCHEMA.encode(v, PREFIX)) for k, v in zip(keys, values, strict=True)}
        assert found == wanted | {(b"k", None), (None, SCHEMA.encode(value(5), PREFIX))}

    def test_values_of_no_bytes(self, producer: _native.Producer, assigned: Any, topic: str) -> None:
        empty = (AvroSchema('{"type": "record", "name": "E", "fields": []}'), b"")
        assert producer.produce_many(topic, [{}, None, {}], value_encoder=empty) == 3
        producer.write(topic, {}, empty)
        producer.flush(20)
        values = [message.value() for message in read(assigned, topic, 4)]
        assert sorted(values, key=repr) == sorted([b"", None, b"", b""], key=repr)

    def test_one_that_does_not_fit_leaves_none_behind(self, producer: _native.Producer, topic: str) -> None:
        with pytest.raises(
            EncodeError, match=r"^values\[1\]\.text: a str is wanted, not int \(byte \d+\)$"
        ) as caught:
            producer.produce_many(topic, [value(1), {**value(2), "text": 5}], value_encoder=ENCODER)
        with pytest.raises(EncodeError) as alone:
            SCHEMA.encode({**value(2), "text": 5}, PREFIX)
        assert caught.value.pos == alone.value.pos  # counted from the value's own beginning
        with pytest.raises(EncodeError, match=r"^keys\[2\]: an int is wanted, not str"):
            producer.produce_many(topic, [b"v"] * 3, [1, None, "k"], key_encoder=(AvroSchema('"long"'), PREFIX))
        with pytest.raises(EncodeError, match=r"^\[1\]\.text: a str is wanted, not int"):
            SCHEMA.encode_many([None, {**value(2), "text": 5}])
        with pytest.raises(EncodeError, match=r"^text: a str is wanted, not int"):
            producer.write(topic, {**value(2), "text": 5}, ENCODER)
        assert producer.counters()["produced"] == 0

    def test_one_that_is_too_large_ends_it_after_those_before(
        self, make_producer: Make, assigned: Any, topic: str
    ) -> None:
        producer = make_producer({"message.max.bytes": 2000})
        values = [value(i) for i in range(9)]
        values[5] = {**values[5], "text": "x" * 3000}
        with pytest.raises(KafkaException, match="MSG_SIZE_TOO_LARGE") as caught:
            producer.produce_many(topic, values, value_encoder=ENCODER)
        assert caught.value.queued == 5  # type: ignore[attr-defined]
        assert caught.value.__notes__ == ["5 of 9 records were queued before."]
        assert producer.flush(20) == 0
        found = sorted(message.value() or b"" for message in read(assigned, topic, 5))
        assert found == sorted(SCHEMA.encode(v, PREFIX) for v in values[:5])

    @pytest.mark.parametrize("encoder", [SCHEMA, (SCHEMA,), (SCHEMA, "text"), (b"", SCHEMA), ("x", b"")])
    def test_what_is_no_encoder(self, producer: _native.Producer, topic: str, encoder: Any) -> None:
        with pytest.raises(TypeError, match="a tuple of an AvroSchema and the bytes"):
            producer.write(topic, value(1), encoder)
        with pytest.raises(TypeError, match="a tuple of an AvroSchema and the bytes"):
            producer.produce_many(topic, [value(1)], key_encoder=encoder)

    @pytest.mark.parametrize("many", [False, True])
    def test_a_value_that_closes_the_producer(self, make_producer: Make, topic: str, many: bool) -> None:
        producer = make_producer()

        class Closing(UserDict[str, Any]):
            def __getitem__(self, name: str) -> Any:
                producer.close()
                return super().__getitem__(name)

        with pytest.raises(RuntimeError, match="closed"):
            if many:
                producer.produce_many(topic, [Closing(value(1))], value_encoder=ENCODER)
            else:
                producer.write(topic, Closing(value(1)), ENCODER)


class TestMethod:
    """A topic's deserialize()."""

    @pytest.fixture
    def topic(self) -> Any:
        reader = AvroReader()
        reader.add(7, SCHEMA)

        class Topic:
            _value_reader: Any = reader
            _key_reader: Any = None

            def slow(self, *args: Any, **kwargs: Any) -> Any:
                """What the method stands for."""
                return "slow", args, kwargs

            deserialize = AvroMethod(slow, "key", "value")

        return Topic()

    def test_known_schemas_are_read_here(self, topic: Any) -> None:
        data = SCHEMA.encode(value(3), PREFIX)
        assert topic.deserialize(data, "value") == value(3)
        assert topic.deserialize(bytearray(data), "value") == value(3)
        assert topic.deserialize(memoryview(data), "value", None) == value(3)
        assert topic.deserialize(data, "value", [("other", b"x"), ("more", None)]) == value(3)
        assert topic.deserialize(None, "value") is None
        assert type(topic).deserialize(topic, data, "value") == value(3)

    def test_the_rest_is_left_to_the_function(self, topic: Any) -> None:
        data = SCHEMA.encode(value(3), PREFIX)
        cases: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
            ((wire_prefix(8) + data[5:], "value"), {}),
            ((b"\1" + bytes(16) + data[5:], "value"), {}),
            ((data, "key"), {}),
            ((data, "another"), {}),
            ((data, "value", [("__value_schema_id", b"x")]), {}),
            ((data, "value", {"a": b"x"}), {}),
            ((data, "value", [["a", b"x"]]), {}),
            ((data, "value", [(5, b"x")]), {}),
            ((data, "value"), {"schema": 1}),
            ((data,), {"field": "value"}),
            ((data,), {}),
        ]
        for args, kwargs in cases:
            assert topic.deserialize(*args, **kwargs) == ("slow", args, kwargs)
        type(topic).deserialize.forget()
        topic._value_reader = lambda _data: "no reader"
        assert topic.deserialize(data, "value") == ("slow", (data, "value"), {})

    def test_the_reader_of_the_last_topic_is_remembered_until_it_is_forgotten(self, topic: Any) -> None:
        data = SCHEMA.encode(value(3), PREFIX)
        other = type(topic)()
        other._value_reader = None
        slow = ("slow", (data, "value"), {})
        assert topic.deserialize(data, "value") == value(3)
        assert other.deserialize(data, "value") == slow
        topic._value_reader = None
        assert topic.deserialize(data, "value") == value(3)
        type(topic).deserialize.forget()
        assert topic.deserialize(data, "value") == slow
        del topic._value_reader
        assert topic.deserialize(data, "value") == value(3)

    def test_no_topic_is_kept_alive_or_taken_for_another(self, topic: Any) -> None:
        data = SCHEMA.encode(value(3), PREFIX)
        kind = type(topic)
        for _ in range(100):  # whose places in memory will be the same
            one = kind()
            assert one.deserialize(data, "value") == value(3)
            alive = weakref.ref(one)
            del one
            assert alive() is None
            two = kind()
            two._value_reader = None
            assert two.deserialize(data, "value") == ("slow", (data, "value"), {})
            del two

    def test_topics_without_weak_references(self) -> None:
        class Slotted:
            __slots__ = ("_value_reader",)
            deserialize = AvroMethod(lambda *_args: "slow", "key", "value")

        one: Any = Slotted()
        one._value_reader = AvroReader()
        one._value_reader.add(7, SCHEMA)
        for _ in range(2):
            assert one.deserialize(SCHEMA.encode(value(3), PREFIX), "value") == value(3)

    def test_errors(self, topic: Any) -> None:
        data = SCHEMA.encode(value(3), PREFIX)
        with pytest.raises(DecodeError):
            topic.deserialize(data[:-1], "value")
        with pytest.raises(DecodeError, match="empty"):
            topic.deserialize(b"", "value")
        with pytest.raises(TypeError, match="bytes-like"):
            topic.deserialize("text", "value")
        with pytest.raises(AttributeError, match="_value_reader"):
            type(topic).deserialize(SimpleNamespace(), data, "value")

    def test_it_is_a_method(self, topic: Any) -> None:
        bound = topic.deserialize
        assert bound.__self__ is topic
        assert type(topic).__dict__["deserialize"] is type(topic).deserialize


class TestMappings:
    """What is no plain dict is asked by its get(), as fastavro does."""

    RECORD: ClassVar[dict[str, Any]] = {
        "type": "record",
        "name": "R",
        "fields": [{"name": "a", "type": "int"}, {"name": "b", "type": "int", "default": 7}],
    }
    SCHEMA = AvroSchema(json.dumps(RECORD))
    UNION = AvroSchema(json.dumps(["null", RECORD, {"type": "record", "name": "S", "fields": RECORD["fields"][1:]}]))

    def test_a_defaultdict_does_not_grow(self) -> None:
        given = defaultdict(int, a=1)
        assert self.SCHEMA.encode(given) == b"\2\x0e"
        assert self.UNION.encode(defaultdict(int, a=1, b=2)) == b"\2\2\4"
        assert given == {"a": 1}

    def test_a_dict_that_raises_for_missing_keys(self) -> None:
        class Strict(dict[str, int]):
            def __missing__(self, key: str) -> int:
                raise LookupError(key)

        assert self.SCHEMA.encode(Strict(a=1)) == b"\2\x0e"
        assert self.UNION.encode(Strict(a=1, b=2)) == b"\2\2\4"

    def test_a_get_of_its_own(self) -> None:
        class Loud(dict[str, int]):
            def get(self, key: str, default: Any = None) -> Any:
                return super().get(key.upper(), default)

        assert self.SCHEMA.encode(Loud(A=1, B=2)) == b"\2\4"

        class Broken(dict[str, int]):
            def get(self, key: str, default: Any = None) -> Any:
                raise RuntimeError(key)

        with pytest.raises(RuntimeError, match="a"):
            self.SCHEMA.encode(Broken(a=1))

    def test_other_mappings(self) -> None:
        assert self.SCHEMA.encode(UserDict(a=1)) == b"\2\x0e"
        assert self.SCHEMA.encode(ChainMap({"a": 1}, {"b": 2})) == b"\2\4"


class TestReader:
    """AvroReader finds the schemas of messages that come mixed."""

    def test_mixed_schemas(self) -> None:
        reader = AvroReader()
        ids = [1, 2, 7, 17, 23, 33, 2**32 - 1]  # some of which share a place among the recent ones
        for number in ids:
            reader.add(number, AvroSchema('"long"' if number % 2 else '"string"'))
        messages = [wire_prefix(number) + (b"\6" if number % 2 else b"\2x") for number in ids]
        expected = [3 if number % 2 else "x" for number in ids]
        for _ in range(3):
            assert [reader.decode(message) for message in messages] == expected
            assert [reader.decode(message) for message in reversed(messages)] == expected[::-1]
            assert [reader.decode(message) for message in messages for _ in range(2)] == [
                value for value in expected for _ in range(2)
            ]

    def test_a_schema_that_is_added_again_takes_the_place_of_the_first(self) -> None:
        reader = AvroReader()
        message = wire_prefix(1) + b"\6"
        reader.add(1, AvroSchema('"long"'))
        assert reader.decode(message) == 3
        reader.add(1, AvroSchema('"int"'))
        assert reader.decode(message) == 3
        reader.add(1, None)
        assert reader.decode(message) == b"\6"
        assert reader.decode(message) == b"\6"

    def test_short_messages(self) -> None:
        reader = AvroReader()
        reader.add(0, AvroSchema('"null"'))
        assert reader.decode(b"\0\0\0\0\0") is None
        for n in range(5):
            with pytest.raises(DecodeError):
                reader.decode(b"\0" * n)
        with pytest.raises(KeyError, match="1"):
            reader.decode(b"\0\0\0\0\1")

    def test_a_lazy_reader_gives_views(self) -> None:
        reader = AvroReader(lazy=True)
        reader.add(7, SCHEMA)
        data = SCHEMA.encode(value(3), PREFIX)
        for _ in range(3):
            view = reader.decode(data)
            assert type(view) is _native.AvroRecord
            assert view == value(3)


class TestDicts:
    """Dicts of records are made as copies of one; they have to be dicts like any other."""

    def made(self, i: int = 4) -> dict[str, Any]:
        found: dict[str, Any] = SCHEMA.decode(SCHEMA.encode(value(i)))
        return found

    def test_the_collector_never_sees_a_half_made_container(self) -> None:
        """What a callback of its does to dicts and lists would else go into what is still being filled."""
        fields = [
            {"name": "before", "type": {"type": "array", "items": "long"}},
            {"name": "nested", "type": {"type": "array", "items": {"type": "map", "values": "long"}}},
            *({"name": f"half_made_{i}", "type": "string"} for i in range(6)),
        ]
        schema = AvroSchema(json.dumps({"type": "record", "name": "R", "fields": fields}))
        made = {"before": [1], "nested": [{"half_made": 1}] * 300}
        made |= {f"half_made_{i}": f"text {i}" for i in range(6)}
        data, seen, runs = schema.encode(made), [], 0

        def look(phase: str, _info: dict[str, int]) -> None:
            nonlocal runs
            runs += 1
            for obj in gc.get_objects() if phase == "stop" else ():
                if type(obj) is dict and "half_made_0" in obj and "half_made_5" in obj and obj != made:
                    seen.append(repr(obj))
                    obj.update((f"x{i}", i) for i in range(30))
                elif (
                    type(obj) is list
                    and obj
                    and type(obj[0]) is dict
                    and "half_made" in obj[0]
                    and obj != made["nested"]
                ):
                    seen.append(repr(obj))

        before = gc.get_threshold()
        gc.callbacks.append(look)
        gc.set_threshold(5)
        try:
            for _ in range(5):
                assert schema.decode(data) == made
            gc.collect()
        finally:
            gc.set_threshold(*before)
            gc.callbacks.remove(look)
        assert runs > 0
        assert seen == []

    def test_each_is_its_own(self) -> None:
        one, two = self.made(1), self.made(2)
        one["f0"] = "changed"
        one["new"] = 1
        del one["f1"]
        assert two == value(2)
        assert self.made(3) == value(3)
        assert list(two) == list(value(2))
        assert list(one) == ["f0", "f2", "f3", "f4", "f5", "f6", "text", "items", "new"]

    def test_what_dicts_can_do(self) -> None:
        made = self.made()
        assert made | {"x": 1} == {**value(4), "x": 1}
        assert pickle.loads(pickle.dumps(made)) == copy.deepcopy(made) == dict(made) == value(4)
        assert [made.pop(name) for name in list(made)] == list(value(4).values())
        assert made == {}
        made["again"] = 1
        assert made == {"again": 1}

    def test_the_garbage_collector_knows_those_with_containers(self) -> None:
        made = self.made()
        assert gc.is_tracked(made)
        made["items"].append(made)
        ident = id(made)
        del made
        gc.collect()
        assert not any(id(thing) == ident and type(thing) is dict for thing in gc.get_objects())

    def test_nothing_is_left_of_those_that_fail(self) -> None:
        data = SCHEMA.encode(value(5))
        for _ in range(100):
            for end in range(len(data)):
                with pytest.raises(DecodeError):
                    SCHEMA.decode(data[:end])
        before = sys.getallocatedblocks()
        none = sys.getrefcount(None)
        for _ in range(300):
            for end in range(len(data)):
                with pytest.raises(DecodeError):
                    SCHEMA.decode(data[:end])
            SCHEMA.decode(data)
        assert sys.getallocatedblocks() - before < 500
        assert abs(sys.getrefcount(None) - none) < 500

    def test_a_view_of_all_fields_looks_for_what_is_left_over(self) -> None:
        view = SCHEMA.decode(SCHEMA.encode(value(1)) + b"x", lazy=True)
        assert [view[name] for name in view] == list(value(1).values())
        for look in (view.to_dict, lambda: view == {}, lambda: repr(view), lambda: copy.copy(view)):
            with pytest.raises(DecodeError, match="1 bytes are left over after the value") as caught:
                look()
            assert caught.value.pos == len(SCHEMA.encode(value(1)))
        assert SCHEMA.decode(b"head" + SCHEMA.encode(value(2)), 4, lazy=True).to_dict() == value(2)

    @pytest.mark.parametrize("fields", [0, 1, 2, 5, 6, 10, 11, 100, 300])
    def test_many_fields(self, fields: int) -> None:
        names = [f"field{i}" for i in range(fields)]
        schema = AvroSchema(
            json.dumps(
                {"type": "record", "name": "R", "fields": [{"name": n, "type": ["null", "string"]} for n in names]}
            )
        )
        for turn in range(3):
            given = {name: None if i % 4 == turn else f"{name}-{turn}" for i, name in enumerate(names)}
            assert schema.decode(schema.encode(given)) == given


def test_a_reader_remembers_so_many_schemas() -> None:
    """Ten thousand ids took 134 MB."""
    reader, schema = AvroReader(), AvroSchema('"int"')
    for i in range(2500):
        reader.add(i, schema)
        reader.add(5, schema)  # known, until it is the first
        assert reader.decode(b"\0" + i.to_bytes(4, "big") + b"\2") == 1
    with pytest.raises(KeyError):
        reader.decode(b"\0\0\0\0\0\2")
    known = 0
    for i in range(2500):
        try:
            known += reader.decode(b"\0" + i.to_bytes(4, "big") + b"\2")
        except KeyError as error:
            assert error.args == (i,)
    assert known == 1000


@pytest.mark.parametrize(
    "extra",
    [
        "1e400",
        "-1e999",
        "9" * 30,
        "9" * 400,
        "-" + "9" * 5000 + ".5",
        "1E+308",
        f'"{"x" * 1_000_000}"',
        "[" * 150 + "]" * 150,
    ],
)
def test_attributes_of_any_size_mean_nothing(extra: str) -> None:
    schema = AvroSchema(
        f'{{"type": "record", "name": "R", "x": {extra}, "y": "1e400",'
        f'"fields": [{{"name": "a", "type": "int", "z": [{extra}, {extra}]}}]}}'
    )
    assert schema.decode(schema.encode({"a": 5})) == {"a": 5}


def test_the_depth_is_the_same_for_both_ways() -> None:
    node = json.dumps({"type": "record", "name": "N", "fields": [{"name": "next", "type": ["null", "N"]}]})
    value: Any = None
    for _ in range(300):
        value = {"next": value}
    deep = AvroSchema(node, depth=300)
    data = deep.encode(value)
    assert deep.decode(data) == AvroSchema.reader(deep, AvroSchema(node)).decode(data) == value
    assert AvroSchema(node, depth=1024).decode(data) == value
    for depth in (1, 200, 299):
        schema = AvroSchema(node, depth=depth)
        with pytest.raises(EncodeError, match="nested too deeply"):
            schema.encode(value)
        with pytest.raises(DecodeError, match="nested too deeply"):
            schema.decode(data)
    with pytest.raises(EncodeError, match="nested too deeply"):
        AvroSchema(node).encode(value)
    for depth in (0, -1, 1025):
        with pytest.raises(ValueError, match="between 1 and 1024"):
            AvroSchema(node, depth=depth)
