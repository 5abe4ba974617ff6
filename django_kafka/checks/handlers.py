# SPDX-License-Identifier: MIT
"""Methods that are called with messages: whether they can be, and would run."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, Error

# What is called on a consumer, with how many arguments, if the class has its own.
CONSUMER_METHODS = {
    "consume": 1,
    "process_message": 1,
    "commit_offset": 1,
    "get_topic": 1,
    "handle_exception": 2,
    "blocking_retry": 3,
    "non_blocking_retry": 3,
    "retry_msg": 2,
    "dead_letter_msg": 2,
}


def wrong_method(method: Any, name: str, what: str, count: int = 1) -> Iterator[str]:
    """What is wrong with a method that is called with so many arguments; what: they are."""
    if (
        inspect.iscoroutinefunction(method)
        or inspect.isgeneratorfunction(method)
        or inspect.isasyncgenfunction(method)
    ):
        yield f"its {name}() is asynchronous or a generator (it contains yield), so it would not run"
        return
    try:
        inspect.signature(method).bind(*[None] * count)
    except TypeError as error:
        yield f"its {name}() cannot be called with {what} alone ({error})"
    except ValueError:
        return  # it does not tell what it takes


def check_handler(where: str, topic: Any) -> list[CheckMessage]:
    """consume() of a topic object."""
    return [
        Error(f"{where}: {wrong}.", hint="Write def consume(self, msg).", obj=type(topic), id="django_kafka.E041")
        for wrong in wrong_method(topic.consume, "consume", "a message")
    ]


def check_methods(key: str, cls: Any) -> list[CheckMessage]:
    """The methods that a consumer class overrides."""
    found = []
    for name, count in CONSUMER_METHODS.items():
        method = getattr(cls, name, None)
        if getattr(method, "__module__", "").startswith("django_kafka.") or not inspect.isfunction(method):
            continue
        for wrong in wrong_method(method, name, "what it is given", count + 1):
            found.append(Error(f"Consumer {key}: {wrong}.", obj=cls, id="django_kafka.E041"))
    return found
