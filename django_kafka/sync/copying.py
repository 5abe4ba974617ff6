# SPDX-License-Identifier: MIT
"""The path without Python objects: bytes of messages become rows of COPY in the engine (CopyPlan), and PostgreSQL
writes them into the table. What only Python can decide goes the other paths, in its place among the others."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connections

from django_kafka import events
from django_kafka._native import AvroSchema, CopyPlan
from django_kafka.logs.loggers import MODEL_TOPICS
from django_kafka.sync.columns import Table, describe_table
from django_kafka.sync.copy import CopyWriter
from django_kafka.sync.copyable import Layout, NotCopyableError, can_fast_delete
from django_kafka.sync.rows import chunks, condition, manager_of
from django_kafka.sync.schemas import struct_of_writer
from django_kafka.sync.target import target_of
from django_kafka.sync.upsert import Statements
from django_kafka.topic import KEY, VALUE

# Writes messages (their indices) on another path.
ByHand = Callable[[Sequence[int]], None]


class Copying:
    """Of one topic, one model and one database. Owned by the thread that runs the consumer."""

    MOST_BY_HAND = 512  # messages, before it is tried again

    def __init__(self, topic: Any, model: Any, using: str) -> None:
        self.topic = topic
        self.model = model
        self.using = using
        self.connection = connections[using]
        self.table: Table | None = None
        self.layouts: dict[Any, _Copied] = {}  # by the columns of the messages
        self.by_schema: dict[Any, _Copied | None] = {}
        self.current: _Copied | None = None
        self.careful = True

    def prepare(self) -> None:
        """Make the temporary tables that are missing, in the transaction that is open."""
        for copied in self.layouts.values():
            copied.writer.prepare()

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
        """Write the messages from there on that are of one layout. Returns behind the last one."""
        result = copied.plan.run(messages, at, stop_at_error=True)
        while result.unknown is not None and self._learn(copied, messages[result.stopped_at], *result.unknown):
            result = copied.plan.run(messages, result.stopped_at, result=result, stop_at_error=True)
        copied.write(result, careful=self.careful)
        self.careful = True  # what comes next in this transaction finds these tables filled
        odd = [index for index, _, _ in result.odd]
        if odd:
            by_hand(odd)
        stopped: int | None = result.stopped_at
        if stopped is None:
            return len(messages)
        if result.unknown is not None:
            self.current = None
            if stopped > at or self._find(messages[stopped]) is not copied:
                return stopped
        by_hand([stopped])
        return stopped + 1

    # ---- schemas ---------------------------------------------------------------------------------------------------

    def _find(self, msg: Any) -> _Copied | None:
        """How a message like this one is copied; None when it is not, or cannot be known from this one."""
        written = self._written(msg, VALUE)
        if written is None:
            return None
        if written not in self.by_schema:
            self.by_schema[written] = self._make(written)
        self.current = self.by_schema[written]
        return self.current

    def _written(self, msg: Any, field: Any) -> Any:
        """The schema of a message's key or value; None when it names none."""
        data = msg.value() if field is VALUE else msg.key()
        if data is None:
            return None
        return self.topic.written_schema(data, field, msg.headers())

    def _learn(self, copied: _Copied, msg: Any, side: str, identity: Any) -> bool:
        """A schema that the plan does not know. False: it is one of other columns, or none that can be copied."""
        field = VALUE if side == "value" else KEY
        written = self._written(msg, field)
        if written is None:
            return False
        if field is VALUE:
            if written not in self.by_schema:
                self.by_schema[written] = self._make(written)
            if self.by_schema[written] is not copied:
                return False
        reason = copied.plan.add(side, identity, AvroSchema(written.text, written.names))
        if reason is None:
            return True
        self._tell(reason)
        if field is VALUE:
            self.by_schema[written] = None
        return False

    def _make(self, written: Any) -> _Copied | None:
        struct = struct_of_writer(written)
        if self.topic.envelopes and {"op", "source"} <= struct.fields.keys() and "after" in struct.structs:
            struct = struct.structs["after"]
        try:
            layout = Layout(self.topic, self.model, self.using, self._table(), struct.fields)
        except NotCopyableError as error:
            self._tell(str(error))
            return None
        place = tuple(sorted((name, repr(item)) for name, item in layout.names.items()))
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
        self.plan = CopyPlan(
            layout.items,
            [layout.key],
            key_in_value=True,
            placeholder=owner.topic.unavailable_value,
            deleted=owner.topic.deletion_key,
        )
        statements = Statements(layout.shape(self.plan.columns), owner.connection.ops.quote_name)
        self.writer = CopyWriter(owner.connection, statements)
        self.deletes_rows = can_fast_delete(owner.model, owner.using)

    def write(self, result: Any, *, careful: bool) -> None:
        if result.deletions:
            if self.deletes_rows:
                self.writer.delete(result.deleted, careful=careful)
            else:
                self._delete_objects(self.writer.deleted_keys(result.deleted, careful=careful))
        if result.rows:
            self.writer.upsert(result.block, careful=careful)

    def _delete_objects(self, keys: list[tuple[Any, ...]]) -> None:
        names = (target_of(self.model).pk_fields[0].attname,)
        for part in chunks(names, [key for (key,) in keys]):
            manager_of(self.model, self.using).filter(condition(names, part)).delete()


_made: weakref.WeakKeyDictionary[Any, dict[Any, Copying]] = weakref.WeakKeyDictionary()


def copying_of(topic: Any, model: Any, using: str) -> Copying:
    """Made once for a topic, and again when its connection was made again."""
    made = _made.setdefault(topic, {})
    place = (model, using)
    found = made.get(place)
    if found is None or found.connection is not connections[using]:
        found = made[place] = Copying(topic, model, using)
    return found
