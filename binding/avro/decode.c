/* SPDX-License-Identifier: MIT
 *
 * Avro bytes become Python objects, the same that fastavro makes: one switch over the ops of a program.
 */
#include "avro/native_avro.h"

#include <stdio.h>

#define DECIMAL_BYTES_MAX 4096 /* of a decimal's number, sign extension aside */

typedef struct run {
    AvroSchemaObject *self;
    AvroCore *core;
    const dk_avro_code *c;
    dk_avro_reader r;
} run;

static PyObject *value_of(run *d, const dk_avro_op *op);
static PyObject *record_of(run *d, const dk_avro_op *op);

PyObject *
native_avro_raise_decode(AvroCore *core, const dk_error *err)
{
    if (!PyErr_Occurred())
        native_avro_raise(core->decode_error, err);
    return NULL;
}

/* ---- texts --------------------------------------------------------------------------------------------------------
 */

/* Words of 8 bytes, the last one overlapping the one before. */
static inline bool
is_ascii(const uint8_t *p, size_t n)
{
    uint64_t word, any = 0;
    size_t i;

    if (n < 8) {
        for (i = 0; i < n; i++)
            any |= p[i];
        return (any & 0x80) == 0;
    }
    for (i = 0; i < n - 8; i += 8) {
        memcpy(&word, p + i, 8);
        any |= word;
    }
    memcpy(&word, p + n - 8, 8);
    return ((any | word) & 0x8080808080808080u) == 0;
}

static PyObject *
text_of(run *d, dk_slice s, const uint8_t *at)
{
    PyObject *text;

    if (s.n > 1 && is_ascii(s.p, s.n)) {
        text = PyUnicode_New((Py_ssize_t)s.n, 127);
        if (text != NULL)
            memcpy(PyUnicode_1BYTE_DATA(text), s.p, s.n);
        return text;
    }
    text = PyUnicode_DecodeUTF8((const char *)s.p, (Py_ssize_t)s.n, NULL);
    if (text == NULL && PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) {
        PyErr_Clear();
        dk_avro_reader_fail(&d->r, at, "the string is not valid UTF-8");
    }
    return text;
}

/* ---- dates and times ----------------------------------------------------------------------------------------------
 */

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
date_of(run *d, int64_t days, const uint8_t *at)
{
    civil c;

    if (!civil_of(days, &c)) {
        dk_avro_reader_fail(&d->r, at, "the date %lld days from 1970 is outside the years 1 to 9999",
                            (long long)days);
        return NULL;
    }
    return d->core->dt->Date_FromDate(c.year, c.month, c.day, d->core->dt->DateType);
}

#define DAY_MICROS INT64_C(86400000000)

/* micros from 1970; tz: a tzinfo or None. */
static PyObject *
datetime_of(run *d, int64_t v, int64_t unit, PyObject *tz, const uint8_t *at)
{
    PyDateTime_CAPI *dt = d->core->dt;
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
        dk_avro_reader_fail(&d->r, at, "the timestamp %lld is outside the years 1 to 9999", (long long)v);
        return NULL;
    }
    rest *= unit;
    secs = (int)(rest / 1000000);
    return dt->DateTime_FromDateAndTime(c.year, c.month, c.day, secs / 3600, secs / 60 % 60, secs % 60,
                                        (int)(rest % 1000000), tz, dt->DateTimeType);
}

static PyObject *
time_of(run *d, int64_t v, int64_t unit, const uint8_t *at)
{
    PyDateTime_CAPI *dt = d->core->dt;
    int secs;

    if (v < 0 || v >= DAY_MICROS / unit) {
        dk_avro_reader_fail(&d->r, at, "the time %lld is not within a day", (long long)v);
        return NULL;
    }
    v *= unit;
    secs = (int)(v / 1000000);
    return dt->Time_FromTime(secs / 3600, secs / 60 % 60, secs % 60, (int)(v % 1000000), Py_None, dt->TimeType);
}

