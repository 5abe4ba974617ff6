#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Check which C file includes what, against the table of layers (ARCHITECTURE.md).

Every ``#include`` of a layer must be of the C library or POSIX, of a layer below it, or one of the libraries that the
table gives to the file. Of librdkafka nothing is required that is not called. Prints each offence as ``file:line:
what``; the exit code says whether there was one. The Python face has a tool of its own, check_face.py.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Headers of the C library and of POSIX (and a few of Linux and macOS) that any layer may use.
SYSTEM_NAMES = """
assert ctype dirent dlfcn errno execinfo fcntl float getopt inttypes limits link math poll pthread regex signal stdarg
sched stdatomic stdbool stddef stdint stdio stdlib string strings threads time unistd
mach-o/dyld sys/mman sys/prctl sys/resource sys/socket sys/stat sys/time sys/types sys/wait
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


ENGINE = ("base/", "codec/", "kafka/", "failures/", "pg/")
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
    "src/pg": Layer(own=("dk/", "base/", "pg/"), foreign={"jansson.h": "*"}),
    # A binding of CPython knows its headers and the public ones of the engine.
    "binding": Layer(own=("dk/", "native.h", "avro/", "base/", "consumer/", "copy/", "producer/")),
    "binding/base": Layer(own=("dk/", "base/"), foreign=PYTHON),
    "binding/avro": Layer(own=("dk/", "base/", "avro/"), foreign={**PYTHON, "immintrin.h": "texts.c"}),
    "binding/consumer": Layer(own=("dk/", "base/", "consumer/")),
    "binding/copy": Layer(own=("dk/", "base/", "avro/", "consumer/", "copy/")),
    "binding/producer": Layer(own=("dk/", "base/", "avro/", "consumer/", "producer/")),
    "tests/c": Layer(own=("dk/", "dk_test.h", "../fuzz/fuzz.h", *ENGINE), foreign={"jansson.h": "*"}),
    "tests/fuzz": Layer(own=("dk/", "avro_tree.h", *ENGINE), foreign={"Python.h": "fuzz_native.c"}),
    "bench/c": Layer(own=("dk/", *ENGINE), foreign={"librdkafka/": "*"}),
    "examples": Layer(own=("dk/",)),
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


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


def main() -> int:
    """Print all offences."""
    offences = [*check_c(), *check_rdk(), *check_statuses()]
    for offence in offences:
        print(offence)
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main())
