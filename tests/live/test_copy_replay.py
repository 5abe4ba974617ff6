# SPDX-License-Identifier: MIT
"""Rows that come again as they are: they are looked up, and neither written nor locked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from django.db import connections, models, transaction
from hypothesis import given
from hypothesis import strategies as st

import tests.django_project  # noqa: F401
from django_kafka.connect.models import KafkaConnectSkipModel
from django_kafka.sync import bulk
from django_kafka.sync.copy import CopyWriter
from django_kafka.sync.copying import copying_of
from django_kafka.utils.message import Message
from tests.live.model_tables import own_database
from tests.live.servers import PostgresServer
from tests.py.sync.helpers import DbzJSONTopic, topic_of
from tests.py.sync.test_equivalence import LIMITS
from tests.synced.models import Base

pytestmark = pytest.mark.usefixtures("copy_form")


class Replayed(Base):
    id = models.IntegerField(primary_key=True)
    title = models.TextField(null=True)
    data = models.JSONField(null=True)
    version = models.BigIntegerField(null=True)

    class Meta(Base.Meta):
        abstract = False
        managed = False
        db_table = "replayed"


class Flagged(KafkaConnectSkipModel):
    id = models.IntegerField(primary_key=True)
    title = models.TextField(null=True)
    data = models.JSONField(null=True)
    version = models.BigIntegerField(null=True)

    class Meta:
        app_label = "synced"
        managed = False
        db_table = "flagged"


COLUMNS = "id int PRIMARY KEY, title text, data jsonb, version bigint"
MODELS = (Replayed, Flagged)
WITH_VERSION = {"version_field": "version", "tombstones": "ignore"}


@pytest.fixture(scope="module")
def pg(shared_postgres: PostgresServer) -> Iterator[str]:
    with own_database(
        shared_postgres,
        "replayed",
        f"CREATE TABLE replayed ({COLUMNS})",
        f"CREATE TABLE flagged ({COLUMNS}, kafka_skip bool NOT NULL)",
    ) as alias:
        yield alias


@pytest.fixture
def alias(pg: str) -> Iterator[str]:
    with connections[pg].cursor() as cursor:
        cursor.execute("TRUNCATE replayed, flagged")
    yield pg
    connections[pg].close()


def messages(events: list[tuple[int, str, int | None]]) -> list[Message]:
    """Of (key, title, version); the title `gone` deletes."""
    return [
        Message(
            "orders",
            b'{"id":%d}' % key,
            json.dumps(
                {
                    "id": key,
                    "title": title,
                    "data": json.dumps({"of": title}),
                    "version": version,
                    "__deleted": "true" if title == "gone" else "false",
                }
            ).encode(),
            None,
            offset=offset,
            partition=0,
        )
        for offset, (key, title, version) in enumerate(events)
    ]


class Copied:
    """A topic whose rows are written without Python's help."""

    def __init__(self, alias: str, model: Any, **members: Any) -> None:
        self.place = (model, alias)
        self.topic = topic_of(model, DbzJSONTopic, using=alias, sync_mode="copy", **members)

    def write(self, *batches: list[tuple[int, str, int | None]]) -> None:
        with mock.patch.object(bulk, "write", side_effect=AssertionError):
            for batch in batches:
                self.topic.consume_batch(messages(batch))

    @property
    def layout(self) -> Any:
        (layout,) = copying_of(self.topic, *self.place).layouts.values()
        return layout

    @property
    def writer(self) -> CopyWriter:
        writer: CopyWriter = self.layout.writer
        return writer


def rows(alias: str, model: Any) -> list[Any]:
    return list(model.objects.using(alias).order_by("id").values())


def places(alias: str, model: Any) -> dict[int, tuple[str, str]]:
    """Where each row lies, and who has locked it. A write changes the first, a conflict the second."""
    with connections[alias].cursor() as cursor:
        cursor.execute(f"SELECT id, ctid::text, xmax::text FROM {model._meta.db_table}")
        return {key: (place, locked) for key, place, locked in cursor.fetchall()}


