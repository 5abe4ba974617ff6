# SPDX-License-Identifier: MIT
"""The copy path with columns whose type PostgreSQL makes of a text, and with texts that it calls equal by mistake."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from django.db import connections, models, transaction
from django.db.backends.signals import connection_created
from hypothesis import given
from hypothesis import strategies as st

import tests.django_project  # noqa: F401
from django_kafka.sync import bulk
from django_kafka.utils.message import Message
from tests.live.model_tables import database
from tests.live.servers import PostgresServer
from tests.live.test_copy_path import WRITTEN, AvroModelTopic
from tests.py.sync.helpers import JSONModelTopic, message
from tests.py.sync.test_equivalence import LIMITS
from tests.synced.models import Base

from django.contrib.postgres.fields import HStoreField  # isort: skip  (Django is configured)
from django.contrib.postgres.signals import register_type_handlers  # isort: skip

pytestmark = pytest.mark.usefixtures("copy_form")


class MoodField(models.Field):
    """A type of the database's own, and nothing else."""

    def db_type(self, connection: Any) -> str:
        return "mood"


class InsensitiveField(models.CharField):
    def db_type(self, connection: Any) -> str:
        return "citext"


class Typed(Base):
    id = models.BigIntegerField(primary_key=True)
    pairs = HStoreField(null=True)
    address = models.GenericIPAddressField(null=True)
    mood = MoodField(null=True)
    label = InsensitiveField(max_length=4, null=True)
    name = models.CharField(max_length=9, db_collation="nobodys_case", null=True)


class Unpacked(Base):
    """Whose addresses Django changes."""

    id = models.BigIntegerField(primary_key=True)
    address = models.GenericIPAddressField(null=True, unpack_ipv4=True)


SETUP = """
CREATE EXTENSION hstore; CREATE EXTENSION citext;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE COLLATION nobodys_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
"""


@pytest.fixture(scope="module")
def pg(shared_postgres: PostgresServer) -> Iterator[str]:
    name = "copy_casts"
    shared_postgres.psql(f"CREATE DATABASE {name}", database="postgres")
    shared_postgres.psql(SETUP, database=name)
    connection_created.connect(register_type_handlers)  # as the app django.contrib.postgres does
    with database(name, {**shared_postgres.django_settings(), "NAME": name}) as alias:
        with connections[alias].schema_editor() as editor:
            editor.create_model(Typed)
            editor.create_model(Unpacked)
        yield alias
    connection_created.disconnect(register_type_handlers)
    shared_postgres.psql(f"DROP DATABASE {name} WITH (FORCE)", database="postgres")


@pytest.fixture
def alias(pg: str) -> Iterator[str]:
    yield pg
    with connections[pg].cursor() as cursor:
        cursor.execute(f"TRUNCATE {Typed._meta.db_table}, {Unpacked._meta.db_table}")
    connections[pg].close()


_texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4)
_pairs = st.dictionaries(_texts, st.none() | _texts, max_size=3)
_addresses = st.one_of(
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(str),
    st.ip_addresses(v=6).map(lambda address: address.exploded.upper()),
    st.ip_addresses(v=4).map(lambda address: f"::ffff:{address}"),
    st.ip_addresses(v=4).map(lambda address: f"{address}/24"),
)
_values = {
    "pairs": st.none() | _pairs.map(json.dumps),
    "address": st.none() | _addresses,
    "mood": st.sampled_from([None, "sad", "ok", "happy"]),
    "label": st.none() | st.sampled_from(["ab", "AB", "Ab", ""]),
    "name": st.none() | st.sampled_from(["straße", "Straße", "a", "A"]),
}
VALUE = {
    "type": "record",
    "name": "Value",
    "fields": [{"name": "id", "type": "long"}, *({"name": name, "type": ["null", "string"]} for name in _values)],
}


def avro(number: int, row: dict[str, Any], offset: int = 0) -> Message:
    return WRITTEN.message(VALUE, {"id": number, **row}, offset)


def topic_of(alias: str, mode: str, base: Any = AvroModelTopic, model: Any = Typed) -> Any:
    return type("Topic", (base,), {"model": model, "using": alias, "sync_mode": mode})()


def rows(alias: str) -> list[dict[str, Any]]:
    return list(Typed.objects.using(alias).order_by("id").values())


def test_the_table_is_the_same_on_all_paths(alias: str) -> None:
    def table(mode: str, history: list[Any]) -> list[dict[str, Any]]:
        topic = topic_of(alias, mode)
        with transaction.atomic(using=alias):
            for start in range(0, len(history), 3):
                topic.consume_batch([avro(*change) for change in history[start : start + 3]])
            found = rows(alias)
            transaction.set_rollback(True, using=alias)
        return found

    @LIMITS
    @given(st.lists(st.tuples(st.integers(1, 3), st.fixed_dictionaries(_values)), min_size=2, max_size=9))
    def check(history: list[Any]) -> None:
        assert table("copy", history) == table("instances", history) == table("bulk", history)

    check()


def row_of(number: int) -> dict[str, Any]:
    address = str(ipaddress.ip_address(number if number % 2 else 2**100 + number))
    pairs = json.dumps({"n": str(number), "none": None})
    return {"pairs": pairs, "address": address, "mood": "ok", "label": f"L{number}", "name": f"N{number}"}


def test_no_message_comes_to_python(alias: str) -> None:
    topic = topic_of(alias, "auto")
    assert topic.plan().path == "copy"
    with mock.patch.object(bulk, "write", side_effect=AssertionError):
        topic.consume_batch([avro(number, row_of(number)) for number in range(10)])
    found = rows(alias)
    assert len(found) == 10
    assert found[3] == {**row_of(3), "id": 3, "pairs": {"n": "3", "none": None}}


def test_another_case_is_another_text(alias: str) -> None:
    """citext and the column's collation call them equal, and an unchanged row would not be written."""
    topic = topic_of(alias, "copy")
    row = row_of(1)
    with mock.patch.object(bulk, "write", side_effect=AssertionError):
        for change in ({}, {"label": "l1"}, {"name": "n1"}):
            row.update(change)
            topic.consume_batch([avro(1, row), avro(2, row)])  # one alone is written by Python
            assert {name: rows(alias)[0][name] for name in ("label", "name")} == {
                name: row[name] for name in ("label", "name")
            }


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("label", "longer", "not a text of at most 4"),
        ("address", "1.2.3.4.5", "address"),
        ("pairs", "[1]", "pairs"),
        ("mood", "angry", "angry"),
    ],
)
def test_what_does_not_fit_is_named(alias: str, name: str, value: str, said: str) -> None:
    with pytest.raises(Exception, match=said):
        topic_of(alias, "copy").consume_batch([avro(1, {**row_of(1), name: value}), avro(2, row_of(2))])
    assert rows(alias) == []


def test_fields_that_schemas_say_nothing_of_are_left_to_python(alias: str) -> None:
    topic = topic_of(alias, "copy", JSONModelTopic)
    topic.consume_batch([message({"id": number}, {"id": number, **row_of(number)}) for number in (1, 2)])
    assert [row["mood"] for row in rows(alias)] == ["ok", "ok"]


def test_addresses_that_django_changes_are_left_to_it(alias: str) -> None:
    topic = topic_of(alias, "copy", JSONModelTopic, Unpacked)
    topic.consume_batch([message({"id": number}, {"id": number, "address": "::ffff:1.2.3.4"}) for number in (1, 2)])
    assert [row.address for row in Unpacked.objects.using(alias).all()] == ["1.2.3.4", "1.2.3.4"]
