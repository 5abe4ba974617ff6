# SPDX-License-Identifier: MIT
"""A process that gevent or eventlet has patched is refused, instead of hanging."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

import tests.django_project  # noqa: F401

PATCHERS = {
    "gevent": ("gevent.monkey", "is_module_patched", "threading"),
    "eventlet": ("eventlet.patcher", "is_monkey_patched", "thread"),
}


@pytest.mark.parametrize("name", PATCHERS)
def test_a_patched_process_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, function, patched = PATCHERS[name]
    monkeypatch.setitem(sys.modules, module, SimpleNamespace(**{function: lambda what: what == patched}))
    with pytest.raises(CommandError, match=f"{name} has patched this process"):
        call_command("kafka_consume")


@pytest.mark.parametrize("name", PATCHERS)
def test_one_that_has_only_imported_it_is_not(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, function, _ = PATCHERS[name]
    monkeypatch.setitem(sys.modules, module, SimpleNamespace(**{function: lambda what: False}))
    call_command("kafka_consume")
