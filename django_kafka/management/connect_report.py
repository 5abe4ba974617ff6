# SPDX-License-Identifier: MIT
"""What kafka_connect prints: a line for each connector, a table on a terminal, or JSON."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Callable, Iterable
from typing import Any

from django.core.management.base import OutputWrapper
from django.core.management.color import Style

from django_kafka.connect.masking import masked_text

WIDEST = 80
_GOOD = frozenset(
    {"valid", "submitted", "unchanged", "deleted", "RUNNING", "restarted", "paused", "resumed", "stopped"}
)
_NEUTRAL = frozenset({"skip", "does not exist", "created", "changed", "offsets", "PAUSED", "STOPPED"})


class Report:
    """Collects what becomes of connectors, and writes it as it comes, or at the end as JSON."""

    def __init__(self, out: OutputWrapper, style: Style, *, as_json: bool = False) -> None:
        self.out = out
        self.style = style
        self.as_json = as_json
        self.results: list[dict[str, Any]] = []
        self._width = 0

    def begin(self, title: str, names: Iterable[str]) -> None:
        """A new part of the output, about connectors of these names."""
        if not self.as_json:
            self.out.write(title)
        longest = max(map(len, names), default=0)
        self._width = min(longest, WIDEST // 2) if self._is_terminal() else 0

    def tell(self, name: str, action: str, result: str, text: str = "", **more: Any) -> None:
        """What became of a connector. text: why, or details, of any number of lines."""
        text = masked_text(text)
        self.results.append(
            {"connector": name, "action": action, "result": result, **({"text": text} if text else {}), **more}
        )
        if self.as_json:
            return
        self.out.write(f"{name}: ".ljust(self._width + 2) + self._paint(result))
        for line in text.splitlines():
            self._write_detail(line)

    def end(self) -> None:
        if self.as_json:
            self.out.write(json.dumps(self.results, indent=2, default=str))

    def _write_detail(self, line: str) -> None:
        if not self._is_terminal():
            self.out.write(line)
            return
        width = min(WIDEST, shutil.get_terminal_size().columns)
        self.out.write(textwrap.fill(line, width, initial_indent="  ", subsequent_indent="    "))

    def _paint(self, result: str) -> str:
        word = result.partition(" (")[0]
        if word in _GOOD:
            paint: Callable[[str], str] = self.style.SUCCESS
        elif word in _NEUTRAL:
            paint = self.style.WARNING
        else:
            paint = self.style.ERROR
        return paint(result)

    def _is_terminal(self) -> bool:
        return bool(self.out.isatty())
