# SPDX-License-Identifier: MIT
"""What is true of KafkaConnectVersionedModel on all databases. Whoever imports this has a fixture `alias`."""

from __future__ import annotations

import copy
import pickle
import time
from typing import Any

import pytest
from django.db import IntegrityError, connections, models, transaction
from django.db.models.signals import post_delete

from django_kafka import producer
from django_kafka.connect import versions
from django_kafka.exceptions import ModelSyncError
from django_kafka.models import DeletedRow
from tests.py.sync.helpers import message, topic_of
from tests.synced.models import Versioned, VersionedChild, VersionedPart

AHEAD = versions.new_version() + (10**9 << versions.RANDOM_BITS)  # of a clock that is eleven days ahead


def version(alias: str, pk: int = 1, model: Any = Versioned) -> int:
    """As it is in the table."""
    found: int = models.QuerySet(model, using=alias).values_list("kafka_version", flat=True).get(pk=pk)
    return found


def graves(alias: str) -> dict[str, int]:
    return {row.key: row.version for row in DeletedRow.objects.using(alias).order_by("key")}


def synced(alias: str, pk: int = 1, version: int = AHEAD, **values: Any) -> Any:
    """A row that was written from Kafka, as it is read again."""
    Versioned.objects.using(alias).create(pk=pk, kafka_version=version, kafka_skip=True, **values)
    return Versioned.objects.using(alias).get(pk=pk)


def test_a_new_row_has_the_time(alias: str) -> None:
    before = time.time_ns() // 1_000_000
    row = Versioned.objects.using(alias).create(pk=1)
    assert before <= version(alias) >> versions.RANDOM_BITS <= time.time_ns() // 1_000_000
    assert row.kafka_version == version(alias)


def _save(rows: Any) -> None:
    rows.get().save()


def _save_a_field(rows: Any) -> None:
    row = rows.get()
    row.name = "saved"
    row.save(update_fields=["name"])


def _save_deferred(rows: Any) -> None:
    rows.only("name").get().save()


def _save_refreshed(rows: Any) -> None:
    row = rows.get()
    row.kafka_version = 1
    row.refresh_from_db()
    row.save()


def _bulk_update(rows: Any) -> None:
    rows.bulk_update([rows.get()], ["name"])


def _bulk_create(rows: Any) -> None:
    row = Versioned(pk=1, name="again")
    with_target = connections[rows.db].features.supports_update_conflicts_with_target
    unique = ["id"] if with_target else None
    rows.bulk_create([row], update_conflicts=True, update_fields=["name"], unique_fields=unique)


