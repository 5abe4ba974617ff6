# SPDX-License-Identifier: MIT
"""The producer of this process, and how to keep messages from being produced.

`from django_kafka import producer`, then `@producer.suppress`, `with producer.suppress(["topic"]):`, `unsuppress`.
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextvars import ContextVar
from types import TracebackType
from typing import Any, TypeVar, overload

from django_kafka import events
from django_kafka._native import ConfigError
from django_kafka._native import Producer as ConfluentProducer
from django_kafka.conf import NO_BROKERS, SETTINGS_KEY, Setting, has_brokers, load, settings, written_where
from django_kafka.logs.client import quieten
from django_kafka.logs.loggers import PRODUCER
from django_kafka.utils.process import per_process

quieten()

F = TypeVar("F", bound=Callable[..., Any])

# What is suppressed: None everything, else these topics.
_Scope = frozenset[str] | None


# The ranges that the caller is in, innermost last, each with what is suppressed inside of it.
_active: ContextVar[tuple[tuple[Suppression, _Scope], ...]] = ContextVar("django_kafka_suppression", default=())
# They are asked for with each message: none, nearly always.
active_suppressions = _active.get


class Suppression:
    """A range of code in which messages to some topics, or to all, are not produced: context manager and decorator.

    What is suppressed around a range is looked up when the range is entered, so nested ranges add up wherever their
    objects were made. An object can be entered again while it is active: recursively, by other threads or tasks. In a
    decorated generator or coroutine, the parts that run are covered, and nothing that runs in between.
    """

    def __init__(self, topics: list[str] | None = None, deactivate: bool = False) -> None:
        """topics: their names, None for all. deactivate: suppress nothing inside, whatever is suppressed outside."""
        if topics is not None and not isinstance(topics, list):
            raise ValueError(f"invalid producer suppression setting {topics}")
        self.topics = None if topics is None else frozenset(topics)
        self.deactivate = deactivate

    @classmethod
    def active(cls, topic: str | None = None) -> bool:
        """Whether messages to this topic are suppressed now; without a topic: whether all are."""
        ranges = _active.get()
        if not ranges:
            return False
        scope = ranges[-1][1]
        return scope is None or (topic is not None and topic in scope)

    def inside(self, outer: _Scope) -> _Scope:
        """What is suppressed inside this range, when `outer` is around it."""
        if self.deactivate:
            return frozenset()
        if self.topics is None or outer is None:
            return None
        return outer | self.topics

    def __enter__(self) -> Suppression:
        ranges = _active.get()
        outer = ranges[-1][1] if ranges else frozenset()
        _active.set((*ranges, (self, self.inside(outer))))
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        ranges = _active.get()
        if ranges and ranges[-1][0] is self:
            _active.set(ranges[:-1])
        else:
            _active.set(self._without_last(ranges))

    def _without_last(self, ranges: tuple[tuple[Suppression, _Scope], ...]) -> tuple[tuple[Suppression, _Scope], ...]:
        """The ranges that are left when this one ends before others that were entered later. (Generators do that.)"""
        entered = [suppression for suppression, _ in ranges]
        for index in range(len(entered) - 1, -1, -1):
            if entered[index] is self:
                del entered[index]
                break
        left: list[tuple[Suppression, _Scope]] = []
        scope: _Scope = frozenset()
        for suppression in entered:
            scope = suppression.inside(scope)
            left.append((suppression, scope))
        return tuple(left)

    def __call__(self, fn: F) -> F:
        """Decorate a function, coroutine function, generator function or asynchronous generator function."""
        if inspect.isasyncgenfunction(fn):
            wrapper = self._wrap_async_generator(fn)
        elif inspect.iscoroutinefunction(fn):
            wrapper = self._wrap_coroutine(fn)
        elif inspect.isgeneratorfunction(fn):
            wrapper = self._wrap_generator(fn)
        else:
            wrapper = self._wrap_function(fn)
        return functools.wraps(fn)(wrapper)  # type: ignore[return-value]

    def _wrap_function(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            with self:
                return fn(*args, **kwargs)

        return call

    def _wrap_coroutine(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            with self:
                return await fn(*args, **kwargs)

        return call

    def _wrap_generator(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            with self:
                inner = fn(*args, **kwargs)
            step: Callable[[], Any] = functools.partial(next, inner)
            while True:
                try:
                    with self:
                        item = step()
                except StopIteration as end:
                    return end.value
                try:
                    sent = yield item
                except GeneratorExit:
                    with self:
                        inner.close()
                    raise
                except BaseException as exc:
                    step = functools.partial(inner.throw, exc)
                else:
                    step = functools.partial(inner.send, sent)

        return call

    def _wrap_async_generator(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            with self:
                inner = fn(*args, **kwargs)
            step: Callable[[], Any] = inner.__anext__
            while True:
                try:
                    with self:
                        item = await step()
                except StopAsyncIteration:
                    return
                try:
                    sent = yield item
                except GeneratorExit:
                    with self:
                        await inner.aclose()
                    raise
                except BaseException as exc:
                    step = functools.partial(inner.athrow, exc)
                else:
                    step = functools.partial(inner.asend, sent)

        return call


@overload
def suppress(topics: F) -> F: ...
@overload
def suppress(topics: list[str] | None = None) -> Suppression: ...
def suppress(topics: Any = None) -> Any:
    """Do not produce: `@suppress`, `@suppress(["topic"])`, `with suppress():`, `with suppress(["topic"]):`."""
    if callable(topics):
        return Suppression()(topics)
    return Suppression(topics)


@overload
def unsuppress(fn: F) -> F: ...
@overload
def unsuppress(fn: None = None) -> Suppression: ...
def unsuppress(fn: Any = None) -> Any:
    """Produce although it is suppressed around: `@unsuppress`, `@unsuppress()`, `with unsuppress():`."""
    suppression = Suppression(deactivate=True)
    return suppression if fn is None else suppression(fn)


class Producer:
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
        return ConfluentProducer({**self._configuration, **options}, **direct)

    def __getattr__(self, name: str) -> Any:
        if name in ("config", "_configuration", "_options"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self._producer, name)

    def __len__(self) -> int:
        """How many messages are queued or on their way."""
        return len(self._producer)

    def __bool__(self) -> bool:
        return True

    def produce(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Queue a message for topic `name`, as the client's produce(), unless the topic is suppressed."""
        if not Suppression.active(name):
            self._producer.produce(name, *args, **kwargs)

    def produce_many(
        self,
        name: str,
        values: Sequence[bytes | str | None],
        keys: Sequence[bytes | str | None] | None = None,
        **kwargs: Any,
    ) -> int:
        """Queue a message per value, as the client's produce_many(). Returns how many: none while suppressed."""
        if Suppression.active(name):
            return 0
        return self._producer.produce_many(name, values, keys, **kwargs)

    def direct(self) -> ConfluentProducer | None:
        """The client, for topics that have looked at Suppression themselves; None when somebody has put produce() or
        the client in another's place and wants to see each call."""
        client = self._producer
        return client if type(client) is _CLIENT and type(self).produce is _PRODUCE else None

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
    factory = load(path, f"The error handler (setting ERROR_HANDLER) is {path!r}")
    return factory() if isinstance(path, str) or isinstance(factory, type) else factory
