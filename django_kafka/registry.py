# SPDX-License-Identifier: MIT
"""The registries behind `@kafka.consumers()` and `@kafka.connectors()`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django_kafka import hooks
from django_kafka.exceptions import ConfigurationError, DjangoKafkaError, TopicNotRegisteredError

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

    def _complete(self) -> dict[str, type[T]]:
        """All classes, also those that follow from the registered ones."""
        return self._classes

    def __getitem__(self, key: str) -> type[T]:
        try:
            return self._complete()[key]
        except KeyError:
            raise DjangoKafkaError(f"`{key}` is not registered.") from None

    def __iter__(self) -> Iterator[str]:
        yield from self._complete()

    def __len__(self) -> int:
        return len(self._complete())

    def __contains__(self, item: object) -> bool:
        """Whether a class is registered; a key works too."""
        classes = self._complete()
        return item in classes.values() or (isinstance(item, str) and item in classes)

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

    def __init__(self) -> None:
        super().__init__()
        self._new: list[type[Consumer]] = []  # whose retry consumers are not built
        self._tried: list[type[Consumer]] = []  # whose retry consumers are, if they need one
        self._built: dict[str, type[Consumer]] = {}  # retry consumers

    def register(self, cls: type[Consumer]) -> None:
        super().register(cls)
        self._new.append(cls)
        self._complete()

    def _complete(self) -> dict[str, type[Consumer]]:
        """Build the missing retry consumers: at registration, or at the first look-up after Django was set up."""
        if self._new and (build := hooks.build_retry_consumer) is not None:
            new, self._new = self._new, []
            for cls in new:
                self._tried.append(cls)
                retry_consumer = _build(build, cls)
                if retry_consumer is not None:
                    self._insert(self.get_key(cls), retry_consumer)
        return self._classes

    def settings_changed(self) -> None:
        """Whether there is a retry consumer, and of which topics, follows from settings: forget those that are built.
        They are built again when somebody looks."""
        for key, retry_consumer in self._built.items():
            if self._classes.get(key) is retry_consumer:
                del self._classes[key]
        self._built.clear()
        known = list(self._classes.values())
        self._new = [cls for cls in (*self._tried, *self._new) if cls in known]
        self._tried = []

    def _insert(self, key: str, retry_consumer: type[Consumer]) -> None:
        """Behind its consumer, before those that were registered later."""
        classes = list(self._classes.items())
        self._classes.clear()
        for known, cls in classes:
            self._classes[known] = cls
            if known == key:
                self._classes[f"{key}.retry"] = self._built[f"{key}.retry"] = retry_consumer

    def topic(self, topic_name: str) -> TopicConsumer:
        """The topic object of the first consumer, in the order of registration, that consumes this topic.

        Errors: TopicNotRegisteredError when none does."""
        for consumer in self._complete().values():
            topics = getattr(consumer, "topics", None)
            if topics is None:
                continue
            try:
                topic: TopicConsumer = topics.get(topic_name=topic_name)
            except DjangoKafkaError:
                continue
            return topic
        raise TopicNotRegisteredError(f"No topic registered for `{topic_name}`")


def _build(build: Callable[[type[Consumer]], type[Consumer] | None], cls: type[Consumer]) -> type[Consumer] | None:
    if not hasattr(getattr(cls, "topics", None), "get_retryable"):
        return None  # none, or no Topics(...): the system checks say so
    try:
        return build(cls)
    except ConfigurationError:
        # The system checks say what is wrong, and a consumer like this does not start. An exception here would be one
        # of the import of the project's module, in all of its processes, behind a screen of traceback.
        return None
