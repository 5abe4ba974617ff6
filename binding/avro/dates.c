/* SPDX-License-Identifier: MIT
 *
 * Dates, times and datetimes: from the numbers that stand for them, and back.
 */
#include "avro/decode.h"
#include "avro/encode.h"

#include <time.h>

/* ---- from Avro ---- */

typedef struct civil {
    int year, month, day;
} civil;

/* The date that is so many days after 1970-01-01; false outside the years 1 to 9999. */
static bool
civil_of(int64_t days, civil *out)
{
    int64_t era, year;
    unsigned doe, yoe, doy, mp;

    if (days < -719162 || days > 2932896)
        return false;
    days += 719468; /* from 0000-03-01 */
    era = days / 146097;
    doe = (unsigned)(days - era * 146097);
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    mp = (5 * doy + 2) / 153;
    year = (int64_t)yoe + era * 400;
    out->day = (int)(doy - (153 * mp + 2) / 5 + 1);
    out->month = (int)(mp < 10 ? mp + 3 : mp - 9);
    out->year = (int)(year + (out->month <= 2));
    return true;
}

static PyObject *
date_of(AvroCore *core, dk_avro_reader *r, int64_t days, const uint8_t *at)
{
    civil c;

    if (!civil_of(days, &c)) {
        dk_avro_reader_fail(r, at, "the date %lld days from 1970 is outside the years 1 to 9999", (long long)days);
        return NULL;
    }
    return core->dt->Date_FromDate(c.year, c.month, c.day, core->dt->DateType);
}

#define DAY_MICROS INT64_C(86400000000)

/* micros from 1970; tz: a tzinfo or None. */
static PyObject *
datetime_of(AvroCore *core, dk_avro_reader *r, int64_t v, int64_t unit, PyObject *tz, const uint8_t *at)
{
    PyDateTime_CAPI *dt = core->dt;
    int64_t day, rest;
    int secs;
    civil c;

    day = v / (DAY_MICROS / unit);
    rest = v % (DAY_MICROS / unit);
    if (rest < 0) {
        rest += DAY_MICROS / unit;
        day--;
    }
    if (!civil_of(day, &c)) {
        dk_avro_reader_fail(r, at, "the timestamp %lld is outside the years 1 to 9999", (long long)v);
        return NULL;
    }
    rest *= unit;
    secs = (int)(rest / 1000000);
    return dt->DateTime_FromDateAndTime(c.year, c.month, c.day, secs / 3600, secs / 60 % 60, secs % 60,
                                        (int)(rest % 1000000), tz, dt->DateTimeType);
}

static PyObject *
time_of(AvroCore *core, dk_avro_reader *r, int64_t v, int64_t unit, const uint8_t *at)
{
    PyDateTime_CAPI *dt = core->dt;
    int secs;

    if (v < 0 || v >= DAY_MICROS / unit) {
        dk_avro_reader_fail(r, at, "the time %lld is not within a day", (long long)v);
        return NULL;
    }
    v *= unit;
    secs = (int)(v / 1000000);
    return dt->Time_FromTime(secs / 3600, secs / 60 % 60, secs % 60, (int)(v % 1000000), Py_None, dt->TimeType);
}

PyObject *
native_date_of(AvroCore *core, dk_avro_reader *r, const dk_avro_op *op, int64_t v, const uint8_t *at)
{
    PyDateTime_CAPI *dt = core->dt;

    switch ((dk_avro_logical)op->logical) {
    case DK_LOGICAL_DATE:
        return date_of(core, r, v, at);
    case DK_LOGICAL_TIME_MILLIS:
        return time_of(core, r, v, 1000, at);
    case DK_LOGICAL_TIME_MICROS:
        return time_of(core, r, v, 1, at);
    case DK_LOGICAL_TIMESTAMP_MILLIS:
        return datetime_of(core, r, v, 1000, dt->TimeZone_UTC, at);
    case DK_LOGICAL_TIMESTAMP_MICROS:
        return datetime_of(core, r, v, 1, dt->TimeZone_UTC, at);
    case DK_LOGICAL_LOCAL_TIMESTAMP_MILLIS:
        return datetime_of(core, r, v, 1000, Py_None, at);
    case DK_LOGICAL_LOCAL_TIMESTAMP_MICROS:
        return datetime_of(core, r, v, 1, Py_None, at);
    default: /* nanoseconds: datetime cannot hold them, so they stay a number */
        return PyLong_FromLongLong(v);
    }
}

