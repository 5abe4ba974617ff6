# SPDX-License-Identifier: MIT
"""The paths by which rows are written: which is taken and why, and that nothing tells them apart."""

from __future__ import annotations

import datetime as dt
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.db.models.signals import post_delete, post_save, pre_save
from django.test.utils import CaptureQueriesContext

from django_kafka.exceptions import ConfigurationError, ModelSyncError
from tests.py.sync.helpers import DbzJSONTopic, message, topic_of
from tests.synced.models import (
    Customer,
    Hidden,
    Line,
    Node,
    Order,
    Renamed,
    Restaurant,
    Saved,
    ShownOrder,
    Skipping,
    Unmanaged,
    Watched,
    contents,
)

PATHS = ("bulk", "instances")


@pytest.fixture(params=PATHS)
def path(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@contextmanager
def receiving(signal: Any, function: Any, sender: Any) -> Iterator[None]:
    signal.connect(function, sender=sender)
    try:
        yield
    finally:
        signal.disconnect(function, sender=sender)


def row(n: int, **values: Any) -> Any:
    return message({"id": n}, {"id": n, **values})


NO_COPY = "not copy: SQLite has no COPY"


# ---- the plan ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model", [Order, Customer, Line, Renamed, Hidden, Watched, Skipping, ShownOrder, Unmanaged, Node]
)
def test_bulk_is_taken_where_nothing_is_called(model: Any) -> None:
    assert topic_of(model).plan().explain() == f"bulk\n{NO_COPY}"


def test_reasons_against_bulk() -> None:
    plan = topic_of(Saved).plan()
    assert plan.explain() == f"instances\n{NO_COPY}\nnot bulk: Saved.save() is the model's own"
    assert topic_of(Restaurant).plan().reasons[1].text == "its rows are in several tables (multi-table inheritance)"
    assert topic_of(Order, sync_mode="instances").plan().explain() == "instances\nnot bulk: sync_mode is 'instances'"

    class Synced(DbzJSONTopic):
        model = Order

        def sync(self, model: Any, key: Any, value: Any) -> Any: ...

    assert {(reason.path, reason.text) for reason in Synced().plan().reasons} == {
        ("copy", "SQLite has no COPY"),
        ("copy", "sync() is overridden"),
        ("bulk", "sync() is overridden"),
    }
    with receiving(post_save, lambda **_: None, Watched):
        assert topic_of(Watched).plan().explain().endswith("\nnot bulk: post_save of Watched has receivers")
        assert topic_of(Watched, send_signals=True).plan().path == "bulk"
    with receiving(pre_save, lambda **_: None, Watched):
        assert topic_of(Watched, send_signals=True).plan().path == "instances"
    assert topic_of(Watched).plan().path == "bulk"


def test_a_mode_that_cannot_be_is_an_error() -> None:
    for model, mode, text in (
        (Restaurant, "bulk", "several tables"),
        (Order, "copy", "is 'copy', but SQLite has no COPY"),
        (Order, "fast", "not one of auto, copy, bulk, instances"),
    ):
        with pytest.raises(ConfigurationError, match=text):
            topic_of(model, sync_mode=mode).plan()
    assert topic_of(Saved, sync_mode="bulk").plan().path == "bulk"


# ---- the same effect -----------------------------------------------------------------------------------------------


def test_last_value_defaults_and_absent_fields(path: str) -> None:
    Order.objects.create(id=1, name="old", note="kept", number=3)
    topic_of(Order, sync_mode=path).consume_batch(
        [row(1, name="a"), row(2, name="b"), row(1, small=5), row(2, name="c", number=9), row(3)]
    )
    found = [(r["id"], r["name"], r["note"], r["number"], r["small"]) for r in contents(Order)]
    assert found == [(1, "a", "kept", 3, 5), (2, "c", None, 9, None), (3, "new", None, 7, None)]


