# SPDX-License-Identifier: MIT
"""A message's value as a dict that remembers what its schema says of each field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django_kafka.sync.convert.semantic import Semantic

Types = Mapping[str, Semantic]
NO_TYPES: Types = {}


class Row(dict[str, Any]):
    """types: what the schema calls the fields. debezium: it is Debezium's beyond doubt. outer: what stood around it,
    in an envelope: a row without a field of its own called so gives `op`, `source` or `after` of its envelope.
    unavailable: names of fields that were taken out, since Debezium does not have their values."""

    __slots__ = ("debezium", "outer", "types", "unavailable")

    def __init__(
        self,
        values: Mapping[str, Any],
        types: Types = NO_TYPES,
        debezium: bool = False,
        outer: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(values)
        self.types = types
        self.debezium = debezium
        self.outer = outer
        self.unavailable: Sequence[str] = ()

    def __missing__(self, name: str) -> Any:
        if self.outer is None:
            raise KeyError(name)
        return self.outer[name]

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default


class Transformed(dict[str, Any]):
    """What transform() made of a row. sources: by new name, the name that the field had in the message."""

    __slots__ = ("sources",)

    def __init__(self) -> None:
        super().__init__()
        self.sources: dict[str, str] = {}
