# SPDX-License-Identifier: MIT
"""What happens with errors that the client reports by itself, not as the result of a call."""

from __future__ import annotations

import logging
import re
import time
from typing import Any

from confluent_kafka import KafkaError

from django_kafka import events
from django_kafka.exceptions import DjangoKafkaError
from django_kafka.logs.clean import without_credentials
from django_kafka.logs.loggers import CLIENT_ERRORS
from django_kafka.logs.repetitions import QUIET_SECONDS, Repetitions


class PartitionError(KafkaError):
    """A partition does not go on: its text says which, where, why and what helps; `fields` are for programs."""

    fields: dict[str, Any]

    @classmethod
    def make(cls, code: int, **fields: Any) -> PartitionError:
        """fields: consumer, group, topic, partition, offset (None: nothing was read yet), reason, remedy."""
        offset = fields["offset"]
        at = "where it begins" if offset is None else offset
        error = cls(code, events.PARTITION_STANDS.format(at=at, **fields))
        error.fields = {"at": at, "outcome": "wait", **fields}
        return error

    def log(self, logger: logging.Logger) -> None:
        """One line at level ERROR."""
        events.PARTITION_STANDS.tell(logger, **self.fields)


_NO_SUCH_TOPIC = re.compile(r"Subscribed topic not available: (?P<topic>.+): [^:]+: [^:]+$")


def is_of_subscription(error: KafkaError) -> bool:
    """Whether the error is of what was subscribed to, a topic or a pattern, and of no partition."""
    return _NO_SUCH_TOPIC.match(error.str()) is not None


_HINTS = {
    KafkaError._ALL_BROKERS_DOWN: "no Kafka broker can be reached; the client keeps trying. If this lasts: "
    "are the brokers up, and is 'bootstrap.servers' right?",
    KafkaError._AUTHENTICATION: "the brokers refuse the login: are 'security.protocol', 'sasl.mechanism', "
    "'sasl.username' and 'sasl.password' right?",
    KafkaError._SSL: "no TLS connection: are 'security.protocol' and 'ssl.ca.location' right?",
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "the broker's ACLs do not let this user read the topic",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "the broker's ACLs do not let this user join the group ('group.id')",
}
# A broker closes a connection that nobody has used for ten minutes (connections.max.idle.ms).
_CLOSED = re.compile(r"Disconnected.*in state UP")
# How long a connection that could not be made is a reason to believe that no broker can be reached (seconds).
BELIEVED = 60.0
# librdkafka logs each of these itself, with the same words.
_LOGGED_BY_LIBRDKAFKA = (KafkaError._TRANSPORT, KafkaError._RESOLVE)


class ClientErrorHandler:
    """The default of the setting ERROR_HANDLER: a fatal error ends the client, the others are logged.

    librdkafka recovers from errors that are not fatal. Until it has, it repeats them (it reports an unavailable
    broker with each attempt), so the same error is logged at most every `quiet` seconds."""

    quiet = QUIET_SECONDS

    def __init__(self) -> None:
        self._repetitions = Repetitions(self.quiet)
        self._failed_at: float | None = None  # when a connection could not be made

    def __call__(self, error: KafkaError) -> None:
        if error.fatal():
            raise DjangoKafkaError(error)
        self.log(error)

    def log(self, error: KafkaError) -> None:
        """Log an error that is not fatal, with what can be done about it."""
        if isinstance(error, PartitionError):  # told seldom already
            error.log(CLIENT_ERRORS)
            return
        level, text = self._describe(error)
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            if not self._is_believed():
                events.CLIENT_ERROR.tell(CLIENT_ERRORS, level=logging.DEBUG, text=text)
                return
        elif not _CLOSED.search(error.str()):
            self._failed_at = time.monotonic()
        if self._repetitions.admit(text) is not None:
            events.CLIENT_ERROR.tell(CLIENT_ERRORS, level=level, text=text)

    def _is_believed(self) -> bool:
        """librdkafka says that all brokers are down also when the last connection was closed as nobody used it."""
        return self._failed_at is not None and time.monotonic() - self._failed_at < BELIEVED

    def _describe(self, error: KafkaError) -> tuple[int, str]:
        said = f"{without_credentials(error.str())} ({error.name()})"
        if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART and (found := _NO_SUCH_TOPIC.match(error.str())):
            topic = found["topic"]
            if topic.startswith("^"):
                return logging.DEBUG, f"no topic matches {topic} yet"  # what a pattern is for
            return logging.WARNING, (
                f"there is no topic '{topic}'. Is the name right? It is consumed as soon as it exists."
            )
        if error.code() in _LOGGED_BY_LIBRDKAFKA:
            return logging.DEBUG, said
        hint = _HINTS.get(error.code())
        return logging.WARNING, f"{hint} - {said}" if hint else said
