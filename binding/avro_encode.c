/* SPDX-License-Identifier: MIT
 *
 * Python objects become Avro bytes: what fastavro takes is taken, but a value that does not fit its type is refused,
 * with the path of the field. Branches of unions are chosen as fastavro chooses them.
 */
#include "native_avro.h"

#include <time.h>

#define DECIMAL_ZEROS_MAX 10000 /* that a decimal may be scaled up by */

typedef struct run {
    AvroSchemaObject *self;
    AvroCore *core;
    const dk_avro_code *c;
    dk_buf *out;
    uint32_t depth;
    dk_error err;
} run;

static bool encode(run *e, const dk_avro_op *op, PyObject *v);
static int fits(run *e, const dk_avro_op *op, PyObject *v);

/* ---- errors -------------------------------------------------------------------------------------------------------
 */

static bool
refuse(run *e, const char *fmt, ...)
{
    va_list ap;

    e->err.code = DK_EAVRO;
    e->err.path[0] = '\0';
    e->err.pos = e->out->n;
    va_start(ap, fmt);
    PyOS_vsnprintf(e->err.text, sizeof e->err.text, fmt, ap);
    va_end(ap);
    return false;
}

static bool
refuse_type(run *e, const char *want, PyObject *v)
{
    return refuse(e, "%s is wanted, not %.100s", want, Py_TYPE(v)->tp_name);
}

/* A Python error that says that a value is of the wrong kind becomes ours; others (MemoryError, KeyboardInterrupt)
 * stay. */
static bool
refuse_raised(run *e, const char *want, PyObject *v)
{
    if (!PyErr_ExceptionMatches(PyExc_TypeError) && !PyErr_ExceptionMatches(PyExc_ValueError) &&
        !PyErr_ExceptionMatches(PyExc_ArithmeticError) && !PyErr_ExceptionMatches(PyExc_AttributeError))
        return false;
    PyErr_Clear();
    return refuse_type(e, want, v);
}

/* ---- numbers ------------------------------------------------------------------------------------------------------
 */

/* 1: *out is the number; 0: not an integer; -1: too large for 64 bits. No exception is left, unless it is not about
 * v. */
static int
integer_of(PyObject *v, int64_t *out)
{
    int overflow;
    long long l;

    if (!PyLong_Check(v)) {
        if (!PyIndex_Check(v))
            return 0;
        v = PyNumber_Index(v);
        if (v == NULL) {
            PyErr_Clear();
            return 0;
        }
    } else {
        Py_INCREF(v);
    }
    l = PyLong_AsLongLongAndOverflow(v, &overflow);
    Py_DECREF(v);
    *out = l;
    return overflow != 0 ? -1 : 1;
}

static bool
encode_integer(run *e, const dk_avro_op *op, PyObject *v)
{
    int64_t l = 0;
    int rc = integer_of(v, &l);

    if (rc == 0)
        return refuse_type(e, "an int", v);
    if (rc < 0 || (op->code == DK_OP_INT && (l < INT32_MIN || l > INT32_MAX)))
        return refuse(e, "the number does not fit into %s",
                      op->code == DK_OP_INT ? "an int of 32 bits" : "a long of 64 bits");
    dk_buf_put_long(e->out, l);
    return true;
}

static void
put_real(run *e, const dk_avro_op *op, double f)
{
    uint8_t b[8];
    uint64_t u;
    uint32_t w;
    float single = (float)f;
    int i, n = op->code == DK_OP_FLOAT ? 4 : 8;

    memcpy(&u, &f, 8);
    memcpy(&w, &single, 4);
    if (n == 4)
        u = w;
    for (i = 0; i < n; i++)
        b[i] = (uint8_t)(u >> (8 * i));
    dk_buf_put(e->out, b, (size_t)n);
}

