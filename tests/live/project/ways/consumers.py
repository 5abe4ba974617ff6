# SPDX-License-Identifier: MIT
"""Topics that fail in every way. A message's headers say: `id`, its name; `way`, how it fails; `fail`, how often (-1:
always). A handler that succeeds stores a row, and notes it then.

One consumer's processes live on; those of the other one die of what its handlers do."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from confluent_kafka.serialization import MessageField
from django.db import IntegrityError, connection, transaction

from django_kafka import kafka
from django_kafka.consumer import Consumer, Topics
from django_kafka.exceptions import BatchError
from django_kafka.topic import TopicConsumer
from django_kafka.topic.avro import AvroTopicConsumer
from django_kafka.topic.json import JSONTopicConsumer
from tests.live.project.notes import failures, note
from tests.live.project.ways.models import NotYet

GROUP = os.environ["LIVE_GROUP"]
CONFIG = {"auto.offset.reset": "earliest", **json.loads(os.environ.get("LIVE_CONFIG", "{}"))}


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


def execute(sql: str, *values: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def raise_value() -> NoReturn:
    raise ValueError("what a handler\nraises \x1b[31m")


def raise_unprintable() -> NoReturn:
    raise Unprintable


def raise_endlessly() -> None:
    raise_endlessly()


def raise_memory() -> NoReturn:
    raise MemoryError


def fail_within_transaction() -> None:
    with transaction.atomic():
        execute("INSERT INTO handled VALUES ('rolled back')")
        execute("SELECT 1 / 0")


def leave_transaction_open() -> None:
    transaction.set_autocommit(False)
    execute("SELECT 1 / 0")


def break_constraint() -> None:
    raise IntegrityError("a row is there already")


def lose_connection() -> None:
    execute("SELECT pg_terminate_backend(pg_backend_pid())")


def exit_at_once() -> None:
    os._exit(3)


def exit_the_usual_way() -> NoReturn:
    raise SystemExit(4)


def interrupt() -> NoReturn:
    raise KeyboardInterrupt


def cancel() -> NoReturn:
    raise asyncio.CancelledError


WAYS: dict[str, Callable[[], object]] = {
    "value": raise_value,
    "unprintable": raise_unprintable,
    "recursion": raise_endlessly,
    "memory": raise_memory,
    "transaction": fail_within_transaction,
    "open": leave_transaction_open,
    "constraint": break_constraint,
    "connection": lose_connection,
    "slow": lambda: time.sleep(0.7),
}
DEADLY: dict[str, Callable[[], object]] = {
    "exit": exit_at_once,
    "system": exit_the_usual_way,
    "interrupt": interrupt,
    "cancel": cancel,
}


def name_of(msg: Any) -> str:
    return str(dict(msg.headers())["id"].decode())


def act(msg: Any) -> None:
    """Fail as the message says, or store a row."""
    named = dict(msg.headers())
    number, fail = name_of(msg), int(named["fail"])
    if fail and (fail < 0 or failures(number) < fail):
        (WAYS | DEADLY)[named["way"].decode()]()
    execute("INSERT INTO handled VALUES (%s)", number)


def handle(msg: Any) -> None:
    act(msg)
    note("done", msg, id=name_of(msg))


class Way(TopicConsumer):
    retry_settings = None

    def consume(self, msg: Any) -> None:
        handle(msg)


class Plain(Way):
    name = "plain"


@kafka.retry(max_retries=2, delay=0.2, blocking=True)
class Blocking(Way):
    name = "blocking"


@kafka.retry(max_retries=2, delay=0.3, blocking=False)
class Later(Way):
    name = "later"


@kafka.retry(max_retries=1, delay=0.3, blocking=False)
class Pattern(Way):
    name = "^odd-(a|b)"


class Huge(Way):
    """Its dead-letter topic takes no message of this size."""

    name = "huge"


class Unmigrated(Way):
    """Its model's table is made in mid-run."""

    name = "unmigrated"

    def consume(self, msg: Any) -> None:
        NotYet.objects.create(what=name_of(msg))
        super().consume(msg)


class Batches(TopicConsumer):
    """Every second batch names those that failed, the others raise what the first one does."""

    name = "batches"
    retry_settings = None
    batch_size = 20

    def consume_batch(self, messages: Sequence[Any]) -> None:
        failed: dict[int, Exception] = {}
        for index, msg in enumerate(messages):
            try:
                act(msg)
            except Exception as error:
                if messages[0].offset() % 2:
                    raise
                failed[index] = error
        for index, msg in enumerate(messages):
            if index not in failed:
                note("done", msg, id=name_of(msg))
        if failed:
            raise BatchError(failed)


class Json(JSONTopicConsumer):
    name = "json"
    retry_settings = None

    def consume(self, msg: Any) -> None:
        self.deserialize(msg.value(), MessageField.VALUE, msg.headers())
        handle(msg)


class Avro(AvroTopicConsumer):
    name = "avro"
    retry_settings = None

    def consume(self, msg: Any) -> None:
        self.deserialize(msg.value(), MessageField.VALUE, msg.headers())
        handle(msg)


class Dying(Way):
    name = "dying"


@kafka.retry(max_retries=2, delay=0.3, blocking=False)
class DyingLater(Way):
    name = "dying-later"


@kafka.consumers()
class Living(Consumer):
    topics = Topics(Plain(), Blocking(), Later(), Pattern(), Huge(), Unmigrated(), Batches(), Json(), Avro())
    config = {"group.id": GROUP, **CONFIG}


@kafka.consumers()
class Mortal(Consumer):
    topics = Topics(Dying(), DyingLater())
    config = {"group.id": f"{GROUP}-mortal", **CONFIG}
