#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draw the figures of the documentation: docs/figures/NAME.txt gives NAME.svg beside it. message.txt has the syntax.

tools/draw_figure.py            draw all of them
tools/draw_figure.py --check    only tell those whose SVG is not what their text gives; the exit code says whether
                                there was one
"""

from __future__ import annotations

import itertools
import math
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "figures"

SANS = "-apple-system, 'Segoe UI', 'Helvetica Neue', 'DejaVu Sans', sans-serif"
MONO = "ui-monospace, 'SF Mono', Menlo, 'DejaVu Sans Mono', monospace"
LINE = 19  # pixels from one line of text to the next
# Fill and border of the kinds of boxes.
COLOURS = {
    "topic": ("#e8f0fe", "#4a78c4"),
    "dead": ("#fde8e8", "#c0504d"),
    "step": ("#ffffff", "#8a94a0"),
    "main": ("#fff4d6", "#c79a1e"),
    "good": ("#e3f6e5", "#4b9b58"),
    "wait": ("#f1ecfb", "#8a6fc0"),
}
STYLE = f"""\
text {{ font: 13px {SANS}; fill: #24292f; text-anchor: middle; dominant-baseline: central }}
.code {{ font-family: {MONO}; font-size: 12px }}
.bold {{ font-weight: 600 }}
.title {{ text-anchor: start; fill: #57606a; font-weight: 600 }}
.label {{ font-size: 12px; fill: #3d444d }}
.halo {{ font-size: 12px; stroke: #ffffff; stroke-width: 6px; stroke-linejoin: round }}
.arrow {{ fill: none; stroke: #57606a; stroke-width: 1.6; marker-end: url(#head) }}
.dashed {{ stroke-dasharray: 6 4 }}
.zone {{ fill: #fafbfc; stroke: #d0d7de }}"""

Point = tuple[float, float]


class FigureError(Exception):
    """A text that cannot be drawn; says where and why."""


@dataclass(frozen=True)
class Box:
    """A rectangle with lines of text."""

    kind: str
    x: float
    y: float
    width: float
    height: float
    lines: tuple[str, ...]

    def side(self, text: str) -> Point:
        """The middle of a side: "n", or "n+20", which is 20 pixels further along it."""
        name, along = text[0], float(text[1:] or 0)
        middle_x, middle_y = self.x + self.width / 2, self.y + self.height / 2
        return {
            "n": (middle_x + along, self.y),
            "s": (middle_x + along, self.y + self.height),
            "w": (self.x, middle_y + along),
            "e": (self.x + self.width, middle_y + along),
        }[name]


def number(value: float) -> str:
    return f"{value:g}"


def spans(text: str) -> str:
    """A line of text with its `code` and **bold** parts, as SVG."""
    parts = []
    for plain, code, bold in re.findall(r"([^`*]+)|`([^`]*)`|\*\*([^*]*)\*\*", text):
        kind = "code" if code else "bold" if bold else ""
        content = escape(plain or code or bold)
        parts.append(f'<tspan class="{kind}">{content}</tspan>' if kind else content)
    return "".join(parts)


def draw_text(x: float, y: float, line: str, kind: str = "") -> str:
    attribute = f' class="{kind}"' if kind else ""
    return f'<text x="{number(x)}" y="{number(y)}"{attribute}>{spans(line)}</text>'


def draw_rectangle(x: float, y: float, width: float, height: float, more: str) -> str:
    place = f'x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"'
    return f'<rect {place} rx="8" {more}/>'


def draw_box(box: Box) -> Iterator[str]:
    fill, border = COLOURS[box.kind]
    colours = f'fill="{fill}" stroke="{border}" stroke-width="1.4"'
    yield draw_rectangle(box.x, box.y, box.width, box.height, colours)
    first = box.y + box.height / 2 - (len(box.lines) - 1) * LINE / 2
    for i, line in enumerate(box.lines):
        yield draw_text(box.x + box.width / 2, first + i * LINE, line)


def middle(points: list[Point]) -> Point:
    """The middle of the longest part of a line."""
    (ax, ay), (bx, by) = max(itertools.pairwise(points), key=lambda part: math.dist(*part))
    return (ax + bx) / 2, (ay + by) / 2


class Figure:
    """A text, read line by line; what it draws lies in layers, so that arrows are above boxes and labels on top."""

    def __init__(self, text: str) -> None:
        """Errors: FigureError."""
        self.size = (0.0, 0.0)
        self.about = ""
        self.boxes: dict[str, Box] = {}
        self.layers: dict[str, list[str]] = {"zones": [], "boxes": [], "arrows": [], "labels": []}
        readers = {"size": self.read_size, "zone": self.read_zone, "box": self.read_box, "arrow": self.read_arrow}
        for place, line in enumerate(text.splitlines(), 1):
            words, _, rest = line.partition("|")
            if not line.strip() or line.startswith("#"):
                continue
            name, *arguments = words.split()
            try:
                readers[name](arguments, [part.strip() for part in rest.split("|") if part.strip()])
            except (KeyError, ValueError, IndexError) as error:
                raise FigureError(f"{place}: {line.strip()!r} cannot be drawn ({error!r})") from error

    def read_size(self, arguments: list[str], texts: list[str]) -> None:
        width, height = map(float, arguments)
        self.size, self.about = (width, height), texts[0]

    def read_zone(self, arguments: list[str], texts: list[str]) -> None:
        x, y, width, height = map(float, arguments[:4])
        title = y + height - 18 if "bottom" in arguments else y + 18
        self.layers["zones"] += [
            draw_rectangle(x, y, width, height, 'class="zone"'),
            draw_text(x + 14, title, texts[0], "title"),
        ]

    def read_box(self, arguments: list[str], texts: list[str]) -> None:
        name, kind, *place = arguments
        x, y, width, height = map(float, place)
        box = self.boxes[name] = Box(kind, x, y, width, height, tuple(texts))
        self.layers["boxes"] += draw_box(box)

    def read_arrow(self, arguments: list[str], texts: list[str]) -> None:
        start, end, *more = arguments
        dashed = " dashed" if "dashed" in more else ""
        corners = [(float(x), float(y)) for x, _, y in (word.partition(",") for word in more if word != "dashed")]
        points = [self.end(start), *corners, self.end(end)]
        path = " L".join(f"{number(x)} {number(y)}" for x, y in points)
        self.layers["arrows"].append(f'<path class="arrow{dashed}" d="M{path}"/>')
        if texts:
            label, _, place = texts[0].partition("@")
            x, y = map(float, place.split()) if place else middle(points)
            # Light around the letters, as a text of its own: not everything that shows SVG knows `paint-order`.
            self.layers["labels"] += [draw_text(x, y, label.strip(), kind) for kind in ("halo", "label")]

    def end(self, text: str) -> Point:
        name, _, side = text.partition(".")
        return self.boxes[name].side(side)

    def svg(self) -> str:
        width, height = map(number, self.size)
        head = '<path d="M0 0 L9 4.5 L0 9 z" fill="#57606a"/>'
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
            f"<title>{escape(self.about)}</title>",
            f"<style>\n{STYLE}\n</style>",
            f'<defs><marker id="head" markerWidth="9" markerHeight="9" refX="8" refY="4.5" orient="auto" '
            f'markerUnits="userSpaceOnUse">{head}</marker></defs>',
            f'<rect width="{width}" height="{height}" rx="12" fill="#ffffff"/>',
            *(line for layer in self.layers.values() for line in layer),
            "</svg>",
        ]
        return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Draw or check all figures."""
    wrong = 0
    for source in sorted(FOLDER.glob("*.txt")):
        target = source.with_suffix(".svg")
        try:
            drawn = Figure(source.read_text(encoding="utf-8")).svg()
        except FigureError as error:
            print(f"{source.name}:{error}")
            wrong = 1
            continue
        if "--check" not in arguments:
            target.write_text(drawn, encoding="utf-8")
        elif not target.exists() or target.read_text(encoding="utf-8") != drawn:
            print(f"{target.name} is not what {source.name} gives: run tools/draw_figure.py")
            wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
