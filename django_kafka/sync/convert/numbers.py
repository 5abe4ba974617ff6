# SPDX-License-Identifier: MIT
"""Booleans, integers, floats and decimals."""

from __future__ import annotations

import base64
import binascii
import decimal
import math
from collections.abc import Callable, Mapping
from typing import Any

from django_kafka.sync.convert.exact_json import Number
from django_kafka.sync.convert.semantic import BITS, DECIMALS, VARIABLE_DECIMAL, Modes, Semantic
from django_kafka.sync.convert.unfit import Unfit

_TRUE = frozenset({"true", "t", "1", "yes", "on"})
_FALSE = frozenset({"false", "f", "0", "no", "off"})


def boolean_of(semantic: Semantic, modes: Modes) -> Callable[[Any], Any]:
    """For a BooleanField."""

    def convert(value: Any) -> Any:
        if value is True or value is False:
            return value
        if isinstance(value, int) and value in (0, 1):
            return bool(value)
        if isinstance(value, str):
            text = value.lower()
            if text in _TRUE or text in _FALSE:
                return text in _TRUE
        if isinstance(value, (bytes, bytearray)) and len(value) == 1 and value[0] in (0, 1):  # bit(1)
            return bool(value[0])
        raise Unfit("a boolean")

    return convert


def integer_of(semantic: Semantic, modes: Modes, low: int | None, high: int | None) -> Callable[[Any], Any]:
    """For an integer field that holds low to high, where its database has limits."""
    expected = "an integer" if low is None or high is None else f"an integer of {low} to {high}"

    def convert(value: Any) -> Any:
        number = value if type(value) is int else _whole(value, semantic)
        if number is None or (low is not None and number < low) or (high is not None and number > high):
            raise Unfit(expected)
        return number

    return convert


def _whole(value: Any, semantic: Semantic) -> int | None:
    """The integer that the value is, None if it is none."""
    if isinstance(value, int):
        return int(value)
    try:
        if isinstance(value, (bytes, bytearray)) and semantic.name == BITS:
            return int.from_bytes(value, "little")
        if semantic.name == BITS and isinstance(value, str):
            return int.from_bytes(base64.b64decode(value, validate=True), "little")
        if semantic.name in DECIMALS or semantic.name == VARIABLE_DECIMAL:
            value = exact(value, semantic)
        if isinstance(value, str):
            return int(value) if len(value) <= _LONGEST else None
        if isinstance(value, Number):
            value = decimal.Decimal(value.text)
        if isinstance(value, decimal.Decimal) and value.adjusted() > _LONGEST:
            return None
        if isinstance(value, float | decimal.Decimal) and value == int(value):
            return int(value)
    except (ValueError, OverflowError, ArithmeticError):
        return None
    return None


_LONGEST = 100  # digits of a number that is worth parsing
_LONGEST_DECIMAL = 150_000  # characters: PostgreSQL has 147,455 digits


def float_of(semantic: Semantic, modes: Modes) -> Callable[[Any], Any]:
    """For a FloatField."""
    decimals = semantic.name in DECIMALS or semantic.name == VARIABLE_DECIMAL

    def convert(value: Any) -> Any:
        if type(value) is float:
            return value
        try:
            if decimals:
                value = exact(value, semantic)
            if not isinstance(value, bool) and isinstance(value, (int, float, str, decimal.Decimal)):
                found = float(value)
                if math.isinf(found) and _has_digits(value):
                    raise ValueError
                return found
        except (ValueError, OverflowError, ArithmeticError):
            pass
        raise Unfit("a number")

    return convert


def _has_digits(value: Any) -> bool:
    """Whether what became infinite was written out."""
    if isinstance(value, Number):
        value = value.text
    return not isinstance(value, float) and any(letter in "0123456789" for letter in str(value))


