#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Check which module of the Python face imports which, against the table of floors (ARCHITECTURE.md).

An import counts wherever it stands (in a function too) and however it is written: ``importlib.import_module("a.b")``
is ``import a.b``. Imports for type checkers alone do not happen and do not count. A module may import what belongs to
its own entry of the table or to a floor below; and no modules import one another in a circle. The face reaches C only
through ``django_kafka._native``. Prints each offence as ``file:line: what``; the exit code says whether there was
one.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "django_kafka"

# From the lowest floor to the highest. An entry is a package or a module; a module belongs to the longest that fits.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("exceptions", "_native", "utils", "serialization", "retry.settings", "topic.transforms", "models", "migrations"),
    ("hooks", "logs", "message", "keywords", "suppression"),
    ("events",),
    ("conf", "registry", "error_handlers", "attendant"),
    ("producer", "schema.client"),
    ("",),  # django_kafka/__init__.py: `kafka`, the root of the API
    ("schema", "failures", "connect"),
    ("topic",),
    ("sync",),
    ("topic.model",),
    ("topic.debezium",),
    ("retry", "dead_letter"),
    ("consumer",),
    ("retry.consumer", "processes"),
    ("consumer.runner", "dead_letter.tool"),
    ("checks", "testing", "management"),
    ("apps",),
)

# Functions that import what their first argument names.
IMPORTERS = frozenset({"import_module", "__import__", "import_string", "resolve_name"})
# Modules that import what a project's settings or a command's argument name, which nobody can know beforehand.
IMPORT_ANYTHING = frozenset({"conf.loading", "management.schemas"})
# Ways into C that go past the binding, and what is not installed with the package.
FORBIDDEN = frozenset({"ctypes", "cffi", "tests", "tools"})


@dataclass(frozen=True)
class Import:
    """name: as written in full, ``from a import b`` gives ``a.b``; None when it is not known before it happens."""

    line: int
    name: str | None


@dataclass(frozen=True)
class Face:
    """The modules of the package by their names, and what each imports."""

    root: Path
    package: str
    paths: dict[str, Path]
    imports: dict[str, list[Import]]

    def place(self, module: str) -> Path:
        return self.paths[module].relative_to(self.root)

    def short(self, module: str) -> str:
        """``django_kafka.topic`` -> ``topic``; the root is ''."""
        return module.removeprefix(self.package).lstrip(".")

    def loads(self, module: str, name: str) -> list[str]:
        """The modules of ours that importing this name loads: what the name is or is an attribute of, and packages
        around it, but for those that do nothing when they are loaded and those around the importing module too."""
        while name and name not in self.paths:
            name = name.rpartition(".")[0]
        if not name:
            return []
        around = [name[:end] for end, char in enumerate(name) if char == "."]
        loaded = [outer for outer in around if self.imports.get(outer) and not f"{module}.".startswith(f"{outer}.")]
        return [found for found in [*loaded, name] if found != module]


def read_face(root: Path, package: str) -> Face:
    paths: dict[str, Path] = {}
    imports: dict[str, list[Import]] = {}
    for path in sorted((root / package).rglob("*.py*")):
        if path.suffix not in (".py", ".pyi"):
            continue
        module = module_name(path.relative_to(root))
        paths[module] = path
        imports[module] = list(imports_of(ast.parse(path.read_text(encoding="utf-8"), str(path))))
    return Face(root, package, paths, imports)


def module_name(path: Path) -> str:
    """``django_kafka/topic/__init__.py`` -> ``django_kafka.topic``."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(tree: ast.Module) -> Iterator[Import]:
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name) and isinstance(node.value.value, str)
    }
    yield from _imports(tree, constants)


def _imports(tree: ast.AST, constants: dict[str, str]) -> Iterator[Import]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (Import(node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield from (Import(node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            yield from (found for other in node.orelse for found in _imports(ast.Module([other], []), constants))
        else:
            if isinstance(node, ast.Call) and _called(node.func) in IMPORTERS:
                yield Import(node.lineno, _text(node.args[0] if node.args else None, constants))
            elif isinstance(node, ast.Subscript) and ast.unparse(node).startswith("sys.modules["):
                name = _text(node.slice, {"__name__": "", **constants})
                if name != "":
                    yield Import(node.lineno, name)
            yield from _imports(node, constants)


def _called(function: ast.expr) -> str:
    return ast.unparse(function).rpartition(".")[2]


def _text(node: ast.expr | None, constants: dict[str, str]) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return constants.get(node.id) if isinstance(node, ast.Name) else None


def check_names(face: Face) -> Iterator[str]:
    """Offences that an import is by its name alone."""
    for module, imports in face.imports.items():
        for found in imports:
            place = f"{face.place(module)}:{found.line}"
            if found.name is None:
                if face.short(module) not in IMPORT_ANYTHING:
                    yield f"{place}: import of what is not named; write the name as a constant"
            elif found.name.startswith("."):
                yield f"{place}: relative import; write the full name"
            elif found.name.split(".")[0] in FORBIDDEN:
                yield f"{place}: the package may not import {found.name.split('.')[0]}"


def floor_of(short: str, floors: tuple[tuple[str, ...], ...]) -> tuple[int, str] | None:
    """Number of the floor, and the entry of the table, of a module; None for a module that the table leaves out."""
    best: tuple[int, str] | None = None
    for number, floor in enumerate(floors):
        for entry in floor:
            fits = short == entry or (entry and short.startswith(f"{entry}."))
            if fits and (best is None or len(entry) > len(best[1])):
                best = (number, entry)
    return best


def check_floors(face: Face, floors: tuple[tuple[str, ...], ...]) -> Iterator[str]:
    """Imports of something that is on a higher floor, or on another entry of the same."""
    for module, imports in face.imports.items():
        mine = floor_of(face.short(module), floors)
        if mine is None:
            yield f"{face.place(module)}:1: the table of floors in tools/check_face.py does not name this module"
            continue
        for found in imports:
            for loaded in face.loads(module, found.name or ""):
                other = floor_of(face.short(loaded), floors)
                if other is not None and other[1] != mine[1] and other[0] >= mine[0]:
                    yield (
                        f"{face.place(module)}:{found.line}: '{mine[1] or face.package}' may not import "
                        f"'{other[1] or face.package}', which is not on a floor below ({loaded})"
                    )


def check_circles(face: Face) -> Iterator[str]:
    """The first circle of imports, if there is one."""
    graph = {
        module: sorted({loaded for found in imports for loaded in face.loads(module, found.name or "")})
        for module, imports in face.imports.items()
    }
    circle = find_circle(graph)
    if circle:
        yield f"{face.place(circle[0])}:1: modules import one another in a circle: {' -> '.join(circle)}"


def find_circle(graph: dict[str, list[str]]) -> list[str] | None:
    """A circle, as the way from a module back to it."""
    done: set[str] = set()

    def walk(name: str, way: list[str]) -> list[str] | None:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return None
        for other in graph[name]:
            circle = walk(other, [*way, name])
            if circle:
                return circle
        done.add(name)
        return None

    for name in sorted(graph):
        circle = walk(name, [])
        if circle:
            return circle
    return None


def check(root: Path, package: str, floors: tuple[tuple[str, ...], ...]) -> list[str]:
    """All offences of a package."""
    face = read_face(root, package)
    return [*check_names(face), *check_floors(face, floors), *check_circles(face)]


def main() -> int:
    """Print all offences."""
    offences = check(ROOT, PACKAGE, FLOORS)
    for offence in offences:
        print(offence)
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main())
