# SPDX-License-Identifier: MIT
"""Handlers in a database transaction (`atomic` of a topic)."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import transaction
from django.db.transaction import TransactionManagementError

from django_kafka.conf import settings
from django_kafka.exceptions import TransactionConflict
from django_kafka.failures import database
from django_kafka.logs.tracebacks import line_of

if TYPE_CHECKING:
    from django_kafka.topic import TopicConsumer

T = TypeVar("T")

# The longest pauses before a transaction is tried again that others were in the way of, in seconds.
CONFLICT_PAUSES = (0.02, 0.1, 0.5)


def in_transaction(using: str, call: Callable[[], T]) -> T:
    """call(), in a transaction of its own, or inside the open one of a test.

    Errors: what call() raises, and TransactionManagementError when it has left the transaction broken: its end would
    silently undo what was done. TransactionConflict when others are in the way."""

    def once() -> T:
        with transaction.atomic(using=using):
            result = call()
            require_usable(using)
        return result

    return over_conflicts(once)


def require_usable(using: str) -> None:
    """Errors: TransactionManagementError."""
    if database.is_aborted(using):
        raise TransactionManagementError(
            "The handler has returned, but a statement of its transaction has failed, so nothing that it did can be "
            "committed. Let it raise, or put what may fail into a transaction.atomic() of its own."
        )


def over_conflicts(call: Callable[[], T]) -> T:
    """call(), some more times if the database rolls it back because of others.

    Errors: what call() raises; TransactionConflict when it is still rolled back in the end."""
    for pause in CONFLICT_PAUSES:
        try:
            return call()
        except Exception as exc:
            if not database.is_conflict(exc):
                raise
        database.after_failure()
        time.sleep(random.uniform(0, pause))
    try:
        return call()
    except Exception as exc:
        if settings.DATABASE_ERRORS != "wait" or not database.is_conflict(exc):
            raise
        raise TransactionConflict(f"Others are in the way of this transaction: {line_of(exc)}") from exc


def handler_of(topic: TopicConsumer) -> Callable[[Any], Any]:
    """The topic's consume(), in a transaction if it is to be."""
    if topic.atomic is not True:
        return topic.consume

    def handle(msg: Any) -> Any:
        return in_transaction(topic.get_using(), lambda: topic.consume(msg))

    return handle
