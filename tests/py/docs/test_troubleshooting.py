# SPDX-License-Identifier: MIT
"""What docs/troubleshooting.md quotes is what the code says: in Python, in C, with … for what is filled in."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django_kafka import events

ROOT = Path(__file__).resolve().parents[3]
_STRING = r'"(?:\\.|[^"\\\n])*"'


def python_messages() -> Iterator[str]:
    """The texts in the Python face, with … for what is filled in."""
    for path in sorted((ROOT / "django_kafka").rglob("*.py")):
        tree = ast.parse(path.read_text())
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                yield node.value
            elif isinstance(node, ast.JoinedStr):
                yield "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)


def c_messages() -> Iterator[str]:
    """The texts in C; those that stand side by side are one."""
    for folder in ("src", "binding", "include"):
        for path in sorted((ROOT / folder).rglob("*.[ch]")):
            for joined in re.findall(rf"(?:{_STRING}\s*)+", path.read_text()):
                yield "".join(re.findall(_STRING, joined)).replace('""', "").strip('"').replace('\\"', '"')


def quotes() -> list[str]:
    """What the page says that one reads, in tables that begin so."""
    found, quoting = [], False
    for line in (ROOT / "docs" / "troubleshooting.md").read_text().splitlines():
        if not line.startswith("|"):
            quoting = False
        elif quoting:
            cell = line.split(" | ")[0]
            found += [
                quote.strip("`").strip() if "``" in quote else quote.strip("`") for quote in _SPAN.findall(cell)
            ]
        elif line.startswith("| you read |"):
            quoting = True
    return found


def unquoted(span: str) -> str:
    """What is inside of one or two backticks."""
    return span[2:-2].strip() if span.startswith("``") else span[1:-1]


_SPAN = re.compile(r"``.+?``|`[^`]+`")
# Names of exceptions and of Kafka's error codes, which no text of ours holds.
_NAMES = re.compile(r"(?:[A-Z]\w+Error|[A-Z]\w+Unavailable|jsonschema|[A-Z_]{8,})$")
# What librdkafka says, where it is the most telling part.
_FOREIGN = {"Local: Invalid argument or configuration", "subscribe", "Purged in queue"}


def plain(text: str) -> str:
    """A text with … in the place of what is filled in."""
    return re.sub(r"%(?:\(\w+\))?[-.0-9*]*(?:ll|z)?[a-zA-Z]", "…", text)


def patterns() -> dict[str, re.Pattern[str]]:
    """The quotes that are of this library, and what finds them."""
    found = {}
    for quote in quotes():
        parts = [part.strip() for part in quote.split("…") if part.strip() and not _NAMES.match(part.strip())]
        if parts and quote not in _FOREIGN:
            found[quote] = re.compile(".*".join(map(re.escape, parts)), re.DOTALL)
    return found


def test_what_is_quoted_is_what_the_code_says() -> None:
    messages = {plain(text) for text in (*python_messages(), *c_messages())}
    wrong = [
        quote for quote, pattern in patterns().items() if not any(pattern.search(message) for message in messages)
    ]
    assert wrong == [], "docs/troubleshooting.md quotes what the code does not say"


def test_each_event_has_an_entry() -> None:
    known = list(patterns().values())
    told = [event for event in vars(events).values() if isinstance(event, events.Event)]
    assert len(told) > 30
    missing = [event.name for event in told if not any(pattern.search(plain(event.text)) for pattern in known)]
    assert missing == [], "docs/troubleshooting.md has no entry for what the library logs"
