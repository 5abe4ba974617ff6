# SPDX-License-Identifier: MIT
"""The way of messages to changes where no hook is the project's own: the same as the hooks would make of them.

What is to be done with a message depends on the names of its fields and their types, its *shape*: that is looked at
once for each. Messages of another form than a flat row or an envelope with a primary key of one column are left to
the hooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django_kafka.sync import forms
from django_kafka.sync.change import Change
from django_kafka.sync.convert.fields import Converter, needs_none
from django_kafka.sync.convert.semantic import NONE
from django_kafka.sync.convert.unfit import Unfit, UnfitValue
from django_kafka.sync.read import Reader, refuse_null, takes_null
from django_kafka.sync.schemas import EMPTY, Struct
from django_kafka.sync.target import target_of

# Methods of which nothing may be overridden.
HOOKS = frozenset(
    {
        "get_defaults",
        "get_lookup_kwargs",
        "get_model",
        "get_version",
        "get_using",
        "is_deletion",
        "model_has_field",
        "transform",
        "transform_",
        "sync",
    }
)


class Shape:
    """How rows with these fields become changes."""

    __slots__ = ("deletes", "marker", "pk", "steps", "sure")

    def __init__(self) -> None:
        self.marker: str | None = None
        self.deletes: str | None = None  # the field with the operation, where there is no marker
        self.pk: tuple[str, Converter] | None = None
        # Name in the message and attname of what is written as it is.
        self.sure: list[tuple[str, str]] = []
        # The others: name in the message, attname, converter (None: it is what the field holds), whether null is
        # allowed, whether it can be unavailable.
        self.steps: list[tuple[str, str, Converter | None, bool, bool]] = []


class FastReader:
    """Reads messages of a topic with one model. change() gives None for those that are to be left to the hooks."""

    def __init__(self, reader: Reader, model: Any, using: str, key_first: bool, reroute: str | None) -> None:
        self.reader = reader
        self.topic = reader.topic
        self.model = model
        self.target = target_of(model)
        self.using = using
        self.key_first = key_first
        self.reroute = reroute
        self.shapes: dict[Any, Shape] = {}
        self.pks: dict[Any, tuple[str, Converter] | None] = {}
        self.skip = self.topic.sync_kafka_skip and self.target.skips
        self.pk_attname: str = self.target.pk_fields[0].attname

    def change(
        self, index: int, key: Any, key_struct: Struct, value: Any, struct: Struct, headers: Any
    ) -> Change | None:
        """Errors: UnfitValue."""
        if self.reroute is not None and type(key) is dict and self.reroute in key:
            return None
        debezium = self.topic.debezium or (bool(headers) and forms.has_debezium_header(headers))
        if value is None:
            pk = self._pk_of_key(key, key_struct, debezium)
            return None if pk is None or key is None else self._deletion(index, key, pk)
        if type(value) is not dict:
            return None
        if "op" in value and forms.is_envelope(value):
            if value["op"] not in "cru" or type(value.get("after")) is not dict or not self.topic.envelopes:
                return None
            value, struct, debezium = value["after"], struct.structs.get("after", EMPTY), True
        shape = self._shape(value, struct, debezium)
        pk, source = shape.pk, value
        if pk is None or self.key_first:
            found = self._pk_of_key(key, key_struct, debezium)
            if found is not None:
                pk, source = found, key
            elif pk is None:
                return None
        if (shape.marker is not None and _says_deleted(value[shape.marker])) or (
            shape.deletes is not None and value[shape.deletes] == "d"
        ):
            return self._deletion(index, source, pk)
        lookup = {self.pk_attname: self._pk_value(source, pk)}
        values, unavailable = self._values(shape, value)
        return Change(index, self.model, lookup, values, None, unavailable)

    def _deletion(self, index: int, source: Any, pk: tuple[str, Converter]) -> Change:
        return Change(index, self.model, {self.pk_attname: self._pk_value(source, pk)}, None)

    def _pk_value(self, source: Any, pk: tuple[str, Converter]) -> Any:
        name, convert = pk
        value = source[name]
        if value is None:
            return None
        try:
            return convert(value)
        except Unfit as error:
            raise UnfitValue(f"{self.model.__name__}.{self.target.pk_name}", value, error.expected) from None

    def _values(self, shape: Shape, row: dict[str, Any]) -> tuple[dict[str, Any], Sequence[str]]:
        """What is written, and the columns of which nothing is known."""
        values = {attname: row[name] for name, attname in shape.sure}
        unavailable: tuple[str, ...] = ()
        matches, texts = self.reader.placeholder.matches, self.reader.placeholder.texts
        for name, attname, convert, nullable, large in shape.steps:
            value = row[name]
            if value is None:
                if not nullable:
                    refuse_null(self.target, name)
            else:
                if large and (value in texts if type(value) is str else matches(value)):
                    unavailable = (*unavailable, attname)
                    continue
                if convert is not None:
                    try:
                        value = convert(value)
                    except Unfit as error:
                        if matches(value):  # in a column that is none of those that can be large
                            unavailable = (*unavailable, attname)
                            continue
                        raise UnfitValue(f"{self.model.__name__}.{name}", value, error.expected) from None
            values[attname] = value
        if self.skip:
            values["kafka_skip"] = True
        return values, unavailable

    def _pk_of_key(self, key: Any, struct: Struct, debezium: bool) -> tuple[str, Converter] | None:
        """Where a key has the primary key; None when that is not for us to say."""
        if type(key) is not dict:
            return None
        place = (struct, debezium) if struct.exact else (struct, debezium, *key)
        if place not in self.pks:
            name = self.target.pk_in(key)
            self._bound(self.pks)
            self.pks[place] = (
                None if name is None else (name, self._convert(self.target.pk_fields[0], name, struct, debezium))
            )
        return self.pks[place]

    def _shape(self, row: dict[str, Any], struct: Struct, debezium: bool) -> Shape:
        place = (struct, debezium) if struct.exact else (struct, debezium, *row)  # all records of a schema are alike
        shape = self.shapes.get(place)
        if shape is None:
            self._bound(self.shapes)
            shape = self.shapes[place] = self._make(row, struct, debezium)
        return shape

    def _bound(self, kept: dict[Any, Any]) -> None:
        if len(kept) >= self.reader.MOST:
            kept.clear()

    def _make(self, row: dict[str, Any], struct: Struct, debezium: bool) -> Shape:
        shape = Shape()
        debezium = debezium or not forms.MARKS.isdisjoint(row)
        topic, target = self.topic, self.target
        if topic.deletion_key in row:
            shape.marker = topic.deletion_key
        elif "__op" in row:
            shape.deletes = "__op"
        name = target.pk_in(row)
        if name is not None:
            shape.pk = (name, self._convert(target.pk_fields[0], name, struct, debezium))
        for name, field in self.reader.columns_of(target, row):
            if name == shape.marker:
                continue
            semantic = struct.fields.get(name, NONE)
            null, large = takes_null(field), _is_large(field)
            exact = struct.exact and needs_none(field, semantic, self.using)
            if exact and not large and (null or not semantic.null):
                shape.sure.append((name, field.attname))
            else:
                convert = None if exact else self._convert(field, name, struct, debezium)
                shape.steps.append((name, field.attname, convert, null, large))
        return shape

    def _convert(self, field: Any, name: str, struct: Struct, debezium: bool) -> Converter:
        semantic = struct.fields.get(name, NONE)
        return self.reader.converter(field, semantic, self.reader.modes[debezium], self.using)


def _says_deleted(said: Any) -> bool:
    if isinstance(said, str):
        return said.lower() == "true"
    return said is True


def _is_large(field: Any) -> bool:
    """Whether a column of its kind may be so large that Debezium does not have its value."""
    return field.get_internal_type() not in _SMALL


_SMALL = frozenset(
    {
        "AutoField",
        "BigAutoField",
        "BigIntegerField",
        "BooleanField",
        "DateField",
        "DateTimeField",
        "DurationField",
        "FloatField",
        "IntegerField",
        "PositiveBigIntegerField",
        "PositiveIntegerField",
        "PositiveSmallIntegerField",
        "SmallAutoField",
        "SmallIntegerField",
        "TimeField",
        "UUIDField",
    }
)
