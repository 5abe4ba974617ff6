# SPDX-License-Identifier: MIT
"""What of a topic, a model and a schema lets messages become rows without Python, and what rules it out.

Whatever is not known here to have the same effect as the other paths is a reason against the copy path."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings as project
from django.db import connections, models
from django.db.models.deletion import Collector
from django.utils import timezone

from django_kafka.sync.columns import Column, Table
from django_kafka.sync.convert.semantic import DATES, DURATIONS, TIMES, TIMESTAMPS, Semantic
from django_kafka.sync.fast import HOOKS
from django_kafka.sync.read import takes_null
from django_kafka.sync.target import SKIP_FIELD, Target, target_of
from django_kafka.sync.upsert import Fixed, Shape

# Hooks that see each message. get_model() is asked for below; the other two are called, or say nothing here.
_HOOKS = (HOOKS | {"consume"}) - {"get_model", "get_using", "get_version"}

# Fields whose values become what PostgreSQL stores without anything that a subclass could have changed.
_FIELDS: tuple[type, ...] = (
    models.BooleanField,
    models.IntegerField,
    models.AutoField,
    models.FloatField,
    models.DecimalField,
    models.CharField,
    models.TextField,
    models.BinaryField,
    models.DateField,
    models.TimeField,
    models.DurationField,
    models.UUIDField,
    models.JSONField,
    models.ForeignKey,
)
_METHODS = ("get_prep_value", "get_db_prep_value", "get_db_prep_save", "get_placeholder", "pre_save", "get_default")

# What each kind of field is stored as, so that both sides agree what a value is.
_KINDS: tuple[tuple[type, frozenset[str]], ...] = (
    (models.BooleanField, frozenset({"bool"})),
    (models.IntegerField, frozenset({"int2", "int4", "int8"})),
    (models.FloatField, frozenset({"float8"})),
    (models.DecimalField, frozenset({"numeric"})),
    (models.BinaryField, frozenset({"bytea"})),
    (models.DateTimeField, frozenset({"timestamptz", "timestamp"})),
    (models.DateField, frozenset({"date"})),
    (models.TimeField, frozenset({"time"})),
    (models.DurationField, frozenset({"interval"})),
    (models.UUIDField, frozenset({"uuid"})),
    (models.JSONField, frozenset({"jsonb"})),
    (models.CharField, frozenset({"varchar", "text"})),
    (models.TextField, frozenset({"text", "varchar"})),
)
_WRITTEN_OUT = ("string", "double")
_UNITS = {"connect": "millis", "microseconds": "micros", "nanoseconds": "nanos"}
# Defaults that are the same for all rows of a transaction, or whose second object is like the first.
_DEFAULTS: frozenset[Callable[..., Any]] = frozenset({dict, list, timezone.now, dt.date.today})


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
    if topic.version_field:
        yield "version_field compares each row", True
    if topic.send_signals:
        yield "send_signals needs objects", True
    if _source_of(topic) is None:
        yield "the values are neither Avro nor JSON as this package reads them", True
    if target_of(model).is_composite:
        yield "the primary key has several columns", True


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
        self.table = table
        self.connection = connections[using]
        self.columns: list[Column] = []
        self.items: list[tuple[str, str, dict[str, Any]]] = []  # for CopyPlan
        self.names: dict[str, str] = {}  # of the column, by the name in the message
        self.ignored: list[str] = []  # fields of the message that no column takes
        self._given: set[str] = set()  # columns that messages have a field for
        self._against: list[str] = []
        self._read(kind.fields)
        self.key = self._find_key()
        self.fixed = tuple(self._fixed())
        if self._against:
            raise NotCopyableError(*self._against)

    def shape(self, order: tuple[str, ...]) -> Shape:
        """order: names in the message, as the rows have them."""
        columns = tuple(self.table.columns[self.names[name]] for name in order)
        changes = any(item.updates for item in self.fixed if item.column != SKIP_FIELD)
        return Shape(self.table, columns, (self.names[self.key],), self.fixed, skips_unchanged=not changes)

    def _read(self, fields: Mapping[str, Semantic]) -> None:
        excluded = frozenset(self.topic.exclude_fields or ())
        for name, semantic in fields.items():
            if name in excluded or name == self.topic.deletion_key:
                self.ignored.append(name)
                continue
            field = self.target.columns.get(name)
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

    def _add(self, name: str, field: Any, semantic: Semantic) -> str | None:
        """The reason when the field cannot be copied into its column."""
        column = self.table.columns.get(field.column)
        if column is None:
            return f"the table has no column {field.column}"
        if getattr(field, "auto_now_add", False):
            return f"{name} is set by Django when a row is made (auto_now_add)"
        reason = _against_field(field) or _against_column(field, column)
        options: dict[str, Any] = {"nullable": takes_null(field) and not column.not_null}
        reason = reason or self._set_form(field, semantic, options)
        if reason:
            return f"{name}: {reason}"
        kind = column.kind
        if column.arguments and kind in ("varchar", "char", "numeric"):
            kind += f"({','.join(map(str, column.arguments))})"
        self.items.append((name, kind + ("[]" if column.is_array else ""), options))
        self.columns.append(column)
        self.names[name] = column.name
        return None

    def _set_form(self, field: Any, semantic: Semantic, options: dict[str, Any]) -> str | None:
        """How texts and numbers are meant that the schema does not explain. The reason when it is not known."""
        while field.remote_field is not None and hasattr(field, "target_field"):
            field = field.target_field
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
        elif isinstance(field, models.JSONField):
            if self.kind.debezium:
                options["form"] = "document"
        elif isinstance(field, models.BinaryField):
            if topic.binary_handling_mode == "hex":
                options["form"] = "hex"
        elif isinstance(field, models.DecimalField) and not name and self._packs_decimals():
            options["form"] = "base64"
        return None

    def _packs_decimals(self) -> bool:
        """Whether a decimal in a text, of which no schema says anything, is its bytes in base64."""
        mode = self.topic.decimal_handling_mode
        return mode == "precise" or (self.kind.debezium and mode not in _WRITTEN_OUT)

    def _find_key(self) -> str:
        """The name, in the message, of the column by which rows are found."""
        pk = self.target.pk_fields[0]
        found = next((name for name, column in self.names.items() if column == pk.column), "")
        if pk.column not in self._given:
            self._against.append("the primary key is not in the value")
        if not self.table.is_unique({pk.column}):
            self._against.append(f"the table has no unique index on {pk.column}")
        return found

    def _fixed(self) -> Iterator[Fixed]:
        """What Django writes into columns that no message has."""
        given = set(self._given)
        if self.topic.sync_kafka_skip and self.target.skips:
            given.add(SKIP_FIELD)
            yield Fixed(SKIP_FIELD, _constant(True), updates=True)
        for field in self.target.fields:
            if field.column in given or getattr(field, "generated", False):
                continue
            if field.column not in self.table.columns:
                self._against.append(f"the table has no column {field.column}")
                continue
            if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
                yield Fixed(field.column, self._now(field), updates=bool(field.auto_now))
                continue
            try:
                default = self._default(field)
            except NotCopyableError as error:
                self._against += error.reasons
                continue
            if default is not None:
                yield Fixed(field.column, default)

    def _now(self, field: Any) -> Callable[[], Any]:
        def now() -> Any:
            value = field.pre_save(self.target.model(), True)
            return field.get_db_prep_save(value, connection=self.connection)

        return now

    def _default(self, field: Any) -> Callable[[], Any] | None:
        """None: the column's default is the database's."""
        if not field.has_default():
            if _has_db_default(field) or isinstance(field, models.AutoField):
                return None
        elif callable(field.default) and field.default not in _DEFAULTS:
            raise NotCopyableError(f"{field.name} is not in the messages, and its default is made for each row")
        if reason := _against_field(field):
            raise NotCopyableError(f"{field.name}: {reason}")

        def default() -> Any:
            return field.get_db_prep_save(field.get_default(), connection=self.connection)

        return default


def _constant(value: Any) -> Callable[[], Any]:
    return lambda: value


def _has_db_default(field: Any) -> bool:
    """Django 5.0's db_default."""
    return bool(getattr(field, "has_db_default", lambda: False)()) or (
        hasattr(models, "NOT_PROVIDED")
        and getattr(field, "db_default", models.NOT_PROVIDED) is not models.NOT_PROVIDED
    )


def _against_field(field: Any) -> str | None:
    """Whether a field of the project's own does something to values."""
    if isinstance(field, models.FileField) or not isinstance(field, _FIELDS):
        return f"{type(field).__name__} is not one of Django's plain fields"
    for method in _METHODS:
        function = getattr(type(field), method, None)
        if function is not None and not getattr(function, "__module__", "").startswith("django.db.models."):
            return f"{type(field).__name__}.{method}() is the project's own"
    if isinstance(field, models.ForeignKey):
        return _against_field(field.target_field)
    if isinstance(field, models.JSONField) and (field.encoder or field.decoder):
        return "the JSONField has an encoder or a decoder of its own"
    return None


def _against_column(field: Any, column: Column) -> str | None:
    """Whether the column holds something else than the field says."""
    while field.remote_field is not None and hasattr(field, "target_field"):
        field = field.target_field
    kinds = next((kinds for cls, kinds in _KINDS if isinstance(field, cls)), frozenset())
    if column.is_array or column.is_cast or column.kind not in kinds:
        return f"a {type(field).__name__} in a column of type {column.type}"
    return None