/* ---- to Avro ---- */

static int64_t
days_of(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year, era = y / 400;
    unsigned yoe = (unsigned)(y - era * 400);
    unsigned doy = (153u * (unsigned)(month > 2 ? month - 3 : month + 9) + 2) / 5 + (unsigned)day - 1;

    return era * 146097 + (int64_t)(yoe * 365 + yoe / 4 - yoe / 100 + doy) - 719468;
}

/* Seconds since 1970 as the fields of a datetime have them, whatever its time zone. */
static int64_t
wall_seconds(PyObject *v)
{
    return days_of(PyDateTime_GET_YEAR(v), PyDateTime_GET_MONTH(v), PyDateTime_GET_DAY(v)) * 86400 +
           PyDateTime_DATE_GET_HOUR(v) * 3600 + PyDateTime_DATE_GET_MINUTE(v) * 60 + PyDateTime_DATE_GET_SECOND(v);
}

static PyObject *
tzinfo_of(PyObject *v)
{
    return ((PyDateTime_DateTime *)v)->hastzinfo ? ((PyDateTime_DateTime *)v)->tzinfo : Py_None;
}

/* Whether it is an offset that a datetime takes; whatever else it is, the general way refuses it. */
static bool
within_a_day(const native_encoding *e, PyObject *delta)
{
    if (!Py_IS_TYPE(delta, e->core->dt->DeltaType))
        return false;
    if (PyDateTime_DELTA_GET_DAYS(delta) == -1)
        return PyDateTime_DELTA_GET_SECONDS(delta) > 0 || PyDateTime_DELTA_GET_MICROSECONDS(delta) > 0;
    return PyDateTime_DELTA_GET_DAYS(delta) == 0;
}

/* A datetime itself asks its zone for nothing else than utcoffset(); a subclass may do otherwise. 1, 0 when that does
 * not tell, -1 with an exception. */
static int
instant_by_offset(native_encoding *e, PyObject *v, PyObject *tz, int64_t *secs, int64_t *micros)
{
    PyObject *delta;
    int64_t wall;

    if (!Py_IS_TYPE(v, e->core->dt->DateTimeType))
        return 0;
    wall = wall_seconds(v);
    Py_INCREF(tz);
    delta = PyObject_CallMethodOneArg(tz, e->core->s_utcoffset, v);
    Py_DECREF(tz);
    if (delta == NULL)
        return -1;
    if (!within_a_day(e, delta)) {
        Py_DECREF(delta);
        return 0;
    }
    *secs = wall - (int64_t)PyDateTime_DELTA_GET_DAYS(delta) * 86400 - PyDateTime_DELTA_GET_SECONDS(delta);
    *micros -= PyDateTime_DELTA_GET_MICROSECONDS(delta);
    if (*micros < 0) {
        *micros += 1000000;
        *secs -= 1;
    }
    Py_DECREF(delta);
    return 1;
}

/* Seconds and microseconds since 1970 UTC. A naive datetime is local time, as in fastavro. */
static bool
instant_of(native_encoding *e, PyObject *v, int64_t *secs, int64_t *micros)
{
    PyObject *tz = tzinfo_of(v), *delta;
    struct tm tm = {.tm_isdst = -1};
    time_t t;
    int known;

    *micros = PyDateTime_DATE_GET_MICROSECOND(v);
    if (tz == e->core->dt->TimeZone_UTC) {
        *secs = wall_seconds(v);
        return true;
    }
    if (tz == Py_None) {
        tm.tm_year = PyDateTime_GET_YEAR(v) - 1900;
        tm.tm_mon = PyDateTime_GET_MONTH(v) - 1;
        tm.tm_mday = PyDateTime_GET_DAY(v);
        tm.tm_hour = PyDateTime_DATE_GET_HOUR(v);
        tm.tm_min = PyDateTime_DATE_GET_MINUTE(v);
        tm.tm_sec = PyDateTime_DATE_GET_SECOND(v);
        tm.tm_wday = -1; /* stays so when mktime() fails */
        t = mktime(&tm);
        if (t == (time_t)-1 && tm.tm_wday == -1)
            return native_unfit(e, "the naive datetime has no place in local time; give one with a time zone");
        *secs = (int64_t)t;
        return true;
    }
    known = instant_by_offset(e, v, tz, secs, micros);
    if (known > 0)
        return true;
    delta = known < 0 ? NULL : PyNumber_Subtract(v, e->core->epoch);
    if (delta == NULL)
        return native_unfit_raised(e, "a datetime with a time zone that works", v);
    *secs = (int64_t)PyDateTime_DELTA_GET_DAYS(delta) * 86400 + PyDateTime_DELTA_GET_SECONDS(delta);
    *micros = PyDateTime_DELTA_GET_MICROSECONDS(delta);
    Py_DECREF(delta);
    return true;
}

