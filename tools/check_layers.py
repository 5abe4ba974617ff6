#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Check which C file includes what, against the table of layers (ARCHITECTURE.md).

Every ``#include`` of a layer must be of the C library or POSIX, of a layer below it, or one of the libraries that the
table gives to the file. Prints each offence as ``file:line: what``; the exit code says whether there was one. The
Python face has a tool of its own, check_face.py.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
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
LAYERS = {
    "include/dk": Layer(own=("dk/",)),
    "src/base": Layer(own=("dk/base.h", "base/")),
    "src/codec": Layer(own=("dk/", "base/", "codec/"), foreign={"jansson.h": "*"}),
    "src/kafka": Layer(own=("dk/", "base/", "kafka/"), foreign={"librdkafka/": "rdk.h"}),
    "src/failures": Layer(own=("dk/", "base/", "failures/")),
    # A binding of CPython knows its headers and the public ones of the engine.
    "binding": Layer(
        own=("dk/", "native.h", "shims.h", "avro/"),
        foreign={"Python.h": "*", "structmember.h": "*", "datetime.h": "*"},
    ),
    "tests/c": Layer(own=("dk/", "dk_test.h", *ENGINE), foreign={"jansson.h": "*"}),
    "tests/fuzz": Layer(own=("dk/", *ENGINE)),
    "bench/c": Layer(own=("dk/", *ENGINE), foreign={"librdkafka/": "*"}),
    "examples": Layer(own=("dk/",)),
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def c_files(folder: str) -> Iterator[Path]:
    """All C sources and headers below a folder of the project."""
    for pattern in ("*.c", "*.h"):
        yield from sorted((ROOT / folder).rglob(pattern))


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
    for folder, layer in LAYERS.items():
        for path in c_files(folder):
            lines = path.read_text(encoding="utf-8").splitlines()
            place = path.relative_to(ROOT)
            if not lines or "SPDX-License-Identifier: MIT" not in lines[0]:
                yield f"{place}:1: the first line has to name the licence: /* SPDX-License-Identifier: MIT"
            for number, line in enumerate(lines, 1):
                match = INCLUDE.match(line)
                if match and not include_is_allowed(layer, path, match[1] == '"', match[2]):
                    yield f"{place}:{number}: {folder} may not include {match[2]}"


def main() -> int:
    """Print all offences."""
    offences = list(check_c())
    for offence in offences:
        print(offence)
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main())