def test_delete_then_upsert_is_a_new_row(path: str) -> None:
    Order.objects.create(id=1, name="old", note="gone")
    Order.objects.create(id=2, note="gone")
    topic_of(Order, sync_mode=path).consume_batch(
        [
            row(1, small=1),
            message({"id": 1}),
            row(1, small=2),
            row(2, small=3),
            message({"id": 2}),
            row(3),
            message({"id": 3}),
        ]
    )
    assert [(r["id"], r["name"], r["note"], r["small"]) for r in contents(Order)] == [(1, "new", None, 2)]


def test_natural_keys_with_a_unique_constraint(path: str) -> None:
    def line(number: int, place: int, **values: Any) -> Any:
        key = {"order_number": number, "place": place}
        return message(key, {"id": 99, **key, **values})

    topic = topic_of(Line, sync_mode=path, exclude_fields=["id"])
    topic.consume_batch([line(1, 1, what="a"), line(1, 2), line(1, 1, amount=5), line(2, 1)])
    topic.consume_batch([line(1, 1, what="b"), message({"order_number": 1, "place": 2}), line(3, 3)])
    found = [(r["order_number"], r["place"], r["what"], r["amount"]) for r in contents(Line)]
    assert found == [(1, 1, "b", 5), (2, 1, "thing", None), (3, 3, "thing", None)]


def test_columns_relations_and_automatic_fields(path: str) -> None:
    Customer.objects.create(id=1, code="c1")
    topic = topic_of(Renamed, sync_mode=path)
    topic.consume_batch(
        [
            message({"id": 1}, {"id": 1, "Title Text": "t", "cust": "c1"}),
            message({"id": 2}, {"id": 2, "title": "u", "customer": "c1"}),
            message({"id": 3}, {"number": 3, "customer_id": "c1"}),
        ]
    )
    before = Renamed.objects.get(pk=1)
    assert [(r["number"], r["title"], r["customer_id"]) for r in contents(Renamed)] == [
        (1, "t", "c1"),
        (2, "u", "c1"),
        (3, "untitled", "c1"),
    ]
    topic.consume_batch([message({"id": 1}, {"id": 1, "title": "v"}), message({"id": 2}, {"id": 2, "title": "w"})])
    after = Renamed.objects.get(pk=1)
    assert after.created == before.created
    assert after.changed > before.changed
    assert (after.title, after.customer_id) == ("v", "c1")


def test_auto_now_add_in_the_messages_as_update_or_create_has_it(path: str) -> None:
    at = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    topic = topic_of(Renamed, sync_mode=path)
    values = {"number": 1, "created": "2020-01-01T00:00:00Z"}
    topic.consume_batch([message({"id": 1}, values), message({"id": 2}, {"number": 2})])
    assert Renamed.objects.get(pk=1).created > at
    topic.consume_batch([message({"id": 1}, values), message({"id": 2}, {"number": 2})])
    assert Renamed.objects.get(pk=1).created == at


def test_a_missing_parent_fails_the_batch_as_a_whole(path: str) -> None:
    topic = topic_of(Order, sync_mode=path)
    with pytest.raises(IntegrityError) as caught:
        topic.consume_batch([row(1), row(2, customer_id=99)])
    assert contents(Order) == []
    assert any("orders, partition 0, offset" in note for note in caught.value.__notes__)
    topic_of(Customer).consume(row(99))
    topic.consume_batch([row(1), row(2, customer_id=99)])
    assert len(contents(Order)) == 2


def test_a_row_that_refers_to_one_that_is_deleted_in_the_same_batch(path: str) -> None:
    Node.objects.create(id=1)
    Node.objects.create(id=2, parent_id=1, extra="kept")
    Node.objects.create(id=3, parent_id=1)
    topic_of(Node, sync_mode=path).consume_batch(
        [row(4), row(2, parent_id=4), message({"id": 1}), row(5, parent_id=2), row(6)]
    )
    assert [(r["id"], r["parent_id"], r["extra"]) for r in contents(Node)] == [
        (2, 4, "kept"),
        (4, None, "extra"),
        (5, 2, "extra"),
        (6, None, "extra"),
    ]


def test_several_tables() -> None:
    topic = topic_of(Restaurant)
    topic.consume_batch([row(1, name="a", stars=3), row(2, name="b"), row(1, stars=4), message({"id": 2})])
    assert [(r["id"], r["name"], r["stars"]) for r in contents(Restaurant)] == [(1, "a", 4)]


