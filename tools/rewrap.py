# SPDX-License-Identifier: MIT
"""Wraps paragraphs of Markdown and of comments again; a helper of check_text.py."""

from __future__ import annotations

import re
from collections.abc import Collection

# What begins a line: its indentation, the sign of the comment, and a bullet, behind which the next lines hang.
_COMMENT = re.compile(r"^(?P<sign>\s*(?:\* |/\* |# )\s*)(?P<bullet>(?:[-*] |[0-9]+\. )?)(?P<text>\S.*)$")
_PLAIN = re.compile(r"^(?P<sign>\s*)(?P<bullet>(?:[-*] |[0-9]+\. )?)(?P<text>\S.*)$")
_RULER = re.compile(r"^(?P<head>\s*(?:/\*|#) -{3,} .*? )(?P<dashes>-{3,})(?P<tail>(?: \*/)?)$")
# A line may be broken between words, but not inside of short code, and not before what would begin a list.
_CODE = re.compile(r"`[^`]*`")
_LONGEST_CODE = 60
_WORD = re.compile(r"\S+(?: (?:[-+*#>]|[0-9]+\.)(?= ))*")
_GLUE = "\0"
_END = " */"


def rewrap(text: str, long: Collection[int], markdown: bool, width: int) -> str:
    """The text with the paragraphs wrapped that contain one of the lines `long` (numbers from 1)."""
    lines = text.split("\n")
    done: list[str] = []
    index = 0
    while index < len(lines):
        end = paragraph_end(lines, index, markdown)
        part = lines[index:end]
        if any(number in long for number in range(index + 1, end + 1)):
            part = wrap(part, markdown, width)
        done += part
        index = end
    return "\n".join(done)


def paragraph_end(lines: list[str], start: int, markdown: bool) -> int:
    """The line behind the paragraph that begins here; a line that is of none is a paragraph of its own."""
    head = parse(lines[start], markdown)
    if head is None or lines[start].endswith("*/"):
        return start + 1
    hanging = len(head["sign"]) + len(head["bullet"])
    end = start + 1
    while end < len(lines):
        line = parse(lines[end], markdown)
        if line is None or line["bullet"] or len(line["sign"]) != hanging or "/*" in line["sign"]:
            break
        end += 1
        if lines[end - 1].endswith("*/"):
            break
    return end


def parse(line: str, markdown: bool) -> re.Match[str] | None:
    """The parts of a line of prose; None for headings, tables, rulers and empty lines."""
    if markdown and re.match(r"\s*(?:#+ |\||```|~~~|>|<!--)", line):
        return None
    return None if _RULER.match(line) else (_PLAIN if markdown else _COMMENT).match(line)


def wrap(lines: list[str], markdown: bool, width: int) -> list[str]:
    """A paragraph's lines, none longer than `width` where words allow it."""
    ruler = _RULER.match(lines[0])
    if ruler:
        dashes = len(ruler["dashes"]) - (len(lines[0]) - width)
        return [f"{ruler['head']}{'-' * dashes}{ruler['tail']}"] if dashes >= 3 else lines
    parts = [parse(line, markdown) for line in lines]
    if parts[0] is None or any(part is None for part in parts):
        return lines
    text = " ".join(part["text"] for part in parts if part is not None)
    closing = text.endswith(_END)
    words = [word.replace(_GLUE, " ") for word in _WORD.findall(_CODE.sub(glue, text.removesuffix(_END)))]
    first = parts[0]["sign"] + parts[0]["bullet"]
    rest = parts[0]["sign"].replace("/* ", " * ") + " " * len(parts[0]["bullet"])
    done = fill(words, first, rest, width)
    if closing:
        done = [*done[:-1], done[-1] + _END] if len(done[-1]) + len(_END) <= width else [*done, rest.rstrip() + "/"]
    return done


def glue(code: re.Match[str]) -> str:
    """Short code, so that it is one word."""
    return code[0].replace(" ", _GLUE) if len(code[0]) <= _LONGEST_CODE else code[0]


def fill(words: list[str], first: str, rest: str, width: int) -> list[str]:
    """The words in lines, as many in each as it holds."""
    done = [first]
    for word in words:
        empty = done[-1] in (first, rest)
        if empty or len(done[-1]) + 1 + len(word) <= width:
            done[-1] += word if empty else f" {word}"
        else:
            done.append(rest + word)
    return done
