/* SPDX-License-Identifier: MIT
 *
 * The values of logical types become Avro bytes: dates and times, decimals, UUIDs.
 */
#include "avro/encode.h"

#include <time.h>

#define DECIMAL_ZEROS_MAX 10000 /* that a decimal may be scaled up by */

/* ---- dates and times ----------------------------------------------------------------------------------------------
 */

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

/* Seconds and microseconds since 1970 UTC. A naive datetime is local time, as in fastavro. */
static bool
instant_of(native_encoding *e, PyObject *v, int64_t *secs, int64_t *micros)
{
    PyObject *tz = tzinfo_of(v), *delta;
    struct tm tm = {.tm_isdst = -1};
    time_t t;

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
    delta = PyNumber_Subtract(v, e->core->epoch);
    if (delta == NULL)
        return native_unfit_raised(e, "a datetime with a time zone that works", v);
    *secs = (int64_t)PyDateTime_DELTA_GET_DAYS(delta) * 86400 + PyDateTime_DELTA_GET_SECONDS(delta);
    *micros = PyDateTime_DELTA_GET_MICROSECONDS(delta);
    Py_DECREF(delta);
    return true;
}

int
native_encode_time(native_encoding *e, const dk_avro_op *op, PyObject *v, int64_t *out)
{
    PyDateTime_CAPI *dt = e->core->dt;
    int64_t secs = 0, micros = 0;
    PyObject *date;

    switch ((dk_avro_logical)op->logical) {
    case DK_LOGICAL_DATE:
        if (PyObject_TypeCheck(v, dt->DateType)) {
            *out = days_of(PyDateTime_GET_YEAR(v), PyDateTime_GET_MONTH(v), PyDateTime_GET_DAY(v));
            return 1;
        }
        if (!PyUnicode_Check(v))
            return 0;
        date = PyObject_CallMethodOneArg((PyObject *)dt->DateType, e->core->s_fromisoformat, v);
        if (date == NULL) {
            (void)native_unfit_raised(e, "a date, or its text as 2024-12-31,", v);
            return -1;
        }
        *out = days_of(PyDateTime_GET_YEAR(date), PyDateTime_GET_MONTH(date), PyDateTime_GET_DAY(date));
        Py_DECREF(date);
        return 1;
    case DK_LOGICAL_TIME_MILLIS:
    case DK_LOGICAL_TIME_MICROS:
        if (!PyObject_TypeCheck(v, dt->TimeType))
            return 0;
        secs =
            PyDateTime_TIME_GET_HOUR(v) * 3600 + PyDateTime_TIME_GET_MINUTE(v) * 60 + PyDateTime_TIME_GET_SECOND(v);
        micros = PyDateTime_TIME_GET_MICROSECOND(v);
        break;
    case DK_LOGICAL_TIMESTAMP_MILLIS:
    case DK_LOGICAL_TIMESTAMP_MICROS:
    case DK_LOGICAL_TIMESTAMP_NANOS:
        if (!PyObject_TypeCheck(v, dt->DateTimeType))
            return 0;
        if (!instant_of(e, v, &secs, &micros))
            return -1;
        break;
    case DK_LOGICAL_LOCAL_TIMESTAMP_MILLIS:
    case DK_LOGICAL_LOCAL_TIMESTAMP_MICROS:
    case DK_LOGICAL_LOCAL_TIMESTAMP_NANOS:
        if (!PyObject_TypeCheck(v, dt->DateTimeType))
            return 0;
        secs = wall_seconds(v);
        micros = PyDateTime_DATE_GET_MICROSECOND(v);
        break;
    default:
        return 0;
    }
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

/* ---- decimals and UUIDs -------------------------------------------------------------------------------------------
 */

/* Big-endian two's complement of a Python int in n bytes. */
static PyObject *
int_to_bytes(native_encoding *e, PyObject *number, Py_ssize_t n)
{
    PyObject *args[4] = {number, PyLong_FromSsize_t(n), e->core->s_big, Py_True}, *out;

    if (args[1] == NULL)
        return NULL;
    out = PyObject_VectorcallMethod(e->core->s_to_bytes, args, 3, e->core->signed_kw);
    Py_DECREF(args[1]);
    return out;
}

/* The digits of a decimal's text, without point and leading zeros, and its exponent. false when it is no finite
 * number. */
static bool
parse_decimal_text(const char *s, bool *negative, char *digits, size_t size, size_t *n, long *exponent)
{
    long exp = 0, shift = 0;
    bool point = false, any = false;

    *negative = *s == '-';
    if (*s == '-' || *s == '+')
        s++;
    for (*n = 0; (*s >= '0' && *s <= '9') || *s == '.'; s++) {
        if (*s == '.') {
            point = true;
            continue;
        }
        any = true;
        if (point)
            shift++;
        if (*n == 0 && *s == '0')
            continue;
        if (*n + 1 >= size)
            return false;
        digits[(*n)++] = *s;
    }
    if (!any)
        return false;
    if (*s == 'E' || *s == 'e')
        exp = strtol(s + 1, (char **)(uintptr_t)&s, 10);
    *exponent = exp - shift;
    return *s == '\0';
}

/* Writes a number as two's complement: as few bytes as fastavro takes, or the size of a fixed. */
static bool
put_unscaled(native_encoding *e, const dk_avro_op *op, PyObject *number)
{
    PyObject *bits, *raw;
    Py_ssize_t n = (Py_ssize_t)op->n;

    if (op->code == DK_OP_BYTES) {
        bits = PyObject_CallMethod(number, "bit_length", NULL);
        if (bits == NULL)
            return false;
        n = (PyLong_AsSsize_t(bits) + 8) / 8;
        Py_DECREF(bits);
    }
    raw = int_to_bytes(e, number, n);
    if (raw == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_OverflowError))
            return false;
        PyErr_Clear();
        return native_unfit(e, "the decimal does not fit into %u bytes", op->n);
    }
    if (op->code == DK_OP_BYTES)
        dk_buf_put_long(e->out, (int64_t)n);
    dk_buf_put(e->out, PyBytes_AS_STRING(raw), (size_t)PyBytes_GET_SIZE(raw));
    Py_DECREF(raw);
    return true;
}

