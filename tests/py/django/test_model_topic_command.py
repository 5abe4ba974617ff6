# SPDX-License-Identifier: MIT
"""manage.py kafka_model_topic: what it prints is Python, and passes the checks."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import models
from django.test import override_settings

import tests.django_project  # noqa: F401
from django_kafka.checks.topics import check_topic
from django_kafka.management import drafts
from tests.py.django.helpers import consumer_of, project_registry
from tests.py.schema_registry import SchemaRegistry
from tests.synced.models import Base, Customer, Order, Renamed

MODULE = "tests.synced.drafted"


@pytest.fixture
def registry() -> Iterator[SchemaRegistry]:
    with project_registry() as found:
        yield found


@pytest.fixture(autouse=True)
def _models() -> Iterator[None]:
    """Models that a text has made are forgotten."""
    known = dict(apps.all_models["synced"])
    yield
    apps.all_models["synced"].clear()
    apps.all_models["synced"].update(known)
    apps.clear_cache()


def run(*args: str) -> str:
    out = io.StringIO()
    call_command("kafka_model_topic", *args, stdout=out)
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    return text


def made(text: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": MODULE}
    exec(compile(text, "drafted", "exec"), names)
    return names


def checked(topic: Any) -> Any:
    """The topic, of which the checks say nothing."""
    with override_settings(DJANGO_KAFKA={"SCHEMA_REGISTRY": {"url": "http://127.0.0.1:1"}}):
        assert check_topic("key", consumer_of(topic), topic, "group") == []
    return topic


def remarks(text: str) -> str:
    lines = [line[1:].strip() for line in text.splitlines() if line.startswith("#")]
    return " ".join(lines)


def record(own: str = "Value", /, **fields: Any) -> dict[str, Any]:
    listed = [{"name": field, "type": kind} for field, kind in fields.items()]
    return {"type": "record", "name": own, "namespace": "shop.public.orders", "fields": listed}


def optional(kind: Any) -> list[Any]:
    return ["null", kind]


DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}
TIMESTAMP = {"type": "long", "connect.name": "io.debezium.time.MicroTimestamp"}


class TestModel:
    def test_without_a_schema(self) -> None:
        text = run("synced.Order", "--no-connect")
        topic = checked(made(text)["OrderTopic"]())
        assert (topic.name, topic.model, topic.exclude_fields) == ("synced_order", Order, None)
        assert topic.find_copy_source() == "avro"
        assert not topic.debezium
        assert "--topic NAME gives another one. No schema was looked at." in remarks(text)

    @pytest.mark.parametrize("form", ["avro", "json"])
    def test_options(self, form: str) -> None:
        text = run("synced.customer", "--topic", r"^shop\.'o'", "--format", form, "--debezium", "--no-connect")
        topic = checked(made(text)["CustomerTopic"]())
        assert (topic.name, topic.model, topic.debezium) == (r"^shop\.'o'", Customer, True)
        assert topic.find_copy_source() == form

    def test_a_registry_that_does_not_answer_is_a_remark(self, registry: SchemaRegistry) -> None:
        registry.fail_with = 503
        assert "The schema registry does not answer" in remarks(run("synced.Order"))

    def test_fitting_schema(self, registry: SchemaRegistry) -> None:
        fields = {"id": "long", "name": "string", "price": optional(DECIMAL), "at": optional(TIMESTAMP)}
        more = {"customer_id": optional("long"), "__deleted": optional("string"), "__op": optional("string")}
        registry.add("orders-value", json.dumps(record(**fields, **more)))
        text = run("synced.Order", "--topic", "orders")
        assert remarks(text) == ""
        assert checked(made(text)["OrderTopic"]()).exclude_fields is None

    def test_what_does_not_fit(self, registry: SchemaRegistry) -> None:
        fields = {
            "name": optional("string"),
            "number": "long",
            "small": {"type": "map", "values": "string"},
            "at": TIMESTAMP,
            "day": {"type": "array", "items": "string"},
            "discount": "int",
            "created_by": "string",
            "an_exceedingly_long_name_of_a_field": "string",
            "another_exceedingly_long_name": "string",
        }
        registry.add("orders-value", json.dumps(record(**fields)))
        text = run("synced.Order", "--topic", "orders")
        for words in (
            "Order has no column for: discount, created_by, an_exceedingly",
            "name may be null in a message, but not in the model",
            "small is a map, but SmallIntegerField takes an integer",
            "day is an array, but DateField takes a date",
            "id is the primary key, but not in the value",
        ):
            assert words in remarks(text)
        assert "at is" not in remarks(text)
        topic = checked(made(text)["OrderTopic"]())
        assert topic.exclude_fields[:2] == ["discount", "created_by"]
        assert len(topic.exclude_fields) == 4

    def test_columns_that_messages_do_not_have(self, registry: SchemaRegistry) -> None:
        registry.add("lines-value", json.dumps(record(id="long", place="int")))
        text = remarks(run("synced.Line", "--topic", "lines"))
        assert "order_number is not in the messages, has no default and may not be null" in text
        assert "what is" not in text
        registry.add("saved-value", json.dumps(record(id="long", slug="string")))
        assert "name is not in the messages and has no default: new rows get ''" in remarks(
            run("synced.Saved", "--schema", "saved-value")
        )

    def test_names_of_columns(self, registry: SchemaRegistry) -> None:
        registry.add("renamed-value", json.dumps({**record(id="long", cust="string")}))
        text = run("synced.Renamed", "--schema", "renamed-value")
        assert remarks(text) == ""
        topic = checked(made(text)["RenamedTopic"]())
        assert (topic.name, topic.model) == ("renamed", Renamed)

    def test_envelopes(self, registry: SchemaRegistry) -> None:
        row = record(id="long", name="string", other="string")
        envelope = record("Envelope", before=optional(row), after=optional("Value"), op="string", source="string")
        registry.add("shop.public.orders-value", json.dumps(envelope))
        text = run("synced.Order", "--topic", "shop.public.orders")
        assert remarks(text) == "Order has no column for: other."
        assert checked(made(text)["OrderTopic"]()).debezium

    def test_a_model_that_cannot_be_imported(self) -> None:
        class Hidden2(Base):
            name = models.TextField()

            class Meta(Base.Meta):
                abstract = False

        topic = checked(made(run("synced.Hidden2", "--no-connect"))["Hidden2Topic"]())
        assert topic.model is Hidden2


class TestSchema:
    def test_every_type(self, registry: SchemaRegistry) -> None:
        fields = {
            "id": "string",
            "flag": "boolean",
            "small": optional("int"),
            "large": "long",
            "ratio": "double",
            "price": DECIMAL,
            "loose": {"type": "record", "name": "V", "connect.name": "io.debezium.data.VariableScaleDecimal",
                      "fields": [{"name": "scale", "type": "int"}, {"name": "value", "type": "bytes"}]},
            "at": TIMESTAMP,
            "day": {"type": "int", "logicalType": "date"},
            "hour": {"type": "int", "logicalType": "time-millis"},
            "took": {"type": "long", "connect.name": "io.debezium.time.MicroDuration"},
            "ref": {"type": "string", "logicalType": "uuid"},
            "data": {"type": "string", "connect.name": "io.debezium.data.Json"},
            "blob": "bytes",
            "tags": {"type": "array", "items": "string"},
            "either": ["int", "string"],
            "class": "string",
            "save": "string",
            "a__b_": "string",
            "pk": "int",
            "__deleted": "string",
        }  # fmt: skip
        registry.add("shop.sales_orders-value", json.dumps(record(**fields)))
        registry.add("shop.sales_orders-key", json.dumps(record("Key", id="string")))
        text = run("--schema", "shop.sales_orders-value")
        names = made(text)
        model = names["SalesOrders"]
        kinds = {field.column: type(field).__name__.removesuffix("Field") for field in model._meta.fields}
        assert " ".join(kinds.values()) == (
            "Char Boolean Integer BigInteger Float Decimal Decimal DateTime Date Time Duration UUID JSON Binary JSON "
            "JSON Text Text Text Integer"
        )
        assert list(kinds) == [name for name in fields if name != "__deleted"]
        assert model._meta.pk.name == "id"
        assert model._meta.get_field("small").null
        assert not model._meta.get_field("large").null
        price = model._meta.get_field("price")
        assert (price.max_digits, price.decimal_places) == (12, 2)
        assert model.check() == []
        topic = checked(names["SalesOrdersTopic"]())
        assert (topic.name, topic.model) == ("shop.sales_orders", model)
        assert "loose: the schema does not say how many digits" in remarks(text)
        assert "either: its values may be of several types" in remarks(text)
        assert "__deleted" in remarks(text)

    def test_keys_of_several_fields(self, registry: SchemaRegistry) -> None:
        registry.add("lines-value", json.dumps(record("OrderLine", id="long", place="int", what="string")))
        registry.add("lines-key", json.dumps(record("Key", id="long", place="int")))
        text = run("--schema", "lines-value", "--topic", "other", "--format", "json")
        assert "the primary key is taken to be id" in remarks(text)  # another topic has other keys
        names = made(run("--schema", "lines-value"))
        assert names["OrderLine"].check() == []
        constraint = names["OrderLine"]._meta.constraints[0]
        assert constraint.fields == ("id_field", "place")
        checked(names["OrderLineTopic"]())

    def test_without_keys(self, registry: SchemaRegistry) -> None:
        registry.add("things-value", json.dumps(record("thing", what="string")))
        names = made(run("--schema", "things-value"))
        assert names["Thing"].check() == []
        assert "which field is the primary key?" in remarks(run("--schema", "things-value"))
        registry.add("ids-value", json.dumps(record("WithId", id="long", what="string")))
        text = run("--schema", "ids-value")
        assert "the primary key is taken to be id" in remarks(text)
        assert made(text)["WithId"]._meta.pk.name == "id"


class TestErrors:
    @pytest.mark.parametrize(
        ("args", "text"),
        [
            ([], "Name a model"),
            (["synced.Ordr"], "not a model, as in shop.Order .did you mean 'synced.Order'"),
            (["shop.Order"], "did you mean 'synced.Order'"),
            (["Zzzzzzzzzz"], r"not a model, as in shop.Order\."),
            (["synced.Order", "--topic", "a b"], "'a b' cannot be a topic's name"),
            (["--schema", "a-value", "--no-connect"], "needs the schema registry"),
            (["--schema", "a-value"], "`SCHEMA_REGISTRY` configuration is not defined"),
        ],
    )
    def test_arguments(self, args: list[str], text: str) -> None:
        with pytest.raises(CommandError, match=text):
            run(*args)

    def test_subjects(self, registry: SchemaRegistry) -> None:
        with pytest.raises(CommandError, match="no subject 'nothing-value'"):
            run("--schema", "nothing-value")
        registry.add("text-value", '"string"')
        with pytest.raises(CommandError, match="'text-value' is not of a record in Avro"):
            run("synced.Order", "--schema", "text-value")


def test_class_names() -> None:
    names = {"sales_orders": "SalesOrders", "Order": "Order", "2024": "Model2024", "none": "ModelNone", "": "Model"}
    assert {text: drafts.class_name(text) for text in names} == names
