# SPDX-License-Identifier: MIT
"""What publishing a connector would change on the cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django_kafka.connect.masking import masked_value


@dataclass(frozen=True)
class Change:
    """An option that differs. old, new: as Kafka Connect holds them; None for an option that is not there."""

    option: str
    old: str | None
    new: str | None

    def __str__(self) -> str:
        if self.old is None:
            return f"+ {self.option} = {self.shown(self.new)}"
        if self.new is None:
            return f"- {self.option} = {self.shown(self.old)}"
        return f"~ {self.option}: {self.shown(self.old)} -> {self.shown(self.new)}"

    def shown(self, value: str | None) -> Any:
        return masked_value(self.option, value)


def changes(published: Mapping[str, Any], config: Mapping[str, Any]) -> list[Change]:
    """The differences by option, in alphabetical order. Both without a name."""
    return list(_changes(_held(published), _held(config)))


def _changes(old: dict[str, str], new: dict[str, str]) -> Iterator[Change]:
    for option in sorted(old.keys() | new.keys()):
        if old.get(option) != new.get(option):
            yield Change(option, old.get(option), new.get(option))


def _held(config: Mapping[str, Any]) -> dict[str, str]:
    """The configuration as Kafka Connect keeps it: strings. An option that is null is as good as not there."""
    return {option: _text(value) for option, value in config.items() if value is not None and option != "name"}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
