#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Check who includes and imports whom, against the table of layers (ARCHITECTURE.md).

C: every ``#include`` of a layer must be of the C library or POSIX, of a layer below it, or one of the libraries that
the table gives to the file. Python: the face reaches C only through ``django_kafka._native``, and its modules do not
import one another in a circle. Of librdkafka nothing is required that is not called. Prints each offence as
``file:line: what``; the exit code says whether there was one.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Headers of the C library and of POSIX (and a few of Linux's) that any layer may use.
SYSTEM_NAMES = """
assert ctype dirent dlfcn errno execinfo fcntl float getopt inttypes limits link math poll pthread regex signal stdarg
stdatomic stdbool stddef stdint stdio stdlib string strings threads time unistd
sys/mman sys/prctl sys/resource sys/socket sys/stat sys/time sys/types sys/wait
"""
SYSTEM = {f"{name}.h" for name in SYSTEM_NAMES.split()}


@dataclass(frozen=True)
class Layer:
    """What the C files below a folder may include, besides SYSTEM.

    ``own`` are prefixes of the project's headers, as they are written in the include; ``foreign`` maps a prefix of
    other libraries' headers to the file of the layer that may include it (``*``: all of them).
    """

    own: tuple[str, ...]
    foreign: dict[str, str] = field(default_factory=dict)


ENGINE = ("base/", "codec/", "kafka/", "failures/")
PYTHON = {"Python.h": "shims.h", "structmember.h": "shims.h", "datetime.h": "*"}
# The most special folder counts.
LAYERS = {
    "include/dk": Layer(own=("dk/",)),
    "src/base": Layer(own=("dk/base.h", "base/")),
    "src/codec": Layer(own=("dk/", "base/", "codec/"), foreign={"jansson.h": "*"}),
    "src/kafka": Layer(own=("dk/", "base/", "kafka/client/"), foreign={"librdkafka/": "rdk.h"}),
    "src/kafka/consumer": Layer(own=("dk/", "base/", "kafka/client/", "kafka/consumer/")),
    "src/kafka/producer": Layer(own=("dk/", "base/", "kafka/")),
    "src/failures": Layer(own=("dk/", "base/", "failures/")),
    # A binding of CPython knows its headers and the public ones of the engine.
    "binding": Layer(own=("dk/", "native.h", "avro/", "base/", "consumer/", "producer/")),
    "binding/base": Layer(own=("dk/", "base/"), foreign=PYTHON),
    "binding/avro": Layer(own=("dk/", "base/", "avro/"), foreign=PYTHON),
    "binding/consumer": Layer(own=("dk/", "base/", "consumer/")),
    "binding/producer": Layer(own=("dk/", "base/", "avro/", "consumer/", "producer/")),
    "tests/c": Layer(own=("dk/", "dk_test.h", *ENGINE), foreign={"jansson.h": "*"}),
    "tests/fuzz": Layer(own=("dk/", *ENGINE)),
    "bench/c": Layer(own=("dk/", *ENGINE), foreign={"librdkafka/": "*"}),
    "examples": Layer(own=("dk/",)),
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')

# Ways into C that go past the binding.
FORBIDDEN_IMPORTS = {"ctypes", "cffi", "tests", "tools"}


def c_files(folder: str) -> Iterator[Path]:
    """All C sources and headers below a folder of the project."""
    for pattern in ("*.c", "*.h"):
        yield from sorted((ROOT / folder).rglob(pattern))


def layer_of(place: str) -> str:
    """The folder of LAYERS that a file belongs to."""
    return max((folder for folder in LAYERS if place.startswith(f"{folder}/")), key=len)


def include_is_allowed(layer: Layer, path: Path, quoted: bool, name: str) -> bool:
    """Whether this file of the layer may include this header."""
    if not quoted:
        if name in SYSTEM:
            return True
        return any(name.startswith(prefix) and owner in ("*", path.name) for prefix, owner in layer.foreign.items())
    if "/" not in name and (path.parent / name).is_file():  # a neighbour's header
        return True
    return name.startswith(layer.own)


def check_c() -> Iterator[str]:
    """Offences of the C files."""
    for path in sorted({path for folder in LAYERS for path in c_files(folder)}):
        lines = path.read_text(encoding="utf-8").splitlines()
        place = path.relative_to(ROOT).as_posix()
        folder = layer_of(place)
        if not lines or "SPDX-License-Identifier: MIT" not in lines[0]:
            yield f"{place}:1: the first line has to name the licence: /* SPDX-License-Identifier: MIT"
        for number, line in enumerate(lines, 1):
            match = INCLUDE.match(line)
            if match and not include_is_allowed(LAYERS[folder], path, match[1] == '"', match[2]):
                yield f"{place}:{number}: {folder} may not include {match[2]}"


RDK = "src/kafka/client/rdk.h"
RDK_LISTED = re.compile(r"\bXX\((rd_kafka_\w+)\)")
RDK_CALLED = re.compile(r"\b(rd_kafka_\w+)")


def unused_functions(door: str, sources: Iterable[str]) -> list[str]:
    """Functions that the list of rdk.h asks of librdkafka and that nobody calls. door: the text of rdk.h."""
    listed = RDK_LISTED.findall(door)
    wrappers = door.rpartition("#endif")[0].rpartition("#endif")[2]  # behind the redirections
    called = {name for text in (wrappers, *sources) for name in RDK_CALLED.findall(text)}
    return [name for name in listed if name not in called]


def check_rdk() -> Iterator[str]:
    """Offences of the door to librdkafka."""
    sources = [path.read_text(encoding="utf-8") for path in c_files("src") if path.name != "rdk.h"]
    for name in unused_functions((ROOT / RDK).read_text(encoding="utf-8"), sources):
        yield f"{RDK}:1: {name}() is asked of librdkafka, but nobody calls it"


STATUS = re.compile(r"^ +XX\((E\w+), -\d+", re.MULTILINE)


def unused_statuses(header: str, sources: Iterable[str]) -> list[str]:
    """Statuses that dk/base.h promises and nobody returns."""
    returned = {name for text in sources for name in re.findall(r"\bDK_(E\w+)", text)}
    return [name for name in STATUS.findall(header) if name not in returned]


def check_statuses() -> Iterator[str]:
    """Offences of the list of statuses."""
    header = (ROOT / "include/dk/base.h").read_text(encoding="utf-8")
    for name in unused_statuses(header, (path.read_text(encoding="utf-8") for path in c_files("src"))):
        yield f"include/dk/base.h:1: nobody returns DK_{name}"


def module_name(path: Path) -> str:
    """``django_kafka/topic/__init__.py`` -> ``django_kafka.topic``."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_type_checking(node: ast.AST) -> bool:
    """Whether this is ``if TYPE_CHECKING:``, whose imports do not happen."""
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def imports(tree: ast.AST, top_only: bool) -> Iterator[tuple[int, str]]:
    """Line and full name of what is imported; ``from a import b`` gives ``a.b``. top_only: when the module loads."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif top_only and (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or is_type_checking(node)):
            continue
        else:
            yield from imports(node, top_only)


def loaded_by(name: str, modules: dict[str, Path]) -> str | None:
    """The module of ours that importing this name loads: the name itself, or what it is an attribute of."""
    while name:
        if name in modules:
            return name
        name = name.rpartition(".")[0]
    return None


def find_circle(graph: dict[str, set[str]]) -> list[str] | None:
    """A circle of imports, as the way from a module back to it."""
    done: set[str] = set()

    def walk(name: str, way: list[str]) -> list[str] | None:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return None
        for other in sorted(graph[name]):
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


def check_python() -> Iterator[str]:
    """Offences of the Python face."""
    modules = {module_name(path): path for path in sorted((ROOT / "django_kafka").rglob("*.py"))}
    graph: dict[str, set[str]] = {name: set() for name in modules}
    for module, path in modules.items():
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        place = path.relative_to(ROOT)
        for line, name in imports(tree, top_only=False):
            if name.startswith("."):
                yield f"{place}:{line}: relative import; write the full name"
            elif name.split(".")[0] in FORBIDDEN_IMPORTS:
                yield f"{place}:{line}: the package may not import {name.split('.')[0]}"
        for _, name in imports(tree, top_only=True):
            loaded = loaded_by(name, modules)
            if loaded and loaded != module:
                graph[module].add(loaded)
    circle = find_circle(graph)
    if circle:
        place = modules[circle[0]].relative_to(ROOT)
        yield f"{place}:1: modules import one another in a circle: {' -> '.join(circle)}"


def main() -> int:
    """Print all offences."""
    offences = [*check_c(), *check_rdk(), *check_statuses(), *check_python()]
    for offence in offences:
        print(offence)
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main())