@pytest.mark.parametrize("model", [ShownOrder, Unmanaged])
def test_proxies_and_unmanaged_models(model: Any, path: str) -> None:
    topic_of(model, sync_mode=path).consume_batch([row(1, name="a"), row(2), row(2, name="b"), message({"id": 1})])
    assert [(r["id"], r["name"]) for r in contents(model)] == [(2, "b")]


def test_another_database(path: str) -> None:
    topic = topic_of(Order, sync_mode=path, using="other")
    assert topic.get_using() == topic.get_using(Order) == "other"
    assert topic_of(None).get_using() == topic_of(Order).get_using() == "default"
    topic.consume_batch([row(1, name="a"), row(2, name="b"), message({"id": 2})])
    topic.consume(row(3))
    assert contents(Order) == []
    assert [r["id"] for r in contents(Order, "other")] == [1, 3]


def test_the_projects_router_is_asked(path: str, settings_router: None) -> None:
    topic = topic_of(Order, sync_mode=path)
    topic.consume_batch([row(1), row(2)])
    topic.consume(row(3))
    assert contents(Order) == []
    assert len(contents(Order, "other")) == 3


@pytest.fixture
def settings_router() -> Iterator[None]:
    from django.test import override_settings

    class Router:
        def db_for_write(self, model: Any, **_: Any) -> str:
            return "other"

    with override_settings(DATABASE_ROUTERS=[Router()]):
        yield


def test_rerouted_tables_in_a_batch(path: str) -> None:
    key = "__dbz__physicalTableIdentifier"
    topic = topic_of(None, DbzJSONTopic, sync_mode=path, reroute_model_map={"o": Order, "c": Customer})

    def of(table: str, n: int, **values: Any) -> Any:
        return message({"id": n, key: table}, {"id": n, **values})

    topic.consume_batch([of("c", 1), of("o", 1, customer_id=1), of("c", 2), of("o", 2, customer_id=2)])
    assert [r["customer_id"] for r in contents(Order)] == [1, 2]
    topic.consume_batch([of("o", 1, customer_id=2), message({"id": 1, key: "c"}), of("o", 3, customer_id=2)])
    assert [(r["id"], r["customer_id"]) for r in contents(Order)] == [(1, 2), (2, 2), (3, 2)]


def test_a_value_that_is_computed_by_the_database() -> None:
    class Topic(DbzJSONTopic):
        model = Watched

        def transform_add(self, model: Any, name: str, value: int) -> Any:
            return "count", F("count") + value

    Watched.objects.create(id=1, count=5)
    Topic().consume(message({"id": 1}, {"id": 1, "add": 2}))
    assert Watched.objects.get().count == 7


# ---- instances -----------------------------------------------------------------------------------------------------


def test_receivers_see_what_update_or_create_would_show() -> None:
    seen: list[Any] = []

    def saved(instance: Any, created: bool, update_fields: Any, **_: Any) -> None:
        seen.append(("saved", instance.pk, instance.name, created, update_fields and sorted(update_fields)))

    def deleted(instance: Any, **_: Any) -> None:
        seen.append(("deleted", instance.pk, instance.name))

    topic = topic_of(Watched)
    with receiving(post_save, saved, Watched), receiving(post_delete, deleted, Watched):
        topic.consume_batch(
            [
                row(1, name="a"),
                message({"id": 1}, {"name": "b"}),
                row(2),
                message({"id": 1}),
                row(1, name="c"),
                message({"id": 9}),
            ]
        )
    assert seen == [
        ("saved", 1, "a", True, None),
        ("saved", 1, "b", False, ["name"]),
        ("saved", 2, "", True, None),
        ("deleted", 1, "b"),
        ("saved", 1, "c", True, None),
    ]


def test_rows_are_fetched_once_for_many_messages() -> None:
    topic = topic_of(Watched, sync_mode="instances")
    topic.consume_batch([row(n) for n in range(50)])
    with CaptureQueriesContext(connection) as queries:
        topic.consume_batch([row(n, name="x") for n in range(50)])
    statements = [query["sql"].split()[0] for query in queries.captured_queries]
    assert statements.count("SELECT") == 1
    assert statements.count("UPDATE") == 50