static bool
encode_real(run *e, const dk_avro_op *op, PyObject *v)
{
    double f;

    if (PyFloat_CheckExact(v)) {
        put_real(e, op, PyFloat_AS_DOUBLE(v));
        return true;
    }
    if (PyUnicode_Check(
            v)) { /* "NaN", "inf": only a field's own value, as in fastavro; unions do not come here with one */
        PyObject *number = PyFloat_FromString(v);

        if (number == NULL)
            return refuse_raised(e, "a float", v);
        f = PyFloat_AS_DOUBLE(number);
        Py_DECREF(number);
    } else {
        f = PyFloat_AsDouble(v);
        if (f == -1.0 && PyErr_Occurred())
            return refuse_raised(e, "a float", v);
    }
    put_real(e, op, f);
    return true;
}

static bool
encode_bool(run *e, PyObject *v)
{
    int64_t l = 0;

    if (v != Py_True && v != Py_False && (integer_of(v, &l) != 1 || l < 0 || l > 1))
        return refuse_type(e, "a bool", v);
    dk_buf_put_byte(e->out, v == Py_True || l == 1);
    return true;
}

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
instant_of(run *e, PyObject *v, int64_t *secs, int64_t *micros)
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
            return refuse(e, "the naive datetime has no place in local time; give one with a time zone");
        *secs = (int64_t)t;
        return true;
    }
    delta = PyNumber_Subtract(v, e->core->epoch);
    if (delta == NULL)
        return refuse_raised(e, "a datetime with a time zone that works", v);
    *secs = (int64_t)PyDateTime_DELTA_GET_DAYS(delta) * 86400 + PyDateTime_DELTA_GET_SECONDS(delta);
    *micros = PyDateTime_DELTA_GET_MICROSECONDS(delta);
    Py_DECREF(delta);
    return true;
}

/* 1: *out is the number of a date, time or datetime; 0: v is none that this logical type takes; -1: refused or
 * raised. */
static int
logical_number(run *e, const dk_avro_op *op, PyObject *v, int64_t *out)
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
            (void)refuse_raised(e, "a date, or its text as 2024-12-31,", v);
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
            (void)refuse(e, "the datetime is out of range for nanoseconds in 64 bits");
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
int_to_bytes(run *e, PyObject *number, Py_ssize_t n)
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
put_unscaled(run *e, const dk_avro_op *op, PyObject *number)
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
        return refuse(e, "the decimal does not fit into %u bytes", op->n);
    }
    if (op->code == DK_OP_BYTES)
        dk_buf_put_long(e->out, (int64_t)n);
    dk_buf_put(e->out, PyBytes_AS_STRING(raw), (size_t)PyBytes_GET_SIZE(raw));
    Py_DECREF(raw);
    return true;
}