/* The same for a number of 64 bits. */
static bool
put_small(native_encoding *e, const dk_avro_op *op, int64_t v)
{
    uint64_t m = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    unsigned bits = m == 0 ? 0 : 64 - (unsigned)__builtin_clzll(m), n = (bits + 8) / 8, i;
    uint8_t b[16];

    if (op->code == DK_OP_FIXED) {
        n = op->n;
        if (n < 8 && (v < -(INT64_C(1) << (8 * n - 1)) || v >= INT64_C(1) << (8 * n - 1)))
            return native_unfit(e, "the decimal does not fit into %u bytes", op->n);
        for (i = 0; i + 8 < n; i++)
            dk_buf_put_byte(e->out, v < 0 ? 0xFF : 0);
        n = n > 8 ? 8 : n;
    } else {
        dk_buf_put_long(e->out, n);
    }
    for (i = 0; i < n; i++)
        b[i] = i < n - 8 && n > 8 ? (v < 0 ? 0xFF : 0) : (uint8_t)((uint64_t)v >> (8 * (n - 1 - i)));
    dk_buf_put(e->out, b, n);
    return true;
}

static bool
put_decimal_text(native_encoding *e, const dk_avro_op *op, const char *s)
{
    char digits[1200];
    size_t n, k;
    long exponent, zeros;
    bool negative, ok;
    PyObject *number, *text;
    int64_t v = 0;

    if (!parse_decimal_text(s, &negative, digits, sizeof digits, &n, &exponent))
        return native_unfit(e, "the decimal is no finite number of at most %zu digits", sizeof digits - 1);
    if ((n == 0 ? 1 : n) > op->precision)
        return native_unfit(e, "the decimal has more digits than its precision, %u", op->precision);
    zeros = exponent + (long)op->scale;
    if (zeros < 0)
        return native_unfit(e, "the decimal has more decimal places than its scale, %u", op->scale);
    if (zeros > DECIMAL_ZEROS_MAX)
        return native_unfit(e, "the decimal is too large");
    if (n == 0)
        return put_small(e, op, 0);
    if (n + (size_t)zeros <= 18) {
        for (k = 0; k < n + (size_t)zeros; k++)
            v = v * 10 + (k < n ? digits[k] - '0' : 0);
        return put_small(e, op, negative ? -v : v);
    }
    text = PyUnicode_New((Py_ssize_t)n + (Py_ssize_t)zeros + negative, 127);
    if (text == NULL)
        return false;
    k = negative;
    if (negative)
        PyUnicode_1BYTE_DATA(text)[0] = '-';
    memcpy(PyUnicode_1BYTE_DATA(text) + k, digits, n);
    memset(PyUnicode_1BYTE_DATA(text) + k + n, '0', (size_t)zeros);
    number = PyLong_FromUnicodeObject(text, 10);
    Py_DECREF(text);
    if (number == NULL)
        return native_unfit_raised(e, "a smaller decimal", e->core->decimal);
    ok = put_unscaled(e, op, number);
    Py_DECREF(number);
    return ok;
}

bool
native_encode_decimal(native_encoding *e, const dk_avro_op *op, PyObject *v)
{
    PyObject *text = PyObject_Str(v);
    const char *s = text == NULL ? NULL : PyUnicode_AsUTF8(text);
    bool ok = s != NULL && put_decimal_text(e, op, s);

    Py_XDECREF(text);
    return ok;
}

bool
native_encode_uuid(native_encoding *e, const dk_avro_op *op, PyObject *v)
{
    static const char hex[] = "0123456789abcdef";
    PyObject *number = PyObject_GetAttr(v, e->core->s_int), *raw = NULL;
    PyObject *args[3] = {number, NULL, e->core->s_big};
    char text[36];
    const uint8_t *b;
    int i, k = 0;

    if (number != NULL && (args[1] = PyLong_FromLong(16)) != NULL)
        raw = PyObject_VectorcallMethod(e->core->s_to_bytes, args, 3, NULL);
    Py_XDECREF(number);
    Py_XDECREF(args[1]);
    if (raw == NULL)
        return false;
    b = (const uint8_t *)PyBytes_AS_STRING(raw);
    if (op->code == DK_OP_FIXED) {
        dk_buf_put(e->out, b, 16);
    } else {
        for (i = 0; i < 16; i++) {
            if (i == 4 || i == 6 || i == 8 || i == 10)
                text[k++] = '-';
            text[k++] = hex[b[i] >> 4];
            text[k++] = hex[b[i] & 15];
        }
        dk_buf_put_long(e->out, 36);
        dk_buf_put(e->out, text, 36);
    }
    Py_DECREF(raw);
    return true;
}
