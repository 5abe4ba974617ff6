# SPDX-License-Identifier: MIT
"""From messages to rows: one or many of them, on the path that the plan has chosen."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from django.db import connections, transaction

from django_kafka import events
from django_kafka.exceptions import ModelSyncError
from django_kafka.logs.loggers import MODEL_TOPICS
from django_kafka.sync import bulk, instances
from django_kafka.sync.change import Change
from django_kafka.sync.convert.unfit import UnfitValue
from django_kafka.sync.copying import ByHand, Copying, copying_of
from django_kafka.sync.forms import NotARow, Nothing
from django_kafka.sync.plan import BULK, COPY, Plan
from django_kafka.sync.temporary import TablesMissingError
from django_kafka.sync.unavailable import check_unavailable
from django_kafka.sync.unmigrated import writing

WRITERS: dict[str, Callable[[Sequence[Change], Any, str], None]] = {
    COPY: bulk.write,
    BULK: bulk.write,
    "instances": instances.write,
}


def consume(topic: Any, msg: Any) -> Any:
    """One message, through the hooks: get_model() and sync()."""
    with told(msg, 0):
        event = _event(topic, msg)
        if event is None:
            return None
        key, value = event
        return topic.sync(topic.get_model(key, value), key, value)


def sync(topic: Any, model: Any, key: Any, value: Any) -> Any:
    """One event: (object, created), None for a deletion."""
    using = topic.get_using(model)
    change = topic.reader.change(0, model, key, value, using)
    with writing(model):
        check_unavailable([change], topic, using)
        return instances.write_one(change, topic, using)


def consume_batch(topic: Any, messages: Sequence[Any]) -> None:
    """Messages, in a transaction per database. An exception means that none of them was written; the place of the
    message at fault, where it is known, is its `index`."""
    if "sync" in topic.overridden():
        _consume_each(topic, messages)
        return
    if messages and topic.model is not None:
        using = topic.get_using(topic.model)
        if topic.plan(topic.model, using).path == COPY and (
            len(messages) > 1 or _goes_alone(topic, messages[0], using)
        ):
            _copy(topic, messages, using)
            return
    alone = len(messages) == 1 and topic.sync_mode == "auto"
    for using, changes in _read(topic, messages).items():
        outer = connections[using].in_atomic_block
        try:
            with writing(changes[0].model), transaction.atomic(using=using, savepoint=False):
                _check(changes, topic, using, messages)
                for plan, part in _by_plan(topic, changes, using):
                    (instances.write if alone else WRITERS[plan.path])(part, topic, using)
                if outer:
                    check_constraints(using)
        except Exception as error:
            _add_place(error, messages)
            raise


def _goes_alone(topic: Any, msg: Any, using: str) -> bool:
    """Whether the engine writes a message that is alone: not through a temporary table, which takes longer than what
    Python does."""
    with told(msg, 0), writing(topic.model):
        return copying_of(topic, topic.model, using).sends_arrays(msg)


def _copy(topic: Any, messages: Sequence[Any], using: str) -> None:
    """What the engine can, by itself; the rest as the bulk path does it, in its place among the others."""

    def by_hand(indices: Sequence[int]) -> None:
        for alias, changes in _read(topic, messages, indices).items():
            _check(changes, topic, alias, messages)
            bulk.write(changes, topic, alias)

    copying = copying_of(topic, topic.model, using)
    outer = connections[using].in_atomic_block
    try:
        with writing(topic.model):
            _copy_in_transaction(copying, messages, by_hand, using, outer)
    except Exception as error:
        _add_place(error, messages)
        raise


def _copy_in_transaction(copying: Copying, messages: Sequence[Any], by_hand: ByHand, using: str, outer: bool) -> None:
    """outer: there is a transaction already, in which other things were done."""
    try:
        with transaction.atomic(using=using, savepoint=False):
            copying.write(messages, by_hand, careful=outer)
            if outer:
                check_constraints(using)
    except TablesMissingError:
        with transaction.atomic(using=using, savepoint=False):
            copying.prepare()
            copying.write(messages, by_hand, careful=False)


def _consume_each(topic: Any, messages: Sequence[Any]) -> None:
    """sync() is the project's own: it is called for each message."""
    for index, msg in enumerate(messages):
        with told(msg, index):
            event = _event(topic, msg)
            if event is not None:
                topic.sync(topic.get_model(*event), *event)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without garbage collection: what a batch's messages become is needed until it is written, and to look through
    all of it again and again takes half as long as to read them."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _read(topic: Any, messages: Sequence[Any], indices: Sequence[int] | None = None) -> dict[str, list[Change]]:
    """Changes by database. indices: of the messages that are read; None: of all."""
    with _uncollected():
        return _changes(topic, messages, range(len(messages)) if indices is None else indices)


