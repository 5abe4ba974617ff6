# SPDX-License-Identifier: MIT
"""The lint of texts: what counts as too long, which links lead nowhere, and what --fix makes of both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tools import check_text

LONG = "word " * 30

Offences = Callable[[str, str], tuple[list[str], str]]


@pytest.fixture
def offences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Offences:
    """Writes a file and gives what the lint says about it, and the file's text after --fix."""
    monkeypatch.setattr(check_text, "ROOT", tmp_path)

    def write(name: str, text: str) -> tuple[list[str], str]:
        path = tmp_path / name
        path.write_text(text)
        found = list(check_text.check(path))
        check_text.fix(path)
        return found, path.read_text()

    return write


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.md", f"# Title\n\nshort\n{LONG}\n"),
        ("a.md", f"- a point\n  {LONG}\n"),
        ("a.c", f"int a;\n\n/* {LONG}\n * and more. */\n"),
        ("a.c", "int a; \n\n/* ---- name ---" + "-" * 110 + " */\n"),
        ("a.py", f'a = 1\n\n# {LONG}\nb = "#"\n'),
        ("a.sh", f"a=1\n\n# {LONG}\n"),
    ],
)
def test_long_lines_are_told_and_wrapped(offences: Offences, name: str, text: str) -> None:
    found, fixed = offences(name, text)
    line = next(number for number, line in enumerate(text.split("\n"), 1) if len(line) > 118)
    assert len(found) == 1
    assert found[0].startswith(f"{name}:{line}: ")
    assert max(map(len, fixed.split("\n"))) <= 118
    words = [word for word in text.split() if "---" not in word]
    assert [word for word in fixed.split() if word not in ("*", "#") and "---" not in word] == [
        word for word in words if word not in ("*", "#")
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.md", f"| {LONG} |\n"),
        ("a.md", f"```sh\n{LONG}\n```\n\ntext\n\n    {LONG}\n"),
        ("a.md", f"See [this](https://example.org/{'a' * 100}) and <https://example.org/{'b' * 100}>.\n"),
        ("a.c", f'const char *a = "/* {LONG} */";\n'),
        ("a.py", f'a = """{LONG}"""\n'),
    ],
)
def test_code_tables_and_links_may_be_long(offences: Offences, name: str, text: str) -> None:
    assert offences(name, text) == ([], text)


def test_docstrings_count(offences: Offences) -> None:
    found, _ = offences("a.py", f'def a():\n    """Short.\n\n    {LONG}\n    """\n')
    assert [offence.split(" ")[0] for offence in found] == ["a.py:4:"]


def test_wrapping_makes_no_list_and_joins_no_paragraphs(offences: Offences) -> None:
    text = f"{'x' * 116} 1 - 2\nrest\n\n- one {LONG}\n- two\n"
    _, fixed = offences("a.md", text)
    lines = fixed.split("\n")
    assert lines[:3] == ["x" * 116, "1 - 2 rest", ""]
    assert [line[:5] for line in lines if line.startswith("- ")] == ["- one", "- two"]


def test_links_have_to_lead_somewhere(offences: Offences, tmp_path: Path) -> None:
    (tmp_path / "b.md").write_text("# One\n\n## It's `a` thing\n\n## One\n")
    good = "[b](b.md) [b](b.md#its-a-thing) [b](b.md#one-1) [web](https://example.org) `[no](link.md)`\n"
    assert offences("a.md", good)[0] == []
    bad = "[c](c.md)\n\n| [b](b.md#two) |\n"
    assert offences("a.md", bad)[0] == [
        "a.md:1: there is no c.md",
        "a.md:3: b.md has no heading #two",
    ]
