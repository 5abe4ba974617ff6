# SPDX-License-Identifier: MIT
"""What is true on all databases of rows that a deletion takes along. Whoever imports this has a fixture `alias`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections, models
from django.db.models.deletion import ProtectedError
from django.db.models.signals import post_delete, pre_delete

from django_kafka import producer
from tests.py.connect.skip_cases import flags, synced
from tests.synced.skipping import MODELS, Bird, Branch, Fern, Forest, Hollow, Leaf, Lichen, Moss, Nest, Perch, Trunk

FLAGGED = [model for model in MODELS if hasattr(model, "_reset_kafka_skip") and model is not Hollow]


@pytest.fixture
def deleted(alias: str) -> Iterator[dict[str, list[bool]]]:
    """The flags that rows have when they are deleted, by the name of their model, as a connector sees them."""
    seen: dict[str, list[bool]] = {}
    quote = connections[alias].ops.quote_name

    def watch(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        text = str(sql)
        hit = [model for model in FLAGGED if f"DELETE FROM {quote(model._meta.db_table)}" in text]
        before = {model: found(alias, model) for model in hit}
        result = execute(sql, params, many, context)
        for model, rows in before.items():
            left = found(alias, model)
            if gone := [flag for pk, flag in rows.items() if pk not in left]:
                seen.setdefault(model.__name__, []).extend(gone)
        return result

    with connections[alias].execute_wrapper(watch):
        yield seen


def found(alias: str, model: Any) -> dict[int, bool]:
    return dict(models.QuerySet(model, using=alias).order_by("pk").values_list("pk", "kafka_skip"))


def grow(alias: str, flag: bool = True) -> Trunk:
    """A trunk with a branch with leaves, all of them with this flag."""
    forest = Forest.objects.using(alias).create(pk=1)
    trunk: Trunk = Trunk.objects.using(alias).create(pk=1, forest=forest, kafka_skip=flag)
    branch = Branch.objects.using(alias).create(pk=1, trunk=trunk, kafka_skip=flag)
    for pk in (1, 2):
        Leaf.objects.using(alias).create(pk=pk, branch=branch, kafka_skip=flag)
    return trunk


ALL = {"Trunk": 1, "Branch": 1, "Leaf": 2}


def having(flag: bool) -> dict[str, list[bool]]:
    return {name: [flag] * count for name, count in ALL.items()}


def test_rows_beneath_rows_have_the_flag_of_the_deletion(alias: str, deleted: Any) -> None:
    grow(alias).delete()
    assert deleted == having(False)


def test_rows_beneath_rows_of_a_deletion_that_is_left_out(alias: str, deleted: Any) -> None:
    trunk = grow(alias, flag=False)
    trunk.kafka_skip = True
    count, by_model = trunk.delete()
    assert (count, by_model) == (4, {f"synced.{name}": number for name, number in ALL.items()})
    assert deleted == having(True)


@pytest.mark.parametrize("value", [None, False, True])
def test_rows_beneath_a_queryset(alias: str, deleted: Any, value: bool | None) -> None:
    grow(alias, flag=not value)
    rows = Trunk.objects.using(alias).filter(kafka_skip=not value)
    assert rows.delete(kafka_skip=value)[0] == 4
    assert deleted == having(bool(value))


@pytest.mark.parametrize("suppressed", [False, True])
def test_rows_beneath_one_without_the_flag(alias: str, deleted: Any, suppressed: bool) -> None:
    grow(alias, flag=not suppressed)
    forest = Forest.objects.using(alias).get()
    if suppressed:
        with producer.suppress():
            forest.delete()
    else:
        Forest.objects.using(alias).all().delete()
    assert deleted == having(suppressed)


def test_rows_whose_deletion_has_receivers(alias: str, deleted: Any) -> None:
    """Django loads each of them then."""
    trunk = grow(alias)
    seen: list[Any] = []

    def receive(instance: Any, **_: Any) -> None:
        seen.append(type(instance).__name__)

    for signal in (pre_delete, post_delete):
        signal.connect(receive, sender=Leaf)
    try:
        trunk.delete()
    finally:
        for signal in (pre_delete, post_delete):
            signal.disconnect(receive, sender=Leaf)
    assert (seen, deleted) == (["Leaf"] * 4, having(False))


def test_rows_that_refer_to_one_another(alias: str, deleted: Any) -> None:
    one = synced(alias, 1, Trunk)
    two = synced(alias, 2, Trunk, beside=one)
    Trunk.objects.using(alias).filter(pk=1).update(beside=two, kafka_skip=True)
    Trunk.objects.using(alias).get(pk=1).delete()
    assert deleted == {"Trunk": [False, False]}


def test_more_rows_than_one_query_takes(alias: str, deleted: Any) -> None:
    trunk = grow(alias)
    more = [Branch(pk=pk, trunk=trunk, kafka_skip=True) for pk in range(2, 1203)]
    Branch.objects.using(alias).bulk_create(more)
    with producer.suppress(["another topic"]):
        trunk.delete()
    assert deleted["Branch"] == [False] * 1202


def test_rows_in_two_tables(alias: str, deleted: Any) -> None:
    """The flag is in the parent's."""
    trunk = Trunk.objects.using(alias).create(pk=1)
    synced(alias, 1, Hollow, trunk=trunk)
    trunk.delete()
    assert deleted == {"Branch": [False], "Trunk": [False]}
    synced(alias, 2, Hollow)
    Hollow.objects.using(alias).all().delete()
    assert deleted["Branch"] == [False, False]


