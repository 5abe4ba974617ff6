# SPDX-License-Identifier: MIT
"""What of a topic, a model and a schema lets messages become rows without Python, and what rules it out.

Whatever is not known here to have the same effect as the other paths is a reason against the copy path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings as project
from django.db import connections, models
from django.db.models.deletion import Collector

from django_kafka.sync.columns import Column, Table
from django_kafka.sync.convert.semantic import DATES, DURATIONS, NONE, TIMES, TIMESTAMPS, Semantic
from django_kafka.sync.fast import HOOKS
from django_kafka.sync.fixed import fixed_columns, flag_of
from django_kafka.sync.plain import (
    against_column,
    against_field,
    against_methods,
    is_hstore,
    is_of_texts,
    is_range,
    items_of,
    kind_of,
    with_ranges,
)
from django_kafka.sync.read import takes_null
from django_kafka.sync.target import SKIP_FIELD, Target, target_of
from django_kafka.sync.upsert import Shape

# Hooks that see each message. get_model() is asked for below; the other two are called, or say nothing here.
_HOOKS = (HOOKS | {"consume"}) - {"get_model", "get_using", "get_version"}

_WRITTEN_OUT = ("string", "double")
_UNITS = {"connect": "millis", "microseconds": "micros", "nanoseconds": "nanos"}


def against_copy(topic: Any, model: Any, using: str) -> Iterator[tuple[str, bool]]:
    """Everything that rules the copy path out, whatever the messages are like, and whether it cannot be taken at
    all."""
    connection = connections[using]
    if connection.vendor != "postgresql":
        yield f"{connection.display_name} has no COPY", True
    overridden = topic.overridden()
    for name in sorted(overridden & _HOOKS):
        yield f"{name}{'<field>' if name.endswith('_') else ''}() is overridden", True
    if topic.model is None or "get_model" in overridden or getattr(topic, "reroute_model_map", None):
        yield "the model depends on the message", True
    if topic.version_field and "get_version" in overridden:
        yield "get_version() is overridden", True
    if topic.version_field and any(cls.__name__ == VERSIONED_MODEL for cls in model.__mro__):
        yield "the versions of deleted rows have to be looked up", True
    if not topic.envelopes:
        yield "envelopes are taken for rows", True
    if topic.send_signals:
        yield "send_signals needs objects", True
    if _source_of(topic) is None:
        yield "the values are neither Avro nor JSON as this package reads them", True


VERSIONED_MODEL = "KafkaConnectVersionedModel"


def version_names(topic: Any) -> tuple[str, ...]:
    """The names under which get_version() looks for the version in a row, in its order."""
    if not topic.version_field:
        return ()
    name = topic.version_key or topic.version_field
    return (name, f"__{name}", f"__source_{name}")


def _source_of(topic: Any) -> str | None:
    """How the topic's values are written: "avro", or None when something else reads them."""
    find = getattr(topic, "find_copy_source", None)
    found: str | None = find() if find is not None else None
    return found


def can_fast_delete(model: Any, using: str) -> bool:
    """Whether nothing but the row itself has to be looked at when it is deleted."""
    rows = model._base_manager.using(using).all()
    return bool(Collector(using=using, origin=rows).can_fast_delete(rows))


# ---- the columns of one kind of message ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Kind:
    """Messages with the same fields. debezium: nothing that they have is somebody else's."""

    fields: Mapping[str, Semantic]
    debezium: bool = False


