# SPDX-License-Identifier: MIT
"""What Django writes into the columns that no message has, as values of the copy path's statement."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

from django.db import models
from django.utils import timezone

from django_kafka.connect.models import KafkaConnectSkipModel
from django_kafka.suppression import Suppression
from django_kafka.sync.columns import Table
from django_kafka.sync.plain import against_field
from django_kafka.sync.target import SKIP_FIELD, Target
from django_kafka.sync.upsert import Fixed

# Defaults that are the same for all rows of a transaction, or whose second object is like the first.
_DEFAULTS: frozenset[Callable[..., Any]] = frozenset({dict, list, timezone.now, dt.date.today})


def fixed_columns(
    topic: Any, target: Target, table: Table, given: set[str], connection: Any, against: list[str]
) -> Iterator[Fixed]:
    """given: the columns that messages have. against: gets the reasons why one value will not do for all rows."""
    given = set(given)
    if skip := flag_of(topic, target):
        column = target.columns[SKIP_FIELD].column
        if column not in given:
            given.add(column)
            yield Fixed(column, skip, updates=True)
    for field in target.fields:
        if field.column in given or getattr(field, "generated", False):
            continue
        if field.column not in table.columns:
            against.append(f"the table has no column {field.column}")
        elif getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
            yield Fixed(field.column, _now(target.model, field, connection), updates=bool(field.auto_now))
        elif _is_the_databases(field):
            continue
        elif reason := _against_default(field):
            against.append(reason)
        else:
            yield Fixed(field.column, _default(field, connection))


def flag_of(topic: Any, target: Target) -> Callable[[], bool] | None:
    """What is written into kafka_skip with each row; None where nothing is."""
    if not target.skips:
        return None
    if topic.sync_kafka_skip:
        return lambda: True
    return Suppression.active if issubclass(target.model, KafkaConnectSkipModel) else None


def _now(model: Any, field: Any, connection: Any) -> Callable[[], Any]:
    def now() -> Any:
        return field.get_db_prep_save(field.pre_save(model(), True), connection=connection)

    return now


def _default(field: Any, connection: Any) -> Callable[[], Any]:
    def default() -> Any:
        return field.get_db_prep_save(field.get_default(), connection=connection)

    return default


def _is_the_databases(field: Any) -> bool:
    """Whether the column is filled by the database."""
    return not field.has_default() and (_has_db_default(field) or isinstance(field, models.AutoField))


def _has_db_default(field: Any) -> bool:
    """Django 5.0's db_default."""
    return bool(getattr(field, "has_db_default", lambda: False)()) or (
        hasattr(models, "NOT_PROVIDED")
        and getattr(field, "db_default", models.NOT_PROVIDED) is not models.NOT_PROVIDED
    )


def _against_default(field: Any) -> str | None:
    if field.has_default() and callable(field.default) and field.default not in _DEFAULTS:
        return f"{field.name} is not in the messages, and its default is made for each row"
    reason = against_field(field)
    return reason and f"{field.name}: {reason}"
