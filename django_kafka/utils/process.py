# SPDX-License-Identifier: MIT
"""Things of which each process has its own: a Kafka client does not survive a fork."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")

_lock = threading.RLock()
# Objects with per_process values; a child forgets the values, whose threads and sockets stayed with the parent.
_holders: weakref.WeakKeyDictionary[Any, set[str]] = weakref.WeakKeyDictionary()


class per_process(Generic[T]):
    """A property made once per object and process, even when two threads ask at the same time.

    The value lies in the object's __dict__, so reading it again costs nothing, it can be replaced by assignment, and
    deleting the attribute makes the next access create a new one."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        self.make = make
        self.name = make.__name__
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, obj: None, owner: type) -> per_process[T]: ...
    @overload
    def __get__(self, obj: object, owner: type) -> T: ...
    def __get__(self, obj: object | None, owner: type) -> per_process[T] | T:
        if obj is None:
            return self
        with _lock:
            values = obj.__dict__
            if self.name not in values:
                values[self.name] = self.make(obj)
                _holders.setdefault(obj, set()).add(self.name)
            value: T = values[self.name]
            return value


def forget(obj: object, name: str, value: object) -> bool:
    """Have the next access make another value in place of this one. False: somebody else has done so."""
    with _lock:
        found = obj.__dict__.get(name) is value
        if found:
            del obj.__dict__[name]
        return found


_pid = os.getpid()


def forget_after_fork() -> None:
    """For a process that was forked without Python's knowledge, as uWSGI does: forget what the parent made. Does
    nothing in the process that made it, or where Python has seen the fork."""
    if os.getpid() != _pid:
        _forget_in_child()


def _forget_in_child() -> None:
    global _lock, _pid
    _pid = os.getpid()
    _lock = threading.RLock()  # another thread of the parent may have held it
    for obj, names in list(_holders.items()):
        for name in names:
            obj.__dict__.pop(name, None)


os.register_at_fork(after_in_child=_forget_in_child)
