# SPDX-License-Identifier: MIT
"""JSON whose numbers keep all their digits: Python's floats have 17 of them, PostgreSQL's jsonb has what is written.

A number that a float does not hold as it is written is a `Number`, a float that remembers its text. A document with
such numbers is a dict, list or float like any other to whoever looks at it, and is written by its text."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from django.db.models import JSONField, TextField, Value
from django.db.models.functions import Cast

from django_kafka.sync.convert.unfit import Unfit


class Number(float):
    """text: as the number was written."""

    text: str

    def __new__(cls, text: Any) -> Number:
        made = super().__new__(cls, text)
        made.text = str(text)
        return made

    def __repr__(self) -> str:
        return self.text


_SURE = 15  # digits that a float holds whatever they are


def _number(text: str) -> float:
    if len(text) <= _SURE and text[-1] != "0" and "e" not in text and "E" not in text:
        return float(text)
    found = float(text)
    return found if repr(found) == text else Number(text)


def _integer(text: str) -> int | Number:
    try:
        return int(text)
    except ValueError:  # more digits than Python reads
        return Number(text)


def _refuse(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


_MESSAGES = json.JSONDecoder(parse_float=_number)  # NaN and infinity, too: FloatFields have them
_MESSAGES_OF_LONG_NUMBERS = json.JSONDecoder(parse_float=_number, parse_int=_integer)
_DOCUMENTS = json.JSONDecoder(parse_float=_number, parse_int=_integer, parse_constant=_refuse)


def read_message(data: bytes) -> Any:
    """What json.loads() makes of UTF-8. Errors: ValueError."""
    text = data.decode()
    try:
        return _MESSAGES.decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:
        return _MESSAGES_OF_LONG_NUMBERS.decode(text)


# What may make a Number of a number.
_SUSPECT = re.compile(r"\d[eE]|0(?![\d.])|[\d.]{16}")


def read_document(text: str, field: Any) -> Any:
    """A document for this JSONField. Errors: ValueError, RecursionError."""
    if getattr(field, "decoder", None) is not None:
        return json.loads(text, cls=field.decoder)
    found = _DOCUMENTS.decode(text)
    if _SUSPECT.search(text) and _has_numbers(found) and _writes_itself(field):
        return _exact(found, text, field)
    return found


def document_of(value: Any, field: Any) -> Any:
    """What a JSONField holds of a value that is no text. Errors: Unfit."""
    if _has_numbers(value) and _writes_itself(field):
        return _exact(value, _text(value, getattr(field, "encoder", None)), field)
    return value


def _has_numbers(value: Any) -> bool:
    """Whether there is a Number in it. Errors: Unfit when there is one that JSON does not have, or that no query of
    Django's could read."""
    if isinstance(value, (dict, list, tuple)):
        found = False
        for item in value.values() if isinstance(value, dict) else value:
            found |= _has_numbers(item)
        return found
    if type(value) is float and not math.isfinite(value):
        raise Unfit("JSON, which has neither NaN nor infinity")
    if type(value) is not Number:
        return False
    if value.text.lstrip("-").isdigit():
        raise Unfit("JSON whose integers have no more digits than Python reads")
    return True


def _text(value: Any, encoder: Any) -> str:
    if isinstance(value, Number):
        return value.text
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(str(k))}:{_text(v, encoder)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(_text(item, encoder) for item in value) + "]"
    return json.dumps(value, cls=encoder)


_WRITERS = ("get_prep_value", "get_db_prep_value", "get_db_prep_save")


def _writes_itself(field: Any) -> bool:
    """Whether the field's values are written by Django alone."""
    return field is not None and all(
        getattr(type(field), name).__module__.startswith("django.db.models.") for name in _WRITERS
    )


# ---- documents that are written by their text ----------------------------------------------------------------------


class _Exact:
    """What Django's compilers ask for an expression, and everybody else takes for the document."""

    text: str
    field: Any

    def resolve_expression(self, *args: Any, **kwargs: Any) -> Any:
        """The text, unless somebody has changed the document since."""
        if _DOCUMENTS.decode(self.text) != self:
            return Value(_PLAIN[type(self)](self), JSONField()).resolve_expression(*args, **kwargs)
        return Cast(Value(self.text, TextField()), self.field).resolve_expression(*args, **kwargs)


class _ExactDict(_Exact, dict[str, Any]):
    pass


class _ExactList(_Exact, list[Any]):
    pass


class _ExactNumber(_Exact, Number):
    pass


_PLAIN: dict[type, type] = {_ExactDict: dict, _ExactList: list, _ExactNumber: float}


def _exact(value: Any, text: str, field: Any) -> Any:
    made: Any
    if isinstance(value, dict):
        made = _ExactDict(value)
    elif isinstance(value, (list, tuple)):
        made = _ExactList(value)
    else:
        made = _ExactNumber(text)
    made.text, made.field = text, field
    return made
