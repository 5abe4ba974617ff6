# SPDX-License-Identifier: MIT
"""The producer of this process. With it come the names of suppression.py: `producer.suppress`, as a project writes
it."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

from django_kafka import events
from django_kafka._native import ConfigError, ForkedError
from django_kafka._native import Producer as ConfluentProducer
from django_kafka.attendant import attend
from django_kafka.conf import NO_BROKERS, SETTINGS_KEY, Setting, has_brokers, load, settings, written_where
from django_kafka.conf.shown import quoted
from django_kafka.exceptions import DjangoKafkaError, is_fatal
from django_kafka.logs.client import quieten
from django_kafka.logs.loggers import PRODUCER
from django_kafka.suppression import Suppression, active_suppressions, suppress, unsuppress
from django_kafka.utils.leaving import retire_before_leaving
from django_kafka.utils.process import forget, forget_after_fork, per_process

if TYPE_CHECKING:
    from django_kafka._native import _ProducerClient
    from django_kafka.keywords import DeliveryCallback, Headers, RecordOptions
else:
    _ProducerClient = object

__all__ = ["Producer", "Suppression", "active_suppressions", "make_error_handler", "suppress", "unsuppress"]

quieten()

# How long the reports of a client that has failed for good may take (seconds).
LAST_REPORTS_SECONDS = 5.0


class Producer(_ProducerClient):
    """A Kafka producer, configured by the settings. Whatever is not defined here is the client's (flush, poll, ...).

    It can be used from several threads, and goes on working after a fork: the child makes a client of its own, while
    what is queued stays with the parent."""

    config: dict[str, Any]
    default_logger: logging.Logger = PRODUCER
    default_error_handler: Setting[str] | str = Setting[str]("ERROR_HANDLER")

    def __init__(self, config: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """config: wins over the settings and the class. kwargs go to the client; logger and error_cb have defaults.

        Errors: what the client finds wrong with the configuration."""
        kwargs.setdefault("logger", self.default_logger)
        kwargs.setdefault("error_cb", make_error_handler(self.default_error_handler))
        self._configuration = {
            "client.id": settings.CLIENT_ID,
            **settings.GLOBAL_CONFIG,
            **settings.PRODUCER_CONFIG,
            **getattr(self, "config", {}),
            **(config or {}),
        }
        self._options = kwargs
        try:
            _ = self._producer  # a wrong configuration shows here, not at the first message
        except ConfigError as error:
            error.add_note(
                f"The configuration of {type(self).__qualname__} is wrong{self._written_where(error, config)}."
            )
            raise
        if not has_brokers(self._configuration):
            events.PRODUCER_WITHOUT_BROKERS.tell(self.default_logger, reason=NO_BROKERS)

    def _written_where(self, error: Exception, argument: dict[str, Any] | None) -> str:
        layers = [
            (f"{SETTINGS_KEY}['{name}']", getattr(settings, name)) for name in ("GLOBAL_CONFIG", "PRODUCER_CONFIG")
        ]
        own = (f"{type(self).__qualname__}.config", getattr(self, "config", {}))
        return written_where(error, [*layers, own, ("its argument `config`", argument or {})])

    @per_process
    def _producer(self) -> ConfluentProducer:
        options = dict(self._options)
        direct = {name: options.pop(name) for name in ("logger", "max_block") if name in options}
        _CLIENT.limit_exit_flush(settings.EXIT_FLUSH_SECONDS)
        retire_before_leaving(self, settings.EXIT_FLUSH_SECONDS)
        client = ConfluentProducer({**self._configuration, **options}, **direct)
        if type(client) is _CLIENT:
            attend(client)
        return client

    if not TYPE_CHECKING:  # who know the client's methods, and find those that are misspelt

        def __getattr__(self, name: str) -> Any:
            if name in ("config", "_configuration", "_options"):
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            forget_after_fork()
            return getattr(self._producer, name)

    def __len__(self) -> int:
        """How many messages are queued or on their way."""
        forget_after_fork()
        return len(self._producer)

    def __bool__(self) -> bool:
        return True

    if TYPE_CHECKING:

        def produce(
            self,
            name: str,
            value: bytes | str | None = None,
            key: bytes | str | None = None,
            partition: int = -1,
            callback: DeliveryCallback | None = None,
            on_delivery: DeliveryCallback | None = None,
            timestamp: int = 0,
            headers: Headers = None,
        ) -> None: ...

    else:

        def produce(self, name: str, *args: Any, **kwargs: Any) -> None:
            """Queue a message for topic `name`, as the client's produce(), unless the topic is suppressed."""
            if Suppression.active(name):
                return
            client = self._producer
            try:
                client.produce(name, *args, **kwargs)
            except Exception as error:
                self.go_on_after(error, client).produce(name, *args, **kwargs)

    def produce_many(
        self,
        name: str,
        values: Sequence[bytes | str | None],
        keys: Sequence[bytes | str | None] | None = None,
        **kwargs: Unpack[RecordOptions],
    ) -> int:
        """Queue a message per value, as the client's produce_many(). Returns how many: none while suppressed."""
        if Suppression.active(name):
            return 0
        client = self._producer
        try:
            return client.produce_many(name, values, keys, **kwargs)
        except Exception as error:
            another, done = self.go_on_after(error, client), getattr(error, "queued", 0)
            rest = keys[done:] if keys is not None else None
            return done + another.produce_many(name, values[done:], rest, **kwargs)

    def produce_batch(self, topic: str, messages: list[dict[str, Any]], **kwargs: Any) -> int:
        """Queue a message per dict, as the client's produce_batch(). Returns how many: none while suppressed."""
        if Suppression.active(topic):
            return 0
        client = self._producer
        queued = client.produce_batch(topic, messages, **kwargs)
        refused = [message for message in messages if is_fatal(DjangoKafkaError(message.get("_error")))]
        if refused:
            another = self.go_on_after(DjangoKafkaError(refused[0]["_error"]), client)
            for message in refused:
                del message["_error"]
            queued += another.produce_batch(topic, refused, **kwargs)
        return queued

    def direct(self) -> ConfluentProducer | None:
        """The client, for topics that have looked at Suppression themselves; None when somebody has put produce() or
        the client in another's place and wants to see each call."""
        client = self._producer
        return client if type(client) is _CLIENT and type(self).produce is _PRODUCE else None

    def go_on_after(self, error: Exception, client: ConfluentProducer) -> ConfluentProducer:
        """The client that takes what `client` has refused with this error, because it is another process's, or has
        failed for good.

        What the failed one had taken is reported by it: callbacks and the log tell what did not arrive, and nothing
        of it is sent again. With a transactional.id the caller has to know, since a transaction was lost.
        Errors: `error`, when it is the message's or the caller's; what a callback raises, then nothing was taken."""
        if isinstance(error, ForkedError):
            forget_after_fork()
            return self._producer
        if not is_fatal(error):
            raise error
        if forget(self, "_producer", client):
            events.PRODUCER_FAILED.tell(self.default_logger, error=error.args[0])
            self._give_up(client)
        if "transactional.id" in self._configuration:
            raise error
        return self._producer

    def _give_up(self, client: ConfluentProducer) -> None:
        """Have a client that has failed for good tell what became of its messages."""
        first: Exception | None = None
        deadline = time.monotonic() + LAST_REPORTS_SECONDS
        while time.monotonic() < deadline:
            try:
                client.close(LAST_REPORTS_SECONDS)
                break
            except Exception as error:
                if first is None and not is_fatal(error):  # that it has failed is known
                    first = error
        if first is not None:
            raise first

    def retire(self, timeout: float = 5.0) -> None:
        """Send what is queued, because nobody will ask this object again. Logs what could not be sent."""
        client = self.__dict__.get("_producer")
        left = client.flush(timeout) if client else 0
        if left:
            events.PRODUCER_NOT_FLUSHED.tell(self.default_logger, count=left, seconds=timeout)


_CLIENT = ConfluentProducer
_PRODUCE = Producer.produce


def make_error_handler(path: Any) -> Any:
    """The callable behind ERROR_HANDLER: what calling the class (or factory) at the dotted path gives.

    Errors: ConfigurationError when it cannot be imported."""
    factory = load(path, f"The error handler (setting ERROR_HANDLER) is {quoted(path)}")
    return factory() if isinstance(path, str) or isinstance(factory, type) else factory
