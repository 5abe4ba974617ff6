# SPDX-License-Identifier: MIT
"""kafka_schema in a pipeline: exit codes, all topics at once, subjects that are not known, the registry's reasons."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from confluent_kafka.schema_registry import record_subject_name_strategy
from django.core.management import CommandError, call_command
from django.test import override_settings

from django_kafka import kafka
from django_kafka.consumer import Topics
from django_kafka.topic.avro import AvroTopic, AvroTopicConsumer
from django_kafka.topic.json import JSONTopic
from tests.py.schema_registry import SchemaRegistry

HERE = __name__


def record(*fields: Any) -> str:
    return json.dumps({"type": "record", "name": "R", "fields": list(fields)})


class Orders(AvroTopic):
    key_schema = '"string"'
    value_schema = record({"name": "a", "type": "int"})

    @property
    def name(self) -> str:  # type: ignore[override]
        return "shop.orders"


class Notes(JSONTopic):
    name = "notes"
    value_schema = '{"type": "object"}'


class Plain(JSONTopic):
    name = "plain"


class Pattern(AvroTopicConsumer):
    name = "^shop.*"
    value_schema = record()


class ByRecord(Orders):
    name = "orders"  # type: ignore[assignment]
    schema_config = {"subject.name.strategy": record_subject_name_strategy}


class NeedsArguments(Orders):
    def __init__(self, arg: Any) -> None: ...


class Broken(AvroTopic):
    name = "broken"
    value_schema = record({"name": "a", "type": "itn"})


class Shop:
    topics = Topics(Orders(), Notes(), Plain())


@pytest.fixture
def registry() -> Iterator[SchemaRegistry]:
    with SchemaRegistry() as registry, override_settings(DJANGO_KAFKA={"SCHEMA_REGISTRY": {"url": registry.url}}):
        yield registry


@pytest.fixture
def registered() -> Iterator[None]:
    consumers = {"shop.Shop": Shop, "shop.Again": Shop}
    with mock.patch.object(type(kafka), "consumers", consumers):
        yield


def run(*args: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("kafka_schema", *args, stdout=out, no_color=True)
    except CommandError as error:
        return error.returncode, f"{out.getvalue()}{error}"
    return 0, out.getvalue()


def test_all_topics_at_once(registry: SchemaRegistry, registered: None) -> None:
    code, out = run("diff")
    assert (code, out.count("not in the registry yet")) == (1, 3)
    assert "3 of 3 schemas differ" in out
    assert run("check")[0] == 0
    assert run("register")[0] == 0
    assert set(registry.subjects) == {"shop.orders-key", "shop.orders-value", "notes-value"}
    assert [body["schemaType"] for body in registry.bodies if body].count("JSON") == 1
    assert run("diff")[0] == 0


def test_one_of_many_decides(registry: SchemaRegistry, registered: None) -> None:
    registry.add("shop.orders-value", record({"name": "a", "type": "string"}))
    registry.add("notes-value", '{"type": "object"}')
    registry.add("shop.orders-key", '"string"')
    code, out = run("check", f"{HERE}.Orders", f"{HERE}.ByRecord", "--subject", "x")
    assert (code, "--subject is for one" in out) == (2, True)
    code, out = run("check", f"{HERE}.Orders")
    assert (code, "1 of 1 schemas are not compatible" in out) == (1, True)


def test_nothing_to_do(registry: SchemaRegistry) -> None:
    with mock.patch.object(type(kafka), "consumers", {}):
        assert run("check")[0] == 2


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("Pattern", "is a pattern, which has no subject"),
        ("ByRecord", "has a subject name strategy"),
        ("NeedsArguments", "cannot be made: TypeError"),
        ("Broken", 'unknown type "itn"'),
        ("Plain", "has no `value_schema`"),
    ],
)
@pytest.mark.parametrize("action", ["diff", "check", "register"])
def test_what_has_no_subject_or_no_schema(registry: SchemaRegistry, action: str, topic: str, reason: str) -> None:
    code, out = run(action, f"{HERE}.{topic}")
    assert (code, reason in out) == (2, True), out
    assert registry.subjects == {}
    if topic in ("Pattern", "ByRecord"):
        assert run("check", f"{HERE}.{topic}", "--subject", "named-value")[0] == 0


@pytest.mark.parametrize("action", ["diff", "check", "register"])
def test_a_wrong_url_is_no_unknown_subject(registry: SchemaRegistry, action: str) -> None:
    registry.page = (404, "application/json", '{"error_code": 404, "message": "HTTP 404 Not Found"}')
    code, out = run(action, f"{HERE}.Orders")
    assert (code, "HTTP 404 Not Found" in out) == (2, True), out


def test_the_registrys_reason_in_a_sentence(registry: SchemaRegistry) -> None:
    text = (
        'Schema being registered is incompatible with an earlier schema for subject "shop.orders-value", details: '
        "[{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE', description:'The field 'a' at path '/fields/0' in the new "
        "schema has no default value and is missing in the old schema', additionalInfo:'a'}, {oldSchemaVersion: 1}, "
        "{oldSchema: '{\"type\":\"record\"}'}, {compatibility: 'BACKWARD'}]"
    )
    registry.page = (409, "application/json", json.dumps({"error_code": 409, "message": text}))
    code, out = run("register", f"{HERE}.Orders")
    assert code == 1
    assert out.splitlines()[0] == (
        "shop.orders-value: NOT registered: The field 'a' at path '/fields/0' in the new schema has no default value "
        "and is missing in the old schema (HTTP 409, code 409)"
    )
    registry.page = (422, "application/json", json.dumps({"error_code": 42201, "message": "\x1b[31mno" + "x" * 1000}))
    code, out = run("register", f"{HERE}.Orders")
    assert (code, "\x1b" in out, len(out.splitlines()[0]) < 400) == (1, False, True)
