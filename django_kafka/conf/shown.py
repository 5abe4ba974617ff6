# SPDX-License-Identifier: MIT
"""Values of settings in texts: none that could hold a secret."""

from __future__ import annotations

from typing import Any

from django_kafka.logs.clean import repr_of


def shown(value: Any) -> str:
    """A value that has a wrong type, for a text: what could hold a secret is told by its type alone."""
    if value is None or isinstance(value, (bool, int, float)):
        return repr(value)
    return "a string" if isinstance(value, str) else f"an object of type {type(value).__name__}"


def quoted(value: Any) -> str:
    """A value that is wrong, where no secret is expected: as it was written if it is plain. A text that is a dict or
    a list is not."""
    is_plain = isinstance(value, type) or (isinstance(value, str) and value.lstrip()[:1] not in ("{", "["))
    return repr_of(value) if is_plain else shown(value)
