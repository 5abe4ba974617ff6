# SPDX-License-Identifier: MIT
"""Binary parameters with psycopg 3, through Django's connection. Importing it raises ImportError where Django uses
another driver."""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql.psycopg_any import is_psycopg3

if not is_psycopg3:
    raise ImportError("Django has no psycopg 3")

import psycopg
from psycopg.adapt import Dumper, PyFormat
from psycopg.pq import Format


class BinaryArray:
    """A parameter: PostgreSQL's binary form of an array, whose type the statement says."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


class _BinaryDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: BinaryArray) -> bytes:
        return obj.data


class _LogDumper(Dumper):
    """For Django's log of queries, which shows values in the text where the server puts them in."""

    def dump(self, obj: BinaryArray) -> bytes:
        return b"an array of %d bytes" % len(obj.data)


def open_cursor(connection: Any) -> Any:
    """As Django's connection.cursor(), with its log and its execute_wrappers. But it is always the server that puts
    the values in, and parameters may be a BinaryArray."""
    connection.ensure_connection()
    raw = connection.connection
    _learn(raw.adapters)
    wrapped = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    return wrapped(psycopg.Cursor(raw))


def _learn(adapters: Any) -> None:
    try:
        adapters.get_dumper(BinaryArray, PyFormat.BINARY)
    except psycopg.ProgrammingError:
        adapters.register_dumper(BinaryArray, _BinaryDumper)
        adapters.register_dumper(BinaryArray, _LogDumper)
