# SPDX-License-Identifier: MIT
"""Each setting is declared once, and docs/settings.md says what the declaration says."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from django_kafka.conf import options

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def tool() -> Any:
    spec = importlib.util.spec_from_file_location("settings_table", ROOT / "tools/settings_table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_is_declared(tool: Any) -> None:
    text = tool.PAGE.read_text()
    assert list(tool.check_page(text)) == []
    assert tool.write_page(text) == text


@pytest.mark.parametrize("change", [{"default": 2}, {"text": "something else"}, {"name": "OTHER"}])
def test_a_declaration_that_changes(tool: Any, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]) -> None:
    changed = (*options.CLIENTS[:4], replace(options.CLIENTS[4], **change), *options.CLIENTS[5:])
    monkeypatch.setitem(options.SECTIONS, "Clients", changed)
    text = tool.PAGE.read_text()
    (offence,) = tool.check_page(text)
    assert "not what is declared" in offence
    assert list(tool.check_page(tool.write_page(text))) == []


def test_a_setting_that_the_page_does_not_mention(tool: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "LATER", (*options.LATER, replace(options.LATER[0], name="ZERO")))
    assert list(tool.check_page(tool.PAGE.read_text())) == ["docs/settings.md:1: ZERO is not mentioned"]


def test_what_is_read_is_declared_and_once(tool: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(tool.check_declarations()) == []
    monkeypatch.setitem(options.SECTIONS, "Clients", (*options.CLIENTS[:4], *options.CLIENTS[5:]))
    assert "the setting POLLING_FREQUENCY is not declared" in "\n".join(tool.check_declarations())
    monkeypatch.setitem(options.SECTIONS, "Clients", (*options.CLIENTS, options.CLIENTS[0]))
    assert list(tool.check_declarations()) == ["django_kafka/conf/options.py:1: CLIENT_ID is declared 2 times"]
