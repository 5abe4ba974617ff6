# SPDX-License-Identifier: MIT
"""Dates, times, timestamps and durations: counted since 1970 or midnight, or as ISO 8601 has them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

from django.conf import settings as django_settings
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime, parse_duration, parse_time

from django_kafka.sync.convert.semantic import (
    DAY,
    MICRO,
    MILLI,
    NANO,
    SECOND,
    TIMES,
    TIMESTAMPS,
    UNITS,
    Modes,
    Semantic,
)
from django_kafka.sync.convert.unfit import Unfit

_EPOCH = dt.datetime(1970, 1, 1)
_EPOCH_DAY = dt.date(1970, 1, 1)
_DAY = dt.timedelta(days=1)
_YEAR_1 = _EPOCH_DAY.toordinal()
# What one value of a unit counts, where the connector was told to use it for all of them.
# How PostgreSQL's Java driver, and so Debezium, says infinity, whatever the number counts.
_INFINITE = frozenset({9_223_372_036_825_200_000, -9_223_372_036_832_400_000})
_MODES = {"connect": MILLI, "microseconds": MICRO, "nanoseconds": NANO, "adaptive_time_microseconds": None}


def date_of(semantic: Semantic, modes: Modes) -> Callable[[Any], Any]:
    """For a DateField."""
    unit = UNITS.get(semantic.name)
    days = unit is None or unit == DAY

    def convert(value: Any) -> Any:
        if days and type(value) is int and -_YEAR_1 < value < _YEAR_1:
            return dt.date.fromordinal(_YEAR_1 + value)
        if isinstance(value, dt.datetime):
            return value.date()
        if isinstance(value, dt.date):
            return value
        try:
            if _is_count(value) and (days or value not in _INFINITE):
                return (_EPOCH + _elapsed(value, unit)).date() if unit else _EPOCH_DAY + dt.timedelta(days=value)
            if isinstance(value, str):
                found = parse_date(value[:-1] if value.endswith("Z") else value)
                if found is None and (moment := parse_datetime(value)) is not None:
                    return moment.date()
                if found is not None:
                    return found
        except (ValueError, OverflowError):
            pass
        raise Unfit("a date of the years 1 to 9999 (days since 1970-01-01, or ISO 8601)")

    return convert


def datetime_of(semantic: Semantic, modes: Modes) -> Callable[[Any], Any]:
    """For a DateTimeField. What has no time zone is in UTC if the project uses time zones, else it stays."""
    unit = UNITS.get(semantic.name) or _MODES.get(modes.time)

    def convert(value: Any) -> Any:
        try:
            if type(value) is str:
                value = _parse_moment(value)
            elif _is_count(value) and value not in _INFINITE:
                counted: dt.datetime = _EPOCH + _elapsed(value, unit or _guess_timestamp(value))
                return counted.replace(tzinfo=dt.UTC) if django_settings.USE_TZ else counted
            if isinstance(value, dt.datetime):
                return _in_project_zone(value)
            if isinstance(value, dt.date):
                return _in_project_zone(dt.datetime(value.year, value.month, value.day))
        except (ValueError, OverflowError):
            pass
        raise Unfit("a timestamp of the years 1 to 9999 (a count since 1970-01-01, or ISO 8601)")

    return convert


def time_of(semantic: Semantic, modes: Modes) -> Callable[[Any], Any]:
    """For a TimeField."""
    unit = TIMES.get(semantic.name) or TIMESTAMPS.get(semantic.name) or _MODES.get(modes.time)
    if unit is None and modes.time == "adaptive_time_microseconds":
        unit = MICRO

    def convert(value: Any) -> Any:
        if isinstance(value, dt.time):
            return value if value.tzinfo is None else _utc_time(value)
        if isinstance(value, dt.datetime):
            return value.time()
        if _is_count(value):
            nanos = value * (unit or _guess_time(value))
            if semantic.name in TIMESTAMPS:
                nanos %= DAY
            if 0 <= nanos < DAY:
                return (_EPOCH + dt.timedelta(microseconds=nanos // 1_000)).time()
        elif isinstance(value, str) and not value.startswith("24"):
            try:
                return _utc_time(dt.time.fromisoformat(value))
            except ValueError:
                found = parse_time(value)
                if found is not None:
                    return found
        raise Unfit("a time of day before 24:00 (a count since midnight, or ISO 8601)")

    return convert


def duration_of(semantic: Semantic, modes: Modes) -> Callable[[Any], Any]:
    """For a DurationField."""
    unit = UNITS.get(semantic.name, MICRO)

    def convert(value: Any) -> Any:
        if isinstance(value, dt.timedelta):
            return value
        try:
            if _is_count(value):
                return _elapsed(value, unit)
            if isinstance(value, str):
                found = _parse_interval(value)
                if found is None:
                    found = parse_duration(value)
                if found is not None:
                    return found
        except (ValueError, OverflowError):
            pass
        raise Unfit("a duration (microseconds, or ISO 8601)")

    return convert


def natural(semantic: Semantic, modes: Modes) -> Callable[[Any], Any] | None:
    """What a count of time is called in Python, for fields that are not of time; None for no count of time."""
    if semantic.name in TIMESTAMPS:
        return datetime_of(semantic, modes)
    if semantic.name in TIMES:
        return time_of(semantic, modes)
    unit = UNITS.get(semantic.name)
    if unit is None:
        return None
    return date_of(semantic, modes) if unit == DAY else duration_of(semantic, modes)


def _is_count(value: Any) -> bool:
    return type(value) is int or (isinstance(value, int) and not isinstance(value, bool))


def _elapsed(value: int, unit: int) -> dt.timedelta:
    if unit == DAY:
        return value * _DAY
    return dt.timedelta(microseconds=value * unit // 1_000)


# The last moment that a datetime can hold, in microseconds: what is more is in nanoseconds.
_MOST_MICROS = 253_402_300_800_000_000


def _guess_timestamp(value: int) -> int:
    """The unit that makes a date of our times of it: milliseconds until the year 5138, then microseconds."""
    size = abs(value)
    if size < 100_000_000_000_000:
        return MILLI
    return MICRO if size < _MOST_MICROS else NANO


def _guess_time(value: int) -> int:
    """The coarsest unit in which it is within a day, or is 24:00."""
    return MILLI if value <= DAY // MILLI else MICRO if value <= DAY // MICRO else NANO


def _parse_moment(value: str) -> Any:
    """A datetime, from a text with up to nine digits of a second."""
    if value[10:11] in ("+", "-"):
        return None  # an offset behind a date alone, which fromisoformat() takes for a time
    try:
        return dt.datetime.fromisoformat(value)
    except ValueError:
        pass
    found = parse_datetime(_FRACTION.sub(r"\1", value))
    if found is None and (day := parse_date(value)) is not None:
        return day
    return found


_FRACTION = re.compile(r"(\.\d{6})\d+")


def _in_project_zone(value: dt.datetime) -> dt.datetime:
    if django_settings.USE_TZ:
        if value.tzinfo is None:
            return value.replace(tzinfo=dt.UTC)
        if value.tzinfo is not dt.UTC:
            value.astimezone(dt.UTC)  # OverflowError: PostgreSQL has such a year, Python does not
        return value
    if value.tzinfo is None:
        return value
    return timezone.make_naive(value, timezone.get_default_timezone())


def _utc_time(value: dt.time) -> dt.time:
    """Without a zone: what has one is moved to UTC, as Debezium writes it."""
    offset = value.utcoffset()
    if offset is None:
        return value.replace(tzinfo=None)
    moved: dt.datetime = dt.datetime.combine(_EPOCH_DAY + _DAY, value.replace(tzinfo=None)) - offset
    return moved.time()


_INTERVAL = re.compile(
    r"(?P<sign>[+-]?)P(?:(?P<Y>[+-]?\d+)Y)?(?:(?P<M>[+-]?\d+)M)?(?:(?P<W>[+-]?\d+)W)?(?:(?P<D>[+-]?\d+)D)?"
    r"(?:T(?:(?P<h>[+-]?\d+)H)?(?:(?P<m>[+-]?\d+)M)?(?:(?P<s>[+-]?\d+(?:\.\d+)?)S)?)?"
)


def _parse_interval(value: str) -> dt.timedelta | None:
    """`P1Y2M3DT4H5M6.789S`. A year has 365 days and a month 30, as Django reads PostgreSQL's intervals."""
    match = _INTERVAL.fullmatch(value)
    if match is None:
        return None
    part = {name: match[name] or "0" for name in "YMWDhm"}
    days = int(part["Y"]) * 365 + int(part["M"]) * 30 + int(part["W"]) * 7 + int(part["D"])
    whole, _, fraction = (match["s"] or "0").partition(".")
    micros = int((fraction + "000000")[:6]) * (-1 if whole.startswith("-") else 1)
    seconds = int(whole or 0)
    found = dt.timedelta(days, seconds, micros, 0, int(part["m"]), int(part["h"]))
    return -found if match["sign"] == "-" else found


__all__ = ["SECOND", "date_of", "datetime_of", "duration_of", "natural", "time_of"]
