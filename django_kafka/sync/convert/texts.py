# SPDX-License-Identifier: MIT
"""Texts, bytes, UUIDs and JSON."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import decimal
import ipaddress
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import JSONField, TextField, Value
from django.db.models.functions import Cast

from django_kafka.sync.convert import times
from django_kafka.sync.convert.exact_json import document_of, read_document
from django_kafka.sync.convert.numbers import exact
from django_kafka.sync.convert.semantic import BITS, DECIMALS, JSON, VARIABLE_DECIMAL, Modes, Semantic
from django_kafka.sync.convert.unfit import Unfit


def text_of(semantic: Semantic, modes: Modes, most: int | None) -> Callable[[Any], Any]:
    """For a CharField or TextField of at most so many characters, where its database has a limit."""
    expected = "a text" if most is None else f"a text of at most {most} characters"
    parse = times.natural(semantic, modes)
    if semantic.name in DECIMALS or semantic.name == VARIABLE_DECIMAL:
        parse = _decimal_text(semantic)

    def convert(value: Any) -> Any:
        if type(value) is not str:
            value = _written(value)
        elif parse is None:
            if most is not None and len(value) > most:
                raise Unfit(expected)
            return value
        if parse is not None:
            value = str(parse(value))
        if value is None or (most is not None and len(value) > most):
            raise Unfit(expected)
        return value

    def _written(value: Any) -> Any:
        if parse is not None or isinstance(value, str):
            return value
        if isinstance(value, _PRINTED):
            return str(value)
        raise Unfit(expected)

    return convert


# What a text column may hold in its own words.
_PRINTED = (int, float, decimal.Decimal, uuid.UUID, dt.date, dt.time, dt.timedelta)


def _decimal_text(semantic: Semantic) -> Callable[[Any], Any]:
    def convert(value: Any) -> str:
        try:
            return format(exact(value, semantic), "f")
        except (ValueError, TypeError, KeyError, ArithmeticError):
            raise Unfit("a decimal number") from None

    return convert


def binary_of(semantic: Semantic, modes: Modes) -> Callable[[Any], Any]:
    """For a BinaryField: bytes, or their text in base64 (the url-safe alphabet too) or in hexadecimal digits."""

    def convert(value: Any) -> Any:
        if isinstance(value, (bytes, bytearray, memoryview)):
            return bytes(value)
        if isinstance(value, str):
            try:
                return bytes.fromhex(value) if modes.binary == "hex" else _unbase64(value)
            except (ValueError, binascii.Error):
                if not modes.binary and value:
                    try:
                        return bytes.fromhex(value)
                    except ValueError:
                        pass
        raise Unfit("bytes, or their base64" if modes.binary != "hex" else "bytes, or their hexadecimal digits")

    return convert


def _unbase64(value: str) -> bytes:
    return base64.b64decode(value.replace("-", "+").replace("_", "/"), validate=True)


def bits_of(semantic: Semantic, modes: Modes, width: int | None) -> Callable[[Any], Any]:
    """For a column of so many bits: a text of 0 and 1. width: None if they may be fewer.

    Debezium writes them as bytes, the last bit first, and a single one as a boolean. How many zeros the text began
    with is not in the bytes."""
    packed = semantic.name == BITS or modes.debezium

    def convert(value: Any) -> Any:
        if isinstance(value, str) and not packed and not value.strip("01"):
            return value
        try:
            if isinstance(value, str):
                value = _unbase64(value)
            if isinstance(value, (bytes, bytearray)):
                value = int.from_bytes(value, "little") if value or width else ""
        except (ValueError, binascii.Error):
            value = None
        if value == "":
            return value
        if not isinstance(value, int) or value < 0 or (width is not None and value.bit_length() > width):
            raise Unfit("bits" if width is None else f"{width} bits")
        return format(int(value), f"0{width or 1}b")

    return convert


def address_of(semantic: Semantic, modes: Modes, field: Any, has_networks: bool) -> Callable[[Any], Any]:
    """For a GenericIPAddressField. has_networks: its column can hold an address with its network's mask, which Django
    reads and does not write."""

    def convert(value: Any) -> Any:
        try:
            address = ipaddress.ip_interface(value) if isinstance(value, str) else None
        except ValueError:
            address = None
        if address is None or ("/" in value and not has_networks):
            raise Unfit("an IP address")
        return Cast(Value(value, TextField()), field) if "/" in value else value

    return convert


def uuid_of(semantic: Semantic, modes: Modes) -> Callable[[Any], Any]:
    """For a UUIDField."""

    def convert(value: Any) -> Any:
        if isinstance(value, uuid.UUID):
            return value
        try:
            if isinstance(value, str):
                return uuid.UUID(value)
            if isinstance(value, (bytes, bytearray)) and len(value) == 16:
                return uuid.UUID(bytes=bytes(value))
        except ValueError:
            pass
        raise Unfit("a UUID")

    return convert


def json_of(semantic: Semantic, modes: Modes, field: Any) -> Callable[[Any], Any]:
    """For a JSONField. Debezium's are texts of JSON; others are values already, unless a text is an object, a list or
    a quoted text."""
    always = semantic.name == JSON or modes.debezium

    def convert(value: Any) -> Any:
        if isinstance(value, (bytes, bytearray)):
            try:
                value = value.decode()
            except UnicodeError:
                raise Unfit("JSON") from None
        if not isinstance(value, str):
            return document_of(dict(value) if isinstance(value, Mapping) else value, field)
        if always or value.lstrip()[:1] in ("{", "[", '"'):
            try:
                parsed = read_document(value, field)
            except Unfit:
                raise
            except (ValueError, RecursionError):
                if semantic.name == JSON:
                    raise Unfit("JSON") from None
                return value
            return Value(None, JSONField()) if parsed is None else parsed
        return value

    return convert
