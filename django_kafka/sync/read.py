# SPDX-License-Identifier: MIT
"""Messages to changes: what a topic's hooks make of them, called in the order in which django-kafka calls them
(get_model; get_lookup_kwargs, is_deletion, transform, get_defaults), and values as the model's fields have them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

from django.db.models import Model
from django.db.models.constants import LOOKUP_SEP

from django_kafka.sync import forms
from django_kafka.sync.change import Change
from django_kafka.sync.convert.exact_json import read_message
from django_kafka.sync.convert.fields import Converter, converter
from django_kafka.sync.convert.placeholder import Placeholder
from django_kafka.sync.convert.semantic import NONE, Modes, Semantic
from django_kafka.sync.convert.unfit import Unfit, UnfitValue
from django_kafka.sync.row import NO_TYPES, Row, Transformed, Types
from django_kafka.sync.schemas import EMPTY, Struct, struct_of_writer
from django_kafka.sync.target import Target, target_of
from django_kafka.topic import CONTEXTS, KEY, VALUE, TopicConsumer
from django_kafka.topic.json import JSONTopicConsumer

# Columns of a row: name in the message, attname, converter, whether it may be null.
_Steps = list[tuple[str, str, Converter, bool]]


class Reader:
    """Reads the messages of one topic. `topic` is a ModelTopicConsumer."""

    MOST = 1000  # of what is remembered

    def __init__(self, topic: Any) -> None:
        self.topic = topic
        self.schemas = forms.ConnectSchemas()
        self.placeholder = Placeholder(topic.unavailable_value)
        self.overridden: frozenset[str] = topic.overridden()
        overridden = self.overridden
        self.parses_keys = "get_lookup_kwargs" not in overridden
        self.parses_values = "transform" not in overridden
        self.plain = not overridden & {"transform", "transform_", "get_defaults", "model_has_field"}
        self.identify = getattr(topic, "written_schema", None)
        self.converters: dict[Any, Converter] = {}
        self.steps: dict[Any, _Steps] = {}
        self.connect = forms.ConnectPayloads(self.schemas) if reads_plain_json(topic) else None
        modes = (topic.decimal_handling_mode, topic.binary_handling_mode, topic.time_precision_mode)
        self.modes = {False: Modes(*modes), True: Modes(*modes, True)}
        self.kept: list[Types] = []  # those that steps go by, so that their id() stays their own

    def event(self, msg: Any) -> tuple[Any, Any] | forms.Nothing:
        """Key and value for the hooks: the value is a Row, None for a row that is gone, or whatever else it is."""
        headers = msg.headers()
        return self.interpret(*self.key(msg, headers), *self.value(msg, headers), headers)

    def key(self, msg: Any, headers: Any) -> tuple[Any, Struct]:
        """The deserialized key, and what its schema says of it."""
        data = msg.key()
        if data is None:
            return None, EMPTY
        return self._unpacked(self.topic.deserialize(data, KEY, headers), data, KEY, headers, self.parses_keys)

    def value(self, msg: Any, headers: Any) -> tuple[Any, Struct]:
        """The deserialized value, and what its schema says of it."""
        data = msg.value()
        if data is None:
            return None, EMPTY
        if self.connect is not None and type(data) is bytes and data:
            if (found := self.connect.payload(data)) is not None:
                return found
            try:
                return self._unpacked(read_message(data), data, VALUE, headers, self.parses_values)
            except ValueError:
                pass  # deserialize() says what is wrong, or reads it
        return self._unpacked(self.topic.deserialize(data, VALUE, headers), data, VALUE, headers, self.parses_values)

    def _unpacked(self, value: Any, data: Any, field: Any, headers: Any, parse: bool) -> tuple[Any, Struct]:
        struct = EMPTY
        if self.identify is not None and value is not None:
            written = self.identify(data, field, headers)
            if written is not None:
                struct = written.derived or struct_of_writer(written)
        if type(value) is dict and len(value) != 2:  # as forms.unpack() would say
            return value, struct
        return forms.unpack(value, struct, self.schemas, parse)

    def interpret(
        self, key: Any, key_struct: Struct, value: Any, struct: Struct, headers: Any
    ) -> tuple[Any, Any] | forms.Nothing:
        """What event() gives, of what was deserialized."""
        topic = self.topic
        if isinstance(key, Mapping):
            key = Row(key, key_struct.fields)
        if not isinstance(value, Mapping) and value is not None and not self.parses_values:
            return key, value
        if value is None and (key is None or topic.tombstones == "ignore"):
            return forms.Nothing.NO_KEY if key is None else forms.Nothing.TOMBSTONE
        debezium = topic.debezium or (bool(headers) and forms.has_debezium_header(headers))
        if not topic.envelopes and isinstance(value, Mapping):
            row: Any = Row(value, struct.fields, debezium)
        else:
            row = forms.row_of(value, struct, topic.deletion_key, debezium)
        if isinstance(row, Row):
            forms.drop_unavailable(row, self.placeholder)
            if isinstance(key, Row):
                key.debezium = row.debezium
        return row if isinstance(row, forms.Nothing) else (key, row)

    def change(self, index: int, model: Any, key: Any, value: Any, using: str) -> Change:
        """What the hooks make of an event. Errors: UnfitValue, and whatever a hook raises."""
        topic = self.topic
        target = target_of(model)
        lookup = self._lookup(target, topic.get_lookup_kwargs(model, key, value), key, value, using)
        version = topic.get_version(model, key, value) if topic.version_field else None
        if version is not None:
            field = target.columns[topic.version_field]
            version = self._convert(field, topic.version_field, version, NONE, self._modes(value), using)
        if is_true(topic.is_deletion(model, key, value)):
            return Change(index, model, lookup, None, version)
        if self.plain and isinstance(value, Row):
            values = self._plain_values(target, value, using)
            if topic.sync_kafka_skip and target.skips:
                values["kafka_skip"] = True
        else:
            transformed = topic.transform(model, value)
            values = self._values(target, topic.get_defaults(model, transformed), transformed, value, using)
        if version is not None:
            values[field.attname] = version
        return Change(index, model, lookup, values, version, self._unavailable(target, value, values))

    def _unavailable(self, target: Target, value: Any, values: dict[str, Any]) -> Sequence[str]:
        """The columns, by attname, that nothing is known of. What a hook has given a value has one."""
        names = dict.fromkeys(value.unavailable if isinstance(value, Row) else ())
        return [f.attname for _, f in self.columns_of(target, names) if f.attname not in values] if names else ()

    # ---- which row -------------------------------------------------------------------------------------------------

    def _lookup(self, target: Target, lookup: Any, key: Any, value: Any, using: str) -> dict[str, Any]:
        if not isinstance(lookup, Mapping) or not lookup:
            raise UnfitValue(
                f"The key of {target.model.__name__}",
                lookup,
                "a mapping that names fields: override get_lookup_kwargs",
            )
        found: dict[str, Any] = {}
        for name, item in lookup.items():
            if name == "pk":
                for field, part in _pk(target, item):
                    found[field.attname] = self._convert(field, name, part, NONE, self._modes(value), using)
                continue
            field = target.columns.get(name)
            if field is None:
                if LOOKUP_SEP not in name and not target.has_property(name):
                    _refuse_name(target, name, item, "the name of a field to look the row up by")
                found[name] = item
                continue
            types = key.types if isinstance(key, Row) and name in key else getattr(value, "types", NO_TYPES)
            source = key if types is getattr(key, "types", None) else value
            semantic = types.get(name) or types.get(field.column, NONE)
            found[field.attname] = self._convert(field, name, item, semantic, self._modes(source), using)
        return found

    # ---- what is in it ---------------------------------------------------------------------------------------------

    def _plain_values(self, target: Target, row: Row, using: str) -> dict[str, Any]:
        """transform() and get_defaults() as the base class has them."""
        names = tuple(row)
        place = (target.model, id(row.types), row.debezium, using, names)
        steps = self.steps.get(place)
        if steps is None:
            steps = self._compile(target, row, using)
            if len(self.steps) >= self.MOST:
                self.steps.clear()
                self.kept.clear()
            self.steps[place] = steps
            self.kept.append(row.types)
        values: dict[str, Any] = {}
        for name, attname, convert, nullable in steps:
            value = row[name]
            if value is not None:
                try:
                    value = convert(value)
                except Unfit as error:
                    raise UnfitValue(f"{target.model.__name__}.{name}", value, error.expected) from None
            elif not nullable:
                refuse_null(target, name)
            values[attname] = value
        return values

    def _compile(self, target: Target, row: Row, using: str) -> _Steps:
        steps: _Steps = []
        for name, field in self.columns_of(target, row):
            made = self.converter(field, row.types.get(name, NONE), self._modes(row), using)
            steps.append((name, field.attname, made, takes_null(field)))
        return steps

    def columns_of(self, target: Target, row: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        """Names of what is to be written, and their fields. Errors: UnfitValue for what names no column."""
        excluded = frozenset(self.topic.exclude_fields or ())
        for name in row:
            field = target.columns.get(name)
            if name in excluded or (field is not None and getattr(field, "generated", False)):
                continue
            if field is not None:
                yield name, field
            elif name != self.topic.deletion_key and self.topic.model_has_field(target.model, name):
                _refuse_name(target, name, row[name], "a value of a column; add the name to exclude_fields")

    def _values(self, target: Target, defaults: Any, transformed: Any, value: Any, using: str) -> dict[str, Any]:
        """What the hooks left, as the fields have it."""
        sources = transformed.sources if isinstance(transformed, Transformed) else {}
        types: Types = getattr(value, "types", NO_TYPES)
        modes = self._modes(value)
        values: dict[str, Any] = {}
        for name, item in defaults.items():
            if callable(item) and not hasattr(item, "resolve_expression"):
                item = item()
            field = target.columns.get(name)
            if field is None:
                if not target.has_property(name):
                    _refuse_name(target, name, item, "a value of a column; add the name to exclude_fields")
                values[name] = item
            elif getattr(field, "generated", False):
                continue
            elif isinstance(item, Model) and field.remote_field is not None:
                values[field.attname] = getattr(item, field.target_field.attname)
            else:
                source = sources.get(name, name)
                semantic = types.get(source, NONE)
                values[field.attname] = self._convert(field, name, item, semantic, modes, using)
        return values

    def _convert(self, field: Any, name: str, value: Any, semantic: Semantic, modes: Modes, using: str) -> Any:
        if value is None:
            if not takes_null(field):
                refuse_null(target_of(field.model), name)
            return None
        if hasattr(value, "resolve_expression"):
            return value
        try:
            return self.converter(field, semantic, modes, using)(value)
        except Unfit as error:
            raise UnfitValue(f"{field.model.__name__}.{name}", value, error.expected) from None

    def converter(self, field: Any, semantic: Semantic, modes: Modes, using: str) -> Converter:
        """The converter of a field for such values."""
        place = (field, semantic, modes, using)
        found = self.converters.get(place)
        if found is None:
            if len(self.converters) >= self.MOST:
                self.converters.clear()
            found = self.converters[place] = converter(field, semantic, modes, using)
        return found

    def _modes(self, row: Any) -> Modes:
        return self.modes[self.topic.debezium or (isinstance(row, Row) and row.debezium)]


def reads_plain_json(topic: Any) -> bool:
    """Whether values are what json.loads() makes of the message, and nothing of the project's own has a say in it."""
    cls = type(topic)
    return (
        isinstance(topic, JSONTopicConsumer)
        and topic.value_schema is None
        and cls.deserialize is TopicConsumer.deserialize
        and cls.context in CONTEXTS
        and cls.get_value_deserializer is JSONTopicConsumer.get_value_deserializer
    )


def is_true(said: Any) -> bool:
    """What is_deletion() has returned: Debezium's own marker is a text."""
    return said.lower() == "true" if isinstance(said, str) else bool(said)


def takes_null(field: Any) -> bool:
    """Whether a null may be written to the field, as far as the model tells."""
    return bool(field.null or field.primary_key or _fills_itself(field))


def _fills_itself(field: Any) -> bool:
    return bool(getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False))


def refuse_null(target: Target, name: str) -> NoReturn:
    """A null that the field does not take."""
    raise UnfitValue(f"{target.model.__name__}.{name}", None, "a value, as the field may not be null")


def _refuse_name(target: Target, name: str, value: Any, expected: str) -> NoReturn:
    raise UnfitValue(f"{target.model.__name__}.{name}", value, expected)


def _pk(target: Target, item: Any) -> list[tuple[Any, Any]]:
    if not target.is_composite:
        return [(target.pk_fields[0], item)]
    if not isinstance(item, (tuple, list)) or len(item) != len(target.pk_fields):
        raise UnfitValue(f"{target.model.__name__}.pk", item, f"{len(target.pk_fields)} values")
    return list(zip(target.pk_fields, item, strict=True))