def decimal_of(semantic: Semantic, modes: Modes, places: int | None, digits: int | None) -> Callable[[Any], Any]:
    """For a DecimalField of so many digits, `places` of them behind the point."""
    typed = semantic.name in DECIMALS or semantic.name == VARIABLE_DECIMAL
    scale = places or 0
    context = decimal.Context(prec=digits or 1000)

    def parse(value: Any) -> decimal.Decimal:
        if typed:
            return exact(value, semantic)
        if isinstance(value, decimal.Decimal):
            return value
        if isinstance(value, bool):
            raise ValueError
        if isinstance(value, int):
            return decimal.Decimal(value)
        if isinstance(value, Number):
            return decimal.Decimal(value.text)
        if isinstance(value, float):
            return context.create_decimal(repr(value))
        if isinstance(value, (bytes, bytearray)):
            return unscaled(value, scale)
        if isinstance(value, Mapping):
            return exact(value, Semantic(VARIABLE_DECIMAL))
        return _from_text(value, scale, modes)

    def convert(value: Any) -> Any:
        try:
            number = parse(value)
        except (ValueError, TypeError, KeyError, ArithmeticError):
            raise Unfit("a decimal number") from None
        if not number.is_finite():
            raise Unfit("a decimal number: Django's DecimalField has neither NaN nor infinity")
        if digits is not None and _integral_digits(number) > digits - scale:
            raise Unfit(f"a decimal number with at most {digits - scale} digits before the point")
        return number

    return convert


def _integral_digits(number: decimal.Decimal) -> int:
    return number.adjusted() + 1 if number else 0


def _from_text(value: Any, scale: int, modes: Modes) -> decimal.Decimal:
    """A decimal in a text: written out, or the bytes of `unscaled` in base64, which JSON has for precise decimals.

    A text that can be both is written out if it has a point, and if nothing says that it is Debezium's."""
    if not isinstance(value, str) or len(value) > _LONGEST_DECIMAL:
        raise ValueError
    if modes.decimal in ("string", "double"):
        return decimal.Decimal(value)
    packed = _unpacked(value)
    if packed is not None and (modes.decimal == "precise" or modes.debezium):
        return unscaled(packed, scale)
    try:
        return decimal.Decimal(value)
    except ArithmeticError:
        if packed is None:
            raise
        return unscaled(packed, scale)


def _unpacked(value: str) -> bytes | None:
    try:
        return base64.b64decode(value, validate=True) or None
    except (ValueError, binascii.Error):
        return None


def unscaled(data: bytes | bytearray, scale: int) -> decimal.Decimal:
    """The number whose digits, without a point, are these bytes: two's complement, big-endian."""
    return (
        _EXACT.create_decimal((0, (0,), 0)) if not data else _scaled(int.from_bytes(data, "big", signed=True), scale)
    )


_EXACT = decimal.Context(prec=decimal.MAX_PREC, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)


def _scaled(number: int, scale: int) -> decimal.Decimal:
    return decimal.Decimal(number).scaleb(-scale, _EXACT)


def exact(value: Any, semantic: Semantic) -> decimal.Decimal:
    """The decimal behind a value of a decimal type: bytes, base64, {"scale", "value"}, or one already."""
    if isinstance(value, decimal.Decimal):
        return value
    if isinstance(value, Mapping):
        packed = value["value"]
        if isinstance(packed, str):
            packed = base64.b64decode(packed, validate=True)
        return unscaled(packed, int(value["scale"]))
    if isinstance(value, (bytes, bytearray)):
        return unscaled(value, semantic.scale or 0)
    if isinstance(value, str):
        if semantic.base == "string":
            return decimal.Decimal(value)
        packed = _unpacked(value)
        return decimal.Decimal(value) if packed is None else unscaled(packed, semantic.scale or 0)
    if isinstance(value, (int, float)) and not isinstance(value, bool):  # json.decimal.format=NUMERIC
        return decimal.Decimal(repr(value))
    raise ValueError
