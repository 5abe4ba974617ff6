# SPDX-License-Identifier: MIT
"""The path without Python objects: bytes of messages become rows of COPY in the engine (CopyPlan), and PostgreSQL
writes them into the table. What only Python can decide goes the other paths, in its place among the others."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connections

from django_kafka import events
from django_kafka._native import CopyPlan
from django_kafka.logs.loggers import MODEL_TOPICS
from django_kafka.sync.ahead import Ahead
from django_kafka.sync.columns import Table, describe_table
from django_kafka.sync.copy import CopyWriter
from django_kafka.sync.copyable import Layout, NotCopyableError, can_fast_delete
from django_kafka.sync.rows import chunks, condition, delete_rows, manager_of
from django_kafka.sync.samples import Source, source_of
from django_kafka.sync.target import target_of

# Writes messages (their indices) on another path.
ByHand = Callable[[Sequence[int]], None]


class Copying:
    """Of one topic, one model and one database. Owned by the thread that runs the consumer."""

    MOST_BY_HAND = 512  # messages, before it is tried again
    MOST_KINDS = 100  # that are remembered

    def __init__(self, topic: Any, model: Any, using: str) -> None:
        self.topic = topic
        self.model = model
        self.using = using
        self.connection = connections[using]
        self.table: Table | None = None
        self.source: Source = source_of(topic)
        self.layouts: dict[str, _Copied] = {}
        self.kinds: dict[Any, _Copied | None] = {}  # by what the source calls them
        self.current: _Copied | None = None
        self.careful = True
        self.ahead = Ahead()

    def prepare(self) -> None:
        """Make the temporary tables that are missing, in the transaction that is open."""
        for copied in self.layouts.values():
            copied.writer.prepare()

    def sends_arrays(self, msg: Any) -> bool:
        """Whether a message like this one needs no temporary table. Errors: the database's, those of the schema
        registry."""
        copied = self.current or self._find(msg)
        return copied is not None and copied.writer.through_arrays is not None

    def write(self, messages: Sequence[Any], by_hand: ByHand, *, careful: bool) -> None:
        """All messages in their order, in the transaction that is open. careful: something was done in it before.
        Errors: the database's, by_hand's, those of the schema registry; TablesMissingError."""
        at, patience = 0, 1
        self.careful = careful
        while at < len(messages):
            copied = self.current or self._find(messages[at])
            if copied is None:
                stop = min(at + patience, len(messages))
                by_hand(range(at, stop))
                at, patience = stop, min(2 * patience, self.MOST_BY_HAND)
                continue
            at = self._run(copied, messages, at, by_hand)
            patience = 1

    def _run(self, copied: _Copied, messages: Sequence[Any], at: int, by_hand: ByHand) -> int:
        """Write the messages from there on that are of one kind. Returns behind the last one."""
        result = self.ahead.take(copied.plan, messages, at) or copied.plan.run(messages, at, stop_at_error=True)
        while result.unknown is not None:
            stopped = result.stopped_at or 0
            if not self._learn(copied, messages[stopped], *result.unknown):
                break
            result = copied.plan.run(messages, stopped, result=result, stop_at_error=True)
        if result.stopped_at is None:
            self.ahead.begin(copied.plan, messages)
        try:
            copied.write(result, careful=self.careful)
        except BaseException:
            self.ahead.end()  # the next ones may not come for a while
            raise
        self.careful = True  # what comes next in this transaction finds these tables filled
        odd = [index for index, _, _ in result.odd]
        if odd:
            by_hand(odd)
        end = len(messages) if result.stopped_at is None else result.stopped_at
        if result.unknown is not None or 2 * len(odd) > end - at:
            self.current = None  # the next ones may be of another kind
        if end == len(messages) or (result.unknown is not None and end > at):
            return end
        if result.unknown is not None and self._find(messages[end]) is not copied:
            return end
        by_hand([end])
        return end + 1

    # ---- kinds of messages -----------------------------------------------------------------------------------------

    def _find(self, msg: Any) -> _Copied | None:
        """How messages like this one are copied; None when they are not, or when it cannot be known from this one."""
        try:
            identity = self.source.identify(msg)
        except ValueError:
            return None
        if identity is None:
            return None
        if identity not in self.kinds:
            if len(self.kinds) >= self.MOST_KINDS:
                self.kinds.clear()
            self.kinds[identity] = self._make(identity)
        self.current = self.kinds[identity]
        return self.current

    def _learn(self, copied: _Copied, msg: Any, side: str, number: Any) -> bool:
        """A schema that the plan has met. False: it is one of other columns, or none that can be copied."""
        if side == "value" and self._find(msg) is not copied:
            return False
        reason = self.source.learn(copied.plan, msg, side, number, copied.layout)
        if reason is None:
            return True
        self._tell(reason)
        identity = self.source.identify(msg)
        if identity is not None and (side == "value" or copied.layout.is_found_by_key):
            self.kinds[identity] = None
        return False

    def _make(self, identity: Any) -> _Copied | None:
        try:
            layout = Layout(self.topic, self.model, self.using, self._table(), self.source.kind(identity))
        except NotCopyableError as error:
            self._tell(str(error))
            return None
        place = repr((layout.items, sorted(layout.ignored)))
        if place not in self.layouts:
            self.layouts[place] = _Copied(self, layout)
        return self.layouts[place]

    def _table(self) -> Table:
        if self.table is None:
            self.table = describe_table(self.connection, self.model._meta.db_table)
        if self.table is None:
            raise NotCopyableError("there is no such table")
        return self.table

    def _tell(self, reason: str) -> None:
        events.MODEL_MESSAGES_NOT_COPIED.tell(
            MODEL_TOPICS, topic=self.topic.name, model=self.model._meta.label, reason=reason
        )


class _Copied:
    """Messages with the same columns."""

    def __init__(self, owner: Copying, layout: Layout) -> None:
        self.model = owner.model
        self.using = owner.using
        self.layout = layout
        self.plan = CopyPlan(
            layout.items,
            layout.key,
            key_in_value=not layout.is_found_by_key,
            placeholder=owner.topic.unavailable_value,
            deleted=owner.topic.deletion_key,
            odd_tombstones=owner.topic.tombstones != "delete",
            versioned=bool(owner.topic.version_field),
        )
        owner.source.begin(self.plan, layout)
        self.writer = CopyWriter(owner.connection, layout.shape(self.plan.columns))
        self.topic = owner.topic
        self.deletes_rows = can_fast_delete(owner.model, owner.using)

    def write(self, result: Any, *, careful: bool) -> None:
        if result.deletions:
            if self.deletes_rows:
                self.writer.delete(result, careful=careful)
            else:
                self._delete_objects(self.writer.deleted_keys(result, careful=careful))
        if result.rows:
            self.writer.upsert(result, careful=careful)

    def _delete_objects(self, keys: list[tuple[Any, ...]]) -> None:
        names = [field.attname for field in target_of(self.model).pk_fields]
        for part in chunks(names, keys if len(names) > 1 else [key for (key,) in keys]):
            delete_rows(manager_of(self.model, self.using).filter(condition(names, part)), self.topic)


class _Made(threading.local):
    """What was made in a thread, which ends with it: connections are a thread's too."""

    def __init__(self) -> None:
        self.by_topic: weakref.WeakKeyDictionary[Any, dict[Any, Copying]] = weakref.WeakKeyDictionary()


_made = _Made()


def _forget() -> None:
    """What has begun in the process that was forked does not go on in this one."""
    global _made
    _made = _Made()


os.register_at_fork(after_in_child=_forget)


def is_copied(topic: Any) -> bool:
    """Whether the messages that this thread wrote last were copied, so that the next ones most likely will be."""
    return any(copying.current is not None for copying in _made.by_topic.get(topic, {}).values())


def copying_of(topic: Any, model: Any, using: str) -> Copying:
    """Made once for a topic and a thread; again with another connection."""
    made = _made.by_topic.setdefault(topic, {})
    found = made.get((model, using))
    if found is None or found.connection is not connections[using]:
        found = made[model, using] = Copying(topic, model, using)
    return found
