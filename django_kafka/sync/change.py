# SPDX-License-Identifier: MIT
"""What the hooks of a topic made of one message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Change:
    """A row to be written or deleted.

    index: of the message in its sequence. lookup: which row, as QuerySet.get() takes it. values: what is to be in it,
    by attname where it is a column. version: of the event, None if it has none. unavailable: columns, by attname, of
    which the source has not sent the value."""

    __slots__ = ("delete", "index", "lookup", "model", "unavailable", "values", "version")

    def __init__(
        self,
        index: int,
        model: Any,
        lookup: dict[str, Any],
        values: dict[str, Any] | None,
        version: Any = None,
        unavailable: Sequence[str] = (),
    ) -> None:
        self.index = index
        self.model = model
        self.lookup = lookup
        self.delete = values is None
        self.values: dict[str, Any] = values or {}
        self.version = version
        self.unavailable = unavailable

    def __repr__(self) -> str:
        what = "delete" if self.delete else f"set {', '.join(self.values)}"
        return f"<Change {self.index}: {what} of {self.model.__name__}>"
