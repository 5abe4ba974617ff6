# SPDX-License-Identifier: MIT
"""Python code that kafka_model_topic writes: a topic class for a model, and a sketch of a model for a schema."""

from __future__ import annotations

import keyword
import re
import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from django.db import models

from django_kafka.management.records import Record, RecordField, family_of

WIDTH = 80
FORMATS = {"avro": "AvroTopicConsumer", "json": "JSONTopicConsumer"}

_FIELDS = {
    "boolean": "BooleanField",
    "int": "IntegerField",
    "long": "BigIntegerField",
    "float": "FloatField",
    "text": "TextField",
    "bytes": "BinaryField",
    "date": "DateField",
    "time": "TimeField",
    "timestamp": "DateTimeField",
    "duration": "DurationField",
    "uuid": "UUIDField",
}
_KEY_LENGTH = 255
_DIGITS, _PLACES = 38, 10  # of decimals of which the schema says nothing


def comment(text: str) -> str:
    return textwrap.fill(
        text, WIDTH, initial_indent="# ", subsequent_indent="#   ", break_long_words=False, break_on_hyphens=False
    )


# ---- the topic -----------------------------------------------------------------------------------------------------


def topic_imports(form: str, debezium: bool) -> list[str]:
    module, base = ("debezium", "DbzModelTopicConsumer") if debezium else ("model", "ModelTopicConsumer")
    return [
        f"from django_kafka.topic.{form} import {FORMATS[form]}",
        f"from django_kafka.topic.{module} import {base}",
    ]


def model_import(model: Any) -> tuple[str, str]:
    """How a model is imported, and what it is then called."""
    module = sys.modules.get(model.__module__)
    name: str = model.__name__
    if getattr(module, name, None) is model:
        return f"from {model.__module__} import {name}", name
    return "from django.apps import apps", f"apps.get_model({model._meta.label!r})".replace("'", '"')


def topic_class(name: str, topic: str, model: str, form: str, debezium: bool, exclude: Sequence[str]) -> str:
    """model: the expression for it."""
    base = "DbzModelTopicConsumer" if debezium else "ModelTopicConsumer"
    lines = [
        f"class {name}({FORMATS[form]}, {base}):",
        f"    name = {quoted(topic)}",
        f"    model = {model}",
    ]
    if exclude:
        one_line = f"    exclude_fields = [{', '.join(map(quoted, exclude))}]"
        several = ["    exclude_fields = [", *(f"        {quoted(name)}," for name in exclude), "    ]"]
        lines += [one_line] if len(one_line) <= WIDTH else several
    return "\n".join(lines)


def quoted(text: str) -> str:
    """As Python writes it, with double quotes where that is the same."""
    written = repr(text)
    return f'"{written[1:-1]}"' if written[0] == "'" and '"' not in written else written


def class_name(text: str) -> str:
    """A name for a class out of that of a record, a table or a topic: `sales_orders` is SalesOrders."""
    name = "".join(part[:1].upper() + part[1:] for part in re.split(r"[^a-zA-Z0-9]+", text))
    return name if name.isidentifier() and not keyword.iskeyword(name) else f"Model{name}"


# ---- the model -----------------------------------------------------------------------------------------------------


class Sketch:
    """A model for the rows of a record. keys: the fields of the messages' key that are fields of the record.

    remarks: what somebody has to look at."""

    def __init__(self, name: str, record: Record, keys: Sequence[str]) -> None:
        self.name = name
        self.remarks: list[str] = []
        fields = {name: field for name, field in record.fields.items() if name[:2] != "__"}
        if left_out := record.fields.keys() - fields.keys():
            self.remarks.append(f"Not of the row, but about it: {', '.join(sorted(left_out))}.")
        self.pk = self._find_pk(fields, keys)
        taken: set[str] = set()
        self._names = {field: self._safe(field, taken) for field in fields}
        self._lines = list(self._body(fields, list(keys)))

    def __str__(self) -> str:
        return "\n".join([f"class {self.name}(models.Model):", *self._lines])

    def _find_pk(self, fields: dict[str, RecordField], keys: Sequence[str]) -> str | None:
        if len(keys) == 1:
            return keys[0]
        if keys:
            self.remarks.append(f"The messages' key has several fields: {', '.join(keys)}.")
            return None
        if "id" in fields:
            self.remarks.append("No schema of keys is registered: the primary key is taken to be id.")
            return "id"
        self.remarks.append("No schema of keys is registered: which field is the primary key?")
        return None

    def _safe(self, name: str, taken: set[str]) -> str:
        """A name that Django takes for a field."""
        safe = re.sub("_{2,}", "_", name).strip("_") or "field"
        reserved = safe in ("pk", "objects", "row_id") or hasattr(models.Model, safe) or not safe.isidentifier()
        if reserved or keyword.iskeyword(safe) or (safe == "id" and name != self.pk):
            safe = f"{safe}_field" if not safe[0].isdigit() else f"field_{safe}"
        while safe in taken:
            safe += "x"
        taken.add(safe)
        return safe

    def _body(self, fields: dict[str, RecordField], keys: list[str]) -> Iterator[str]:
        if self.pk is None:
            yield "    row_id = models.BigAutoField(primary_key=True)"
        for name, field in fields.items():
            yield f"    {self._names[name]} = models.{self._field(field)}"
        if len(keys) > 1:
            columns = ", ".join(quoted(self._names[key]) for key in keys)
            yield ""
            yield "    class Meta:"
            yield "        constraints = ["
            yield "            models.UniqueConstraint("
            yield f"                fields=[{columns}],"
            yield f"                name={quoted(f'{self.name.lower()[:20]}_key')},"
            yield "            )"
            yield "        ]"

    def _field(self, field: RecordField) -> str:
        is_key = field.name == self.pk
        family = family_of(field.semantic)
        arguments = []
        if family == "text" and is_key:
            cls = "CharField"
            arguments.append(f"max_length={_KEY_LENGTH}")
        elif family == "decimal":
            cls = "DecimalField"
            places = _PLACES if field.semantic.scale is None else field.semantic.scale
            digits = max(field.digits or _DIGITS, places)
            if field.digits is None or field.semantic.scale is None:
                self.remarks.append(f"{field.name}: the schema does not say how many digits its numbers have.")
            arguments += [f"max_digits={digits}", f"decimal_places={places}"]
        else:
            cls = _FIELDS.get(family, "JSONField")
            if not family:
                self.remarks.append(f"{field.name}: its values may be of several types.")
        if is_key:
            arguments.append("primary_key=True")
        elif field.nullable:
            arguments.append("null=True")
        if self._names[field.name] != field.name:
            arguments.append(f"db_column={quoted(field.name)}")
        return f"{cls}({', '.join(arguments)})"
