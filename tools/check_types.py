#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Check with mypy what type checkers say of a user's project: nothing of a right one, each mistake of a wrong one.

``tests/typed/project.py`` has to pass. In ``tests/typed/mistakes.py`` mypy has to report each line that ends in
``# expect: CODE`` with this code, and no other line. Prints what differs as ``file:line: what``; the exit code says
whether anything did.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "typed"
EXPECTED = re.compile(r"# expect: ([a-z-]+)$")
REPORTED = re.compile(r"^(?P<file>[^:]+):(?P<line>\d+): error: (?P<text>.*?)(?:  \[(?P<code>[a-z-]+)\])?$")

Places = dict[tuple[str, int], tuple[str, str]]  # by file and line: the code of an error, its text


def expected(path: Path) -> Places:
    marks = ((number, EXPECTED.search(line)) for number, line in enumerate(path.read_text().splitlines(), 1))
    return {(path.name, number): (mark[1], "") for number, mark in marks if mark}


def reported(paths: list[Path]) -> Places:
    """Errors: SystemExit when mypy itself fails."""
    command = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", *(path.name for path in paths)]
    result = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
    if result.returncode not in (0, 1):
        sys.exit(f"mypy failed:\n{result.stdout}{result.stderr}")
    found = (REPORTED.match(line) for line in result.stdout.splitlines())
    return {(m["file"], int(m["line"])): (m["code"] or "", m["text"]) for m in found if m}


def differences(wanted: Places, found: Places) -> list[str]:
    lines = []
    for place in sorted(wanted.keys() | found.keys()):
        code, (got, text) = wanted.get(place, ("", ""))[0], found.get(place, ("", ""))
        if got != code:
            said = f"mypy reports [{got}] {text}" if got or text else "mypy reports nothing"
            lines.append(f"tests/typed/{place[0]}:{place[1]}: {said}" + (f", not [{code}]" if code else ""))
    return lines


def main() -> int:
    paths = [FOLDER / "project.py", FOLDER / "mistakes.py"]
    wanted = {place: mark for path in paths for place, mark in expected(path).items()}
    if not wanted:
        print("tests/typed/mistakes.py expects no mistake.")
        return 1
    wrong = differences(wanted, reported(paths))
    print(*wrong, sep="\n", end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