class NotCopyableError(ValueError):
    """Messages of this schema have to be written in another way; the text says why. reasons: each one."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class Layout:
    """Which field of a message goes into which column.

    Errors (of the constructor): NotCopyableError, with everything that is against it."""

    def __init__(self, topic: Any, model: Any, using: str, table: Table, kind: Kind) -> None:
        self.topic = topic
        self.kind = kind
        self.target: Target = target_of(model)
        self.table = with_ranges(table, self.target.fields)
        self.connection = connections[using]
        self.columns: list[Column] = []
        self.items: list[tuple[str, str, dict[str, Any]]] = []  # for CopyPlan
        self.names: dict[str, str] = {}  # of the column, by the name in the message
        self.ignored: list[str] = []  # fields of the message that no column takes
        self._given: set[str] = set()  # columns that messages have a field for
        self.version = self._find_version()  # the name of the version in the message
        self._against: list[str] = []
        self._read(kind.fields)
        self.key = self._find_key()  # names in the message, in the order of the primary key
        self.fixed = tuple(fixed_columns(topic, self.target, table, self._given, self.connection, self._against))
        if self.topic.version_field:
            self._against += self._against_version()
        if self._against:
            raise NotCopyableError(*self._against)

    def shape(self, order: tuple[str, ...]) -> Shape:
        """order: names in the message, as the rows have them."""
        columns = tuple(self.table.columns[self.names[name]] for name in order)
        flag = self.target.columns[SKIP_FIELD].column if flag_of(self.topic, self.target) else None
        changes = any(item.updates for item in self.fixed if item.column != flag)
        key = tuple(self.names[name] for name in self.key)
        version = None if self.version is None else self.names[self.version]
        return Shape(self.table, columns, key, self.fixed, skips_unchanged=not changes, flag=flag, version=version)

    def _read(self, fields: Mapping[str, Semantic]) -> None:
        excluded = frozenset(self.topic.exclude_fields or ())
        for name, semantic in fields.items():
            field = self._field(name)
            skip = self.topic.sync_kafka_skip and self.target.skips and field is self.target.columns[SKIP_FIELD]
            if skip or (name in excluded and name != self.version) or name == self.topic.deletion_key:
                self.ignored.append(name)
                continue
            if field is None:
                if self.topic.model_has_field(self.target.model, name):
                    self._against.append(f"{name} is not a column of {self.target.model.__name__}")
                self.ignored.append(name)
                continue
            if getattr(field, "generated", False) or getattr(field, "auto_now", False):
                self.ignored.append(name)
                continue
            if field.column in self._given:
                self._against.append(f"two fields of the message go into the column {field.column}")
                continue
            self._given.add(field.column)
            if reason := self._add(name, field, semantic):
                self._against.append(reason)

    def _field(self, name: str) -> Any:
        """Which field of the model a field of the message is for. The version is what get_version() says, and nothing
        else."""
        field = self.target.columns.get(name)
        if not self.topic.version_field:
            return field
        version = self.target.columns[self.topic.version_field]
        return version if name == self.version else None if field is version else field

    def _find_version(self) -> str | None:
        names = version_names(self.topic)
        return next((name for name in names if name in self.kind.fields), None)

    def _add(self, name: str, field: Any, semantic: Semantic) -> str | None:
        """The reason when the field cannot be copied into its column."""
        column = self.table.columns.get(field.column)
        if column is None:
            return f"the table has no column {field.column}"
        if getattr(field, "auto_now_add", False):
            return f"{name} is set by Django when a row is made (auto_now_add)"
        reason = None
        if not is_of_texts(field, column, semantic) or against_methods(field):
            reason = against_field(field) or against_column(field, column)
        options: dict[str, Any] = {"nullable": takes_null(field) and not column.not_null, "narrow": True}
        if name == self.version and self.target.columns.get(name) is not field:
            options["nullable"] = False  # an event without a version leaves the column as it is
        reason = reason or self._set_form(field, semantic, options)
        if reason:
            return f"{name}: {reason}"
        self.items.append((name, kind_of(field, column), options))
        self.columns.append(column)
        self.names[name] = column.name
        return None

    def _set_form(self, field: Any, semantic: Semantic, options: dict[str, Any]) -> str | None:
        """How texts and numbers are meant that the schema does not explain. The reason when it is not known."""
        while field.remote_field is not None and hasattr(field, "target_field"):
            field = field.target_field
        if is_range(field):
            return self._set_form(field.base_field, NONE, {})  # its bounds are texts
        if items := items_of(field):
            if semantic.name:
                return f"{semantic.name} is no list"
            return self._set_form(items, semantic.items or NONE, options)
        name, topic = semantic.name, self.topic
        if isinstance(field, models.DateTimeField) and not project.USE_TZ and project.TIME_ZONE != "UTC":
            return "USE_TZ is off, and times without a zone are those of TIME_ZONE"
        if isinstance(field, (models.DateTimeField, models.TimeField)):
            if name not in TIMESTAMPS and name not in TIMES and topic.time_precision_mode in _UNITS:
                options["unit"] = _UNITS[topic.time_precision_mode]
        elif isinstance(field, models.DateField):
            if name in TIMES or name in DURATIONS:
                return f"{name} is no date"
        elif isinstance(field, models.DurationField):
            if name in TIMES or name in TIMESTAMPS or name in DATES:
                return f"{name} is no duration"
        elif is_hstore(field):
            options["form"] = "hstore"
        elif isinstance(field, models.JSONField):
            if self.kind.debezium:
                options["form"] = "document"
        elif isinstance(field, models.BinaryField):
            if topic.binary_handling_mode == "hex":
                options["form"] = "hex"
        elif isinstance(field, models.DecimalField) and not name and self._packs_decimals():
            options["form"] = "base64"
        return None

    def _against_version(self) -> Iterator[str]:
        if self.version is None or self.version not in self.names:
            yield "the version is not in the row, or not written"
        elif self.kind.fields[self.version].name:
            yield f"the version is a {self.kind.fields[self.version].name}"

    def _packs_decimals(self) -> bool:
        """Whether a decimal in a text, of which no schema says anything, is its bytes in base64."""
        mode = self.topic.decimal_handling_mode
        return mode == "precise" or (self.kind.debezium and mode not in _WRITTEN_OUT)

    @property
    def is_found_by_key(self) -> bool:
        """Whether all that is in the message's key says which row it is, as get_lookup_kwargs() has it where the
        primary key has several columns."""
        return self.target.is_composite

    def _find_key(self) -> tuple[str, ...]:
        """The names, in the message, of the columns by which rows are found."""
        columns = [field.column for field in self.target.pk_fields]
        names = {column: name for name, column in self.names.items()}
        if not self._given.issuperset(columns):
            self._against.append("the primary key is not in the value")
        if not self.table.is_unique(set(columns)):
            self._against.append(f"the table has no unique index on {', '.join(columns)}")
        return tuple(names.get(column, "") for column in columns)
