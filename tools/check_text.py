#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Check the texts of the project: Markdown, and the comments of C, Python and shell files.

No line is longer than 118 columns, except tables, code and what a link alone makes too long. Every link of a Markdown
file to another file leads to a file that is there, and to a heading that it has. Prints each offence as
``file:line: what``; the exit code says whether there was one.

    tools/check_text.py          only look
    tools/check_text.py --fix    wrap again what is too long, as far as a program can (tools/rewrap.py)
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import rewrap

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 118

_FENCE = re.compile(r"^\s*(```|~~~)")
_LINK_TARGET = re.compile(r"\]\([^()\s]*\)")
_BARE_LINK = re.compile(r"<?https?://[^\s>)]+>?")
_LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
_CODE_SPAN = re.compile(r"`[^`]*`")
_C_PARTS = re.compile(
    r"""(?P<comment>/\*.*?\*/|//[^\n]*) | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""",
    re.DOTALL | re.VERBOSE,
)

_BEFORE_STATEMENTS = (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING)

Line = tuple[int, str]


def files() -> list[Path]:
    """The project's files, those that are not committed yet included."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [path for name in sorted(set(listed.stdout.split("\n"))) if name and (path := ROOT / name).is_file()]


# ---- which lines count ----


def prose(text: str) -> Iterator[Line]:
    """The lines of a Markdown file that are neither code nor of a table."""
    fence = None
    blank = True
    for number, line in enumerate(text.split("\n"), 1):
        mark = _FENCE.match(line)
        if fence is not None:
            fence = None if mark and mark[1] == fence else fence
        elif mark:
            fence = mark[1]
        elif not line.lstrip().startswith("|") and not (blank and line.startswith("    ")):
            yield number, line
            blank = not line.strip()


def c_comments(text: str) -> Iterator[Line]:
    """The lines of a C file that end in a comment, from their beginning."""
    lines = text.split("\n")
    for part in _C_PARTS.finditer(text):
        if part["comment"] is None:
            continue
        first = text.count("\n", 0, part.start())
        for index in range(first, first + part["comment"].count("\n") + 1):
            yield index + 1, lines[index]


def python_comments(text: str) -> Iterator[Line]:
    """The lines of a Python file that end in a comment, or are of a docstring."""
    lines = text.split("\n")
    begins = True  # a statement; one that begins with a string is a docstring
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT or (token.type == tokenize.STRING and begins):
            for number in range(token.start[0], token.end[0] + 1):
                yield number, lines[number - 1]
        if token.type not in (tokenize.COMMENT, tokenize.NL):
            begins = token.type in _BEFORE_STATEMENTS


def hash_comments(text: str) -> Iterator[Line]:
    """The lines of a shell script or the like that are a comment."""
    yield from ((number, line) for number, line in enumerate(text.split("\n"), 1) if line.lstrip().startswith("#"))


KINDS = {
    ".md": prose,
    ".c": c_comments,
    ".h": c_comments,
    ".py": python_comments,
    ".pyi": python_comments,
    ".sh": hash_comments,
    ".build": hash_comments,
    ".toml": hash_comments,
    ".options": hash_comments,
}


# ---- the rules ----


def width(line: str) -> int:
    """The columns that a line takes, without what its links lead to: those cannot be wrapped."""
    return len(_BARE_LINK.sub("", _LINK_TARGET.sub("]()", line.expandtabs())))


def check_width(path: Path, text: str) -> Iterator[str]:
    """Lines that are too long."""
    place = path.relative_to(ROOT)
    for number, line in dict(KINDS[path.suffix](text)).items():
        if width(line) > WIDTH:
            yield f"{place}:{number}: {len(line)} columns, {WIDTH} are allowed"


def anchors(text: str) -> set[str]:
    """The headings of a Markdown file, as links name them."""
    found: dict[str, int] = {}
    for _, line in prose(text):
        if line.startswith("#"):
            title = re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower()).replace(" ", "-")
            found[title] = found.get(title, 0) + 1
    return {name if n == 0 else f"{name}-{n}" for name, count in found.items() for n in range(count)}


def check_links(path: Path, text: str) -> Iterator[str]:
    """Links within the project that lead nowhere, tables included."""
    place = path.relative_to(ROOT)
    tables = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.startswith("|")]
    for number, line in [*prose(text), *tables]:
        for target in _LINK.findall(_CODE_SPAN.sub("", line)):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            other = (path.parent / name).resolve() if name else path
            if not other.exists():
                yield f"{place}:{number}: there is no {name}"
            elif anchor and anchor not in anchors(other.read_text(encoding="utf-8")):
                yield f"{place}:{number}: {name or 'this file'} has no heading #{anchor}"


def check(path: Path) -> Iterator[str]:
    """All offences of a file."""
    text = path.read_text(encoding="utf-8")
    yield from check_width(path, text)
    if path.suffix == ".md":
        yield from check_links(path, text)


def fix(path: Path) -> None:
    """Wrap again what is too long."""
    text = path.read_text(encoding="utf-8")
    long = {number for number, line in KINDS[path.suffix](text) if width(line) > WIDTH}
    if long:
        path.write_text(rewrap.rewrap(text, long, path.suffix == ".md", WIDTH), encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Print all offences."""
    paths = [path for path in files() if path.suffix in KINDS]
    if "--fix" in arguments:
        for path in paths:
            fix(path)
    offences = [offence for path in paths for offence in check(path)]
    for offence in offences:
        print(offence)
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
