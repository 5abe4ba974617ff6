# SPDX-License-Identifier: MIT
"""Produces the copies of replayed letters, and the marks that say so, in one transaction: both are there, or neither.

The transactional id belongs to the dead-letter topic, so of two replays at a time the broker ends the older one, and
what that had not committed is not there for the newer one to miss.
"""

from __future__ import annotations

import contextlib
import functools
import time
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from django_kafka._native import Producer
from django_kafka.dead_letter.header import ReplayHeader
from django_kafka.dead_letter.tool.browse import Letter
from django_kafka.dead_letter.tool.marks import KEY, render
from django_kafka.exceptions import DjangoKafkaError
from django_kafka.failures.copy import Copy
from django_kafka.failures.producer import producer_config
from django_kafka.logs.loggers import REPLAY

TIMEOUT = 30.0
# How long the report on a record that was refused may take behind the refusal's effect (seconds).
REPORT_TIMEOUT = 5.0


class TooLarge(DjangoKafkaError):
    """The topic does not take a record of this size."""


class ReplayTransaction:
    """Of one replay of a dead-letter topic."""

    def __init__(self, topic: str) -> None:
        """topic: the dead-letter topic. Ends another replay of it that is on its way.

        Errors: DjangoKafkaError when the broker does not allow it."""
        self.topic = topic
        self._refused: list[KafkaError] = []
        self._producer = self._open()

    def _open(self) -> Producer:
        config = {
            **producer_config(),
            "transactional.id": f"{self.topic}.replay",
            "transaction.timeout.ms": 60000,
            "message.timeout.ms": 30000,
            "batch.size": 16384,  # a topic may take less in one piece than librdkafka would put there
            "error_cb": lambda _error: None,  # calls fail with what matters,
            "log_level": 2,  # so it need not be logged
        }
        producer = Producer(config, logger=REPLAY)
        try:
            producer.init_transactions(TIMEOUT)
        except KafkaException as error:
            producer.close(0)
            raise DjangoKafkaError(
                f"Cannot begin a transaction for '{self.topic}.replay', which replaying needs: {_text(error)}"
            ) from error
        return producer

    def reopen(self) -> None:
        """Take a new producer after a refusal: the broker would miss the sequence numbers of what was refused. This
        ends another replay, too: what that has marked has to be read again."""
        self._producer.close(0)
        self._producer = self._open()

    def close(self) -> None:
        self._producer.close(5.0)

    def send(self, copies: list[tuple[Copy, int]], done: list[Letter]) -> None:
        """Copies, and the marks of the letters that are done by them. Returns when the broker has committed both.

        Errors: TooLarge, DjangoKafkaError: then nothing of it was produced, unless only the answer to the commit was
        lost; the marks know."""
        self._refused = []  # a new list: reports on what an abort has purged may still come
        try:
            self._producer.begin_transaction()
            for copy, partition in copies:
                self._produce(copy.topic, copy.value, copy.key, copy.headers, partition, copy.timestamp)
            for partition, offsets in _by_partition(done).items():
                key = f"{KEY}{partition}-{offsets[0]}"
                text = render(offsets)
                self._produce(self.topic, text, key, [(ReplayHeader.MARK.value, text)], partition, 0)
            self._producer.flush(TIMEOUT)  # commit would do that too, but not hand out why it failed
            self._producer.commit_transaction(TIMEOUT)
        except (KafkaException, BufferError) as error:
            self._await_refusal(error)
            reason = self._reason(error)
            self._abort()
            if reason is not None and reason.code() == KafkaError.MSG_SIZE_TOO_LARGE:
                raise TooLarge("it is too large for its topic") from error
            raise DjangoKafkaError(f"Replay of '{self.topic}' failed: {_text(error, reason)}") from error

    def _produce(self, topic: str, value: Any, key: Any, headers: Any, partition: int, timestamp: int) -> None:
        self._producer.produce(
            topic,
            value,
            key,
            partition=partition,
            headers=headers,
            timestamp=timestamp,
            on_delivery=functools.partial(_note_refusal, self._refused),
        )

    def _await_refusal(self, failure: Exception) -> None:
        """A refused record spoils the transaction at once, so that what is produced next fails; the report, which has
        the reason, comes a moment later."""
        said = _kafka_error(failure)
        deadline = time.monotonic() + REPORT_TIMEOUT
        while said is not None and said.code() == KafkaError._STATE and not self._refused:
            if time.monotonic() > deadline:
                return
            self._producer.poll(0.1)

    def _reason(self, failure: Exception) -> KafkaError | None:
        """Why a record was refused: first of all its size, which others are refused along with."""
        known = [error for error in [*self._refused, _kafka_error(failure)] if error is not None]
        too_large = [error for error in known if error.code() == KafkaError.MSG_SIZE_TOO_LARGE]
        return next(iter([*too_large, *known]), None)

    def _abort(self) -> None:
        with contextlib.suppress(KafkaException):  # the broker aborts what it does not hear of
            self._producer.abort_transaction(TIMEOUT)


def _note_refusal(refused: list[KafkaError], error: KafkaError | None, _msg: Any) -> None:
    if error is not None:
        refused.append(error)


def _by_partition(done: list[Letter]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for letter in done:
        partition, offset = letter.place
        found.setdefault(partition, []).append(offset)
    return found


def _kafka_error(error: Exception) -> KafkaError | None:
    first = error.args[0] if error.args else None
    return first if isinstance(first, KafkaError) else None


def _text(error: Exception, reason: KafkaError | None = None) -> str:
    reason = reason or _kafka_error(error)
    if reason is None:
        return str(error)
    if reason.code() in (KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED):
        return "another replay of this topic has begun, and goes on from here."
    return f"{reason.str()} ({reason.name()})."
