# SPDX-License-Identifier: MIT
"""Arrays, hstore and ranges of PostgreSQL."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from django_kafka.sync.convert.semantic import ENUM_SET, Modes, Semantic
from django_kafka.sync.convert.unfit import Unfit


def array_of(semantic: Semantic, modes: Modes, item: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """For an ArrayField, with the converter of its items."""

    def convert(value: Any) -> Any:
        if isinstance(value, str) and semantic.name == ENUM_SET:
            value = value.split(",") if value else []
        if not isinstance(value, (list, tuple)):
            raise Unfit("a list")
        return [None if element is None else item(element) for element in value]

    return convert


def hstore_of(semantic: Semantic, modes: Modes) -> Callable[[Any], Any]:
    """For an HStoreField: a map, or its text in JSON."""

    def convert(value: Any) -> Any:
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                value = None
        if isinstance(value, Mapping) and all(isinstance(v, (str, type(None))) for v in value.values()):
            return dict(value)
        raise Unfit("a map of texts")

    return convert


_BOUND = r'("(?:[^"\\]|\\.|"")*"|[^",\[\]()]*)'
_RANGE = re.compile(rf"\s*([\[(])\s*{_BOUND}\s*,\s*{_BOUND}\s*([\])])\s*")


def range_of(range_type: Callable[..., Any], bound: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """For a range field: PostgreSQL's text of it, `[1,10)`, with the converter of its bounds."""

    def convert(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if value.strip() == "empty":
            return range_type(empty=True)
        match = _RANGE.fullmatch(value)
        if match is None:
            raise Unfit("a range")
        opening, low, high, closing = match.groups()
        return range_type(_bound(low, bound), _bound(high, bound), opening + closing)

    return convert


def _bound(text: str, convert: Callable[[Any], Any]) -> Any:
    if not text:
        return None
    if text.startswith('"'):
        text = re.sub(r'\\(.)|""', lambda found: found[1] or '"', text[1:-1])
    return convert(text)
