# SPDX-License-Identifier: MIT
"""How a consumer's messages travel: as directly as the methods that its class overrides allow.

This is the one place that answers whether a method of a consumer is overridden."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from django_kafka.consumer.sizes import size_of
from django_kafka.consumer.topics import Topics
from django_kafka.exceptions import ConfigurationError
from django_kafka.retry.topic import middle_of

F = TypeVar("F", bound=Callable[..., Any])

# The methods as this package defines them; anything else under their names is somebody's override (or a mock).
_own: set[int] = set()
_keep: list[Any] = []  # ids stay valid only as long as the functions live

# Overriding one of these takes the outcome of messages out of our hands: then messages are polled and offsets stored
# one by one, as the overriding code expects it.
OUTCOME_METHODS = ("poll", "process_message", "commit_offset")
# These are only called per message.
HANDLING_METHODS = ("consume", "get_topic")
# Between batches there is nothing to resume, unless something was paused or somebody wants to be called.
RESUME_METHOD = "resume_partitions"


def own(fn: F) -> F:
    """Decorator for methods whose effect the direct path has built in."""
    _own.add(id(fn))
    _keep.append(fn)
    return fn


class Path(Enum):
    """The ways through the loop, the fastest first; each is a file in paths/."""

    DIRECT = "each message goes straight to its topic's consume()"
    HOOKS = "each message goes through the consumer's own consume()"
    POLL = "one message at a time goes through the consumer's own poll(), process_message() and commit_offset()"


@dataclass(frozen=True)
class Plan:
    """The path of a consumer and why it is this one."""

    path: Path
    reasons: tuple[str, ...] = ()
    # Whether resume_partitions() is called between batches even if nothing is paused.
    always_resumes: bool = False
    # What is said of topics that take batches, or have transactions.
    topics: tuple[str, ...] = ()
    # Why the consumer cannot run so.
    refusal: str = ""

    def explain(self) -> str:
        """With the path's name, as kafka_explain says it."""
        return f"{self.path.name.lower()}: {self.in_words()}"

    def in_words(self) -> str:
        why = f" ({', '.join(self.reasons)})" if self.reasons else ""
        return "; ".join((f"{self.path.value}{why}", *self.topics))


def is_overridden(consumer: Any, name: str) -> bool:
    """Whether this object or its class has another method under this name than the package's."""
    return name in vars(consumer) or overrides(type(consumer), name)


def overrides(consumer_cls: type, name: str) -> bool:
    """Whether this class has another method under this name than the package's."""
    return any(id(vars(cls)[name]) not in _own for cls in consumer_cls.__mro__ if name in vars(cls))


def make_plan(consumer: Any, native: bool) -> Plan:
    """native: the consumer's client is the engine, not something in its place."""
    path, reasons = _choose(consumer, native)
    topics = getattr(consumer, "topics", None)
    topics = tuple(topics) if isinstance(topics, Topics) else ()
    refusal = _refuse_patterns(topics) or ("" if path is Path.DIRECT else _refuse(topics, reasons))
    said = tuple(words for topic in topics if (words := _describe(topic, path)))
    return Plan(path, reasons, is_overridden(consumer, RESUME_METHOD), said, refusal)


def plan_of(consumer_cls: type) -> Plan:
    """The plan of a consumer that is not made: making one makes a client, which connects."""
    return make_plan(object.__new__(consumer_cls), native=True)


def _choose(consumer: Any, native: bool) -> tuple[Path, tuple[str, ...]]:
    if not native:
        return Path.POLL, ("the client is not the engine's",)
    for names, path in ((OUTCOME_METHODS, Path.POLL), (HANDLING_METHODS, Path.HOOKS)):
        reasons = tuple(f"{name}() is overridden" for name in names if is_overridden(consumer, name))
        if reasons:
            return path, reasons
    return Path.DIRECT, ()


def _describe(topic: Any, path: Path) -> str:
    """How messages of a topic get to it, if that is not one by one."""
    words = []
    if topic.takes_batches is True:
        size = "one message at a time" if path is not Path.DIRECT else f"up to {size_of(topic)} messages at a time"
        words.append(f"consume_batch() gets {size}")
    if topic.offsets_in_database is True:
        words.append("in a transaction that stores their offsets")
    elif topic.atomic is True:
        words.append("in a transaction")
    name = type(getattr(topic, "topic_consumer", topic)).__name__
    return f"sink {name}: {', '.join(words)}" if words else ""


def _refuse_patterns(topics: tuple[Any, ...]) -> str:
    """Why nobody could read what these topics would put into retry topics; '' when somebody does."""
    for topic in topics:
        rules = topic.retry_settings
        if rules is not None and not rules.blocking:
            try:
                middle_of(topic)
            except ConfigurationError as error:
                return str(error)
    return ""


def _refuse(topics: tuple[Any, ...], reasons: tuple[str, ...]) -> str:
    """Why these topics cannot be served on another path than the direct one; '' when they can."""
    stored = [type(topic).__name__ for topic in topics if topic.offsets_in_database is True]
    if not stored:
        return ""
    return (
        f"{', '.join(stored)} stores offsets in the database, for which messages have to be handed out in batches: "
        f"{'; '.join(reasons)}."
    )