/* Seconds and microseconds of v: 1, 0 when it is nothing that this logical type takes, -1 refused or raised. */
static int
parts_of(native_encoding *e, dk_avro_logical logical, PyObject *v, int64_t *secs, int64_t *micros)
{
    PyDateTime_CAPI *dt = e->core->dt;

    switch (logical) {
    case DK_LOGICAL_TIME_MILLIS:
    case DK_LOGICAL_TIME_MICROS:
        if (!PyObject_TypeCheck(v, dt->TimeType))
            return 0;
        *secs =
            PyDateTime_TIME_GET_HOUR(v) * 3600 + PyDateTime_TIME_GET_MINUTE(v) * 60 + PyDateTime_TIME_GET_SECOND(v);
        *micros = PyDateTime_TIME_GET_MICROSECOND(v);
        return 1;
    case DK_LOGICAL_TIMESTAMP_MILLIS:
    case DK_LOGICAL_TIMESTAMP_MICROS:
    case DK_LOGICAL_TIMESTAMP_NANOS:
        if (!PyObject_TypeCheck(v, dt->DateTimeType))
            return 0;
        return instant_of(e, v, secs, micros) ? 1 : -1;
    case DK_LOGICAL_LOCAL_TIMESTAMP_MILLIS:
    case DK_LOGICAL_LOCAL_TIMESTAMP_MICROS:
    case DK_LOGICAL_LOCAL_TIMESTAMP_NANOS:
        if (!PyObject_TypeCheck(v, dt->DateTimeType))
            return 0;
        *secs = wall_seconds(v);
        *micros = PyDateTime_DATE_GET_MICROSECOND(v);
        return 1;
    default:
        return 0;
    }
}

static int
date_number(native_encoding *e, PyObject *v, int64_t *out)
{
    PyDateTime_CAPI *dt = e->core->dt;
    PyObject *date;

    if (PyObject_TypeCheck(v, dt->DateType)) {
        date = Py_NewRef(v);
    } else if (PyUnicode_Check(v)) {
        date = PyObject_CallMethodOneArg((PyObject *)dt->DateType, e->core->s_fromisoformat, v);
        if (date == NULL)
            return native_unfit_raised(e, "a date, or its text as 2024-12-31,", v) ? 0 : -1;
    } else {
        return 0;
    }
    *out = days_of(PyDateTime_GET_YEAR(date), PyDateTime_GET_MONTH(date), PyDateTime_GET_DAY(date));
    Py_DECREF(date);
    return 1;
}

int
native_date_number(native_encoding *e, const dk_avro_op *op, PyObject *v, int64_t *out)
{
    int64_t secs = 0, micros = 0;
    int rc;

    if (op->logical == DK_LOGICAL_DATE)
        return date_number(e, v, out);
    rc = parts_of(e, (dk_avro_logical)op->logical, v, &secs, &micros);
    if (rc <= 0)
        return rc;
    switch ((dk_avro_logical)op->logical) {
    case DK_LOGICAL_TIME_MILLIS:
    case DK_LOGICAL_TIMESTAMP_MILLIS:
    case DK_LOGICAL_LOCAL_TIMESTAMP_MILLIS:
        *out = secs * 1000 + micros / 1000;
        return 1;
    case DK_LOGICAL_TIMESTAMP_NANOS:
    case DK_LOGICAL_LOCAL_TIMESTAMP_NANOS:
        if (secs > INT64_MAX / 1000000000 - 1 || secs < INT64_MIN / 1000000000 + 1) {
            (void)native_unfit(e, "the datetime is out of range for nanoseconds in 64 bits");
            return -1;
        }
        *out = (secs * 1000000 + micros) * 1000;
        return 1;
    default:
        *out = secs * 1000000 + micros;
        return 1;
    }
}
