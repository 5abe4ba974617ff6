# SPDX-License-Identifier: MIT
"""The exceptions of the face, rooted at DjangoKafkaError. Those of the client are confluent_kafka's."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Mapping
from typing import Any, TypeGuard


class DjangoKafkaError(Exception):
    """Something is wrong in the use of django_kafka."""

    context: Any

    def __init__(self, *args: object, context: Any = None, **kwargs: Any) -> None:
        """`context` is whatever helps to understand the error: for Kafka Connect the HTTP response."""
        if not args and type(self) is not DjangoKafkaError:
            args = (inspect.getdoc(type(self)) or type(self).__name__,)
        super().__init__(*args, **kwargs)
        self.context = context


class TopicNotRegisteredError(DjangoKafkaError):
    """No topic of this consumer matches the name."""


class SurroundingsError(DjangoKafkaError):
    """What a message needs is wrong or not there. That is not the message's fault: its partition waits."""


class ConfigurationError(SurroundingsError):
    """A setting or a class attribute is wrong; the text names it and says what to do."""


class SchemaSourceError(DjangoKafkaError, ValueError):
    """No Avro schema can be made of this model or type; the text names the field. A ValueError, as the original's."""


class ModelSyncError(DjangoKafkaError, ValueError):
    """A message does not fit its model; the text names the message, the field, what was found and what was expected.

    index: the place of the message among those that were given together."""

    def __init__(
        self, text: str, *, place: str = "", field: str = "", excerpt: str = "", expected: str = "", index: int = 0
    ) -> None:
        super().__init__(f"{place}: {text}" if place else text)
        self.place = place
        self.field = field
        self.excerpt = excerpt
        self.expected = expected
        self.index = index


class HandlerResultError(DjangoKafkaError):
    """A handler returned something that says neither that the message is done nor that it is not."""


class BatchError(DjangoKafkaError):
    """Some messages of a batch failed: `BatchError({index: exception, ...})`. The others are done."""

    def __init__(self, failures: Mapping[int, Exception], *args: object) -> None:
        """failures: by the index of the message among those that consume_batch() was given. {}: all are done."""
        super().__init__(failures, *args)
        self.failures = failures

    def of(self, count: int) -> dict[int, Exception]:
        """The failures among so many messages. Errors: HandlerResultError for what is no answer about them."""
        if not isinstance(self.failures, Mapping):
            raise HandlerResultError(
                f"BatchError takes a dict of exceptions by the messages' indices, not {self.failures!r:.200}."
            )
        for index, exc in self.failures.items():
            if not isinstance(index, int) or isinstance(index, bool):
                raise HandlerResultError(f"BatchError: {index!r:.200} is not the index of a message.")
            if not 0 <= index < count:
                raise HandlerResultError(
                    f"BatchError: there is no message {index}, consume_batch() was given {count}."
                )
            if not isinstance(exc, Exception):
                raise HandlerResultError(
                    f"BatchError: message {index} failed with {exc!r:.200}, which is no exception."
                )
        return dict(sorted(self.failures.items()))


def index_of(exc: Exception, count: int) -> int | None:
    """Which of so many messages an exception is about: its `index`, where it has one that can be that."""
    index = getattr(exc, "index", None)
    return index if type(index) is int and 0 <= index < count else None


def is_failure(exc: BaseException) -> TypeGuard[Exception]:
    """Whether a handler that raised this has failed. If it has not, it was interrupted, and the process ends.

    A cancelled task and a closed generator are no subclasses of Exception, and yet no reason to end the process. A
    Kafka client with a fatal error is a reason: every message would fail until there is a new client."""
    if isinstance(exc, BaseExceptionGroup):
        return all(is_failure(inner) for inner in exc.exceptions)
    return isinstance(exc, (Exception, asyncio.CancelledError, GeneratorExit)) and not _led_by_fatal(exc)


def is_fatal(exc: BaseException) -> bool:
    """Whether the exception itself is a fatal error of a Kafka client."""
    # Where there is an error of confluent_kafka, it was imported; this module is before it was.
    kafka_error: Any = getattr(sys.modules.get("confluent_kafka"), "KafkaError", ())
    error = exc.args[0] if exc.args else None
    return isinstance(error, kafka_error) and bool(error.fatal())


def _led_by_fatal(exc: BaseException) -> bool:
    """The same of one that led to it."""
    current: BaseException | None = exc
    for _ in range(_LONGEST_CHAIN):
        if current is None:
            return False
        if is_fatal(current):
            return True
        current = current.__cause__ or current.__context__
    return False


_LONGEST_CHAIN = 20


class UnavailableError(SurroundingsError):
    """A service that is needed does not answer."""


class TransactionConflict(UnavailableError):
    """The database has rolled the transaction back again and again: others write the same rows."""


class TableNotMigrated(UnavailableError):
    """A model's table is not there, or not as the model has it."""


class SchemaRegistryUnavailable(UnavailableError):
    """The schema registry does not answer."""
