# SPDX-License-Identifier: MIT
"""Models of tests: two of a name in one application cannot be imported in one run, whoever imports them."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2]
BASES = {"Base", "KafkaConnectSkipModel", "KafkaConnectVersionedModel"}


def application_of(model: ast.ClassDef) -> str:
    for node in ast.walk(model):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "app_label":
            return str(ast.literal_eval(node.value))
    return "synced"  # as Base says


def names() -> list[tuple[str, str]]:
    return [
        (application_of(node), node.name.lower())
        for path in TESTS.rglob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef) and BASES & {ast.unparse(base) for base in node.bases}
    ]


def test_no_two_models_of_tests_have_a_name() -> None:
    counted = Counter(names())
    assert len(counted) > 20
    assert [name for name, times in counted.items() if times > 1] == []
