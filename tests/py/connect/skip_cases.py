# SPDX-License-Identifier: MIT
"""What is true of KafkaConnectSkipModel on all databases. Whoever imports this has a fixture `alias`."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from django.core import serializers
from django.db import IntegrityError, connections, models
from django.db.models.signals import post_save
from django.db.utils import NotSupportedError

from django_kafka import producer
from tests.synced.models import Customer, Skipping, SkippingChild, SkippingPart, SkippingProxy


def flags(alias: str, model: Any = Skipping) -> list[bool]:
    """As they are in the table."""
    return list(models.QuerySet(model, using=alias).order_by("pk").values_list("kafka_skip", flat=True))


def synced(alias: str, pk: int = 1, model: Any = Skipping, **values: Any) -> Any:
    """A row that was written from Kafka, as it is read again."""
    model.objects.using(alias).create(pk=pk, kafka_skip=True, **values)
    return model.objects.using(alias).get(pk=pk)


# ---- save() --------------------------------------------------------------------------------------------------------


def test_a_save_writes_false(alias: str) -> None:
    row = synced(alias)
    assert row.kafka_skip is True
    row.save()
    assert (row.kafka_skip, flags(alias)) == (False, [False])


def test_an_assigned_flag_lasts_for_one_save(alias: str) -> None:
    row = Skipping(pk=1, kafka_skip=True)
    row.save(using=alias)
    assert flags(alias) == [True]
    row.kafka_skip = True  # the same value again
    row.save(using=alias)
    assert flags(alias) == [True]
    row.save(using=alias)
    assert flags(alias) == [False]


@pytest.mark.parametrize("kind", [list, tuple, set, iter])
def test_update_fields_get_the_flag(alias: str, kind: Any) -> None:
    row = synced(alias, note="kept")
    row.name, row.note = "a", "not written"
    seen = []

    def receive(update_fields: Any, **_: Any) -> None:
        seen.append(update_fields)

    post_save.connect(receive, sender=Skipping)
    try:
        row.save(update_fields=kind(["name"]))
    finally:
        post_save.disconnect(receive, sender=Skipping)
    assert seen == [frozenset({"name", "kafka_skip"})]
    row = Skipping.objects.using(alias).get()
    assert (row.name, row.note, row.kafka_skip) == ("a", "kept", False)


def test_update_fields_get_an_assigned_flag_too(alias: str) -> None:
    row = synced(alias)
    row.save()
    row.kafka_skip = True
    row.save(update_fields=["name"])
    assert flags(alias) == [True]


def test_no_update_fields_write_nothing(alias: str) -> None:
    row = synced(alias)
    row.kafka_skip = False
    row.save(update_fields=[])
    assert flags(alias) == [True]
    row.save(update_fields=["name"])
    assert flags(alias) == [False]


@pytest.mark.parametrize("deferred", ["name", "kafka_skip"])
def test_deferred_fields(alias: str, deferred: str) -> None:
    synced(alias)
    row = Skipping.objects.using(alias).defer(deferred).get()
    row.note = "a"
    row.save()
    assert flags(alias) == [False]
    assert Skipping.objects.using(alias).get().note == "a"


def test_loading_a_deferred_field_keeps_an_assigned_flag(alias: str) -> None:
    synced(alias)
    row = Skipping.objects.using(alias).only("pk").get()
    row.kafka_skip = True
    assert row.name == ""
    row.save()
    assert flags(alias) == [True]


def test_refresh_from_db(alias: str) -> None:
    row = synced(alias)
    row.kafka_skip = True
    row.refresh_from_db()
    row.save()
    assert flags(alias) == [False]


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda row: pickle.loads(pickle.dumps(row))])
@pytest.mark.parametrize("assigned", [True, False])
def test_copies_and_pickles_know_what_was_assigned(alias: str, again: Any, assigned: bool) -> None:
    row = synced(alias)
    if assigned:
        row.kafka_skip = True
    again(row).save()
    assert flags(alias) == [assigned]


def test_a_copy_of_a_row_under_another_key_is_the_projects_own(alias: str) -> None:
    row = synced(alias)
    row.pk = 2
    row.save(force_insert=True)
    assert flags(alias) == [True, False]


def test_a_save_that_fails_leaves_the_object_as_it_was(alias: str) -> None:
    synced(alias)
    row = Skipping(pk=1, kafka_skip=False)
    with pytest.raises(IntegrityError), producer.suppress():
        row.save(force_insert=True, using=alias)
    assert row.kafka_skip is False
    row.pk = 2
    row.save(using=alias)
    assert flags(alias) == [True, False]


def test_subclasses_proxies_and_parents(alias: str) -> None:
    """d28: save() takes whatever Django's takes."""
    synced(alias, 1, SkippingProxy)
    SkippingProxy.objects.using(alias).get().save()
    child = synced(alias, 2, SkippingChild)
    child.more = "a"
    child.save(update_fields=["more"])
    part = synced(alias, 1, SkippingPart)
    part.save(force_update=True)
    assert (flags(alias), flags(alias, SkippingPart)) == ([False, False], [False])
    assert SkippingChild.objects.using(alias).update(more="b", kafka_skip=True) == 1
    assert flags(alias) == [False, True]
    assert SkippingChild.objects.using(alias).get().delete()[0] == 2


