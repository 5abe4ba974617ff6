# SPDX-License-Identifier: MIT
"""Kinds of settings: what a value has to be, for the checks and for the table in docs/settings.md."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django_kafka.conf.loading import load
from django_kafka.conf.shown import quoted, shown
from django_kafka.exceptions import ConfigurationError
from django_kafka.logs.clean import repr_of
from django_kafka.retry.settings import RetrySettings


@dataclass(frozen=True)
class Kind:
    """what: in one or two words. check: gives what is wrong with a value, None if nothing is. id: of the check's
    message."""

    what: str
    check: Callable[[Any], str | None]
    id: str = "E003"


def instance(types: type | tuple[type, ...], what: str, *, or_none: bool = False) -> Kind:
    """Values of one of these types."""
    what = f"{what} or None" if or_none else what

    def check(value: Any) -> str | None:
        if (or_none and value is None) or (isinstance(value, types) and not _is_stray_bool(value, types)):
            return None
        return f"must be {what}, not {shown(value)}"

    return Kind(what, check)


def _is_stray_bool(value: Any, types: type | tuple[type, ...]) -> bool:
    return isinstance(value, bool) and bool not in (types if isinstance(types, tuple) else (types,))


def mapping_of(options: Iterable[Any]) -> Kind:
    """A dict with some of these keys: Option objects."""
    known = {option.name: option for option in options}

    def check(value: Any) -> str | None:
        if not isinstance(value, Mapping):
            return f"must be a dict, not {shown(value)}"
        if unknown := [f"{repr_of(key)}{near(str(key), known)}" for key in value if key not in known]:
            return f"has unknown keys: {', '.join(unknown)}"
        for name, option in known.items():
            if name in value and (wrong := option.kind.check(value[name])) is not None:
                return f"{name!r} {wrong}"
        return None

    return Kind("a dict", check)


def near(key: str, names: Iterable[str], cutoff: float = 0.6) -> str:
    """The name that was probably meant, for the end of a sentence."""
    by_folded = {name.lower().replace("-", "_"): name for name in names}
    found = difflib.get_close_matches(key.lower().replace("-", "_"), by_folded, n=1, cutoff=cutoff)
    return f" (did you mean {by_folded[found[0]]!r}?)" if found else ""


def _suffix(value: Any) -> str | None:
    if isinstance(value, str) and value and all(c.isascii() and (c.isalnum() or c in "._-") for c in value):
        return None
    return f"must be a part of a topic name (letters, digits, '.', '_', '-'), not {quoted(value)}"


def _seconds(value: Any) -> str | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
        return None
    return f"must be a number of seconds greater than zero, not {quoted(value)}"


def _seconds_or_zero(value: Any) -> str | None:
    return None if value == 0 and not isinstance(value, bool) else _seconds(value)


def _count(value: Any) -> str | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        return None
    return f"must be a whole number greater than zero, or None, not {quoted(value)}"


def _path(value: Any) -> str | None:
    if not isinstance(value, str):
        return f"must be a dotted path, not {quoted(value)}"
    try:
        loaded = load(value, "it")
    except ConfigurationError as error:
        return str(error).removeprefix("it: ").rstrip(".")
    return None if callable(loaded) else f"{quoted(value)} is not callable"


def _retry_rules(value: Any) -> str | None:
    if not value:
        return None
    if not isinstance(value, Mapping):
        return f"must be a dict of arguments for RetrySettings, not {shown(value)}"
    for name in ("include", "exclude"):
        if not isinstance(value.get(name, ()), (list, tuple, set, frozenset, type(None))):
            return f"{name} must be a list of exception classes, not {quoted(value[name])}"
    try:
        rules = RetrySettings(**value)
    except (TypeError, ValueError) as error:
        return str(error).removeprefix("RetrySettings.__init__() ")
    return retry_classes(rules)


def retry_classes(rules: Any) -> str | None:
    """What is wrong with `include` or `exclude`: isinstance() would say so with the first message that fails."""
    for name in ("include", "exclude"):
        for item in getattr(rules, name, None) or ():
            if not (isinstance(item, type) and issubclass(item, BaseException)):
                return f"{name} must be a list of exception classes; {repr_of(item)} is not one"
    return None


def _wait_or_fail(value: Any) -> str | None:
    return None if value in ("wait", "fail") else f"must be 'wait' or 'fail', not {quoted(value)}"


def _auth(value: Any) -> str | None:
    if value is None or callable(value) or (isinstance(value, tuple) and len(value) == 2):
        return None
    return "must be a tuple of user and password, or a requests.auth.AuthBase"


BOOL = instance(bool, "True or False")
TEXT = instance(str, "a string")
TEXT_OR_BOOL_OR_NONE = instance((str, bool), "a string or True or False", or_none=True)
CERTIFICATE = instance((str, tuple, list), "a string or a pair of strings", or_none=True)
TEXT_OR_NONE = instance(str, "a string", or_none=True)
DICT = instance(Mapping, "a dict")
DICT_OR_NONE = instance(Mapping, "a dict", or_none=True)
SECONDS = Kind("seconds", _seconds)
SECONDS_OR_ZERO = Kind("seconds", _seconds_or_zero)
SECONDS_OR_NONE = instance((int, float), "a number of seconds", or_none=True)
TIMEOUT = instance((int, float, tuple), "a number of seconds, a pair of them,", or_none=True)
TIMEDELTA = instance(timedelta, "a timedelta")
COUNT = Kind("a number or None", _count)
SUFFIX = Kind("a part of a topic name", _suffix)
PATH = Kind("a dotted path", _path, "E004")
RETRY_RULES = Kind("a dict or None", _retry_rules)
WAIT_OR_FAIL = Kind("a string", _wait_or_fail)
AUTH = Kind("a tuple, an AuthBase or None", _auth)
ANYTHING = Kind("anything", lambda _value: None)
