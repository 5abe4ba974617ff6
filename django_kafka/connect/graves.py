# SPDX-License-Identifier: MIT
"""The versions of rows that are gone. A row is looked for by its primary key, as a text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.apps import apps
from django.db import connections, models

from django_kafka.connect.versions import VERSION

MOST_KEYS = 500  # in one query
_LONGEST = 255


def _rows(using: str) -> Any:
    """The table is looked for when it is needed: only projects that have versioned rows have to have it."""
    return apps.get_model("django_kafka", "DeletedRow").objects.using(using)


def _table_of(model: Any) -> str:
    """The table that has the version: that of a parent, if it is the parent's field."""
    name: str = model._meta.get_field(VERSION).model._meta.db_table
    return name


def _text_of(key: Any) -> str:
    text = str(key)
    return text if len(text) <= _LONGEST else hashlib.sha256(text.encode()).hexdigest()


def _parts(items: Iterable[Any]) -> Iterator[list[Any]]:
    found = list(items)
    return (found[start : start + MOST_KEYS] for start in range(0, len(found), MOST_KEYS))


def versions_of_deleted(model: Any, using: str, keys: Iterable[Any]) -> dict[Any, int]:
    """The versions that rows had when they were deleted, by primary key; nothing for those that never were."""
    found: dict[Any, int] = {}
    for part in _parts(keys):
        by_text = {_text_of(key): key for key in part}
        rows = _rows(using).filter(table=_table_of(model), key__in=by_text)
        found.update((by_text[text], version) for text, version in rows.values_list("key", "version"))
    return found


def locked_versions(model: Any, using: str, keys: Iterable[Any]) -> dict[Any, int]:
    """The versions of rows that are there, by primary key. Nobody changes them before the transaction ends."""
    found: dict[Any, int] = {}
    for part in _parts(keys):
        rows = models.QuerySet(model, using=using).filter(pk__in=part).order_by("pk").select_for_update()
        found.update(rows.values_list("pk", VERSION))
    return found


def bury(model: Any, using: str, versions: Mapping[Any, int]) -> None:
    """Remember the versions of rows that are deleted, by primary key; the largest one. Inside a transaction."""
    table = _table_of(model)
    rows = _rows(using)
    with_target = connections[using].features.supports_update_conflicts_with_target
    for part in _parts(sorted((_text_of(key), version) for key, version in versions.items())):
        known = rows.select_for_update().filter(table=table, key__in=[text for text, _ in part]).order_by("key")
        there = dict(known.values_list("key", "version"))
        rows.bulk_create(
            [
                rows.model(table=table, key=text, version=version)
                for text, version in part
                if text not in there or there[text] < version
            ],
            update_conflicts=True,
            unique_fields=["table", "key"] if with_target else None,
            update_fields=["version", "deleted_at"],
        )