def test_a_parent_that_is_kept(alias: str, deleted: Any) -> None:
    synced(alias, 1, Hollow).delete(keep_parents=True)
    assert (deleted, flags(alias, Branch)) == ({}, [False])


@pytest.mark.parametrize("value", [False, True])
def test_rows_that_lose_a_reference_have_the_flag_of_the_deletion(alias: str, value: bool) -> None:
    """Rows that are beneath others as well, and those that two fields lose."""
    trunk = grow(alias, flag=not value)
    branch = Branch.objects.using(alias).get()
    for pk in (1, 2):
        Nest.objects.using(alias).create(pk=pk, branch=branch, twig=branch, kafka_skip=not value)
    Trunk.objects.using(alias).filter(pk=trunk.pk).delete(kafka_skip=value)
    assert flags(alias, Nest) == [value, value]
    assert list(Nest.objects.using(alias).values_list("branch", "twig")) == [(None, None)] * 2


def test_rows_between_two_others(alias: str, deleted: Any) -> None:
    bird = Bird.objects.using(alias).create(pk=1)
    trunks = [Trunk.objects.using(alias).create(pk=pk) for pk in range(1, 5)]
    bird.trunks.add(*trunks)
    assert flags(alias, Perch) == [False] * 4
    again = models.QuerySet(Perch, using=alias)
    again.update(kafka_skip=True)
    bird.trunks.remove(trunks[0])
    assert deleted == {"Perch": [False]}
    with producer.suppress():
        bird.trunks.remove(trunks[1])
    assert deleted == {"Perch": [False, True]}
    bird.trunks.set(trunks[2:3])
    assert deleted == {"Perch": [False, True, False]}
    trunks[2].birds.clear()
    assert deleted == {"Perch": [False, True, False, False]}


@pytest.mark.parametrize("kept", ["base", "default"])
def test_managers_of_the_projects_own(alias: str, deleted: Any, kept: str) -> None:
    """Even without KafkaConnectSkipQueryset."""
    trunk = Trunk.objects.using(alias).create(pk=1)
    if kept == "base":
        assert not isinstance(Moss._base_manager.all(), type(Moss.objects.all()))
        synced(alias, 1, Moss, trunk=trunk)
        trunk.delete()
        assert deleted == {"Moss": [False], "Trunk": [False]}
    else:
        synced(alias, 1, Lichen, trunk=trunk)
        trunk.delete()
        assert flags(alias, Lichen) == [False]
        models.QuerySet(Lichen, using=alias).update(kafka_skip=True)
        Lichen.objects.using(alias).filter(kafka_skip=True).delete()
        assert (deleted["Lichen"], flags(alias, Lichen)) == ([False], [])


def test_a_field_of_the_models_own_for_the_flag(alias: str) -> None:
    row = synced(alias, 1, Lichen)
    row.save()
    assert flags(alias, Lichen) == [False]
    row.kafka_skip = True
    row.save()
    assert flags(alias, Lichen) == [True]


def test_rows_that_the_manager_hides(alias: str, deleted: Any) -> None:
    models.QuerySet(Fern, using=alias).create(pk=1, hidden=True, kafka_skip=True)
    row = models.QuerySet(Fern, using=alias).get()
    row.delete()
    assert deleted == {"Fern": [False]}


def test_a_deletion_that_fails_leaves_all_flags(alias: str) -> None:
    trunk = grow(alias)

    def refuse(instance: Any, **_: Any) -> None:
        raise ProtectedError("no", {instance})

    pre_delete.connect(refuse, sender=Branch)
    try:
        with pytest.raises(ProtectedError):
            trunk.delete()
    finally:
        pre_delete.disconnect(refuse, sender=Branch)
    assert [flags(alias, model) for model in (Trunk, Branch, Leaf)] == [[True], [True], [True, True]]
    assert trunk.kafka_skip is True


def test_a_deletion_inside_of_a_deletion_has_its_own_flag(alias: str, deleted: Any) -> None:
    trunk = grow(alias, flag=False)
    synced(alias, 1, Moss)

    def also(using: str, **_: Any) -> None:
        Moss.objects.using(using).all().delete()

    pre_delete.connect(also, sender=Branch)
    try:
        trunk.kafka_skip = True
        trunk.delete()
    finally:
        pre_delete.disconnect(also, sender=Branch)
    assert deleted == {**having(True), "Moss": [False]}