def test_a_receiver_that_writes_to_other_rows_of_the_table_is_not_overwritten() -> None:
    Watched.objects.bulk_create([Watched(id=n) for n in (1, 2, 3)])

    def saved(instance: Any, **_: Any) -> None:
        Watched.objects.exclude(pk=instance.pk).update(count=F("count") + 1)

    with receiving(post_save, saved, Watched):
        topic_of(Watched).consume_batch([row(1, name="a"), row(2, name="b"), row(3, name="c")])
    assert [(r["name"], r["count"]) for r in contents(Watched)] == [("a", 2), ("b", 2), ("c", 2)]


def test_a_receiver_that_deletes_another_row_of_the_batch() -> None:
    Watched.objects.bulk_create([Watched(id=n, name="old") for n in (1, 2)])

    def saved(instance: Any, **_: Any) -> None:
        if instance.pk == 1:
            Watched.objects.filter(pk=2).delete()

    with receiving(post_save, saved, Watched):
        topic_of(Watched).consume_batch([row(1), message({"id": 2}, {"count": 4})])
    assert [(r["id"], r["name"], r["count"]) for r in contents(Watched)] == [(1, "old", 0), (2, "", 4)]


def test_the_message_at_fault_is_named() -> None:
    def saved(instance: Any, **_: Any) -> None:
        if instance.pk == 3:
            raise ZeroDivisionError

    with receiving(post_save, saved, Watched), pytest.raises(ZeroDivisionError) as caught:
        topic_of(Watched).consume_batch([message({"id": n}, {"id": n}, offset=n) for n in (1, 2, 3, 4)])
    assert caught.value.index == 2  # type: ignore[attr-defined]
    assert caught.value.__notes__ == ["Topic orders, partition 0, offset 3."]
    assert contents(Watched) == []


@pytest.mark.parametrize("count", [1, 3])
def test_two_rows_for_one_lookup(count: int) -> None:
    Watched.objects.create(id=1, name="a")
    Watched.objects.create(id=2, name="a")

    class Topic(DbzJSONTopic):
        model = Watched

        def get_lookup_kwargs(self, model: Any, key: Any, value: Any) -> Any:
            return {"name": value["name"]}

    messages = [message(None, {"name": name}, offset=5) for name in ("a", "b", "c")[:count]]
    with pytest.raises(Watched.MultipleObjectsReturned) as caught:
        Topic().consume_batch(messages)
    assert caught.value.__notes__ == ["Topic orders, partition 0, offset 5."]


def test_lookups_that_are_no_columns() -> None:
    class Topic(DbzJSONTopic):
        model = Watched
        exclude_fields = ["id"]

        def get_lookup_kwargs(self, model: Any, key: Any, value: Any) -> Any:
            return {"name__iexact": value["name"]}

    Watched.objects.create(id=1, name="Abc")
    Topic().consume_batch([message(None, {"name": "aBC", "count": 2}), message(None, {"name": "other", "count": 3})])
    assert sorted((r["name"], r["count"]) for r in contents(Watched)) == [("aBC", 2), ("other", 3)]


# ---- bulk ----------------------------------------------------------------------------------------------------------


def test_bulk_takes_two_statements() -> None:
    Watched.objects.bulk_create([Watched(id=n) for n in range(10)])
    with CaptureQueriesContext(connection) as queries:
        topic_of(Watched).consume_batch(
            [message({"id": n}) for n in range(5)] + [row(n, name="x") for n in range(5, 200)]
        )
    statements = [query["sql"].split()[0] for query in queries.captured_queries]
    assert statements == ["BEGIN", "DELETE", "INSERT", "COMMIT"]
    assert Watched.objects.filter(name="x").count() == 195


