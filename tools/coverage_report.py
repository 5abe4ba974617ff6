#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Print line coverage of src/ from the counters that a coverage build left behind (see coverage.sh)."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def read_counts(folder: Path) -> dict[str, dict[int, int]]:
    """File below src/ -> line -> how often it ran; a file that no test entered has all zeros."""
    counts: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for notes in sorted(folder.glob("*.gcno")):
        command = [os.environ.get("GCOV", "gcov"), "--json-format", "--stdout", notes.name]
        output = subprocess.run(command, cwd=folder, capture_output=True, check=True, text=True).stdout
        for text in filter(None, output.splitlines()):
            document = json.loads(text)
            for file in document["files"]:
                path = Path(os.path.normpath(folder / document["current_working_directory"] / file["file"]))
                if not path.is_relative_to(ROOT / "src"):
                    continue
                lines = counts[str(path.relative_to(ROOT))]
                for line in file["lines"]:
                    lines[line["line_number"]] += line["count"]
    return counts


def ranges(numbers: list[int]) -> str:
    """[3, 4, 5, 9] -> "3-5 9"."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return " ".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)


def main() -> int:
    """Print the table; the exit code says whether the total reaches the bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the object files of the library are")
    parser.add_argument("--bar", type=float, default=90.0, help="the percentage that the total has to reach")
    parser.add_argument("--lines", action="store_true", help="list the lines that no test reached")
    args = parser.parse_args()

    counts = read_counts(args.folder.resolve())
    if not counts:
        print(f"no counters in {args.folder}: run tools/coverage.sh", file=sys.stderr)
        return 1
    reached = total = 0
    for name, lines in sorted(counts.items()):
        missed = sorted(number for number, count in lines.items() if count == 0)
        reached += len(lines) - len(missed)
        total += len(lines)
        print(f"{100 * (len(lines) - len(missed)) / len(lines):6.1f} %  {len(lines):5d} lines  {name}")
        if args.lines and missed:
            print(f"          not reached: {ranges(missed)}")
    percent = 100 * reached / total
    print(f"{percent:6.1f} %  {total:5d} lines  src/")
    if percent < args.bar:
        print(f"line coverage of src/ is {percent:.1f} %, below {args.bar:g} %", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
