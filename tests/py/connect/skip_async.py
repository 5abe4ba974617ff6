# SPDX-License-Identifier: MIT
"""Django's asynchronous methods write the flag as the others. Whoever imports this has a fixture `alias`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import django
import pytest
from asgiref.sync import async_to_sync

from django_kafka import producer
from tests.py.connect.skip_cases import flags, synced
from tests.synced.models import Skipping, SkippingPart
from tests.synced.skipping import Branch, Trunk


def run(work: Callable[..., Awaitable[Any]], *args: Any) -> Any:
    """In this thread, whose connection it is."""
    return async_to_sync(work)(*args)


def test_asave_and_arefresh_from_db(alias: str) -> None:
    row = synced(alias)

    async def work() -> None:
        await row.asave()
        assert row.kafka_skip is False
        row.kafka_skip = True
        await row.asave(update_fields=["name"])
        row.kafka_skip = False
        await row.arefresh_from_db()

    run(work)
    assert (row.kafka_skip, flags(alias)) == (True, [True])
    row.save()
    assert flags(alias) == [False]


def test_asave_is_left_out_while_all_production_is_suppressed(alias: str) -> None:
    row = Skipping(pk=1)

    async def work() -> None:
        with producer.suppress():
            await row.asave(using=alias)

    run(work)
    assert flags(alias) == [True]


def test_acreate_and_abulk_create(alias: str) -> None:
    rows = Skipping.objects.using(alias)
    read = synced(alias)
    read.pk = 4

    async def work() -> None:
        await rows.acreate(pk=2)
        await rows.acreate(pk=3, kafka_skip=True)
        await rows.abulk_create([read, Skipping(pk=5, kafka_skip=True)])
        with producer.suppress():
            await rows.abulk_create([Skipping(pk=6)])

    run(work)
    assert flags(alias) == [True, False, True, False, True, True]


def test_aupdate_and_abulk_update(alias: str) -> None:
    rows = Skipping.objects.using(alias)
    row = synced(alias)

    async def work() -> list[bool]:
        seen = []
        for change in (
            lambda: rows.aupdate(name="a"),
            lambda: rows.aupdate(name="b", kafka_skip=True),
            lambda: rows.abulk_update([row], ["name"]),
            lambda: suppressed(lambda: rows.aupdate(name="c")),
        ):
            await change()
            seen.append((await rows.aget()).kafka_skip)
        return seen

    async def suppressed(change: Any) -> None:
        with producer.suppress():
            await change()

    assert run(work) == [False, True, False, True]


def test_aget_or_create_and_aupdate_or_create(alias: str) -> None:
    rows = Skipping.objects.using(alias)
    synced(alias)

    async def work() -> list[tuple[bool, bool]]:
        found = [
            await rows.aget_or_create(pk=1),
            await rows.aget_or_create(pk=2, defaults={"kafka_skip": True}),
            await rows.aupdate_or_create(pk=1, defaults={"name": "a"}),
            await rows.aupdate_or_create(pk=2, defaults={"name": "a", "kafka_skip": True}),
            await rows.aupdate_or_create(pk=3, defaults={"name": "a"}),
        ]
        return [(row.kafka_skip, created) for row, created in found]

    assert run(work) == [(True, False), (True, True), (False, False), (True, False), (False, True)]
    assert flags(alias) == [False, True, False]


@pytest.mark.parametrize("value", [None, True])
def test_adelete(alias: str, deleted: Any, value: bool | None) -> None:
    """Of a row and of a queryset, with the rows beneath."""

    async def work(of_rows: bool) -> int:
        trunk = await Trunk.objects.using(alias).acreate(kafka_skip=not value)
        await Branch.objects.using(alias).acreate(trunk=trunk, kafka_skip=not value)
        if of_rows:
            count, _ = await Trunk.objects.using(alias).filter(pk=trunk.pk).adelete(kafka_skip=value)
        else:
            trunk = await Trunk.objects.using(alias).aget()
            if value:
                trunk.kafka_skip = value
            count, _ = await trunk.adelete()
        return count

    for of_rows in (True, False):
        assert run(work, of_rows) == 2
    assert deleted == {"Trunk": [bool(value)] * 2, "Branch": [bool(value)] * 2}


@pytest.mark.skipif(django.VERSION < (4, 2), reason="related managers have no asynchronous methods")
def test_related_managers(alias: str) -> None:
    whole = synced(alias)
    parts = SkippingPart.objects.using(alias)
    part = synced(alias, 1, SkippingPart)

    async def work() -> list[bool]:
        seen = []
        for change in (
            lambda: whole.parts.aadd(part),
            lambda: whole.parts.aremove(part),
            lambda: whole.parts.aset([part]),
            lambda: whole.parts.aclear(),
        ):
            await parts.aupdate(kafka_skip=True)
            await change()
            seen.append((await parts.aget(pk=1)).kafka_skip)
        seen.append((await whole.parts.acreate(pk=2, kafka_skip=True)).kafka_skip)
        row, _ = await whole.parts.aupdate_or_create(pk=2, defaults={"kafka_skip": False})
        seen.append(row.kafka_skip)
        return seen

    assert run(work) == [False, False, False, False, True, False]
