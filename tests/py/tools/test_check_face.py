# SPDX-License-Identifier: MIT
"""The check of the face's imports, on small packages made for the purpose."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
FLOORS = (("low",), ("middle", "beside"), ("",), ("high",))


@pytest.fixture(scope="module")
def tool() -> Any:
    spec = importlib.util.spec_from_file_location("check_face", ROOT / "tools/check_face.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["check_face"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def offences(tool: Any, tmp_path: Path) -> Any:
    """What the tool says of a package of these modules: texts by names, `root` is the package's own."""

    def check(root: str = "", files: dict[str, str] | None = None, **modules: str) -> list[str]:
        for name, text in {"__init__": root, **modules, **(files or {})}.items():
            path = tmp_path / f"app/{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tool.check(tmp_path, "app", FLOORS)

    return check


def test_the_face_itself(tool: Any) -> None:
    assert tool.check(ROOT, tool.PACKAGE, tool.FLOORS) == []


def test_downwards_is_allowed(offences: Any) -> None:
    assert offences(root="from app import low", high="import app.middle\nfrom app import x", low="", middle="") == []


@pytest.mark.parametrize(
    "text",
    [
        "from app import high",
        "import app.high",
        "from app.high import something",
        "def f():\n    from app import high",
        "import importlib\ndef f():\n    return importlib.import_module('app.high').x",
        "NAME = 'app.high'\nimport_module(NAME)",
        "__import__('app.high')",
        "import sys\nsys.modules['app.high'].x",
    ],
)
def test_upwards_is_not_however_it_is_written(offences: Any, text: str) -> None:
    (offence,) = offences(low=text, high="")
    assert offence.startswith("app/low.py:")
    assert "'low' may not import 'high'" in offence


def test_nor_is_sideways(offences: Any) -> None:
    assert "'middle' may not import 'beside'" in offences(middle="import app.beside", beside="")[0]


def test_for_type_checkers_alone_is(offences: Any) -> None:
    assert offences(low="if TYPE_CHECKING:\n    from app import high", high="") == []


def test_a_circle_within_one_entry(offences: Any) -> None:
    found = offences(files={"high/a": "from app.high import b", "high/b": "import_module('app.high.a')"})
    assert [offence.partition("circle: ")[2] for offence in found] == ["app.high.a -> app.high.b -> app.high.a"]


def test_a_package_is_loaded_with_what_is_in_it(offences: Any) -> None:
    """`import app.high.b` runs the package's own module first."""
    found = offences(files={"high/__init__": "import app.low", "high/b": ""}, low="import app.high.b")
    assert any("circle: app.high -> app.low -> app.high" in offence for offence in found)


def test_modules_that_the_table_leaves_out(tool: Any, tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app/stray.py").write_text("")
    assert "does not name this module" in tool.check(tmp_path, "app", (("low",),))[0]


@pytest.mark.parametrize(
    ("text", "offence"),
    [
        ("import_module(name)", "import of what is not named"),
        ("from . import x", "relative import"),
        ("import ctypes", "may not import ctypes"),
    ],
)
def test_other_offences(offences: Any, text: str, offence: str) -> None:
    assert offence in offences(low=text)[0]
