# SPDX-License-Identifier: MIT
"""What schemas say of the fields of a message: Avro's, as Kafka Connect's converters write them, and those that
Connect's JSON carries with each message."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from django_kafka.schema.registry import WriterSchema
from django_kafka.sync.convert.semantic import NONE, Semantic


class Struct:
    """Types of a record's fields by name, and those of the records in it.

    Two structs may be compared by identity: each is made once for a schema. exact: the values are of the schema's
    types, whoever has written them, as Avro's decoder gives nothing else."""

    __slots__ = ("exact", "fields", "name", "structs")

    def __init__(self, name: str = "", exact: bool = False) -> None:
        self.name = name
        self.exact = exact
        self.fields: dict[str, Semantic] = {}
        self.structs: dict[str, Struct] = {}


EMPTY = Struct()


def struct_of_writer(written: WriterSchema) -> Struct:
    """Of an Avro schema."""
    if written.derived is None:
        names: dict[str, Any] = {}
        for text in written.names.values():
            _Avro(names, written.exact).node(json.loads(text))
        root = _Avro(names, written.exact).node(json.loads(written.text))[1]
        written.derived = root or Struct()
    derived: Struct = written.derived
    return derived


class _Avro:
    """Reads Avro schemas. names: what was met under a full name."""

    DEEPEST = 100

    def __init__(self, names: dict[str, tuple[Semantic, Struct | None]], exact: bool = False) -> None:
        self.names = names
        self.exact = exact
        self.space = ""
        self.depth = 0

    def node(self, node: Any) -> tuple[Semantic, Struct | None]:
        """The type, and the record if it is one."""
        if isinstance(node, list):
            branches = [branch for branch in node if branch != "null"]
            found, struct = self.node(branches[0]) if len(branches) == 1 else (NONE, None)
            return (replace(found, null=True) if len(branches) < len(node) else found), struct
        if isinstance(node, str):
            full = node if "." in node or not self.space else f"{self.space}.{node}"
            return self.names.get(full) or self.names.get(node) or (Semantic(base=node), None)
        if not isinstance(node, dict) or self.depth > self.DEEPEST:
            return NONE, None
        self.depth += 1
        try:
            return self._complex(node)
        finally:
            self.depth -= 1

    def _complex(self, node: dict[str, Any]) -> tuple[Semantic, Struct | None]:
        kind = node.get("type")
        if isinstance(kind, (dict, list)):
            inner, struct = self.node(kind)
            name = _name(node)
            return (Semantic(name, inner.base, _scale(node), inner.items) if name else inner), struct
        if kind in ("record", "error"):
            return self._record(node)
        items = self.node(node.get("items"))[0] if kind == "array" else None
        if kind in _PRIMITIVES or kind in ("array", "map", "enum", "fixed"):
            base = "string" if kind == "enum" else "bytes" if kind == "fixed" else str(kind)
            found = Semantic(_name(node), base, _scale(node), items)
            if kind in ("enum", "fixed"):
                self.names[self._full(node)] = (found, None)
            return found, None
        return self.node(kind)

    def _record(self, node: dict[str, Any]) -> tuple[Semantic, Struct | None]:
        outer, full = self.space, self._full(node)
        struct = Struct(full, self.exact)
        found = (Semantic(_name(node), "record"), struct)
        self.names[full] = found
        self.space = full.rpartition(".")[0]
        for field in node.get("fields", ()):
            semantic, inner = self.node({**field, "name": ""} if _name(field) else field.get("type"))
            struct.fields[field["name"]] = semantic
            if inner is not None:
                struct.structs[field["name"]] = inner
        self.space = outer
        return found

    def _full(self, node: dict[str, Any]) -> str:
        name = str(node.get("name", ""))
        space = node.get("namespace", self.space)
        return name if "." in name or not space else f"{space}.{name}"


_PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})


def _name(node: dict[str, Any]) -> str:
    return str(node.get("connect.name") or node.get("logicalType") or "")


def _scale(node: dict[str, Any]) -> int | None:
    parameters = node.get("connect.parameters") or node.get("parameters") or {}
    scale = node.get("scale")
    if scale is None and isinstance(parameters, dict):
        scale = parameters.get("scale", parameters.get("length"))
    try:
        return None if scale is None else int(scale)
    except (TypeError, ValueError):
        return None


def struct_of_connect(schema: Any) -> Struct:
    """Of a schema in Connect's JSON."""
    return _connect(schema)[1] or Struct()


def _connect(schema: Any, depth: int = 0) -> tuple[Semantic, Struct | None]:
    if not isinstance(schema, dict) or depth > _Avro.DEEPEST:
        return NONE, None
    kind = str(schema.get("type", ""))
    name = str(schema.get("name") or "")
    items = _connect(schema.get("items"), depth + 1)[0] if kind == "array" else None
    struct = None
    if kind == "struct":
        struct = Struct(name)
        for field in schema.get("fields") or ():
            semantic, inner = _connect(field, depth + 1)
            struct.fields[str(field.get("field"))] = semantic
            if inner is not None:
                struct.structs[str(field.get("field"))] = inner
    return Semantic(name, kind, _scale(schema), items), struct