/* The same for a number of 64 bits. */
static bool
put_small(run *e, const dk_avro_op *op, int64_t v)
{
    uint64_t m = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    unsigned bits = m == 0 ? 0 : 64 - (unsigned)__builtin_clzll(m), n = (bits + 8) / 8, i;
    uint8_t b[16];

    if (op->code == DK_OP_FIXED) {
        n = op->n;
        if (n < 8 && (v < -(INT64_C(1) << (8 * n - 1)) || v >= INT64_C(1) << (8 * n - 1)))
            return refuse(e, "the decimal does not fit into %u bytes", op->n);
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
put_decimal_text(run *e, const dk_avro_op *op, const char *s)
{
    char digits[1200];
    size_t n, k;
    long exponent, zeros;
    bool negative, ok;
    PyObject *number, *text;
    int64_t v = 0;

    if (!parse_decimal_text(s, &negative, digits, sizeof digits, &n, &exponent))
        return refuse(e, "the decimal is no finite number of at most %zu digits", sizeof digits - 1);
    if ((n == 0 ? 1 : n) > op->precision)
        return refuse(e, "the decimal has more digits than its precision, %u", op->precision);
    zeros = exponent + (long)op->scale;
    if (zeros < 0)
        return refuse(e, "the decimal has more decimal places than its scale, %u", op->scale);
    if (zeros > DECIMAL_ZEROS_MAX)
        return refuse(e, "the decimal is too large");
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
        return refuse_raised(e, "a smaller decimal", e->core->decimal);
    ok = put_unscaled(e, op, number);
    Py_DECREF(number);
    return ok;
}

static bool
encode_decimal(run *e, const dk_avro_op *op, PyObject *v)
{
    PyObject *text = PyObject_Str(v);
    const char *s = text == NULL ? NULL : PyUnicode_AsUTF8(text);
    bool ok = s != NULL && put_decimal_text(e, op, s);

    Py_XDECREF(text);
    return ok;
}

static bool
encode_uuid(run *e, const dk_avro_op *op, PyObject *v)
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

/* ---- texts and bytes ----------------------------------------------------------------------------------------------
 */

static bool
put_text(run *e, PyObject *v)
{
    Py_ssize_t n;
    const char *s;

    if (PyUnicode_IS_COMPACT_ASCII(v)) {
        s = (const char *)PyUnicode_1BYTE_DATA(v);
        n = PyUnicode_GET_LENGTH(v);
    } else {
        s = PyUnicode_AsUTF8AndSize(v, &n);
        if (s == NULL) {
            if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
                return false;
            PyErr_Clear();
            return refuse(e, "the string holds a surrogate, which UTF-8 cannot have");
        }
    }
    if (n < 64 && dk_buf_reserve(e->out, (size_t)n + 1)) {
        e->out->p[e->out->n++] = (uint8_t)(n << 1);
        memcpy(e->out->p + e->out->n, s, (size_t)n);
        e->out->n += (size_t)n;
        return true;
    }
    dk_buf_put_long(e->out, n);
    dk_buf_put(e->out, s, (size_t)n);
    return true;
}

static bool
encode_text(run *e, const dk_avro_op *op, PyObject *v)
{
    if (PyUnicode_Check(v))
        return put_text(e, v);
    if (op->logical == DK_LOGICAL_UUID && PyObject_TypeCheck(v, (PyTypeObject *)e->core->uuid))
        return encode_uuid(e, op, v);
    return refuse_type(e, op->logical == DK_LOGICAL_UUID ? "a UUID or str" : "a str", v);
}

static bool
put_raw(run *e, const dk_avro_op *op, const void *p, Py_ssize_t n)
{
    if (op->code == DK_OP_FIXED && (size_t)n != op->n)
        return refuse(e, "%u bytes are wanted, not %zd", op->n, n);
    if (op->code == DK_OP_BYTES)
        dk_buf_put_long(e->out, n);
    dk_buf_put(e->out, p, (size_t)n);
    return true;
}

static bool
encode_bytes(run *e, const dk_avro_op *op, PyObject *v)
{
    Py_buffer view;
    bool ok;

    if (PyBytes_Check(v))
        return put_raw(e, op, PyBytes_AS_STRING(v), PyBytes_GET_SIZE(v));
    if (op->logical == DK_LOGICAL_DECIMAL && PyObject_TypeCheck(v, (PyTypeObject *)e->core->decimal))
        return encode_decimal(e, op, v);
    if (op->logical == DK_LOGICAL_UUID && PyObject_TypeCheck(v, (PyTypeObject *)e->core->uuid))
        return encode_uuid(e, op, v);
    if (!PyObject_CheckBuffer(v))
        return refuse_type(e, op->logical == DK_LOGICAL_DECIMAL ? "a Decimal" : "bytes", v);
    if (PyObject_GetBuffer(v, &view, PyBUF_SIMPLE) < 0)
        return refuse_raised(e, "bytes", v);
    ok = put_raw(e, op, view.buf, view.len);
    PyBuffer_Release(&view);
    return ok;
}

static bool
encode_enum(run *e, const dk_avro_op *op, PyObject *v)
{
    PyObject *index = PyUnicode_Check(v) ? PyDict_GetItemWithError(e->self->enums[op->ref].index, v) : NULL;

    if (index == NULL) {
        if (PyErr_Occurred())
            return false;
        if (!PyUnicode_Check(v))
            return refuse_type(e, "a symbol (str)", v);
        return refuse(e, "\"%.100s\" is no symbol of enum %.100s",
                      PyUnicode_AsUTF8(v) == NULL ? (PyErr_Clear(), "?") : PyUnicode_AsUTF8(v),
                      e->c->enums[op->ref].name);
    }
    dk_buf_put_long(e->out, PyLong_AsLong(index));
    return true;
}

/* ---- containers ---------------------------------------------------------------------------------------------------
 */

static bool
changed(run *e)
{
    return refuse(e, "the container changed while it was being encoded");
}

/* A list may be changed by Python code that runs for one of its items: each is held, and the end is looked at each
 * time. */
static bool
encode_list(run *e, const dk_avro_op *item, PyObject *v)
{
    Py_ssize_t i, n = PySequence_Fast_GET_SIZE(v);

    if (n > 0)
        dk_buf_put_long(e->out, n);
    for (i = 0; i < n; i++) {
        PyObject *x;
        bool ok;

        if (i >= PySequence_Fast_GET_SIZE(v))
            return changed(e);
        x = Py_NewRef(PySequence_Fast_GET_ITEM(v, i));
        ok = encode(e, item, x);
        Py_DECREF(x);
        if (!ok) {
            dk_avro_path_index(&e->err, (uint64_t)i);
            return false;
        }
    }
    dk_buf_put_byte(e->out, 0);
    return true;
}

static bool
encode_array(run *e, const dk_avro_op *op, PyObject *v)
{
    PyObject *seq;
    bool ok;

    if (PyList_CheckExact(v) || PyTuple_CheckExact(v))
        return encode_list(e, &e->c->ops[op->a], v);
    if (PyUnicode_Check(v) || PyBytes_Check(v) || PyByteArray_Check(v) || PyDict_Check(v))
        return refuse_type(e, "a list", v);
    seq = PySequence_Tuple(v);
    if (seq == NULL)
        return refuse_raised(e, "a list", v);
    ok = encode_list(e, &e->c->ops[op->a], seq);
    Py_DECREF(seq);
    return ok;
}

static bool
is_mapping(run *e, PyObject *v)
{
    int rc;

    if (PyDict_Check(v))
        return true;
    rc = PyObject_IsInstance(v, e->core->mapping);
    if (rc < 0)
        PyErr_Clear();
    return rc > 0;
}

static void
path_key(run *e, PyObject *key)
{
    Py_ssize_t n;
    const char *s = PyUnicode_AsUTF8AndSize(key, &n);

    if (s == NULL)
        PyErr_Clear();
    else
        dk_avro_path_key(&e->err, (dk_slice){(const uint8_t *)s, (size_t)n});
}

static bool
encode_pair(run *e, const dk_avro_op *op, PyObject *key, PyObject *value)
{
    bool ok;

    if (!PyUnicode_Check(key))
        return refuse_type(e, "a str as key", key);
    ok = put_text(e, key) && encode(e, &e->c->ops[op->a], value);
    if (!ok && !PyErr_Occurred())
        path_key(e, key);
    return ok;
}

static bool
encode_dict(run *e, const dk_avro_op *op, PyObject *v)
{
    Py_ssize_t n = PyDict_GET_SIZE(v), i = 0, pos = 0;
    PyObject *key, *value;
    bool ok = true;

    if (n > 0)
        dk_buf_put_long(e->out, n);
    while (ok && PyDict_Next(v, &pos, &key, &value)) {
        if (++i > n)
            return changed(e);
        Py_INCREF(key);
        Py_INCREF(value);
        ok = encode_pair(e, op, key, value);
        Py_DECREF(key);
        Py_DECREF(value);
    }
    if (ok && i != n)
        return changed(e);
    dk_buf_put_byte(e->out, 0);
    return ok;
}

static bool
encode_map(run *e, const dk_avro_op *op, PyObject *v)
{
    PyObject *items, *pair;
    Py_ssize_t i, n;
    bool ok = true;

    if (PyDict_CheckExact(v))
        return encode_dict(e, op, v);
    if (!is_mapping(e, v))
        return refuse_type(e, "a dict", v);
    items = PyMapping_Items(v);
    if (items == NULL)
        return refuse_raised(e, "a dict", v);
    n = PyList_GET_SIZE(items);
    if (n > 0)
        dk_buf_put_long(e->out, n);
    for (i = 0; i < n && ok; i++) {
        pair = PyList_GET_ITEM(items, i);
        if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2)
            ok = refuse_type(e, "a mapping with pairs as items", v);
        else
            ok = encode_pair(e, op, PyTuple_GET_ITEM(pair, 0), PyTuple_GET_ITEM(pair, 1));
    }
    Py_DECREF(items);
    dk_buf_put_byte(e->out, 0);
    return ok;
}

/* The value of a field: 1 with a new reference, 0 when there is none, -1 with an exception. */
static int
field_of(PyObject *v, PyObject *name, PyObject **out)
{
    if (PyDict_CheckExact(v)) {
        *out = Py_XNewRef(PyDict_GetItemWithError(v, name));
        return *out != NULL ? 1 : PyErr_Occurred() ? -1 : 0;
    }
    *out = PyObject_GetItem(v, name);
    if (*out != NULL)
        return 1;
    if (!PyErr_ExceptionMatches(PyExc_KeyError))
        return -1;
    PyErr_Clear();
    return 0;
}

static bool
encode_field(run *e, const dk_avro_op *step, const dk_avro_field *field, PyObject *v, int found)
{
    if (found == 0) {
        if (field->absent.p == NULL)
            return refuse(e, "the value is missing, and the schema has no default for it");
        dk_buf_put(e->out, field->absent.p, field->absent.n);
        return true;
    }
    return encode(e, step, v);
}

static bool
encode_record(run *e, const dk_avro_op *op, PyObject *v)
{
    const avro_plan *plan = &e->self->plans[op->ref];
    const dk_avro_record *rec = &e->c->records[op->ref];
    bool dict = PyDict_CheckExact(v), walk = dict;
    Py_ssize_t pos = 0;
    uint32_t i;

    if (!dict && !is_mapping(e, v))
        return refuse_type(e, "a dict", v);
    for (i = 0; i < op->n; i++) {
        PyObject *key, *item = NULL;
        int found;
        bool ok;

        /* A dict that has its keys in the order of the fields is walked through, which is faster than looking them
         * up. */
        walk = walk && PyDict_Next(v, &pos, &key, &item) && key == plan->names[i];
        if (walk) {
            Py_INCREF(item);
            found = 1;
        } else {
            item = NULL;
            found = field_of(v, plan->names[i], &item);
        }
        ok = found >= 0 && encode_field(e, &e->c->ops[op->a + i], &rec->fields[i], item, found);
        Py_XDECREF(item);
        if (!ok) {
            dk_avro_path_field(&e->err, rec->fields[i].name);
            return false;
        }
    }
    return true;
}

/* ---- unions -------------------------------------------------------------------------------------------------------
 */

/* Whether v could be a value of op: 1, 0, or -1 with an exception. As fastavro validates. */
static int
fits_logical(run *e, const dk_avro_op *op, PyObject *v, bool *known)
{
    size_t mark = e->out->n;
    int64_t l;
    int rc;

    *known = true;
    if (op->code == DK_OP_INT || op->code == DK_OP_LONG) {
        rc = op->logical == DK_LOGICAL_DATE && PyUnicode_Check(v) ? 1 : 0; /* a text that may be a date */
        rc = rc || PyObject_TypeCheck(v, e->core->dt->DateType) || PyObject_TypeCheck(v, e->core->dt->TimeType);
        if (rc)
            rc = logical_number(e, op, v, &l) == 1;
        else
            *known = false;
        return PyErr_Occurred() ? -1 : rc;
    }
    if (op->logical == DK_LOGICAL_DECIMAL && PyObject_TypeCheck(v, (PyTypeObject *)e->core->decimal)) {
        rc = encode_decimal(e, op, v);
        e->out->n = mark;
        return PyErr_Occurred() ? -1 : rc;
    }
    if (op->logical == DK_LOGICAL_UUID && PyObject_TypeCheck(v, (PyTypeObject *)e->core->uuid))
        return 1;
    *known = false;
    return 0;
}

static int
fits_array(run *e, const dk_avro_op *op, PyObject *v)
{
    PyObject *seq;
    Py_ssize_t i;
    int rc = 1;

    /* Bytes are a Sequence too, and fastavro writes them as an array where one comes first: here they never are. */
    if (PyUnicode_Check(v) || PyDict_Check(v) || PyBytes_Check(v) || PyByteArray_Check(v))
        return 0;
    if (!PyList_Check(v) && !PyTuple_Check(v)) {
        rc = PyObject_IsInstance(v, e->core->sequence);
        if (rc == 0)
            rc = strcmp(Py_TYPE(v)->tp_name, "array.array") == 0;
        if (rc <= 0)
            return rc;
    }
    seq = PySequence_Tuple(v);
    if (seq == NULL)
        return -1;
    for (i = 0; i < PyTuple_GET_SIZE(seq) && rc == 1; i++)
        rc = fits(e, &e->c->ops[op->a], PyTuple_GET_ITEM(seq, i));
    Py_DECREF(seq);
    return rc;
}

static int
fits_map(run *e, const dk_avro_op *op, PyObject *v)
{
    PyObject *items, *pair;
    Py_ssize_t i;
    int rc = 1;

    if (!is_mapping(e, v))
        return 0;
    items = PyMapping_Items(v);
    if (items == NULL)
        return -1;
    for (i = 0; i < PyList_GET_SIZE(items) && rc == 1; i++) {
        pair = PyList_GET_ITEM(items, i);
        rc = PyTuple_Check(pair) && PyTuple_GET_SIZE(pair) == 2 && PyUnicode_Check(PyTuple_GET_ITEM(pair, 0));
        if (rc == 1)
            rc = fits(e, &e->c->ops[op->a], PyTuple_GET_ITEM(pair, 1));
    }
    Py_DECREF(items);
    return rc;
}

/* Whether a "-type" in a record, if there is one, names this record. */
static int
hint_fits(run *e, const dk_avro_record *rec, PyObject *v)
{
    PyObject *hint;
    int rc = field_of(v, e->core->s_type_hint, &hint);

    if (rc <= 0)
        return rc < 0 ? -1 : 1;
    rc = PyUnicode_Check(hint) && PyUnicode_CompareWithASCIIString(hint, rec->name) == 0;
    Py_DECREF(hint);
    return rc;
}

static int
fits_record(run *e, const dk_avro_op *op, PyObject *v)
{
    const dk_avro_record *rec = &e->c->records[op->ref];
    uint32_t i;
    int rc;

    if (!is_mapping(e, v))
        return 0;
    rc = hint_fits(e, rec, v);
    for (i = 0; i < op->n && rc == 1; i++) {
        PyObject *item;
        int found = field_of(v, e->self->plans[op->ref].names[i], &item);

        if (found < 0)
            return -1;
        rc = found ? fits(e, &e->c->ops[op->a + i], item) : rec->fields[i].absent.p != NULL;
        Py_XDECREF(item);
    }
    return rc;
}

static int choose_named(run *e, const dk_avro_op *op, PyObject *pair, uint32_t *branch);

static int
fits_union(run *e, const dk_avro_op *op, PyObject *v)
{
    uint32_t i;
    int rc = 0;

    if (PyTuple_Check(v)) {
        if (choose_named(e, op, v, &i) < 0)
            return PyErr_Occurred() ? -1 : 0;
        return fits(e, &e->c->ops[op->a + i], PyTuple_GET_ITEM(v, 1));
    }
    for (i = 0; i < op->n && rc == 0; i++)
        rc = fits(e, &e->c->ops[op->a + i], v);
    return rc;
}

static int
fits_nested(run *e, const dk_avro_op *op, PyObject *v)
{
    int rc;

    if (e->depth == 0)
        return 0;
    e->depth--;
    rc = op->code == DK_OP_RECORD  ? fits_record(e, op, v)
         : op->code == DK_OP_ARRAY ? fits_array(e, op, v)
                                   : fits_map(e, op, v);
    e->depth++;
    return rc;
}

static int
fits(run *e, const dk_avro_op *op, PyObject *v)
{
    int64_t l;
    int rc;

    if (op->logical != DK_LOGICAL_NONE) {
        bool known;

        rc = fits_logical(e, op, v, &known);
        if (known)
            return rc;
    }
    switch ((dk_avro_opcode)op->code) {
    case DK_OP_NIL:
        return v == Py_None;
    case DK_OP_BOOL:
        return PyBool_Check(v);
    case DK_OP_INT:
        return !PyBool_Check(v) && integer_of(v, &l) == 1 && l >= INT32_MIN && l <= INT32_MAX;
    case DK_OP_LONG:
        return !PyBool_Check(v) && integer_of(v, &l) == 1;
    case DK_OP_FLOAT:
    case DK_OP_DOUBLE:
        if (PyFloat_Check(v) || PyBool_Check(v) || PyLong_Check(v))
            return !PyBool_Check(v);
        return PyUnicode_Check(v) || v == Py_None ? 0 : PyObject_IsInstance(v, e->core->real);
    case DK_OP_STRING:
        return PyUnicode_Check(v);
    case DK_OP_BYTES:
        return PyBytes_Check(v) || PyByteArray_Check(v);
    case DK_OP_FIXED:
        return PyBytes_Check(v) && (size_t)PyBytes_GET_SIZE(v) == op->n;
    case DK_OP_ENUM:
        rc = PyUnicode_Check(v) ? PyDict_Contains(e->self->enums[op->ref].index, v) : 0;
        return rc;
    case DK_OP_UNION:
    case DK_OP_OPTION:
        return fits_union(e, op, v);
    case DK_OP_RECORD:
    case DK_OP_ARRAY:
    case DK_OP_MAP:
        return fits_nested(e, op, v);
    default:
        return 0;
    }
}

/* The branch that the first of a pair (name, value) names: 0, or -1 refused or raised. */
static int
choose_named(run *e, const dk_avro_op *op, PyObject *pair, uint32_t *branch)
{
    PyObject *name = PyTuple_GET_SIZE(pair) == 2 ? PyTuple_GET_ITEM(pair, 0) : NULL;
    const char *s;
    uint32_t i;

    if (name == NULL || !PyUnicode_Check(name)) {
        (void)refuse(e, "a tuple given for a union has to be (name of the type, value)");
        return -1;
    }
    s = PyUnicode_AsUTF8(name);
    if (s == NULL)
        return -1;
    for (i = 0; i < op->n; i++) {
        if (strcmp(e->c->names[op->a + i], s) == 0) {
            *branch = i;
            return 0;
        }
    }
    (void)refuse(e, "the union has no type named \"%.200s\"", s);
    return -1;
}

static int
count_known_fields(run *e, const dk_avro_op *op, PyObject *v)
{
    int known = 0, rc;
    uint32_t i;

    for (i = 0; i < op->n; i++) {
        rc = PyMapping_HasKey(v, e->self->plans[op->ref].names[i]);
        known += rc > 0;
    }
    return known;
}

/* The branch for a value without a name: the first that fits, of records the one with most of its fields given,
 * double rather than float. 0, or -1 refused or raised. */
static int
choose(run *e, const dk_avro_op *op, PyObject *v, uint32_t *branch)
{
    int most = -1, rc, known;
    bool single = false;
    uint32_t i;

    *branch = DK_AVRO_NONE;
    for (i = 0; i < op->n; i++) {
        const dk_avro_op *b = &e->c->ops[op->a + i];

        if (single) {
            if (b->code != DK_OP_DOUBLE)
                continue;
            *branch = i;
            return 0;
        }
        rc = fits(e, b, v);
        if (rc < 0)
            return -1;
        if (rc == 0)
            continue;
        if (b->code == DK_OP_RECORD) {
            known = count_known_fields(e, b, v);
            if (known > most) {
                most = known;
                *branch = i;
            }
        } else {
            *branch = i;
            single = b->code == DK_OP_FLOAT;
            if (!single)
                return 0;
        }
    }
    if (*branch != DK_AVRO_NONE)
        return 0;
    (void)refuse(e, "a value of type %.100s is none of the union's types", Py_TYPE(v)->tp_name);
    return -1;
}

/* Values that only a field's own type takes, not a union's. */
static bool
is_doubtful(const dk_avro_op *op, PyObject *v)
{
    switch ((dk_avro_opcode)op->code) {
    case DK_OP_INT:
    case DK_OP_LONG:
    case DK_OP_FLOAT:
    case DK_OP_DOUBLE:
        return PyBool_Check(v) || (PyUnicode_Check(v) && op->logical != DK_LOGICAL_DATE);
    case DK_OP_BOOL:
        return !PyBool_Check(v);
    default:
        return false;
    }
}

static bool
encode_union(run *e, const dk_avro_op *op, PyObject *v)
{
    const dk_avro_op *other;
    uint32_t branch;
    int rc = 1;

    if (op->code == DK_OP_OPTION && !PyTuple_Check(v)) {
        if (v == Py_None) {
            dk_buf_put_byte(e->out, (uint8_t)(op->ref << 1));
            return true;
        }
        other = &e->c->ops[op->a + 1 - op->ref];
        if (is_doubtful(other, v))
            return refuse(e, "a value of type %.100s is none of the union's types", Py_TYPE(v)->tp_name);
        if (other->code == DK_OP_RECORD && PyDict_Check(v))
            rc = hint_fits(e, &e->c->records[other->ref], v);
        if (rc != 1)
            return rc == 0 ? refuse(e, "\"-type\" names no type of the union") : false;
        dk_buf_put_byte(e->out, (uint8_t)((1 - op->ref) << 1));
        return encode(e, other, v);
    }
    if (PyTuple_Check(v)) {
        if (choose_named(e, op, v, &branch) < 0)
            return false;
        dk_buf_put_long(e->out, branch);
        return encode(e, &e->c->ops[op->a + branch], PyTuple_GET_ITEM(v, 1));
    }
    if (choose(e, op, v, &branch) < 0)
        return false;
    dk_buf_put_long(e->out, branch);
    return encode(e, &e->c->ops[op->a + branch], v);
}

/* ---- one value ----------------------------------------------------------------------------------------------------
 */

static bool
encode_nested(run *e, const dk_avro_op *op, PyObject *v)
{
    bool ok;

    if (e->depth == 0)
        return refuse(e, "nested too deeply");
    e->depth--;
    ok = op->code == DK_OP_RECORD  ? encode_record(e, op, v)
         : op->code == DK_OP_ARRAY ? encode_array(e, op, v)
                                   : encode_map(e, op, v);
    e->depth++;
    return ok;
}

static bool
encode(run *e, const dk_avro_op *op, PyObject *v)
{
    int64_t l;
    int rc;

    switch ((dk_avro_opcode)op->code) {
    case DK_OP_NIL:
        return v == Py_None || refuse_type(e, "None", v);
    case DK_OP_BOOL:
        return encode_bool(e, v);
    case DK_OP_INT:
    case DK_OP_LONG:
        if (op->logical != DK_LOGICAL_NONE && !PyLong_CheckExact(v)) {
            rc = logical_number(e, op, v, &l);
            if (rc == 1)
                dk_buf_put_long(e->out, l);
            if (rc != 0)
                return rc == 1;
        }
        return encode_integer(e, op, v);
    case DK_OP_FLOAT:
    case DK_OP_DOUBLE:
        return encode_real(e, op, v);
    case DK_OP_BYTES:
    case DK_OP_FIXED:
        return encode_bytes(e, op, v);
    case DK_OP_STRING:
        return encode_text(e, op, v);
    case DK_OP_ENUM:
        return encode_enum(e, op, v);
    case DK_OP_UNION:
    case DK_OP_OPTION:
        return encode_union(e, op, v);
    case DK_OP_RECORD:
    case DK_OP_ARRAY:
    case DK_OP_MAP:
        return encode_nested(e, op, v);
    default:
        return refuse(e, "a schema made for a reader cannot encode");
    }
}

int
native_avro_encode(AvroSchemaObject *self, PyObject *value, dk_buf *out)
{
    run e;

    e.self = self;
    e.core = self->core;
    e.c = self->code;
    e.out = out;
    e.depth = self->limits.depth;
    e.err.path[0] = '\0';
    e.err.text[0] = '\0';
    if (encode(&e, &e.c->ops[e.c->root], value) && out->st == DK_OK)
        return 0;
    if (out->st != DK_OK && !PyErr_Occurred())
        PyErr_NoMemory();
    if (!PyErr_Occurred())
        native_avro_raise(self->core->encode_error, &e.err);
    return -1;
}
