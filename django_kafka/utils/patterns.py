# SPDX-License-Identifier: MIT
"""Topic patterns as parts of longer ones.

A pattern takes a topic when it is found anywhere in the topic's name, whether it ends with `$` or not. A retry topic
has the name of its origin in the middle of its own, so its pattern needs one that takes the whole of that part, and
nothing but what the origin's pattern takes: anchors have to go, and where there is none, anything may follow.

Only what POSIX extended expressions, RE2 and Python share is understood.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

_ANY = ".*"
_INTERVAL = re.compile(r"\{[0-9]*,?[0-9]*\}")
_GROUP = re.compile(r"\((?:\?(?::|P?<[A-Za-z_]\w*>))?")
_FLAGS = re.compile(r"\(\?([a-zA-Z]+)\)")


class NotEmbeddable(ValueError):
    """The pattern takes topics that no pattern for a part of a name could take."""


@dataclass
class _Group:
    opening: str
    branches: list[list[_Item]] = field(default_factory=lambda: [[]])

    def anchors(self, which: str) -> bool:
        """Whether there is such an anchor in it, however deep."""
        return any(item.anchors(which) for branch in self.branches for item in branch)


@dataclass
class _Item:
    """What may be repeated: a character, a class, an anchor or a group."""

    what: str | _Group
    repeated: str = ""

    def anchors(self, which: str) -> bool:
        return self.what.anchors(which) if isinstance(self.what, _Group) else self.what == which

    def takes_anything(self) -> bool:
        return self.what == "." and self.repeated in ("*", "+")


@lru_cache(maxsize=256)
def embeddable(pattern: str) -> str:
    """An expression without anchors that matches the whole of those texts in which the pattern is found.

    Errors: NotEmbeddable, with the reason."""
    flags = ""
    if match := _FLAGS.match(pattern):
        flags, pattern = match[1], pattern[match.end() :]
    whole = _Parser(pattern).parse()
    text = _render(whole.branches, at_start=True, at_end=True)
    return f"(?{flags}:{text})" if flags else text


class _Parser:
    """From text to groups."""

    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0

    def parse(self) -> _Group:
        open_groups = [_Group("")]
        while self._at < len(self._text):
            char = self._text[self._at]
            branch = open_groups[-1].branches[-1]
            if char == "(":
                open_groups.append(_Group(self._opening()))
            elif char == "|":
                self._at += 1
                open_groups[-1].branches.append([])
            elif char == ")":
                self._at += 1
                group = open_groups.pop()
                if not open_groups:
                    raise NotEmbeddable("it closes a group that is not open")
                open_groups[-1].branches[-1].append(_Item(group, self._repetition()))
            else:
                branch.append(_Item(self._single(), self._repetition()))
        if len(open_groups) > 1:
            raise NotEmbeddable("a group is not closed")
        return open_groups[0]

    def _opening(self) -> str:
        match = _GROUP.match(self._text, self._at)
        assert match is not None
        if self._text[match.end() : match.end() + 1] == "?":
            raise NotEmbeddable("it looks ahead or behind, or sets flags in its middle")
        self._at = match.end()
        return match[0]

    def _single(self) -> str:
        """One character, escape or class."""
        start = self._at
        char = self._text[start]
        if char == "\\":
            self._at += 2
            escape = self._text[start : self._at]
            if len(escape) < 2 or escape[1].isdigit() or escape[1] in "AZzbB<>`'QE":
                raise NotEmbeddable(f"it uses {escape}")
            return escape
        if char == "[":
            self._at = self._end_of_class()
            return self._text[start : self._at]
        self._at += 1
        return char

    def _end_of_class(self) -> int:
        at = self._at + 1
        at += self._text[at : at + 1] == "^"
        at += self._text[at : at + 1] == "]"  # the first one is a character of the class
        while at < len(self._text) and self._text[at] != "]":
            if self._text[at] == "[" and self._text[at + 1 : at + 2] in (":", ".", "="):
                at = self._text.find(self._text[at + 1] + "]", at + 2)
                if at < 0:
                    raise NotEmbeddable("a class of characters is not closed")
                at += 1
            at += 1
        if at >= len(self._text):
            raise NotEmbeddable("a class of characters is not closed")
        return at + 1

    def _repetition(self) -> str:
        start = self._at
        while self._at < len(self._text):
            if self._text[self._at] in "*+?":
                self._at += 1
            elif interval := _INTERVAL.match(self._text, self._at):
                self._at = interval.end()
            else:
                break
        return self._text[start : self._at]


def _render(branches: list[list[_Item]], *, at_start: bool, at_end: bool) -> str:
    """at_start, at_end: whether the name may have begun before these branches, or go on behind them."""
    return "|".join(_render_branch(list(branch), at_start=at_start, at_end=at_end) for branch in branches)


def _render_branch(items: list[_Item], *, at_start: bool, at_end: bool) -> str:
    before, behind = at_start, at_end
    while at_start and items and items[0].what == "^":
        _refuse_repeated(items.pop(0))
        before = False
    while at_end and items and items[-1].what == "$":
        _refuse_repeated(items.pop())
        behind = False
    if not items:
        return _ANY if before or behind else ""
    inner_start = before and items[0].anchors("^")
    inner_end = behind and items[-1].anchors("$")
    parts = [
        _render_item(item, at_start=inner_start and i == 0, at_end=inner_end and i == len(items) - 1)
        for i, item in enumerate(items)
    ]
    if before and not inner_start and not items[0].takes_anything():
        parts.insert(0, _ANY)
    if behind and not inner_end and not items[-1].takes_anything():
        parts.append(_ANY)
    return "".join(parts)


def _refuse_repeated(anchor: _Item) -> None:
    if anchor.repeated:
        raise NotEmbeddable(f"it repeats the anchor {anchor.what}")


def _render_item(item: _Item, *, at_start: bool, at_end: bool) -> str:
    group = item.what
    if not isinstance(group, _Group):
        if group in ("^", "$"):
            raise NotEmbeddable(f"it has {group} in its middle")
        return group + item.repeated
    if (at_start or at_end) and item.repeated:
        raise NotEmbeddable("a group with ^ or $ in it is repeated")
    return f"{group.opening}{_render(group.branches, at_start=at_start, at_end=at_end)}){item.repeated}"