def test_fixtures_are_loaded_as_they_are(alias: str) -> None:
    fixture = [{"model": "synced.skipping", "pk": 1, "fields": {"kafka_skip": True}}]
    (loaded,) = serializers.deserialize("json", json.dumps(fixture), using=alias)
    loaded.save(using=alias)
    assert flags(alias) == [True]


# ---- querysets -----------------------------------------------------------------------------------------------------


def test_update(alias: str) -> None:
    synced(alias)
    rows = Skipping.objects.using(alias)
    rows.filter(kafka_skip=True).update(name="a")
    assert flags(alias) == [False]
    rows.update(kafka_skip=True)
    assert flags(alias) == [True]
    rows.update(name="b")
    assert flags(alias) == [False]


def test_update_or_create_and_get_or_create(alias: str) -> None:
    rows = Skipping.objects.using(alias)
    synced(alias)
    rows.update_or_create(pk=1, defaults={"name": "a"})
    assert flags(alias) == [False]
    rows.update_or_create(pk=1, defaults={"name": "b", "kafka_skip": True})
    assert flags(alias) == [True]
    row, created = rows.get_or_create(pk=1)
    assert (created, row.kafka_skip) == (False, True)
    rows.get_or_create(pk=2, defaults={"kafka_skip": True})
    assert flags(alias) == [True, True]


def test_bulk_update(alias: str) -> None:
    rows = Skipping.objects.using(alias)
    row = synced(alias)
    row.name = "a"
    rows.bulk_update([row], ["name"])
    assert flags(alias) == [False]
    row.kafka_skip = True
    rows.bulk_update([row], ["kafka_skip"])
    assert flags(alias) == [True]


def test_bulk_create(alias: str) -> None:
    rows = Skipping.objects.using(alias)
    read = synced(alias)
    read.pk = 3
    rows.bulk_create([Skipping(pk=2, kafka_skip=True), read, Skipping(pk=4)])
    assert flags(alias) == [True, True, False, False]


def test_a_bulk_create_that_fails_leaves_objects_as_they_were(alias: str) -> None:
    synced(alias)
    again = Skipping(pk=1, kafka_skip=False)
    with pytest.raises(IntegrityError), producer.suppress():
        Skipping.objects.using(alias).bulk_create([again])
    again.pk = 2
    again.save(using=alias)
    assert flags(alias) == [True, False]


def test_bulk_create_over_rows_that_are_there(alias: str) -> None:
    synced(alias)
    rows = Skipping.objects.using(alias)
    try:
        rows.bulk_create([Skipping(pk=1, name="a")], None, False, True, ["name"], ["id"])
    except NotSupportedError:  # the database takes no unique fields
        rows.bulk_create([Skipping(pk=1, name="a")], update_conflicts=True, update_fields=["name"])
    assert (flags(alias), rows.get().name) == ([False], "a")


def test_related_managers(alias: str) -> None:
    whole = synced(alias)
    part = synced(alias, 1, SkippingPart)
    whole.parts.add(part)
    assert flags(alias, SkippingPart) == [False]
    SkippingPart.objects.using(alias).update(kafka_skip=True)
    whole.parts.remove(SkippingPart.objects.using(alias).get())
    assert flags(alias, SkippingPart) == [False]
    SkippingPart.objects.using(alias).update(kafka_skip=True, whole=whole)
    whole.parts.clear()
    assert flags(alias, SkippingPart) == [False]


