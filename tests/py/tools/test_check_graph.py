# SPDX-License-Identifier: MIT
"""The check of how C files hang together finds what it is there for."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tools import check_graph
from tools.check_graph import Symbols


def test_a_circle_is_told_as_a_way_back() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set(), "e": {"a"}}
    assert check_graph.find_circles(graph) == [["b", "c", "b"]]


def test_no_circle_in_a_tree_whose_branches_meet() -> None:
    assert check_graph.find_circles({"a": {"b", "c"}, "b": {"d"}, "c": {"d"}, "d": set()}) == []


def test_the_shortest_way_round_of_a_knot() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"a"}}
    assert check_graph.find_circles(graph) == [["a", "b", "c", "a"]]


def test_two_knots_are_two_circles() -> None:
    graph = {"a": {"b"}, "b": {"a"}, "c": {"d"}, "d": {"c", "a"}}
    assert check_graph.find_circles(graph) == [["a", "b", "a"], ["c", "d", "c"]]


def test_folders_can_go_round_where_files_do_not() -> None:
    graph = {"one/a.c": {"two/b.c"}, "two/c.c": {"one/d.c"}, "two/b.c": set(), "one/d.c": set()}
    assert check_graph.find_circles(graph) == []
    assert check_graph.find_circles(check_graph.by_folder(graph)) == [["one", "two", "one"]]


def test_what_nm_says() -> None:
    listing = (
        "0000000000000010 T dk_new\n                 U dk__malloc\n                 w weak_one\n0 D dk_table\n\n"
    )
    symbols = check_graph.read_symbols(listing)
    assert symbols == Symbols({"dk_new", "dk_table"}, {"dk__malloc", "weak_one"})


OBJECTS: Mapping[str, Symbols] = {
    "src/a/one.c": Symbols({"one"}, {"two", "malloc"}),
    "src/a/two.c": Symbols({"two", "shared"}, {"three"}),
    "src/b/three.c": Symbols({"three"}, {"shared"}),
}


def test_a_variable_counts_like_a_call() -> None:
    offences = [str(offence) for offence in check_graph.check_calls(OBJECTS)]
    assert offences == [
        "src/a/two.c:1: files call one another in a circle: src/a/two.c uses three of src/b/three.c; "
        "src/b/three.c uses shared of src/a/two.c",
        "src/a:1: folders call one another in a circle: src/a/two.c uses three of src/b/three.c; "
        "src/b/three.c uses shared of src/a/two.c",
    ]


def test_what_is_declared_has_to_be_there() -> None:
    headers = {"include/dk/x.h": "\nDK_API int one(int);\nDK_API DK_MUST_CHECK dk_status dk_lost(void);\n"}
    [offence] = check_graph.check_declared(headers, OBJECTS)
    assert str(offence) == "include/dk/x.h:3: dk_lost() is declared, not defined"


def function(lines: int) -> str:
    return "static int\nlong_one(int a,\n         int b)\n{\n" + "    a++;\n" * (lines - 4) + "}\n"


@pytest.mark.parametrize(("lines", "found"), [(60, []), (61, [("long_one", 4, 61)])])
def test_the_length_of_a_function(lines: int, found: list[tuple[str, int, int]]) -> None:
    text = "int first;\n\n" + function(lines)
    assert list(check_graph.long_functions(text)) == found


def test_a_declaration_is_no_function() -> None:
    text = "static void go(int a);\n\nint table[] = {\n" + "    1,\n" * 70 + "};\n"
    assert list(check_graph.long_functions(text)) == []


def test_long_files() -> None:
    files = {"src/a.c": "int x;\n" * 500, "src/b.c": "int x;\n" * 501}
    assert [str(offence) for offence in check_graph.check_text(files)] == [
        "src/b.c:1: 501 lines; a file has at most 500, and one subject"
    ]


def test_includes_are_looked_for_where_the_compiler_looks() -> None:
    files = {
        "src/base/a.h": '#include "dk/b.h"\n#include <stdio.h>\n',
        "include/dk/b.h": '#include "c.h"\n',
        "include/dk/c.h": "",
    }
    assert check_graph.include_graph(files) == {
        "src/base/a.h": {"include/dk/b.h"},
        "include/dk/b.h": {"include/dk/c.h"},
        "include/dk/c.h": set(),
    }


def test_of_real_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files that call each other, compiled, as a build folder describes them."""
    (tmp_path / "src").mkdir()
    commands = []
    for name, other in (("one", "two"), ("two", "one")):
        (tmp_path / f"src/{name}.c").write_text(
            f"int {other}(int);\nint {name}(int n) {{ return n ? {other}(n - 1) : 0; }}\n"
        )
        subprocess.run(["cc", "-c", f"src/{name}.c", "-o", f"{name}.o"], cwd=tmp_path, check=True)
        commands.append(f'{{"directory": "{tmp_path}", "file": "src/{name}.c", "output": "{name}.o"}}')
    (tmp_path / "compile_commands.json").write_text(f"[{', '.join(commands)}]")
    monkeypatch.setattr(check_graph, "ROOT", tmp_path)
    said: list[str] = []
    assert check_graph.main(tmp_path, said.append) == 1
    assert said == [
        "src/one.c:1: files call one another in a circle: "
        "src/one.c uses two of src/two.c; src/two.c uses one of src/one.c"
    ]


def test_what_is_open_is_told_and_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/new.h").write_text("int x;\n" * 501)
    (tmp_path / "compile_commands.json").write_text("[]")
    monkeypatch.setattr(check_graph, "ROOT", tmp_path)
    monkeypatch.setattr(check_graph, "OPEN", {"src": "somebody"})
    said: list[str] = []
    assert check_graph.main(tmp_path, said.append) == 0
    assert said == ["not yet: src/new.h:1: 501 lines; a file has at most 500, and one subject"]
    monkeypatch.setattr(check_graph, "OPEN", {})
    assert check_graph.main(tmp_path, said.append) == 1
