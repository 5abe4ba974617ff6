# SPDX-License-Identifier: MIT
"""The value that stands for one that Debezium does not have: a large (TOASTed) column that an update left alone."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Mapping
from typing import Any

DEFAULT = "__debezium_unavailable_value"


class Placeholder:
    """Tells the placeholder, in each of its forms."""

    def __init__(self, text: str = DEFAULT) -> None:
        data = text.encode()
        self.data = data
        encoded = base64.b64encode(data).decode()
        self.texts = frozenset(
            {
                text,
                encoded,
                encoded.rstrip("="),
                base64.urlsafe_b64encode(data).decode(),
                data.hex(),
                f'{{"{text}":"{text}"}}',  # hstore as JSON
            }
        )
        digest = bytearray(hashlib.md5(data, usedforsecurity=False).digest())
        self.uuid = str(uuid.UUID(bytes=bytes(digest), version=3))  # Java's nameUUIDFromBytes
        self.numbers = list(data)  # arrays of integers
        self.text = text

    def matches(self, value: Any) -> bool:
        """Whether the value is the placeholder."""
        if isinstance(value, str):
            return value in self.texts
        if isinstance(value, (bytes, bytearray)):
            return value == self.data
        if isinstance(value, list):
            if len(value) == 1:
                return value[0] in (self.text, self.uuid)
            return len(value) == len(self.numbers) and value == self.numbers
        if isinstance(value, Mapping):
            return len(value) == 1 and value.get(self.text) == self.text
        return False