static PyObject *
logical_long(run *d, const dk_avro_op *op, int64_t v, const uint8_t *at)
{
    PyDateTime_CAPI *dt = d->core->dt;

    switch ((dk_avro_logical)op->logical) {
    case DK_LOGICAL_DATE:
        return date_of(d, v, at);
    case DK_LOGICAL_TIME_MILLIS:
        return time_of(d, v, 1000, at);
    case DK_LOGICAL_TIME_MICROS:
        return time_of(d, v, 1, at);
    case DK_LOGICAL_TIMESTAMP_MILLIS:
        return datetime_of(d, v, 1000, dt->TimeZone_UTC, at);
    case DK_LOGICAL_TIMESTAMP_MICROS:
        return datetime_of(d, v, 1, dt->TimeZone_UTC, at);
    case DK_LOGICAL_LOCAL_TIMESTAMP_MILLIS:
        return datetime_of(d, v, 1000, Py_None, at);
    case DK_LOGICAL_LOCAL_TIMESTAMP_MICROS:
        return datetime_of(d, v, 1, Py_None, at);
    default: /* nanoseconds: datetime cannot hold them, so they stay a number */
        return PyLong_FromLongLong(v);
    }
}

/* ---- decimals -----------------------------------------------------------------------------------------------------
 */

/* The general way, and the only one that rounds to the precision as decimal.Context does. */
static PyObject *
decimal_of_int(run *d, const dk_avro_op *op, PyObject *number)
{
    AvroCore *core = d->core;
    PyObject *ctx = PyObject_CallNoArgs(core->decimal_context), *precision = PyLong_FromUnsignedLong(op->precision);
    PyObject *shift = PyLong_FromLong(-(long)op->scale), *raw = NULL, *out = NULL;

    if (ctx != NULL && precision != NULL && shift != NULL && PyObject_SetAttr(ctx, core->s_prec, precision) == 0)
        raw = PyObject_CallMethodOneArg(ctx, core->s_create_decimal, number);
    if (raw != NULL)
        out = PyObject_CallMethodObjArgs(raw, core->s_scaleb, shift, ctx, NULL);
    if (out == NULL && (PyErr_ExceptionMatches(PyExc_ArithmeticError) || PyErr_ExceptionMatches(PyExc_ValueError))) {
        PyErr_Clear();
        dk_avro_reader_fail(&d->r, d->r.p, "the number cannot be a decimal of precision %u and scale %u",
                            op->precision, op->scale);
    }
    Py_XDECREF(ctx);
    Py_XDECREF(precision);
    Py_XDECREF(shift);
    Py_XDECREF(raw);
    return out;
}

static PyObject *
decimal_of_bytes(run *d, const dk_avro_op *op, dk_slice s)
{
    AvroCore *core = d->core;
    PyObject *args[3], *number, *out;

    if (s.n > DECIMAL_BYTES_MAX && s.n > op->precision / 2u) {
        dk_avro_reader_fail(&d->r, s.p, "a decimal of %zu bytes, but its precision is %u digits", s.n, op->precision);
        return NULL;
    }
    args[0] = PyBytes_FromStringAndSize((const char *)s.p, (Py_ssize_t)s.n);
    if (args[0] == NULL)
        return NULL;
    args[1] = core->s_big;
    args[2] = Py_True;
    number = PyObject_GetAttr((PyObject *)&PyLong_Type, core->s_from_bytes);
    Py_XSETREF(number, number == NULL ? NULL : PyObject_Vectorcall(number, args, 2, core->signed_kw));
    Py_DECREF(args[0]);
    if (number == NULL)
        return NULL;
    out = decimal_of_int(d, op, number);
    Py_DECREF(number);
    return out;
}

