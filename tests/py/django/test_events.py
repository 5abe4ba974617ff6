# SPDX-License-Identifier: MIT
"""What the library logs is in events.py, once, and nothing else is logged."""

from __future__ import annotations

import ast
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

import tests.django_project  # noqa: F401
from django_kafka import events
from django_kafka.events import Event

PACKAGE = Path(__file__).resolve().parents[3] / "django_kafka"
EVENTS = {name: event for name, event in vars(events).items() if isinstance(event, Event)}
METHODS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
# A public method of Consumer that logs what it is given.
ALLOWED = {("consumer/reports.py", "CONSUMER.debug")}


def nodes() -> Iterator[tuple[str, ast.AST]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        name = str(path.relative_to(PACKAGE))
        if name != "events.py" and not name.startswith(("logs/", "management/")):
            yield from ((name, node) for node in ast.walk(ast.parse(path.read_text())))


def is_logger(owner: str) -> bool:
    """Of an expression: loggers are called so, or are the constants of logs/loggers.py."""
    return "logg" in owner.lower() or owner.isupper()


def test_nothing_else_is_logged() -> None:
    calls = {
        (name, ast.unparse(node.func))
        for name, node in nodes()
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in METHODS
        if is_logger(ast.unparse(node.func.value))
    }
    assert calls == ALLOWED


def test_each_event_is_told_somewhere() -> None:
    told = {node.attr for _, node in nodes() if isinstance(node, ast.Attribute)}
    assert EVENTS.keys() - told == set()


def test_names_are_unique_and_for_programs() -> None:
    names = [event.name for event in EVENTS.values()]
    assert len(set(names)) == len(names) > 30
    assert all(name == name.lower() and " " not in name and "." in name for name in names)


def test_telling(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("django_kafka.test")
    caplog.set_level(logging.DEBUG, logger="django_kafka.test")
    event = Event("test.told", logging.WARNING, "%(what)s costs 100%% of %(number)g")
    event.tell(logger, what="It", number=0.5)
    event.tell(logger, level=logging.DEBUG, what="100%", number=1, exc_info=ValueError("x"))
    assert (
        caplog.messages
        == ["It costs 100% of 0.5", "100% costs 100% of 1"]
        == [
            event.format(what="It", number=0.5),
            event.format(what="100%", number=1),
        ]
    )
    assert [record.levelno for record in caplog.records] == [logging.WARNING, logging.DEBUG]
    assert caplog.records[1].exc_info is not None


def test_texts_without_fields(caplog: pytest.LogCaptureFixture) -> None:
    plain = [event for event in EVENTS.values() if "%" not in event.text]
    assert plain
    for event in plain:
        event.tell(logging.getLogger("django_kafka.test"), level=logging.WARNING)
    assert caplog.messages == [event.text for event in plain]


def test_a_logger_that_raises_is_no_failure_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def warning(self, *_: object, **__: object) -> None:
            raise OSError

    monkeypatch.setattr(logging, "raiseExceptions", False)
    Event("test.told", logging.WARNING, "text").tell(Broken())  # type: ignore[arg-type]
