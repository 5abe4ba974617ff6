# SPDX-License-Identifier: MIT
"""How a model's rows are found, locked and deleted, whatever the path."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Q
from django.db.models.manager import BaseManager

from django_kafka.connect.models import KafkaConnectSkipQueryset, deletion
from django_kafka.sync.target import SKIP_FIELD, target_of

MOST_KEYS = 500  # in one query
MOST_COMPOUND_KEYS = 200  # SQLite allows an expression no more depth than 1000


def manager_of(model: Any, using: str) -> Any:
    """The model's `objects`, through which the project may have its rows written; where that hides rows of the table,
    the base manager: a hidden row is there all the same."""
    manager = getattr(model, "objects", model._default_manager)
    if type(manager).get_queryset is not BaseManager.get_queryset:
        manager = model._base_manager
    return manager.db_manager(using)


def key_of(lookup: dict[str, Any]) -> Any:
    """What tells rows apart. Errors: TypeError when it cannot be hashed."""
    key = next(iter(lookup.values())) if len(lookup) == 1 else tuple(lookup.values())
    hash(key)
    return key


def key_in(row: Any, names: Sequence[str]) -> Any:
    """The key of a row of the table."""
    return getattr(row, names[0]) if len(names) == 1 else tuple(getattr(row, name) for name in names)


def condition(names: Sequence[str], keys: Sequence[Any]) -> Q:
    """What holds for the rows with these keys, which must be few enough for a query (chunks())."""
    if len(names) == 1:
        return Q(**{f"{names[0]}__in": list(keys)})
    return Q(*(Q(**dict(zip(names, key, strict=True))) for key in keys), _connector=Q.OR)


def chunks(names: Sequence[str], keys: Iterable[Any]) -> Iterable[list[Any]]:
    """The keys, in parts for a query each."""
    found = list(keys)
    size = MOST_KEYS if len(names) == 1 else MOST_COMPOUND_KEYS
    return (found[start : start + size] for start in range(0, len(found), size))


def locked(model: Any, using: str, names: Sequence[str], keys: Iterable[Any]) -> list[Any]:
    """The rows with these keys, locked in the order of their primary keys. Inside a transaction."""
    pk_fields = getattr(model._meta, "pk_fields", None) or (model._meta.pk,)
    order = [field.attname for field in pk_fields]
    found: list[Any] = []
    for part in chunks(names, keys):
        rows = manager_of(model, using).select_for_update().filter(condition(names, part)).order_by(*order)
        found += rows
    return found


def delete_rows(rows: Any, topic: Any) -> None:
    """Delete the rows of a queryset; those with kafka_skip as rows that are synced."""
    if not topic.sync_kafka_skip or not target_of(rows.model).skips:
        rows.delete()
    elif isinstance(rows, KafkaConnectSkipQueryset):
        rows.delete(kafka_skip=True)
    else:
        with deletion(rows, True):
            rows.delete()


def delete_row(row: Any, topic: Any) -> None:
    """The same for an object."""
    model: Any = type(row)
    if topic.sync_kafka_skip and target_of(model).skips:
        setattr(row, SKIP_FIELD, True)
    row.delete()
