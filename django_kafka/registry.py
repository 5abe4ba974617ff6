# SPDX-License-Identifier: MIT
"""The registries behind `@kafka.consumers()` and `@kafka.connectors()`."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django_kafka.exceptions import ConfigurationError, DjangoKafkaError

if TYPE_CHECKING:
    from django_kafka.consumer import Consumer
    from django_kafka.topic import TopicConsumer

T = TypeVar("T")
C = TypeVar("C", bound=type)


class Registry(Generic[T]):
    """Classes by key, in the order of registration."""

    def __init__(self) -> None:
        self._classes: dict[str, type[T]] = {}

    def __call__(self, *classes: Any) -> Callable[[C], C]:
        """Decorator that registers a class: `@kafka.consumers()`, with the parentheses."""
        if classes:
            raise TypeError(
                f"{classes[0]!r} was not registered: the decorator is written with parentheses, "
                "@kafka.consumers() or @kafka.connectors()."
            )

        def decorate(cls: C) -> C:
            self.register(cls)
            return cls

        return decorate

    def __getitem__(self, key: str) -> type[T]:
        try:
            return self._classes[key]
        except KeyError:
            raise DjangoKafkaError(f"`{key}` is not registered.") from None

    def __iter__(self) -> Iterator[str]:
        yield from self._classes

    def __len__(self) -> int:
        return len(self._classes)

    def __contains__(self, item: object) -> bool:
        """Whether a class is registered; a key works too."""
        return item in self._classes.values() or (isinstance(item, str) and item in self._classes)

    def __bool__(self) -> bool:
        return True  # an empty registry is still a registry

    def get_key(self, cls: type[T]) -> str:
        return f"{cls.__module__}.{cls.__name__}"

    def register(self, cls: type[T]) -> None:
        """Errors: DjangoKafkaError when the key is taken."""
        key = self.get_key(cls)
        if key in self._classes:
            raise DjangoKafkaError(f"`{key}` is already registered.")
        self._classes[key] = cls


class ConnectorsRegistry(Registry[Any]):
    """Kafka Connect connectors, by their name in Kafka Connect."""

    def get_key(self, cls: Any) -> str:
        name: str = cls.name
        return name


class ConsumersRegistry(Registry["Consumer"]):
    """Consumers by dotted path; the retry consumer of one that needs it under the same key with `.retry`."""

    def register(self, cls: type[Consumer]) -> None:
        super().register(cls)
        if not hasattr(getattr(cls, "topics", None), "get_retryable"):
            return  # none, or no Topics(...): the system checks say so
        # Looked up late: the consumer modules import the root package, which makes this registry.
        build = importlib.import_module("django_kafka.retry.consumer").RetryConsumer.build
        try:
            retry_consumer = build(cls)
        except ConfigurationError:
            # The system checks say what is wrong, and a consumer like this does not start. An exception here would be
            # one of the import of the project's module, in all of its processes, behind a screen of traceback.
            return
        if retry_consumer is not None:
            self._classes[f"{self.get_key(cls)}.retry"] = retry_consumer

    def topic(self, topic_name: str) -> TopicConsumer | None:
        """The topic object of the first consumer, in the order of registration, that consumes this topic."""
        for consumer in self._classes.values():
            topics = getattr(consumer, "topics", None)
            if topics is None:
                continue
            try:
                topic: TopicConsumer = topics.get(topic_name=topic_name)
            except DjangoKafkaError:
                continue
            return topic
        return None