/* Short numbers, which nearly all are, go by way of their text "-123E-2". */
static PyObject *
decimal_of(run *d, const dk_avro_op *op, dk_slice s)
{
    char buf[48], *p = buf + sizeof buf;
    unsigned digits = 0, scale = op->scale;
    PyObject *text, *out;
    uint64_t u, m;
    size_t i;

    while (s.n > 1 && ((s.p[0] == 0 && s.p[1] < 0x80) || (s.p[0] == 0xFF && s.p[1] >= 0x80))) {
        s.p++;
        s.n--;
    }
    if (s.n > 8)
        return decimal_of_bytes(d, op, s);
    u = s.n > 0 && s.p[0] >= 0x80 ? UINT64_MAX : 0;
    for (i = 0; i < s.n; i++)
        u = u << 8 | s.p[i];
    m = u >> 63 ? 0 - u : u;
    if (scale > 0) {
        do {
            *--p = (char)('0' + scale % 10);
            scale /= 10;
        } while (scale > 0);
        *--p = '-';
        *--p = 'E';
    }
    do {
        *--p = (char)('0' + m % 10);
        m /= 10;
        digits++;
    } while (m > 0);
    if (u >> 63)
        *--p = '-';
    if (digits > op->precision)
        return decimal_of_bytes(d, op, s);
    text = PyUnicode_New(buf + sizeof buf - p, 127);
    if (text == NULL)
        return NULL;
    memcpy(PyUnicode_1BYTE_DATA(text), p, (size_t)(buf + sizeof buf - p));
    out = PyObject_CallOneArg(d->core->decimal, text);
    Py_DECREF(text);
    return out;
}

/* ---- UUIDs --------------------------------------------------------------------------------------------------------
 */