def test_send_signals_after_the_write() -> None:
    seen: list[Any] = []

    def saved(instance: Any, created: bool, update_fields: Any, using: str, **_: Any) -> None:
        seen.append(
            (instance.pk, instance.name, instance.count, created, update_fields, using, Watched.objects.count())
        )

    Watched.objects.create(id=1, name="old", count=3)
    topic = topic_of(Watched, send_signals=True)
    with receiving(post_save, saved, Watched):
        topic.consume_batch([row(1, name="a"), row(2, name="b"), row(3), message({"id": 3})])
    assert seen == [
        (1, "a", 3, False, frozenset({"id", "name"}), "default", 2),
        (2, "b", 0, True, None, "default", 2),
    ]


def test_messages_of_the_key_alone(path: str) -> None:
    Order.objects.create(id=1, name="kept")
    topic_of(Order, sync_mode=path).consume_batch([row(1), row(2), row(2)])
    assert [(r["id"], r["name"]) for r in contents(Order)] == [(1, "kept"), (2, "new")]


# ---- the ordering guard --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("single", [True, False])
def test_an_older_event_changes_nothing(path: str, single: bool) -> None:
    topic = topic_of(Renamed, sync_mode=path, version_field="version", tombstones="ignore")

    def of(n: int, lsn: int, **values: Any) -> Any:
        return message({"id": n}, {"id": n, "__version": lsn, **values})

    def consume(*messages: Any) -> None:
        if single:
            for msg in messages:
                topic.consume(msg)
        else:
            topic.consume_batch(messages)

    consume(of(1, 10, title="a"), of(1, 9, title="older"), of(2, 10, title="b"))
    assert [(r["title"], r["version"]) for r in contents(Renamed)] == [("a", 10), ("b", 10)]
    consume(of(1, 8, title="older"), of(2, 11, title="newer"), of(1, 9, __deleted="true"), message({"id": 1}))
    assert [(r["title"], r["version"]) for r in contents(Renamed)] == [("a", 10), ("newer", 11)]
    consume(of(1, 10, title="again"), of(2, 12, __deleted="true"), of(3, 1))
    assert [(r["number"], r["title"]) for r in contents(Renamed)] == [(1, "again"), (3, "untitled")]


def test_versions_of_envelopes(path: str) -> None:
    def event(op: str, lsn: int, title: str) -> Any:
        after = None if op == "d" else {"id": 1, "title": title}
        return message({"id": 1}, {"op": op, "before": {"id": 1}, "after": after, "source": {"lsn": lsn}, "ts_ms": 1})

    topic = topic_of(Renamed, DbzJSONTopic, sync_mode=path, version_field="version", version_key="lsn")
    topic.consume_batch([event("c", 5, "a"), event("u", 4, "b"), event("d", 3, "")])
    assert [(r["title"], r["version"]) for r in contents(Renamed)] == [("a", 5)]
    topic.consume_batch([event("u", 6, "c"), event("d", 7, ""), event("c", 8, "d")])
    assert [(r["title"], r["version"]) for r in contents(Renamed)] == [("d", 8)]


# ---- failures ------------------------------------------------------------------------------------------------------


def test_a_message_that_does_not_fit_is_named_and_nothing_is_written(path: str) -> None:
    topic = topic_of(Order, sync_mode=path)
    with pytest.raises(
        ModelSyncError, match=r"^Topic orders, partition 0, offset 8: Order\.number: 'x' is"
    ) as caught:
        topic.consume_batch([row(1), message({"id": 2}, {"id": 2, "number": "x"}, offset=8), row(3)])
    assert caught.value.index == 1
    assert contents(Order) == []


def test_within_a_transaction_around_it(path: str) -> None:
    topic = topic_of(Order, sync_mode=path)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        topic.consume_batch([row(1), row(2)])
        assert len(contents(Order)) == 2
        raise ZeroDivisionError
    assert contents(Order) == []


def test_the_garbage_collector_is_left_as_it_was(path: str) -> None:
    topic = topic_of(Order, sync_mode=path)
    for enabled in (True, False):
        (gc.enable if enabled else gc.disable)()
        try:
            topic.consume_batch([row(1), row(2)])
            with pytest.raises(ModelSyncError):
                topic.consume_batch([row(1), row(2, number="x")])
            assert gc.isenabled() is enabled
        finally:
            gc.enable()
