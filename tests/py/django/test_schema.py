# SPDX-License-Identifier: MIT
"""Schemas made of models, types and JSON, and the command kafka_schema."""

from __future__ import annotations

import datetime as dt
import decimal
import io
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

import django
import pytest
from confluent_kafka.schema_registry import Schema, SchemaReference
from django.core.management import CommandError, call_command
from django.db import models
from django.test import override_settings

from django_kafka import _native
from django_kafka.exceptions import DjangoKafkaError
from django_kafka.schema.avro import AvroSchema, get_writer_schema
from django_kafka.schema.fields import DJANGO_FIELD_TO_AVRO, python_type_to_avro
from django_kafka.topic.avro import AvroTopic
from tests.py.schema_registry import SchemaRegistry


class Buyer(models.Model):
    id = models.UUIDField(primary_key=True)

    class Meta:
        app_label = "django_kafka"


class Sale(models.Model):
    buyer = models.ForeignKey(Buyer, models.CASCADE, null=True)
    state = models.CharField(max_length=10, default="new", help_text="what is going on")
    count = models.PositiveIntegerField(default=1)
    big = models.BigIntegerField(default=int)
    paid = models.BooleanField(default=False)
    price = models.DecimalField(max_digits=9, decimal_places=2)
    weight = models.FloatField(null=True)
    rank = models.IntegerField(null=True, default=1)
    day = models.DateField()
    at = models.DateTimeField()
    hour = models.TimeField(db_column="o_clock")
    ref = models.UUIDField()
    blob = models.BinaryField()
    data = models.JSONField(default=dict)

    class Meta:
        app_label = "django_kafka"


class SaleTopic(AvroTopic):
    name = "sales"
    value_schema = AvroSchema.from_model(Sale, ["id", "state"]).to_json()
    key_schema = AvroSchema.key_from_model(Sale).to_json()