def _changes(topic: Any, messages: Sequence[Any], indices: Sequence[int]) -> dict[str, list[Change]]:
    found: dict[str, list[Change]] = {}
    reader = topic.reader
    fast = topic.fast_reader()
    changes = [] if fast is None else found.setdefault(fast.using, [])
    for index in indices:
        msg = messages[index]
        try:
            headers = msg.headers()
            key, key_struct = reader.key(msg, headers)
            value, struct = reader.value(msg, headers)
            change = None if fast is None else fast.change(index, key, key_struct, value, struct, headers)
            if change is not None:
                changes.append(change)
                continue
            event = _told(topic, msg, reader.interpret(key, key_struct, value, struct, headers))
            if event is not None:
                model = topic.get_model(*event)
                using = topic.get_using(model)
                found.setdefault(using, []).append(reader.change(index, model, *event, using))
        except Exception as error:
            raise_located(error, msg, index)
    return {using: changes for using, changes in found.items() if changes}


def _check(changes: Sequence[Change], topic: Any, using: str, messages: Sequence[Any]) -> None:
    try:
        check_unavailable(changes, topic, using)
    except UnfitValue as error:
        index: int = getattr(error, "index", 0)
        raise_located(error, messages[index], index)


def _event(topic: Any, msg: Any) -> tuple[Any, Any] | None:
    return _told(topic, msg, topic.reader.event(msg))


def _told(topic: Any, msg: Any, event: tuple[Any, Any] | Nothing) -> tuple[Any, Any] | None:
    """None for a message that changes no row, which is logged."""
    if isinstance(event, Nothing):
        level = logging.WARNING if event is Nothing.TRUNCATE else logging.DEBUG
        events.MODEL_MESSAGE_PASSED_OVER.tell(MODEL_TOPICS, level=level, message=place_of(msg), what=event.value)
        if event is Nothing.TRUNCATE and topic.on_truncate == "error":
            raise ModelSyncError("the table was truncated, which on_truncate of the topic calls an error")
        return None
    return event


def _by_plan(topic: Any, changes: Sequence[Change], using: str) -> Iterator[tuple[Plan, Sequence[Change]]]:
    """Changes with the plan of their models: all together where the models have the same path."""
    plans = {model: topic.plan(model, using) for model in {change.model: None for change in changes}}
    if len({plan.path for plan in plans.values()}) == 1:
        yield plans[changes[0].model], changes
        return
    start = 0
    for stop in range(1, len(changes) + 1):
        if stop == len(changes) or changes[stop].model is not changes[start].model:
            yield plans[changes[start].model], changes[start:stop]
            start = stop


def check_constraints(using: str) -> None:
    """Have PostgreSQL check deferred constraints (foreign keys) now: at the end of a transaction around ours nobody
    could tell which message has broken them."""
    connection = connections[using]
    if connection.vendor == "postgresql":
        connection.check_constraints()


@contextmanager
def told(msg: Any, index: int) -> Iterator[None]:
    """Exceptions name the message."""
    try:
        yield
    except Exception as error:
        raise_located(error, msg, index)


def raise_located(error: Exception, msg: Any, index: int) -> NoReturn:
    """Raise the exception again, with the message that it is about."""
    place = place_of(msg)
    if isinstance(error, UnfitValue):
        raise ModelSyncError(
            str(error),
            place=place,
            field=error.field,
            excerpt=error.value_excerpt,
            expected=error.expected,
            index=index,
        ) from None
    if isinstance(error, NotARow):
        text = f"its value is {error}, of which no row can be made: it has to be a mapping"
        raise ModelSyncError(text, place=place, expected="a mapping", index=index) from None
    error.index = index  # type: ignore[attr-defined]
    error.add_note(f"{place}.")
    raise error


def _add_place(error: Exception, messages: Sequence[Any]) -> None:
    index = getattr(error, "index", 0 if len(messages) == 1 else None)
    if isinstance(index, int):
        error.index = index  # type: ignore[attr-defined]
        error.add_note(f"{place_of(messages[index])}.")
    else:
        error.add_note(
            f"It is one of {len(messages)} messages, from {place_of(messages[0])} to {place_of(messages[-1])}."
        )


def place_of(msg: Any) -> str:
    """A message's place, for people."""
    return f"Topic {msg.topic()}, partition {msg.partition()}, offset {msg.offset()}"