static int
hex_of(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The usual form of 36 characters; false for any other, which is left to UUID itself. */
static bool
parse_uuid(dk_slice s, uint8_t out[16])
{
    size_t i, k = 0;

    if (s.n != 36)
        return false;
    for (i = 0; i < 36;) {
        int high, low;

        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (s.p[i++] != '-')
                return false;
            continue;
        }
        high = hex_of(s.p[i]);
        low = hex_of(s.p[i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[k++] = (uint8_t)(high << 4 | low);
        i += 2;
    }
    return true;
}

/* A UUID as its constructor would make it, without running that. */
static PyObject *
uuid_of_bytes(run *d, const uint8_t b[16])
{
    AvroCore *core = d->core;
    uint64_t high = 0, low = 0;
    PyObject *h, *l, *n = NULL, *shift, *u = NULL;
    int i;

    for (i = 0; i < 8; i++) {
        high = high << 8 | b[i];
        low = low << 8 | b[8 + i];
    }
    h = PyLong_FromUnsignedLongLong(high);
    l = PyLong_FromUnsignedLongLong(low);
    shift = PyLong_FromLong(64);
    if (h != NULL && l != NULL && shift != NULL)
        n = PyNumber_Lshift(h, shift);
    if (n != NULL)
        Py_SETREF(n, PyNumber_Or(n, l));
    Py_XDECREF(h);
    Py_XDECREF(l);
    Py_XDECREF(shift);
    if (n == NULL)
        return NULL;
    u = ((PyTypeObject *)core->uuid)->tp_new((PyTypeObject *)core->uuid, core->empty_args, NULL);
    if (u != NULL && (PyObject_GenericSetAttr(u, core->s_int, n) < 0 ||
                      PyObject_GenericSetAttr(u, core->s_is_safe, core->uuid_unsafe) < 0))
        Py_CLEAR(u);
    Py_DECREF(n);
    return u;
}

static PyObject *
uuid_of(run *d, dk_slice s, const uint8_t *at)
{
    PyObject *text, *out;
    uint8_t b[16];

    if (parse_uuid(s, b))
        return uuid_of_bytes(d, b);
    text = text_of(d, s, at);
    if (text == NULL)
        return NULL;
    out = PyObject_CallOneArg(d->core->uuid, text);
    Py_DECREF(text);
    if (out == NULL && PyErr_ExceptionMatches(PyExc_ValueError)) {
        PyErr_Clear();
        dk_avro_reader_fail(&d->r, at, "the string is not a UUID");
    }
    return out;
}

/* ---- containers ---------------------------------------------------------------------------------------------------
 */

static PyObject *
array_of(run *d, const dk_avro_op *op)
{
    const dk_avro_op *item = &d->c->ops[op->a];
    PyObject *list = NULL, *v;
    Py_ssize_t i = 0;
    dk_avro_block block = {0};
    uint64_t k;

    for (;;) {
        if (!dk_avro_read_block(&d->r, op, &block)) {
            Py_XDECREF(list);
            return NULL;
        }
        if (block.count == 0)
            return list != NULL ? list : PyList_New(0);
        /* The first block's items have a place each; later blocks, which are rare, are appended. A long list is grown
         * as its items turn out to be there. */
        if (list == NULL && block.count <= 1024) {
            list = PyList_New((Py_ssize_t)block.count);
            if (list == NULL)
                return NULL;
            for (k = 0; k < block.count; k++, i++) {
                v = value_of(d, item);
                if (v == NULL)
                    goto fail;
                PyList_SET_ITEM(list, i, v);
            }
            continue;
        }
        if (list == NULL && (list = PyList_New(0)) == NULL)
            return NULL;
        for (k = 0; k < block.count; k++, i++) {
            v = value_of(d, item);
            if (v == NULL)
                goto fail;
            if (PyList_Append(list, v) < 0) {
                Py_DECREF(v);
                goto fail;
            }
            Py_DECREF(v);
        }
    }
fail:
    Py_DECREF(list);
    dk_avro_path_index(d->r.err, (uint64_t)i);
    return NULL;
}

static PyObject *
map_of(run *d, const dk_avro_op *op)
{
    const dk_avro_op *value = &d->c->ops[op->a];
    PyObject *dict = PyDict_New(), *key, *v;
    dk_slice s;
    dk_avro_block block = {0};

    if (dict == NULL)
        return NULL;
    while (dk_avro_read_block(&d->r, op, &block)) {
        if (block.count == 0)
            return dict;
        for (; block.count > 0; block.count--) {
            const uint8_t *at = d->r.p;
            int rc;

            if (!dk_avro_read_bytes(&d->r, &s) || (key = text_of(d, s, at)) == NULL)
                goto fail;
            v = value_of(d, value);
            rc = v == NULL ? -1 : PyDict_SetItem(dict, key, v);
            Py_DECREF(key);
            Py_XDECREF(v);
            if (rc < 0) {
                dk_avro_path_key(d->r.err, s);
                goto fail;
            }
        }
    }
fail:
    Py_DECREF(dict);
    return NULL;
}

static PyObject *
default_of(run *d, const dk_avro_op *op)
{
    dk_avro_reader input = d->r;
    PyObject *v;

    d->r.start = d->r.p = d->c->consts[op->ref].p;
    d->r.end = d->r.p + d->c->consts[op->ref].n;
    v = value_of(d, &d->c->ops[op->a]);
    input.empty = d->r.empty;
    d->r = input;
    if (v == NULL && d->r.err != NULL)
        d->r.err->pos = (size_t)(d->r.p - d->r.start);
    return v;
}

static PyObject *
nested_of(run *d, const dk_avro_op *op)
{
    PyObject *v;

    if (!dk_avro_enter(&d->r))
        return NULL;
    v = op->code == DK_OP_RECORD ? record_of(d, op) : op->code == DK_OP_ARRAY ? array_of(d, op) : map_of(d, op);
    dk_avro_leave(&d->r);
    return v;
}

/* ---- one value ----------------------------------------------------------------------------------------------------
 */

static PyObject *
fixed_of(run *d, const dk_avro_op *op, dk_slice s)
{
    if (op->logical == DK_LOGICAL_DECIMAL)
        return decimal_of(d, op, s);
    return PyBytes_FromStringAndSize((const char *)s.p, (Py_ssize_t)s.n);
}

static inline __attribute__((always_inline)) PyObject *
read_value(run *d, const dk_avro_op *op)
{
    const uint8_t *at;
    dk_slice s;
    int64_t l;
    double f = 0;
    uint32_t u;
    bool b = false;

again:
    switch ((dk_avro_opcode)op->code) {
    case DK_OP_NIL:
        return Py_NewRef(Py_None);
    case DK_OP_BOOL:
        return dk_avro_read_bool(&d->r, &b) ? Py_NewRef(b ? Py_True : Py_False) : NULL;
    case DK_OP_INT:
    case DK_OP_LONG:
        at = d->r.p;
        if (!dk_avro_read_long(&d->r, &l))
            return NULL;
        return op->logical == DK_LOGICAL_NONE ? PyLong_FromLongLong(l) : logical_long(d, op, l, at);
    case DK_OP_LONG_TO_DOUBLE:
        return dk_avro_read_long(&d->r, &l) ? PyFloat_FromDouble((double)l) : NULL;
    case DK_OP_FLOAT:
    case DK_OP_FLOAT_TO_DOUBLE:
        return dk_avro_read_float(&d->r, &f) ? PyFloat_FromDouble(f) : NULL;
    case DK_OP_DOUBLE:
        return dk_avro_read_double(&d->r, &f) ? PyFloat_FromDouble(f) : NULL;
    case DK_OP_BYTES:
    case DK_OP_STRING_TO_BYTES:
        return dk_avro_read_bytes(&d->r, &s) ? fixed_of(d, op, s) : NULL;
    case DK_OP_STRING:
    case DK_OP_BYTES_TO_STRING:
        at = d->r.p;
        if (!dk_avro_read_bytes(&d->r, &s))
            return NULL;
        return op->logical == DK_LOGICAL_UUID ? uuid_of(d, s, at) : text_of(d, s, at);
    case DK_OP_FIXED:
        return dk_avro_read_raw(&d->r, op->n, &s) ? fixed_of(d, op, s) : NULL;
    case DK_OP_ENUM:
        return dk_avro_read_enum(&d->r, &d->c->enums[op->ref], &u) ? Py_NewRef(d->self->enums[op->ref].symbols[u])
                                                                   : NULL;
    case DK_OP_UNION:
    case DK_OP_OPTION:
        if (!dk_avro_read_branch(d->c, &d->r, op, &op))
            return NULL;
        goto again;
    case DK_OP_BRANCH:
        op = &d->c->ops[op->a];
        goto again;
    case DK_OP_ARRAY:
    case DK_OP_MAP:
    case DK_OP_RECORD:
        return nested_of(d, op);
    case DK_OP_DEFAULT:
        return default_of(d, op);
    case DK_OP_FAIL:
        dk_avro_reader_fail(&d->r, d->r.p, "%s", d->c->texts[op->ref]);
        return NULL;
    case DK_OP_SKIP:
    case DK_OP_COUNT:
        break;
    }
    dk_avro_reader_fail(&d->r, d->r.p, "unknown operation %d", op->code);
    return NULL;
}

static PyObject *
value_of(run *d, const dk_avro_op *op)
{
    return read_value(d, op);
}

static PyObject *
record_of(run *d, const dk_avro_op *op)
{
    const avro_plan *plan = &d->self->plans[op->ref];
    const dk_avro_op *step = &d->c->ops[op->a], *end = step + op->n;
    PyObject *dict = native_form_dict(&plan->form), *v;
    uint32_t i = 0;
    int rc;

    if (dict == NULL)
        return NULL;
    for (; step < end; step++) {
        if (step->code == DK_OP_SKIP) {
            if (!dk_avro_skip_value(d->c, &d->r, step))
                goto fail;
            continue;
        }
        v = read_value(d, step);
        if (v == NULL)
            goto fail;
        if (plan->form.places != NULL) {
            native_form_put(&plan->form, dict, i++, v);
            continue;
        }
        rc = PyDict_SetItem(dict, plan->names[step->slot], v);
        Py_DECREF(v);
        if (rc < 0)
            goto fail;
    }
    return dict;
fail:
    Py_DECREF(dict);
    if (step->slot != DK_AVRO_NONE)
        dk_avro_path_field(d->r.err, d->c->records[op->ref].fields[step->slot].name);
    return NULL;
}

PyObject *
native_avro_value(AvroSchemaObject *self, dk_avro_reader *r, const dk_avro_op *op)
{
    run d = {.self = self, .core = self->core, .c = self->code, .r = *r};
    PyObject *v = value_of(&d, op);

    *r = d.r;
    return v;
}

PyObject *
native_avro_decode(AvroSchemaObject *self, dk_slice bytes)
{
    run d;
    dk_error err;
    PyObject *v;

    d.self = self;
    d.core = self->core;
    d.c = self->code;
    err.path[0] = '\0';
    dk_avro_reader_init(&d.r, bytes, &self->limits, &err);
    v = value_of(&d, &d.c->ops[d.c->root]);
    if (v != NULL && d.r.p == d.r.end)
        return v;
    if (v != NULL) {
        Py_DECREF(v);
        dk_avro_reader_fail(&d.r, d.r.p, "%zu bytes are left over after the value", (size_t)(d.r.end - d.r.p));
    }
    return native_avro_raise_decode(self->core, &err);
}