# ---- suppression ---------------------------------------------------------------------------------------------------


def test_everything_is_left_out_while_all_production_is_suppressed(alias: str) -> None:
    rows = Skipping.objects.using(alias)
    own = rows.create(pk=1)
    with producer.suppress():
        own.save()
        rows.create(pk=2, kafka_skip=False)
        rows.bulk_create([Skipping(pk=3)])
    assert flags(alias) == [True] * 3
    rows.update(name="a")
    assert flags(alias) == [False] * 3
    with producer.suppress():
        rows.update(kafka_skip=False)
        rows.bulk_update([own], ["name"])
    assert flags(alias) == [True] * 3


def test_topics_that_are_suppressed_by_name_leave_the_flag_alone(alias: str) -> None:
    with producer.suppress(["orders"]):
        Skipping.objects.using(alias).create(pk=1)
    with producer.suppress(), producer.unsuppress():
        Skipping.objects.using(alias).create(pk=2)
    assert flags(alias) == [False, False]


# ---- deletions -----------------------------------------------------------------------------------------------------


@pytest.fixture
def last(alias: str) -> Any:
    """The flags with which rows were written or deleted, as a connector sees them: the old row of each deletion."""
    seen: list[tuple[str, bool]] = []
    original = {model: model._meta.db_table for model in (Skipping, SkippingPart)}

    def watch(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        if isinstance(sql, str) and sql.startswith("DELETE"):
            for model, table in original.items():
                if f"FROM {connections[alias].ops.quote_name(table)}" in sql:
                    seen.extend((model.__name__, flag) for flag in flags(alias, model))
        return execute(sql, params, many, context)

    with connections[alias].execute_wrapper(watch):
        yield seen


def test_a_deletion_is_the_projects_own(alias: str, last: Any) -> None:
    synced(alias).delete()
    assert last == [("Skipping", False)]


def test_d29_a_row_that_is_gone_is_deleted_without_an_error_or_a_signal(alias: str) -> None:
    row, again = synced(alias), Skipping.objects.using(alias).get()
    seen: list[Any] = []

    def receive(**_: Any) -> None:
        seen.append(1)

    post_save.connect(receive, sender=Skipping)
    try:
        assert row.delete()[0] == 1
        assert again.delete()[0] == 0
    finally:
        post_save.disconnect(receive, sender=Skipping)
    assert seen == []


def test_a_deletion_that_is_to_be_left_out(alias: str, last: Any) -> None:
    row = Skipping.objects.using(alias).create(pk=1)
    row.kafka_skip = True
    row.delete()
    row = Skipping.objects.using(alias).create(pk=1)
    with producer.suppress():
        row.delete()
    assert last == [("Skipping", True)] * 2


@pytest.mark.parametrize("value", [None, False, True])
@pytest.mark.parametrize("rows", ["all", "skipping", "others"])
def test_deleting_a_queryset(alias: str, last: Any, value: bool | None, rows: str) -> None:
    """Rows that the query finds by the flag itself go too."""
    synced(alias, 1)
    Skipping.objects.using(alias).create(pk=2)
    found = Skipping.objects.using(alias)
    found = {"all": found.all(), "skipping": found.filter(kafka_skip=True), "others": found.filter(kafka_skip=False)}[
        rows
    ]
    count, by_model = found.delete(kafka_skip=value)
    assert (count, by_model["synced.Skipping"]) == ((2, 2) if rows == "all" else (1, 1))
    if rows == "all":
        assert last[:2] == [("Skipping", bool(value))] * 2
    assert flags(alias) == {"all": [], "skipping": [False], "others": [True]}[rows]


def test_slices_are_refused_as_djangos(alias: str) -> None:
    with pytest.raises(TypeError, match=r"Cannot use 'limit' or 'offset' with delete\(\)"):
        Skipping.objects.using(alias).all()[:1].delete()


def test_cascades(alias: str, last: Any) -> None:
    customer = Customer.objects.using(alias).create(pk=1)
    synced(alias, 1, SkippingPart, customer=customer)
    customer.delete()
    assert last == [("SkippingPart", False)]


def test_rows_that_lose_what_they_refer_to(alias: str) -> None:
    whole = synced(alias)
    synced(alias, 1, SkippingPart, whole=whole)
    whole.delete()
    assert flags(alias, SkippingPart) == [False]
