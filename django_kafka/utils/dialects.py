# SPDX-License-Identifier: MIT
"""What the readers of a pattern make of it.

A pattern has up to three: librdkafka, which takes it for a POSIX extended expression of the C library; the broker,
which matches whole names with RE2/J when the group has `group.protocol=consumer`; and Python, which finds the topic
object of a message. A pattern is good if all that read it read the same.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from django_kafka.utils.patterns import NotEmbeddable, embeddable

_TOKEN = re.compile(
    r"(?P<escape>\\.?)"
    r"|(?P<class>\[\^?\]?(?:\[:.*?:\]|\[\..*?\.\]|\[=.*?=\]|[^\]])*\])"
    r"|(?P<group>\(\?(?:<?[=!]|:|P?<|P[=>]|[A-Za-z-]+)?)"
    r"|(?P<twice>(?:[*+?]|\{[0-9]*,?[0-9]*\})[*+?]+)"
    r"|(?P<interval>\{,[0-9]+\})"
    r"|."
)
_ONCE = re.compile(r"[*+?]|\{[^}]*\}")
_LAZY = re.compile(r"(?:[*+?]|\{[^}]*\})\?")
_NAMED_CLASS = re.compile(r"\[:([a-z]+):\]")
_COLLATION = re.compile(r"\[[.=]")
_CLASSES = {
    "alnum": "A-Za-z0-9",
    "alpha": "A-Za-z",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": r"\x21-\x7e",
    "lower": "a-z",
    "print": r"\x20-\x7e",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\s",
    "upper": "A-Z",
    "xdigit": "A-Fa-f0-9",
}
_INSTEAD = {
    "d": "[0-9]",
    "D": "[^0-9]",
    "A": "^",
    "Z": "$",
    "z": "$",
}
# Escapes of letters that the C library, RE2/J and Python read alike.
_SHARED = "wWsSbB"


def is_consumer_protocol(config: Any) -> bool:
    """Whether brokers match the patterns of a client with this configuration."""
    return str(config.get("group.protocol", "")).strip().lower() == "consumer"


def faults(pattern: str, *, by_broker: bool) -> list[str]:
    """What a reader of this pattern does not understand, or understands otherwise, each with what to write instead.

    by_broker: whether the broker is one of them."""
    found = [fault for token in _TOKEN.finditer(pattern) if (fault := _fault(token, by_broker=by_broker))]
    if by_broker and not found:
        try:
            embeddable(pattern)
        except NotEmbeddable as error:
            found.append(f"the broker matches whole names, and {error}: write ^ and $ at the ends alone")
    return list(dict.fromkeys(found))


def as_subscribed(name: str, *, by_broker: bool) -> str:
    """A topic's name or pattern as the client is given it, so that it takes what is found in a name, whoever matches:
    for the broker, an expression of the whole."""
    if not by_broker or not name.startswith("^"):
        return name
    try:
        whole = embeddable(name)
    except NotEmbeddable:
        return name  # faults() has said so
    return name if name in (f"^{whole}$", f"^{whole}") else f"^({whole})$"


@lru_cache(maxsize=256)
def in_python(pattern: str) -> re.Pattern[str]:
    """The pattern for Python's search(), which does not know POSIX's classes of characters. Errors: re.error."""
    return re.compile("".join(map(_translate, _TOKEN.finditer(pattern))))


def _translate(token: re.Match[str]) -> str:
    text = token[0]
    if not token["class"] or "[" not in text[1:]:
        return text
    start = 3 if text.startswith("[^]") else 2 if text.startswith(("[]", "[^")) else 1
    inner, end = text[start:-1], 0
    parts = [text[:start]]
    for named in _NAMED_CLASS.finditer(inner):
        if named[1] not in _CLASSES:
            raise re.error(f"there is no class of characters {named[0]}", pattern=text)
        parts += [_without_brackets(inner[end : named.start()]), _CLASSES[named[1]]]
        end = named.end()
    return "".join([*parts, _without_brackets(inner[end:]), "]"])


def _without_brackets(part: str) -> str:
    return re.sub(r"(?<!\\)\[", r"\\[", part)


def _fault(token: re.Match[str], *, by_broker: bool) -> str | None:
    text = token[0]
    checks = (_of_escape, _of_class, _of_group, _of_repetition)
    return next((fault for check in checks if (fault := check(token, text, by_broker))), None)


def _of_escape(token: re.Match[str], text: str, by_broker: bool) -> str | None:
    if token["escape"] is None:
        return None
    char = text[1:]
    if char == "":
        return "it ends with a backslash"
    if char.isdigit():
        return f"RE2/J has no references such as {text}" if by_broker else None
    if char in "<>`'":
        return f"{text} is read as the end of a word or name: write {char} without a backslash"
    if not char.isalpha() or char in _SHARED or (by_broker and char in "dD"):
        return None
    if char in _INSTEAD:
        return f"{text} is no POSIX expression: write {_INSTEAD[char]}"
    return f"{text} is no POSIX expression: write the characters that it stands for"


def _of_class(token: re.Match[str], text: str, by_broker: bool) -> str | None:
    if token["class"] is None:
        return None
    if _COLLATION.search(text, 1):
        return f"{text} has a collating symbol, which is POSIX's alone: write the character"
    # A topic's name has no backslash, so that \. is a dot and \\ nothing for everybody.
    inside = set(re.findall(r"\\(.)", _NAMED_CLASS.sub("", text))) - {".", "\\"}
    if inside and not by_broker:
        escape = "\\" + min(inside)
        written = {"w": "[A-Za-z0-9_]", "d": "[0-9]"}.get(min(inside), "the characters, with - at the end")
        return f"in a class such as {text} a backslash is a character, so that {escape} is two: write {written}"
    return None


def _of_group(token: re.Match[str], text: str, by_broker: bool) -> str | None:
    if token["group"] is None:
        return None
    if text[2:3] in (":", "P", "<") and text[3:4] not in ("=", "!"):
        return f"groups with ? are no POSIX expressions: write ( for {text}"
    if re.match(r"\(\?<?[=!]", text):
        return (
            f"{text} looks ahead or behind, which only Python does: name what is wanted instead of what is not, "
            "by alternatives or several topics"
        )
    return f"{text} is no POSIX expression: write [Oo] for a letter of both cases, and groups without ?"


def _of_repetition(token: re.Match[str], text: str, by_broker: bool) -> str | None:
    if token["twice"] is not None and not (by_broker and _LAZY.fullmatch(text)):
        return f"{text} repeats a repetition: write {_ONCE.match(text)[0]} alone"  # type: ignore[index]
    if token["interval"] is not None and by_broker:
        return f"{text} is no repetition for RE2/J: write {{0{text[1:]}"
    return None
