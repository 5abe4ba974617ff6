# SPDX-License-Identifier: MIT
"""kafka_schema and schemas that refer to others: the references go to the registry with each question."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator

import pytest
from confluent_kafka.schema_registry import Schema, SchemaReference
from django.core.management import CommandError, call_command
from django.test import override_settings

from django_kafka.topic.avro import AvroTopic
from tests.py.schema_registry import SchemaRegistry

MONEY = {"type": "record", "name": "Money", "fields": [{"name": "cents", "type": "long"}]}
REFERENCE = SchemaReference("Money", "money", 1)


def bill(*fields: dict[str, object]) -> str:
    return json.dumps({"type": "record", "name": "Bill", "fields": [{"name": "total", "type": "Money"}, *fields]})


class Bills(AvroTopic):
    name = "bills"
    value_schema = Schema(bill(), "AVRO", [REFERENCE])  # type: ignore[assignment]


@pytest.fixture
def registry() -> Iterator[SchemaRegistry]:
    with SchemaRegistry() as registry, override_settings(DJANGO_KAFKA={"SCHEMA_REGISTRY": {"url": registry.url}}):
        registry.add("money", json.dumps(MONEY))
        yield registry


def run(action: str, code: int = 0) -> str:
    out = io.StringIO()
    with pytest.raises(CommandError) if code else contextlib.nullcontext() as caught:
        call_command("kafka_schema", action, f"{__name__}.Bills", stdout=out, no_color=True)
    assert caught is None or caught.value.returncode == code
    return out.getvalue()


def test_a_schema_is_judged_with_what_it_refers_to(registry: SchemaRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    run("register")
    assert "bills-value: compatible" in run("check")
    assert registry.requests[-1] == "POST /compatibility/subjects/bills-value/versions/latest"
    assert registry.bodies[-1]["references"] == [{"name": "Money", "subject": "money", "version": 1}]
    monkeypatch.setattr(Bills, "value_schema", Schema(bill({"name": "more", "type": "int"}), "AVRO", [REFERENCE]))
    assert "NOT compatible" in run("check", 1)


def test_another_version_of_what_is_referred_to(registry: SchemaRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text is the same, and yet it is another schema: only the reference tells."""
    run("register")
    registry.add("money", json.dumps({**MONEY, "fields": [{"name": "euros", "type": "double"}]}))
    newer = Schema(bill(), "AVRO", [SchemaReference("Money", "money", 2)])
    monkeypatch.setattr(Bills, "value_schema", newer)
    assert "NOT compatible" in run("check", 1)
    assert run("diff", 1).splitlines()[-2:] == ["-Money: money version 1", "+Money: money version 2"]


def test_a_reference_that_is_missing(registry: SchemaRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    run("register")
    monkeypatch.setattr(Bills, "value_schema", bill())
    with pytest.raises(CommandError, match="Money"):
        run("check")
