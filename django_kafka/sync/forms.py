# SPDX-License-Identifier: MIT
"""The forms in which a message can say what a row is: flat, in an envelope of Debezium's, with a schema of Connect's
around it, as a text of JSON, as a Protobuf message; and those in which it says that the row is gone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any

from django_kafka.sync.convert.exact_json import read_message
from django_kafka.sync.convert.placeholder import Placeholder
from django_kafka.sync.row import Row
from django_kafka.sync.schemas import EMPTY, Struct, struct_of_connect


class Nothing(Enum):
    """Why a message changes no row."""

    TRUNCATE = "the table was truncated"
    MESSAGE = "a logical message"
    NO_KEY = "a tombstone without a key"
    TOMBSTONE = "a tombstone"


class NotARow(ValueError):
    """The value is nothing that a row can be made of."""


def has_debezium_header(headers: Any) -> bool:
    """Whether one of the message's headers is Debezium's."""
    names = headers if isinstance(headers, dict) else (name for name, _ in headers)
    return any(name.startswith("__debezium.") for name in names)


# Fields that only Debezium adds to a flattened record.
MARKS = frozenset(
    {"__deleted", "__op", "__table", "__lsn", "__source_ts_ms", "__source_lsn", "__ts_ms", "__db", "__schema"}
)
_OPERATIONS = frozenset("crudtm")


class ConnectSchemas:
    """The schemas that came with messages of Connect's JSON, each read once."""

    MOST = 100

    def __init__(self) -> None:
        self.known: dict[str, Struct] = {}

    def struct(self, schema: Any) -> Struct:
        text = repr(schema)
        if text not in self.known:
            if len(self.known) >= self.MOST:
                self.known.clear()
            self.known[text] = struct_of_connect(schema)
        return self.known[text]


class ConnectPayloads:
    """Takes Connect's JSON apart without reading the schema again, which is most of it: messages of one schema begin
    alike."""

    BEGIN, BETWEEN = b'{"schema":', b',"payload":'

    def __init__(self, schemas: ConnectSchemas) -> None:
        self.schemas = schemas
        self.beginnings: dict[bytes, Struct] = {}
        self.last: bytes = b"-"  # which no message begins with
        self.struct = EMPTY
        self.decode = json.JSONDecoder().raw_decode

    def payload(self, data: bytes) -> tuple[Any, Struct] | None:
        """The payload, and what the schema says of it; None when it is not written so. Errors: ValueError."""
        if not data.startswith(self.last) and not (data.startswith(self.BEGIN) and self._meet(data)):
            return None
        if data[-1:] != b"}":
            return None
        try:
            return read_message(data[len(self.last) : -1]), self.struct
        except ValueError:
            return None  # whoever reads it as a whole says what is wrong

    def _meet(self, data: bytes) -> bool:
        """Learn how the message begins."""
        for known, struct in self.beginnings.items():
            if data.startswith(known):
                self.last, self.struct = known, struct
                return True
        try:
            text = data.decode()
            schema, end = self.decode(text, len(self.BEGIN))
        except ValueError:
            return False
        begin = text[:end].encode() + self.BETWEEN
        if not data.startswith(begin):
            return False
        if len(self.beginnings) >= ConnectSchemas.MOST:
            self.beginnings.clear()
        self.beginnings[begin] = self.schemas.struct(schema)
        self.last, self.struct = begin, self.beginnings[begin]
        return True


def unpack(value: Any, struct: Struct, schemas: ConnectSchemas, parse: bool) -> tuple[Any, Struct]:
    """What is in Connect's {"schema", "payload"}, in a Protobuf message or, if parse says so, in a text of JSON;
    other values as they are."""
    if parse and isinstance(value, (str, bytes)) and value[:1] in ("{", "n", b"{", b"n"):
        try:
            value = json.loads(value)
        except ValueError:
            return value, struct
    if isinstance(value, Mapping):
        if len(value) == 2 and "schema" in value and "payload" in value and _is_schema(value["schema"]):
            return value["payload"], schemas.struct(value["schema"])
        return value, struct
    if hasattr(value, "DESCRIPTOR") and hasattr(value, "ListFields"):
        return of_protobuf(value), struct
    return value, struct


def _is_schema(schema: Any) -> bool:
    return schema is None or (isinstance(schema, Mapping) and "type" in schema)


def of_protobuf(message: Any) -> Any:
    """A Protobuf message as a dict. Fields that have no value are None where the message can tell that, else they
    have their type's default."""
    kind = message.DESCRIPTOR.full_name
    if kind == "google.protobuf.Timestamp":
        return message.ToDatetime()
    if kind == "google.protobuf.Duration":
        return message.ToTimedelta()
    if kind.startswith("google.protobuf.") and kind.endswith("Value") and hasattr(message, "value"):
        return message.value
    row: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if hasattr(value, "items"):
            value = {key: _plain(item) for key, item in value.items()}
        elif hasattr(value, "extend"):
            value = [_plain(item) for item in value]
        elif field.has_presence and not message.HasField(field.name):
            value = None
        row[field.name] = _plain(value)
    return row


def _plain(value: Any) -> Any:
    return of_protobuf(value) if hasattr(value, "DESCRIPTOR") and hasattr(value, "ListFields") else value


def is_envelope(value: Mapping[str, Any]) -> bool:
    """Whether it is Debezium's envelope of a change, not a row."""
    if "op" not in value or "source" not in value:
        return False
    operation = value["op"]
    return (
        isinstance(operation, str)
        and operation in _OPERATIONS
        and ("after" in value or "before" in value or "message" in value)
        and isinstance(value["source"], (Mapping, type(None)))
    )


def row_of(value: Any, struct: Struct, deletion_key: str | None, debezium: bool) -> Row | Nothing | None:
    """The row that a value has; None for one that is gone.

    A row that an envelope says is gone comes as it was before, marked with the deletion key, if there is one and the
    envelope has it. That is only the key of the row unless its table's REPLICA IDENTITY is FULL."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise NotARow(type(value).__name__)
    if not is_envelope(value):
        marked = debezium or any(mark in value for mark in MARKS)
        return Row(value, struct.fields, marked)
    operation = value["op"]
    if operation in "tm":
        return Nothing.TRUNCATE if operation == "t" else Nothing.MESSAGE
    side = "before" if operation == "d" else "after"
    found = value.get(side)
    if operation == "d" and (found is None or deletion_key is None):
        return None
    if not isinstance(found, Mapping):
        raise NotARow(f"an envelope with '{side}' of {type(found).__name__}")
    row = Row(found, struct.structs.get(side, EMPTY).fields, True, value)
    if operation == "d" and deletion_key is not None:
        row[deletion_key] = True
    return row


def drop_unavailable(row: Row, placeholder: Placeholder) -> None:
    """Take out what stands for values that Debezium does not have."""
    found = None
    for name, value in row.items():
        if type(value) in _LARGE and placeholder.matches(value):
            found = [*(found or ()), name]
    for name in found or ():
        del row[name]
    row.unavailable = found or ()


_LARGE = frozenset({str, bytes, list, dict})
