#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compare docs/settings.md with the declarations of the settings (django_kafka/conf/options.py).

Each section of the page that the declarations name has one table, a row for each setting. A setting is declared once,
and what the package reads of the settings is declared. Prints each offence as ``file:line: what``; the exit code says
whether there was one.

    tools/settings_table.py          only look
    tools/settings_table.py --fix    write the tables
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "settings.md"

sys.path.insert(0, str(ROOT))

from django_kafka.conf import options  # noqa: E402
from django_kafka.conf.options import Option  # noqa: E402

HEAD = ("| key | type | default | what it is |", "| --- | --- | --- | --- |")


def shown(value: Any) -> str:
    """A default as Python code, with the quotes that the documentation uses."""
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{shown(key)}: {shown(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(shown, value)) + "]"
    return repr(value)


def row(option: Option) -> str:
    default = f"`{shown(option.default)}`" if option.shown is None else option.shown
    return f"| `{option.name}` | {option.kind.what} | {default} | {option.text} |"


def table(section: tuple[Option, ...]) -> list[str]:
    return [*HEAD, *map(row, section)]


def find_table(lines: list[str], heading: str) -> tuple[int, int] | None:
    """Where the table behind this heading begins and ends."""
    pattern = re.compile(rf"#+ `?{re.escape(heading)}`?$")
    start = next((number for number, line in enumerate(lines) if pattern.match(line)), None)
    if start is None:
        return None
    first = next((number for number in range(start, len(lines)) if lines[number].startswith("|")), None)
    if first is None:
        return None
    last = first
    while last < len(lines) and lines[last].startswith("|"):
        last += 1
    return first, last


def check_page(text: str) -> Iterator[str]:
    """Where the page differs from the declarations."""
    lines = text.splitlines()
    for heading, section in options.SECTIONS.items():
        found = find_table(lines, heading)
        if found is None:
            yield f"docs/settings.md:1: there is no table behind a heading '{heading}'"
        elif lines[found[0] : found[1]] != table(section):
            yield f"docs/settings.md:{found[0] + 1}: not what is declared: run tools/settings_table.py --fix"
    for option in options.LATER:
        beginning = option.name
        while beginning and f"`{beginning}`" not in text and f"`{beginning}…`" not in text:
            beginning = beginning[:-1]
        if not beginning:
            yield f"docs/settings.md:1: {option.name} is not mentioned"


def write_page(text: str) -> str:
    lines = text.splitlines()
    for heading, section in options.SECTIONS.items():
        found = find_table(lines, heading)
        if found is not None:
            lines[found[0] : found[1]] = table(section)
    return "\n".join(lines) + "\n"


def check_declarations() -> Iterator[str]:
    """Settings that are declared twice, or read and not declared."""
    declared = Counter(option.name for section in (*options.SECTIONS.values(), options.LATER) for option in section)
    place = "django_kafka/conf/options.py:1"
    yield from (f"{place}: {name} is declared {times} times" for name, times in declared.items() if times > 1)
    for path in sorted((ROOT / "django_kafka").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = setting_read(node)
            if name is not None and name not in declared:
                yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}: the setting {name} is not declared"


def setting_read(node: ast.AST) -> str | None:
    """The setting that this expression reads: ``settings.NAME``, ``Setting("NAME")``."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "settings":
        return node.attr if node.attr.isupper() else None
    if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("Setting[") and node.args:
        argument = node.args[0]
        return str(argument.value) if isinstance(argument, ast.Constant) else None
    return None


def main() -> int:
    """Print all offences, or mend what can be mended."""
    text = PAGE.read_text(encoding="utf-8")
    if "--fix" in sys.argv[1:]:
        PAGE.write_text(write_page(text), encoding="utf-8")
        text = PAGE.read_text(encoding="utf-8")
    offences = [*check_declarations(), *check_page(text)]
    for offence in offences:
        print(offence)
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main())
