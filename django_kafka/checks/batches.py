# SPDX-License-Identifier: MIT
"""Topics that take batches, and those with transactions."""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, Error, Warning
from django.db import connections

from django_kafka.checks.handlers import wrong_method

LONGEST_GROUP = 255  # of the table of offsets


def check_batches(where: str, topic: Any) -> list[CheckMessage]:
    """Whether batch_size, batch_timeout and consume_batch() of a topic can be used."""
    cls = type(topic)
    if not topic.takes_batches:
        if topic.batch_size is None and not topic.batch_timeout:
            return []
        text = f"{where} has a batch_size or batch_timeout, but no consume_batch(): its messages come one by one."
        return [Warning(text, hint="Define consume_batch(self, messages).", obj=cls, id="django_kafka.W007")]
    return [Error(f"{where}: {wrong}.", obj=cls, id="django_kafka.E015") for wrong in _wrong_options(topic)] + [
        Error(f"{where}: {wrong}.", hint="Write def consume_batch(self, messages).", obj=cls, id="django_kafka.E016")
        for wrong in wrong_method(topic.consume_batch, "consume_batch", "a sequence of messages")
    ]


def _wrong_options(topic: Any) -> Iterator[str]:
    largest = importlib.import_module("django_kafka.consumer.sizes").LARGEST_SIZE
    size, timeout = topic.batch_size, topic.batch_timeout
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or not 0 < size <= largest):
        yield f"its batch_size must be a number of messages from 1 to {largest}, not {size!r}"
    if not isinstance(timeout, int | float) or isinstance(timeout, bool) or not 0 <= timeout < math.inf:
        yield f"its batch_timeout must be a number of seconds, not {timeout!r}"


def check_transactions(where: str, topic: Any, consumer: Any, group: str | None) -> list[CheckMessage]:
    """Whether `atomic` and `offsets_in_database` of a topic can be had."""
    return [
        Error(f"{where}: {wrong}.", obj=type(topic), id="django_kafka.E017")
        for wrong in _wrong_transactions(topic, consumer, group)
    ]


def _wrong_transactions(topic: Any, consumer: Any, group: str | None) -> Iterator[str]:
    for option in ("atomic", "offsets_in_database"):
        if not isinstance(getattr(topic, option), bool):
            yield f"its {option} must be True or False, not {getattr(topic, option)!r}"
    if topic.atomic is True or topic.offsets_in_database is True:
        using = topic.get_using()
        if using not in connections:
            yield f"its transactions are of the database {using!r}, which DATABASES does not have"
    if topic.offsets_in_database is not True:
        return
    plan = importlib.import_module("django_kafka.consumer.plan")
    names = [
        f"{name}()" for name in (*plan.OUTCOME_METHODS, *plan.HANDLING_METHODS) if plan.overrides(consumer, name)
    ]
    if names:
        yield f"it stores offsets in the database, which a consumer cannot do that overrides {', '.join(names)}"
    if group and len(group) > LONGEST_GROUP:
        yield f"it stores offsets in the database, whose table takes a group.id of at most {LONGEST_GROUP} characters"