def test_a_model_as_a_record() -> None:
    """As django-kafka makes it, to the letter: what is registered stays the latest version."""
    schema = AvroSchema.from_model(Sale)
    assert schema.to_dict() == {
        "type": "record",
        "name": "Sale",
        "fields": [
            {"name": "id", "type": schema.fields[0]["type"]},  # int or long: DEFAULT_AUTO_FIELD
            {"name": "buyer_id", "type": ["null", {"type": "string", "logicalType": "uuid"}], "default": None},
            {"name": "state", "type": "string"},
            {"name": "count", "type": "int"},
            {"name": "big", "type": "long"},
            {"name": "paid", "type": "boolean"},
            {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
            {"name": "weight", "type": ["null", "double"], "default": None},
            {"name": "rank", "type": ["null", "int"]},  # null is not its default
            {"name": "day", "type": {"type": "int", "logicalType": "date"}},
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
            {"name": "o_clock", "type": {"type": "int", "logicalType": "time-millis"}},
            {"name": "ref", "type": {"type": "string", "logicalType": "uuid"}},
            {"name": "blob", "type": "bytes"},
            {"name": "data", "type": "string"},
        ],
    }
    assert list(schema.to_dict()) == ["type", "name", "fields"]
    schema.to_dict()["fields"].clear()
    assert len(schema.fields) == 15


def test_a_model_with_all_that_it_says() -> None:
    schema = AvroSchema.from_model(Sale, namespace="shop", precision="micros", defaults=True, docs=True)
    fields = {field["name"]: field for field in schema.fields}
    assert fields["state"] == {"name": "state", "type": "string", "default": "new", "doc": "what is going on"}
    assert fields["count"] == {"name": "count", "type": "int", "default": 1}
    assert fields["paid"] == {"name": "paid", "type": "boolean", "default": False}
    assert fields["big"] == {"name": "big", "type": "long"}  # a callable is no constant
    assert fields["at"]["type"]["logicalType"] == "timestamp-micros"
    values = {
        "id": 1, "buyer_id": uuid.UUID(int=2), "state": "paid", "count": 2, "big": 2**40, "paid": True,
        "price": decimal.Decimal("1.50"), "weight": None, "rank": 3, "day": dt.date(2024, 2, 29),
        "at": dt.datetime(2024, 2, 29, 1, 2, 3, 4, tzinfo=dt.UTC), "o_clock": dt.time(1, 2, 3, 4),
        "ref": uuid.UUID(int=3), "blob": b"x", "data": "{}",
    }  # fmt: skip
    codec = _native.AvroSchema(schema.to_json())
    assert codec.decode(codec.encode(values)) == values
    with pytest.raises(ValueError, match="millis"):
        AvroSchema.from_model(Sale, precision="seconds")


def test_some_fields_of_a_model() -> None:
    def names(schema: AvroSchema) -> list[str]:
        return [field["name"] for field in schema.fields]

    assert names(AvroSchema.from_model(Sale, ["id", "buyer"])) == ["id", "buyer_id"]
    assert names(AvroSchema.from_model(Buyer, ["id"], exclude=True)) == []
    assert "data" not in names(AvroSchema.from_model(Sale, exclude=["data"]))
    assert (
        names(AvroSchema.from_model(Sale, ["hour"])) == names(AvroSchema.from_model(Sale, ["o_clock"])) == ["o_clock"]
    )
    assert names(AvroSchema.from_model(Sale, [])) == names(AvroSchema.from_model(Sale))
    # A ValueError as the original's, and one of ours.
    with pytest.raises(ValueError, match=r"Fields not found on Sale: \['nope'\]\. Available: \['id', 'buyer_id'"):
        AvroSchema.from_model(Sale, ["nope"])
    with pytest.raises(DjangoKafkaError, match="nope"):
        AvroSchema.from_model(Sale, exclude=["nope"])


def test_the_key_of_a_model() -> None:
    key = AvroSchema.key_from_model(Buyer)
    uuid_type = {"type": "string", "logicalType": "uuid"}
    assert key.to_dict() == {"type": "record", "name": "Key", "fields": [{"name": "id", "type": uuid_type}]}
    assert AvroSchema.key_from_model(Buyer, "id", "shop").to_dict()["namespace"] == "shop"
    key = AvroSchema.key_from_model(Sale, ("buyer_id", "weight"), name="ByBuyer")
    assert key.fields == [{"name": "buyer_id", "type": uuid_type}, {"name": "weight", "type": "double"}]
    with pytest.raises(ValueError, match="Lookup field 'nope' not found on model Sale"):
        AvroSchema.key_from_model(Sale, "nope")


@pytest.mark.skipif(django.VERSION < (5, 2), reason="Django has composite primary keys from 5.2 on")
def test_a_composite_key_of_a_model() -> None:
    class Line(models.Model):
        pk = models.CompositePrimaryKey("order", "number")
        order = models.IntegerField()
        number = models.BigIntegerField()

        class Meta:
            app_label = "django_kafka"

    assert AvroSchema.key_from_model(Line).fields == [
        {"name": "order", "type": "int"},
        {"name": "number", "type": "long"},
    ]
    assert AvroSchema.from_model(Line).fields == AvroSchema.key_from_model(Line).fields


def test_a_field_without_an_avro_type() -> None:
    class Odd(models.Field):  # type: ignore[type-arg]
        pass

    class Strange(models.Model):
        odd = Odd()

        class Meta:
            app_label = "django_kafka"

    with pytest.raises(ValueError, match=r"Strange\.odd \(Odd\)"):
        AvroSchema.from_model(Strange)


def test_a_field_of_a_project(monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearest class that is in the map decides, whatever its place there."""

    class Cents(models.IntegerField):  # type: ignore[type-arg]
        pass

    class Priced(models.Model):
        cents = Cents()

        class Meta:
            app_label = "django_kafka"

    assert AvroSchema.from_model(Priced, ["cents"]).fields[0]["type"] == "int"
    monkeypatch.setitem(DJANGO_FIELD_TO_AVRO, Cents, "long")
    assert AvroSchema.from_model(Priced, ["cents"]).fields[0]["type"] == "long"


def test_a_class_as_a_record() -> None:
    @dataclass
    class Point:
        x: int
        tags: list[str]
        more: dict[str, float | None]
        at: dt.datetime | None = None

    schema = AvroSchema.from_type(Point, namespace="geo")
    assert schema.to_dict() == {
        "type": "record",
        "name": "Point",
        "namespace": "geo",
        "fields": [
            {"name": "x", "type": "int"},
            {"name": "tags", "type": {"type": "array", "items": "string"}},
            {"name": "more", "type": {"type": "map", "values": ["null", "double"]}},
            {"name": "at", "type": ["null", {"type": "long", "logicalType": "timestamp-millis"}]},
        ],
    }
    with pytest.raises(ValueError, match="object"):
        python_type_to_avro(object)


def test_extend_and_json() -> None:
    schema = AvroSchema("R", [{"name": "a", "type": "int"}])
    more = schema.extend([{"name": "a", "type": "long"}, {"name": "b", "type": "string"}])
    assert [field["type"] for field in more.fields] == ["long", "string"]

    class Extra(TypedDict):
        c: bool
        d: NotRequired[str]

    assert more.extend(Extra).fields[2:] == [{"name": "c", "type": "boolean"}, {"name": "d", "type": "string"}]
    assert len(more.fields) == 2
    # Of types that another schema has (a reference) nothing is known here.
    refers = AvroSchema.from_json({"type": "record", "name": "R", "fields": [{"name": "m", "type": "shop.Money"}]})
    assert [field["name"] for field in refers.extend(Extra).fields] == ["m", "c", "d"]
    assert AvroSchema.from_json(more.to_json()) == more != schema
    assert json.loads(str(more)) == more.to_dict()
    with pytest.raises(_native.SchemaError):
        AvroSchema("not a name", [])
    with pytest.raises(DjangoKafkaError):
        AvroSchema.from_json('"int"')


@pytest.fixture
def registry() -> Iterator[SchemaRegistry]:
    with SchemaRegistry() as registry, override_settings(DJANGO_KAFKA={"SCHEMA_REGISTRY": {"url": registry.url}}):
        yield registry


def run(*args: str, **options: Any) -> str:
    out = io.StringIO()
    call_command("kafka_schema", *args, stdout=out, no_color=True, **options)
    return out.getvalue()


def fails(*args: str, code: int = 1) -> str:
    """What a run prints that ends with this exit code, and its last line."""
    out = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("kafka_schema", *args, stdout=out, no_color=True)
    assert caught.value.returncode == code, caught.value
    return f"{out.getvalue()}{caught.value}"


PATH = f"{__name__}.SaleTopic"


def test_show(registry: SchemaRegistry) -> None:
    assert json.loads(run("show", "django_kafka.Sale", "--fields", "id,paid"))["fields"][1]["name"] == "paid"
    assert json.loads(run("show", "django_kafka.Sale", "--key", "--compact"))["name"] == "Key"
    by_buyer = run("show", "django_kafka.Sale", "--key", "--fields", "buyer,ref", "--namespace", "shop")
    assert [field["name"] for field in json.loads(by_buyer)["fields"]] == ["buyer_id", "ref"]
    assert json.loads(by_buyer)["namespace"] == "shop"
    full = run("show", "django_kafka.Sale", "--fields", "at,state", "--precision", "micros", "--defaults", "--docs")
    assert "timestamp-micros" in full
    assert "what is going on" in full
    assert json.loads(run("show", PATH))["fields"][1]["name"] == "state"
    assert json.loads(run("show", PATH, "--key"))["name"] == "Key"
    with pytest.raises(CommandError, match="neither a model"):
        run("show", "no.such.thing")


def test_from_diff_to_register(registry: SchemaRegistry) -> None:
    assert "not in the registry yet" in fails("diff", PATH)
    assert "any schema may be registered" in run("check", PATH)
    assert "registered with id 1" in run("register", PATH)
    assert registry.subjects == {"sales-value": [1]}


def test_references_are_registered_too(registry: SchemaRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    """They were left out, and a registry refused the schema as one with unknown names."""
    registry.add("money", json.dumps({"type": "record", "name": "Money", "fields": []}))
    bill = json.dumps({"type": "record", "name": "Bill", "fields": [{"name": "total", "type": "Money"}]})
    monkeypatch.setattr(SaleTopic, "value_schema", Schema(bill, "AVRO", [SchemaReference("Money", "money", 1)]))
    assert json.loads(run("show", PATH))["name"] == "Bill"
    assert "registered with id 2" in run("register", PATH)
    assert registry.schemas[1]["references"] == [{"name": "Money", "subject": "money", "version": 1}]


def test_against_another_version(registry: SchemaRegistry) -> None:
    older = AvroSchema.from_json(SaleTopic.value_schema).extend([{"name": "state", "type": "long"}])
    registry.add("sales-value", older.to_json())
    assert '+      "type": "string"' in fails("diff", PATH)
    assert "sales-value: NOT compatible with the latest version: state" in fails("check", PATH)
    registry.add("sales-value", SaleTopic.value_schema)


def test_the_same_version(registry: SchemaRegistry) -> None:
    registry.add("sales-value", SaleTopic.value_schema)
    assert "as version 1" in run("diff", PATH)
    assert "sales-value: compatible" in run("check", PATH)
    assert "as version 1" in run("diff", "django_kafka.Sale", "--fields", "id,state", "--subject", "sales-value")
    with pytest.raises(CommandError, match="--subject"):
        run("check", "django_kafka.Sale")


def test_a_registry_that_is_away(registry: SchemaRegistry) -> None:
    with override_settings(DJANGO_KAFKA={"SCHEMA_REGISTRY": {"url": registry.url, "max.retries": 0}}):
        registry.fail_with = 503
        with pytest.raises(CommandError, match="does not answer"):
            run("check", PATH)
    with override_settings(DJANGO_KAFKA={}), pytest.raises(CommandError, match="SCHEMA_REGISTRY"):
        run("check", PATH)


def test_the_schema_of_a_message(registry: SchemaRegistry) -> None:
    schema_id = registry.add("sales-value", SaleTopic.value_schema)
    assert get_writer_schema(_native.wire_prefix(schema_id) + b"\2\0") == SaleTopic.value_schema
