# SPDX-License-Identifier: MIT
"""How to keep messages from being produced.

`from django_kafka import producer`, then `@producer.suppress`, `with producer.suppress(["topic"]):`, `unsuppress`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from contextvars import ContextVar
from types import TracebackType
from typing import Any, TypeVar, overload

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
