# SPDX-License-Identifier: MIT
"""Captured streams of Debezium into SQLite, of the columns that SQLite has: see tests/live/test_streams.py."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from tests.py.django.helpers import project_registry
from tests.py.schema_registry import SchemaRegistry
from tests.py.sync.stream_models import Kept, Narrow
from tests.py.sync.streams import NAMES, messages, stream, topic, write


def moment(text: str) -> dt.datetime:
    found = dt.datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)


# What the texts of PostgreSQL's values mean.
READ: dict[str, Callable[[str], Any]] = {
    "BooleanField": lambda text: text == "true",
    "FloatField": float,
    "DecimalField": Decimal,
    "DateField": dt.date.fromisoformat,
    "TimeField": dt.time.fromisoformat,
    "DateTimeField": moment,
    "DurationField": lambda text: dt.timedelta(seconds=float(text)),
    "UUIDField": uuid.UUID,
    "JSONField": json.loads,
    "BinaryField": lambda text: bytes.fromhex(text[2:]),
    "CharField": str,
    "TextField": str,
}


@pytest.fixture(scope="module", autouse=True)
def _own_tables() -> Iterator[None]:
    # A run of all tests has imported these models before it made its tables.
    known = connection.introspection.table_names()
    missing = [model for model in (Narrow, Kept) if model._meta.db_table not in known]
    with connection.schema_editor() as editor:
        for model in missing:
            editor.create_model(model)
    yield
    with connection.schema_editor() as editor:
        for model in missing:
            editor.delete_model(model)


@pytest.fixture
def registry() -> Iterator[SchemaRegistry]:
    with project_registry() as found:
        yield found


@pytest.mark.parametrize("path", ["bulk", "instances"])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("model", [Narrow, Kept], ids=["wide", "kept"])
def test_tables_end_equal(model: Any, name: str, path: str, registry: SchemaRegistry) -> None:
    model.objects.all().delete()
    whole = stream(name)
    table = whole["tables"][model._meta.db_table]
    found = messages(whole, model._meta.db_table, registry)
    failures = write(topic(whole, model, sync_mode=path), found)
    # What is large and left alone when the key changes is in no message: of row 30 nothing is made up.
    assert bool(failures) == (model is Narrow)
    assert all("REPLICA IDENTITY FULL" in str(error) for error in failures.values())
    fields = [field for field in model._meta.fields if field.column not in whole["inexact"]]
    ids = []
    for texts in table["rows"]:
        source = dict(zip(table["columns"], texts, strict=True))
        if failures and source["id"] == "30":
            continue
        ids.append(int(source["id"]))
        row = model.objects.get(id=source["id"])
        for field in fields:
            text, value = source[field.column], getattr(row, field.attname)
            wanted = None if text is None else READ.get(field.get_internal_type(), int)(text)
            assert value == wanted, f"{field.name} of {source['id']}"
    if whole["deletes"]:
        assert sorted(ids) == sorted(model.objects.values_list("id", flat=True))
