# SPDX-License-Identifier: MIT
"""What an error of a database's driver says: the one place that reads SQLSTATE, and the numbers of MySQL and SQLite.

`error` is always Django's; the driver's is its cause.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.apps import apps
from django.db import InterfaceError, OperationalError

_POSTGRESQL = ("psycopg", "psycopg2")
_MYSQL = ("MySQLdb", "pymysql")


def state_of(error: BaseException) -> str | None:
    """PostgreSQL's SQLSTATE; None when the server has sent none."""
    cause = error.__cause__
    state: str | None = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    return state


def _number_of(error: BaseException) -> int:
    """MySQL's number of the error, or SQLite's without its extension; 0 for none."""
    cause = error.__cause__
    if _driver_of(error) == "sqlite3":
        return int(getattr(cause, "sqlite_errorcode", 0)) & 0xFF
    number = cause.args[0] if cause is not None and cause.args else 0
    return number if isinstance(number, int) else 0


def _driver_of(error: BaseException) -> str:
    return type(error.__cause__).__module__.partition(".")[0]


def names_outage(error: BaseException) -> bool:
    """Whether the server is away, or short of something. To look at the connection is not enough: at the end of a
    failed transaction.atomic() Django connects again."""
    driver = _driver_of(error)
    if driver == "sqlite3":
        return _number_of(error) in _SQLITE_AWAY
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    if driver in _POSTGRESQL:
        state = state_of(error)
        if state is None:  # not from the server: the connection was lost, or could not be made
            return isinstance(error, OperationalError) or "connection" in str(error.__cause__)
        return state[:2] in _POSTGRES_CLASSES or state in _POSTGRES_STATES
    return driver in _MYSQL and _number_of(error) in _MYSQL_AWAY


# Connection exceptions, insufficient resources (too many connections, disk full), system errors.
_POSTGRES_CLASSES = ("08", "53", "58")
# The server shuts down, was crashed by another backend, starts up; sessions that it ended for being idle.
_POSTGRES_STATES = ("57P01", "57P02", "57P03", "57P05", "25P03")
# Too many connections, server shutdown, host blocked, no connection, server gone, connection lost.
_MYSQL_AWAY = (1040, 1042, 1043, 1053, 1129, 1203, 2002, 2003, 2005, 2006, 2013, 2055, 4031)
_SQLITE_AWAY = (10, 13, 14)  # I/O error, disk full, cannot open


def names_read_only(error: BaseException) -> bool:
    """Whether the server takes no writes, as one that is not the primary any more. Drivers report it as an
    InternalError or as an OperationalError."""
    driver = _driver_of(error)
    if driver in _POSTGRESQL:
        return state_of(error) == "25006"
    if driver in _MYSQL:
        number = _number_of(error)
        return number in (1792, 1836) or (number == 1290 and bool(re.search("read.only", str(error), re.IGNORECASE)))
    return driver == "sqlite3" and _number_of(error) == 8


def names_conflict(error: BaseException) -> bool:
    """Whether another transaction was in the way: a deadlock, a serialization failure, a lock that did not come in
    time, SQLite's lock."""
    driver = _driver_of(error)
    if driver in _POSTGRESQL:
        return state_of(error) in ("40001", "40P01", "55P03") or _timed_out_at_a_lock(error)
    if driver in _MYSQL:
        return _number_of(error) in (1205, 1213, 3572)
    return driver == "sqlite3" and _number_of(error) in (5, 6)  # busy, locked


def _timed_out_at_a_lock(error: BaseException) -> bool:
    """PostgreSQL says only in the context of a statement's time-out that it waited for a row: `while updating tuple
    (0,1) in relation …`, in any language. A statement that is slow by itself has no such context."""
    if state_of(error) != "57014":
        return False
    context = getattr(getattr(error.__cause__, "diag", None), "context", None) or ""
    return bool(re.search(r"\(\d+,\d+\)", context))


def names_missing(error: BaseException) -> bool:
    """Whether a table, a column or a schema is not there."""
    state = state_of(error)
    if state is not None:
        return state in ("42P01", "42703", "3F000")
    if _driver_of(error) in _MYSQL:
        return _number_of(error) in (1054, 1146)
    return any(text in str(error) for text in ("no such table", "no such column", "has no column named"))


def names_unmigrated(error: BaseException) -> bool:
    """Whether what is not there is a model's: `migrate` has not run yet. What no model has is a mistake of the
    statement."""
    if not names_missing(error):
        return False
    return not _missing_name(str(error)).isdisjoint(_names_of_models())


# SQLite's words; other servers put the name between quotes of their language, or write table.column without any.
_OF_SQLITE = re.compile(r"(?:no such table: |no such column: |has no column named )(\S+)")
_QUOTED = [
    re.compile(rf"{begin}\s?([^{begin}{end}]+?)\s?{end}") for begin, end in ('""', "''", "»«", "«»", "„“", "“”")
]
_DOTTED = re.compile(r"\b\w+\.\w+\b")


def _missing_name(text: str) -> set[str]:
    """What an error says is not there: the parts of its name."""
    text = text.partition("\n")[0]
    if found := _OF_SQLITE.search(text):
        return {found[1].rpartition(".")[2].strip('"')}
    # Of a missing column the first name is meant; its table may follow.
    names = [match[1] for pattern in _QUOTED if (match := pattern.search(text)) and " " not in match[1]]
    names += _DOTTED.findall(text)[:1]
    return {name.rpartition(".")[2] for name in names}


def _names_of_models() -> Iterator[str]:
    for model in apps.get_models(include_auto_created=True):
        yield from model._meta.db_table.strip('"').split('"."')
        yield from (field.column for field in model._meta.local_concrete_fields)