CHANGES = {
    "save": _save,
    "update_fields": _save_a_field,
    "deferred": _save_deferred,
    "refreshed": _save_refreshed,
    "copied": lambda rows: copy.copy(rows.get()).save(),
    "pickled": lambda rows: pickle.loads(pickle.dumps(rows.get())).save(),
    "update": lambda rows: rows.update(name="updated"),
    "update_or_create": lambda rows: rows.update_or_create(pk=1, defaults={"name": "or created"}),
    "bulk_update": _bulk_update,
    "bulk_create": _bulk_create,
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("known", [0, 5, AHEAD], ids=["none", "old", "ahead"])
def test_each_change_gives_a_row_a_larger_version(alias: str, change: str, known: int) -> None:
    """Whatever the clock says."""
    synced(alias)
    models.QuerySet(Versioned, using=alias).update(kafka_version=known)
    rows = Versioned.objects.using(alias)
    CHANGES[change](rows)
    first = version(alias)
    assert first > max(known, versions.new_version() - (10_000 << versions.RANDOM_BITS))
    CHANGES[change](rows)
    assert version(alias) > first


def test_a_row_that_changed_since_it_was_read_gets_a_larger_version_too(alias: str) -> None:
    row = Versioned.objects.using(alias).create(pk=1)
    models.QuerySet(Versioned, using=alias).update(kafka_version=AHEAD)
    row.save()
    assert version(alias) > AHEAD


def test_a_version_that_is_given_is_written_once(alias: str) -> None:
    row = Versioned(pk=1, kafka_version=7)
    row.save(using=alias)
    assert version(alias) == 7
    row.kafka_version = 9
    row.save(update_fields=["name"])
    assert version(alias) == 9
    row.save()
    assert version(alias) > 9
    Versioned.objects.using(alias).update(kafka_version=3)
    assert version(alias) == 3
    Versioned.objects.using(alias).bulk_create([Versioned(pk=2, kafka_version=4)])
    assert version(alias, 2) == 4


def test_a_save_that_fails_gives_nothing(alias: str) -> None:
    synced(alias)
    row = Versioned(pk=1)
    with pytest.raises(IntegrityError), transaction.atomic(using=alias):
        row.save(using=alias, force_insert=True)
    row.save(using=alias)
    assert version(alias) > AHEAD


@producer.suppress
def _suppressed(rows: Any) -> None:
    rows.get(pk=1).save()
    rows.update(name="x")
    rows.create(pk=2)


def test_what_is_not_sent_has_no_version_of_its_own(alias: str) -> None:
    synced(alias, version=7)
    _suppressed(Versioned.objects.using(alias))
    assert (version(alias), version(alias, 2)) == (7, 0)


def test_a_deletion_leaves_the_version(alias: str) -> None:
    rows = Versioned.objects.using(alias)
    for pk in range(1, 4):
        synced(alias, pk, version=pk)
    rows.get(pk=1).delete()
    rows.filter(pk=2).delete()
    rows.filter(kafka_skip=True).delete()
    assert graves(alias) == {"1": 1, "2": 2, "3": 3}


def test_what_goes_with_another_row_leaves_its_version(alias: str) -> None:
    whole = synced(alias)
    VersionedPart.objects.using(alias).create(pk=5, whole=whole, kafka_version=50)
    whole.delete()
    assert graves(alias) == {"1": AHEAD, "5": 50}


@pytest.mark.parametrize("loaded", [True, False])
def test_what_loses_a_reference_gets_a_larger_version(alias: str, loaded: bool) -> None:
    whole = synced(alias)
    VersionedPart.objects.using(alias).create(pk=5, other=whole, kafka_version=AHEAD)

    def receive(**_: Any) -> None:
        """With one, Django reads the rows."""

    if loaded:
        post_delete.connect(receive, sender=VersionedPart)
    try:
        whole.delete()
    finally:
        post_delete.disconnect(receive, sender=VersionedPart)
    assert version(alias, 5, VersionedPart) > AHEAD
    assert graves(alias) == {"1": AHEAD}


@pytest.mark.parametrize("again", ["create", "save", "bulk_create", "update_or_create"])
def test_a_row_that_is_made_again_is_newer_than_its_deletion(alias: str, again: str) -> None:
    rows = Versioned.objects.using(alias)
    row = synced(alias)
    rows.all().delete()
    if again == "save":
        row.save()
    elif again == "bulk_create":
        rows.bulk_create([Versioned(pk=1), Versioned(pk=2)])
    else:
        getattr(rows, again)(pk=1)
    assert version(alias) > AHEAD
    rows.all().delete()
    assert graves(alias)["1"] > AHEAD


def test_rows_of_two_tables(alias: str) -> None:
    row = VersionedChild.objects.using(alias).create(pk=1)
    models.QuerySet(Versioned, using=alias).update(kafka_version=AHEAD)
    row.save()
    VersionedChild.objects.using(alias).update(more="x")
    assert version(alias) > AHEAD
    last = version(alias)
    row.delete()
    assert graves(alias) == {"1": last}


# ---- with a topic --------------------------------------------------------------------------------------------------


@pytest.fixture(params=["bulk", "instances"])
def path(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[True, False], ids=["single", "batch"])
def consume(request: pytest.FixtureRequest, path: str, alias: str) -> Any:
    members = {"version_field": "kafka_version", "tombstones": "ignore", "sync_mode": path, "using": alias}
    topic = topic_of(Versioned, **members)

    def consume(*messages: Any) -> None:
        if request.param:
            for each in messages:
                topic.consume(each)
        else:
            topic.consume_batch(messages)

    return consume


def event(pk: int, version: int, name: str = "", **values: Any) -> Any:
    return message({"id": pk}, {"id": pk, "kafka_version": version, "name": name, "kafka_skip": False, **values})


def gone(pk: int, version: int) -> Any:
    return event(pk, version, __deleted="true")


def names(alias: str) -> dict[int, str]:
    return dict(models.QuerySet(Versioned, using=alias).values_list("pk", "name"))


def test_a_topic_writes_the_version_of_the_event(alias: str, consume: Any) -> None:
    consume(event(1, 5, "a"), event(2, 6, "b"))
    consume(event(1, 7, "c"), event(2, 5, "old"))
    assert (names(alias), version(alias), version(alias, 2)) == ({1: "c", 2: "b"}, 7, 6)
    flags = models.QuerySet(Versioned, using=alias).values_list("kafka_skip", flat=True)
    assert set(flags) == {True}


def test_an_older_event_does_not_bring_back_a_row(alias: str, consume: Any) -> None:
    consume(event(1, 5), gone(1, 6), event(1, 5), event(1, 6))
    assert (names(alias), graves(alias)) == ({}, {"1": 6})
    consume(event(1, 5), event(2, 1))
    assert names(alias) == {2: ""}
    consume(event(1, 7, "new"))
    assert names(alias) == {1: "new", 2: ""}


def test_an_older_event_may_lack_a_large_value(alias: str, consume: Any) -> None:
    """No row is made of it. A deletion that is older than the row deletes nothing."""
    unsent = {"note": "__debezium_unavailable_value"}
    consume(event(1, 5, note="a"), gone(1, 6), event(1, 5, **unsent), event(2, 5, note="b"))
    consume(event(1, 6, "old", **unsent), gone(2, 4), event(2, 6, "new", **unsent))
    assert names(alias) == {2: "new"}
    assert models.QuerySet(Versioned, using=alias).get().note == "b"
    with pytest.raises(ModelSyncError, match=r"Versioned\.note: .* REPLICA IDENTITY FULL"):
        consume(event(1, 7, **unsent))
    assert names(alias) == {2: "new"}


def test_an_older_event_does_not_bring_back_what_the_project_has_deleted(alias: str, consume: Any) -> None:
    consume(event(1, 5, "a"))
    Versioned.objects.using(alias).get().delete()
    consume(event(1, 5, "a"), event(1, 4, "b"))
    assert names(alias) == {}
    consume(event(1, 6, "c"))
    assert names(alias) == {1: "c"}


def test_a_change_wins_over_a_deletion_at_the_same_time(alias: str, consume: Any) -> None:
    consume(event(1, 5))
    Versioned.objects.using(alias).update(name="mine")
    consume(gone(1, 5))
    assert names(alias) == {1: "mine"}


def test_a_deletion_of_a_row_that_is_not_there_is_remembered(alias: str, consume: Any) -> None:
    consume(gone(1, 5), gone(1, 4))
    consume(event(1, 5), event(2, 1))
    assert (names(alias), graves(alias)) == ({2: ""}, {"1": 5})
