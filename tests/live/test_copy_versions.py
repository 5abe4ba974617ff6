# SPDX-License-Identifier: MIT
"""`version_field` on the copy path: an older event changes nothing, whatever else is in its batch."""

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
from django_kafka.sync import bulk
from django_kafka.utils.message import Message
from tests.live.model_tables import own_database
from tests.live.servers import PostgresServer
from tests.py.sync.helpers import DbzJSONTopic, topic_of
from tests.py.sync.test_equivalence import LIMITS
from tests.synced.models import Base

pytestmark = pytest.mark.usefixtures("copy_form")


class Stamped(Base):
    id = models.IntegerField(primary_key=True)
    title = models.TextField(default="untitled")
    note = models.TextField(null=True)
    version = models.BigIntegerField(null=True)

    class Meta(Base.Meta):
        abstract = False
        managed = False
        db_table = "stamped"


DDL = "CREATE TABLE stamped (id int PRIMARY KEY, title text NOT NULL, note text, version bigint)"
PATHS = ("copy", "bulk", "instances")


@pytest.fixture(scope="module")
def pg(shared_postgres: PostgresServer) -> Iterator[str]:
    with own_database(shared_postgres, "stamped", DDL) as alias:
        yield alias


@pytest.fixture
def alias(pg: str) -> Iterator[str]:
    Stamped.objects.using(pg).all().delete()
    return pg


def message(offset: int, key: int, value: Any) -> Message:
    data = None if value is None else json.dumps(value).encode()
    return Message("stamped", b'{"id":%d}' % key, data, None, offset=offset, partition=0)


def messages(name: str, events: list[tuple[int, int | None, str]]) -> list[Message]:
    """Of (key, version, title); the title `gone` deletes, `tombstone` is one."""
    return [
        message(n, key, None)
        if title == "tombstone"
        else message(
            n, key, {"id": key, "title": title, name: version, "__deleted": "true" if title == "gone" else "false"}
        )
        for n, (key, version, title) in enumerate(events)
    ]


def rows(alias: str) -> list[tuple[Any, ...]]:
    return list(Stamped.objects.using(alias).order_by("id").values_list("id", "version", "title"))


def topic(alias: str, path: str, **members: Any) -> Any:
    return topic_of(
        Stamped, DbzJSONTopic, using=alias, sync_mode=path, version_field="version", tombstones="ignore", **members
    )


def by_hand(name: str, events: list[tuple[int, int | None, str]]) -> list[tuple[Any, ...]]:
    """What is left when one event is looked at after the other."""
    left: dict[int, tuple[int | None, str]] = {}
    for key, version, title in events:
        current = left.get(key, (None, ""))[0]
        older = version is not None and current is not None and version < current
        if title == "tombstone" or older:
            continue
        if title == "gone":
            left.pop(key, None)
        else:  # a version under another name that is null is none, and the row keeps its own
            left[key] = (current if version is None and name != "version" else version, title)
    return [(key, *found) for key, found in sorted(left.items())]


_events = st.lists(
    st.tuples(
        st.integers(1, 4),
        st.one_of(st.none(), st.integers(0, 9)),
        st.sampled_from(["a", "b", "c", "d", "gone", "tombstone"]),
    ),
    min_size=1,
    max_size=20,
)


@pytest.mark.parametrize("name", ["version", "__version", "__source_version"])
@pytest.mark.parametrize("path", PATHS)
def test_whatever_the_order(path: str, name: str, alias: str) -> None:
    @LIMITS
    @given(_events, st.integers(2, 20))
    def check(events: list[tuple[int, int | None, str]], size: int) -> None:
        one, found = topic(alias, path), messages(name, events)
        with transaction.atomic(using=alias):
            for start in range(0, len(found), size):
                one.consume_batch(found[start : start + size])
            assert rows(alias) == by_hand(name, events)
            transaction.set_rollback(True, using=alias)

    check()


def test_the_engine_writes_and_compares(alias: str) -> None:
    one = topic(alias, "auto")
    assert one.plan().path == "copy"
    with mock.patch.object(bulk, "write", side_effect=AssertionError):
        one.consume_batch(messages("__version", [(n, 5, "first") for n in range(20)]))
        one.consume_batch(messages("__version", [(n, n, "second") for n in range(20)]))
    assert [title for _, _, title in rows(alias)] == ["first"] * 5 + ["second"] * 15


def test_a_version_of_another_name_and_key(alias: str) -> None:
    one = topic(alias, "auto", version_key="lsn", exclude_fields=["__source_lsn"])
    with mock.patch.object(bulk, "write", side_effect=AssertionError):
        one.consume_batch(messages("__source_lsn", [(1, 7, "a"), (2, 1, "b")]))
        one.consume_batch(messages("__source_lsn", [(1, 6, "older"), (2, 2, "newer")]))
    assert rows(alias) == [(1, 7, "a"), (2, 2, "newer")]


def test_a_name_that_comes_before_the_one_that_is_known(alias: str) -> None:
    """`lsn` of a later message counts, though its first ones had `__source_lsn`."""
    one = topic(alias, "copy", version_key="lsn")
    one.consume_batch(messages("__source_lsn", [(1, 7, "a"), (2, 7, "a")]))
    both = [
        message(n, n, {"id": n, "title": "b", "__source_lsn": 9, "__lsn": n, "__deleted": "false"}) for n in (1, 8)
    ]
    one.consume_batch(both)
    assert rows(alias) == [(1, 7, "a"), (2, 7, "a"), (8, 8, "b")]


def test_partial_messages(alias: str) -> None:
    """Of which no new row could be made."""
    with connections[alias].cursor() as cursor:
        cursor.execute("INSERT INTO stamped SELECT n, 'old', 'note', 5 FROM generate_series(1, 4) n")
    one = topic(alias, "copy", exclude_fields=["title"])
    found = [message(n, n, {"id": n, "title": "x", "note": "new", "version": 2 * n}) for n in range(1, 5)]
    one.consume_batch(found)
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT note FROM stamped ORDER BY id")
        assert [row[0] for row in cursor.fetchall()] == ["note", "note", "new", "new"]


def test_tombstones_that_are_ignored_delete_nothing(alias: str) -> None:
    for path in PATHS:
        one = topic_of(Stamped, DbzJSONTopic, using=alias, sync_mode=path, tombstones="ignore")
        one.consume_batch(messages("version", [(1, 1, "a"), (2, 1, "b"), (1, None, "tombstone")]))
        assert [row[0] for row in rows(alias)] == [1, 2], path


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"get_version": lambda self, model, key, value: 1}, "get_version() is overridden"),
        ({"envelopes": False}, "envelopes are taken for rows"),
    ],
)
def test_reasons(members: Any, reason: str, alias: str) -> None:
    assert reason in topic(alias, "auto", **members).plan().explain()


def test_a_version_that_is_not_in_the_row(alias: str) -> None:
    """Python looks into the envelope."""
    one = topic(alias, "auto", version_key="lsn")

    def event(n: int, key: int, lsn: int, title: str) -> Message:
        after = {"id": key, "title": title, "note": None}
        return message(n, key, {"op": "u", "before": None, "after": after, "source": {"lsn": lsn}, "ts_ms": 1})

    one.consume_batch([event(1, 1, 5, "a"), event(2, 2, 5, "b")])
    one.consume_batch([event(3, 1, 4, "older"), event(4, 2, 6, "newer")])
    assert rows(alias) == [(1, 5, "a"), (2, 6, "newer")]
