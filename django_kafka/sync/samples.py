# SPDX-License-Identifier: MIT
"""What kind of message one is, for the copy path: the fields that it has, and what its schema says of them."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from typing import Any, Protocol

from django_kafka._native import AvroSchema, CopyPlan
from django_kafka.sync import forms
from django_kafka.sync.convert.semantic import NONE
from django_kafka.sync.copyable import Kind, Layout, version_names
from django_kafka.sync.schemas import EMPTY, Struct, struct_of_writer
from django_kafka.topic import KEY, VALUE


class Source(Protocol):
    """How keys and values are written."""

    def identify(self, msg: Any) -> Hashable | None:
        """The same for messages of the same kind; None when this one does not tell."""

    def kind(self, identity: Any) -> Kind:
        """Of what identify() has returned. Errors: ValueError when no row can be made of it."""

    def begin(self, plan: CopyPlan, layout: Layout) -> None:
        """Tell a new plan what is known beforehand."""

    def learn(self, plan: CopyPlan, msg: Any, side: str, number: Any, layout: Layout) -> str | None:
        """Tell the plan a schema that it has met. Why messages with it are odd; None: they are not."""


def source_of(topic: Any) -> Source:
    """Of a topic that find_copy_source() says can be read by the engine."""
    return AvroSource(topic) if topic.find_copy_source() == "avro" else JSONSource(topic)


class AvroSource:
    """Avro, with schemas in a registry: its requests are the topic's."""

    def __init__(self, topic: Any) -> None:
        self.topic = topic

    def identify(self, msg: Any) -> Hashable | None:
        data = msg.value()
        if data is None:
            return None
        written: Hashable | None = self.topic.written_schema(data, VALUE, msg.headers())
        return written

    def kind(self, identity: Any) -> Kind:
        struct = struct_of_writer(identity)
        envelope = self.topic.envelopes and {"op", "source"} <= struct.fields.keys() and "after" in struct.structs
        return Kind((struct.structs["after"] if envelope else struct).fields, self.topic.debezium or envelope)

    def begin(self, plan: CopyPlan, layout: Layout) -> None:
        """Schemas are told when they are met."""

    def learn(self, plan: CopyPlan, msg: Any, side: str, number: Any, layout: Layout) -> str | None:
        if side == "value":
            self._learn_key(plan, msg, layout)
        return self._learn(plan, msg, side, number, layout)

    def _learn_key(self, plan: CopyPlan, msg: Any, layout: Layout) -> None:
        """Of a message whose value is met for the first time. By its key the plan knows which messages are those of a
        row that it has to leave to others."""
        data = msg.key()
        if isinstance(data, bytes) and data[:1] == b"\0" and len(data) > 4:
            self._learn(plan, msg, "key", int.from_bytes(data[1:5], "big"), layout)

    def _learn(self, plan: CopyPlan, msg: Any, side: str, number: Any, layout: Layout) -> str | None:
        data, field = (msg.key(), KEY) if side == "key" else (msg.value(), VALUE)
        written = self.topic.written_schema(data, field, msg.headers())
        if written is None:
            return "the message names no schema"
        if side == "key" and layout.is_found_by_key and struct_of_writer(written).fields.keys() != set(layout.key):
            return f"the key has other fields than the primary key: {', '.join(layout.key)}"
        return plan.add(side, number, AvroSchema(written.text, written.names))


class JSONSource:
    """JSON, with or without schemas of Connect's around each value."""

    def __init__(self, topic: Any) -> None:
        self.topic = topic
        self.schemas = forms.ConnectSchemas()
        self._kinds: dict[Hashable, Kind] = {}

    def identify(self, msg: Any) -> Hashable | None:
        """Errors: ValueError when it is not JSON."""
        data = msg.value()
        if not data:
            return None
        value, struct = forms.unpack(json.loads(data), EMPTY, self.schemas, False)
        debezium = bool(self.topic.debezium)
        if not isinstance(value, Mapping):
            return None
        if self.topic.envelopes and forms.is_envelope(value):
            side = "before" if value.get("after") is None else "after"
            value, struct, debezium = value.get(side), struct.structs.get(side, EMPTY), True
            if not isinstance(value, Mapping):
                return None
        row = forms.row_of(value, struct, self.topic.deletion_key, False)
        debezium = debezium or bool(getattr(row, "debezium", False))
        return self._identity(struct, tuple(value), debezium)

    def _identity(self, struct: Struct, names: tuple[str, ...], debezium: bool) -> Hashable:
        fields = struct.fields or dict.fromkeys(names, NONE)
        identity = (tuple(fields.items()), debezium)
        self._kinds.setdefault(identity, Kind(fields, debezium))
        return identity

    def kind(self, identity: Any) -> Kind:
        return self._kinds[identity]

    def begin(self, plan: CopyPlan, layout: Layout) -> None:
        for side in ("key", "value"):
            exact = side == "key" and layout.is_found_by_key
            names = version_names(self.topic) if side == "value" and layout.version else ()
            before = names[: names.index(layout.version)] if layout.version in names else ()
            plan.add_json(side, ignored=() if exact else layout.ignored, refused=before)

    def learn(self, plan: CopyPlan, msg: Any, side: str, number: Any, layout: Layout) -> str | None:
        return "the message is not JSON"