@pytest.mark.parametrize("members", [{}, WITH_VERSION], ids=["rows", "versions"])
@pytest.mark.parametrize("model", MODELS)
def test_what_is_there_is_left_alone(alias: str, model: Any, members: Any) -> None:
    snapshot: list[Any] = [(n, f"row {n}", 5) for n in range(20)]
    copied = Copied(alias, model, **members)
    copied.write(snapshot)
    assert not copied.writer.is_replay
    copied.write(snapshot)
    assert copied.writer.is_replay
    before = places(alias, model)
    # Two of them are others, and one is new.
    copied.write([*snapshot[2:], (0, "another", 6), (1, "row 1", 6), (20, "new", 1)])
    after = places(alias, model)
    assert {key for key in after if after[key] != before.get(key)} == {0, 1, 20}
    assert [(row["title"], row["version"]) for row in rows(alias, model)[:2]] == [("another", 6), ("row 1", 6)]


@pytest.mark.parametrize("model", MODELS)
def test_new_rows_end_a_replay(alias: str, model: Any) -> None:
    snapshot: list[Any] = [(n, "a", None) for n in range(20)]
    copied = Copied(alias, model)
    copied.write(snapshot, snapshot, snapshot)
    assert copied.writer.is_replay
    copied.write([(n, "b", None) for n in range(30)])
    assert not copied.writer.is_replay
    assert {row["title"] for row in rows(alias, model)} == {"b"}


def test_other_digits_are_another_document(alias: str) -> None:
    """jsonb calls 2.5 and 2.50 equal, and a JSONField keeps the digits."""
    copied = Copied(alias, Replayed)
    for digits in ("2.5", "2.50", "2.50", "2.500"):
        data = b'{"id": 1, "title": "a", "data": "{\\"a\\": %s}", "version": 1}' % digits.encode()
        one, other = (Message("orders", b'{"id":%d}' % n, data.replace(b"1,", b"%d," % n, 1), None) for n in (1, 2))
        copied.topic.consume_batch([one, other])
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT data::text FROM replayed")
            assert cursor.fetchall() == [(f'{{"a": {digits}}}',)] * 2


_events = st.lists(
    st.tuples(st.integers(1, 5), st.sampled_from(["a", "b", "gone"]), st.one_of(st.none(), st.integers(0, 3))),
    min_size=1,
    max_size=12,
)


@pytest.mark.parametrize(("model", "members"), [(Flagged, {}), (Replayed, {"version_field": "version"})])
def test_both_statements_leave_the_same_table(alias: str, model: Any, members: Any) -> None:
    def table(batches: list[Any], is_replay: bool) -> list[Any]:
        topic = topic_of(model, DbzJSONTopic, using=alias, sync_mode="copy", **members)
        is_forced = mock.PropertyMock(return_value=is_replay)
        with transaction.atomic(using=alias), mock.patch.object(CopyWriter, "is_replay", is_forced, create=True):
            for batch in batches:
                topic.consume_batch(messages(batch))
            found = rows(alias, model)
            transaction.set_rollback(True, using=alias)
        return found

    @LIMITS
    @given(st.lists(_events, min_size=1, max_size=4))
    def check(batches: list[Any]) -> None:
        assert table(batches, True) == table(batches, False)

    check()


@pytest.mark.parametrize("model", MODELS)
def test_a_large_table_is_not_read_whole(alias: str, model: Any) -> None:
    copied = Copied(alias, model)
    copied.write([(n, "a", None) for n in range(2)])
    writer = copied.writer
    result = copied.layout.plan.run(messages([(n, "a", None) for n in range(100)]))
    table = model._meta.db_table
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        more = ", false" if model is Flagged else ""
        cursor.execute(f"INSERT INTO {table} SELECT n, 'a', NULL, NULL{more} FROM generate_series(10, 50000) AS n")
        cursor.execute(f"ANALYZE {table}")
        for sql in filter(None, (writer.through_tables, writer.through_arrays)):
            with sql.source.with_rows(result, careful=True) as (open_cursor, given):
                open_cursor.execute(f"EXPLAIN {sql.upsert_changed}", {**sql.parameters(), **given})
                plan = "\n".join(line for (line,) in open_cursor.fetchall())
            assert f"Index Scan using {table}_pkey" in plan
            assert f"Seq Scan on {table}" not in plan
