#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""List the files of the Python package for Meson to install, one `folder:path` a line, sorted.

What is built (shared objects, byte code) and what a working copy collects is left out.
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "django_kafka"
CODE = {".py", ".pyi"}
DATA_FOLDERS = {"templates", "static", "locale"}


def wanted(path: Path) -> bool:
    """Whether this file belongs to the installed package."""
    parts = path.relative_to(ROOT).parts
    if "__pycache__" in parts or not path.is_file():
        return False
    return path.suffix in CODE or path.name == "py.typed" or bool(DATA_FOLDERS & set(parts))


def main() -> None:
    """Print the list."""
    for path in sorted((ROOT / PACKAGE).rglob("*")):
        if wanted(path):
            relative = path.relative_to(ROOT)
            print(f"{relative.parent.as_posix()}:{relative.as_posix()}")


if __name__ == "__main__":
    main()
