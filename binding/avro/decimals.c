/* SPDX-License-Identifier: MIT
 *
 * Decimals: from the bytes of a number, and back.
 */
#include "avro/decode.h"
#include "avro/encode.h"

#define BYTES_MAX 4096  /* of a decimal's number, sign extension aside */
#define ZEROS_MAX 10000 /* that a decimal may be scaled up by */

/* ---- from Avro ---- */

/* The general way. Its context has room for as many digits as so many bytes can have: none is rounded away, whatever
 * precision the schema names (as Java's; fastavro rounds). */
static PyObject *
decimal_of_int(AvroCore *core, dk_avro_reader *r, const dk_avro_op *op, PyObject *number, size_t bytes)
{
    PyObject *ctx = PyObject_CallNoArgs(core->decimal_context), *precision = PyLong_FromSize_t(bytes * 5 / 2 + 1);
    PyObject *shift = PyLong_FromLong(-(long)op->scale), *raw = NULL, *out = NULL;

    if (ctx != NULL && precision != NULL && shift != NULL && PyObject_SetAttr(ctx, core->s_prec, precision) == 0)
        raw = PyObject_CallMethodOneArg(ctx, core->s_create_decimal, number);
    if (raw != NULL)
        out = PyObject_CallMethodObjArgs(raw, core->s_scaleb, shift, ctx, NULL);
    if (out == NULL && (PyErr_ExceptionMatches(PyExc_ArithmeticError) || PyErr_ExceptionMatches(PyExc_ValueError))) {
        PyErr_Clear();
        dk_avro_reader_fail(r, r->p, "the number cannot be a decimal of precision %u and scale %u", op->precision,
                            op->scale);
    }
    Py_XDECREF(ctx);
    Py_XDECREF(precision);
    Py_XDECREF(shift);
    Py_XDECREF(raw);
    return out;
}

static PyObject *
decimal_of_bytes(AvroCore *core, dk_avro_reader *r, const dk_avro_op *op, dk_slice s)
{
    PyObject *args[3], *number, *out;

    if (s.n > BYTES_MAX && s.n > op->precision / 2u) {
        dk_avro_reader_fail(r, s.p, "a decimal of %zu bytes, but its precision is %u digits", s.n, op->precision);
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
    out = decimal_of_int(core, r, op, number, s.n);
    Py_DECREF(number);
    return out;
}

#define LIMBS 8      /* of 64 bits: of a number that goes by way of its text */
#define TEXT_MAX 192 /* sign, digits of so many bits, "E-" and a scale */

/* The limbs of big-endian two's complement, the least first, without the sign. n > 0 bytes, at most 8 * LIMBS. */
static unsigned
limbs_of(dk_slice s, uint64_t limbs[LIMBS])
{
    bool negative = s.p[0] >= 0x80, carry = negative;
    unsigned n = (unsigned)(s.n + 7) / 8;

    for (unsigned k = 0; k < n; k++) {
        size_t end = s.n - 8u * k, from = end > 8 ? end - 8 : 0;
        uint64_t limb = negative ? UINT64_MAX : 0;

        for (size_t i = from; i < end; i++)
            limb = limb << 8 | s.p[i];
        if (negative) {
            limb = ~limb + carry;
            carry = carry && limb == 0;
        }
        limbs[k] = limb;
    }
    while (n > 0 && limbs[n - 1] == 0)
        n--;
    return n;
}

#define PART UINT64_C(10000000000000000000) /* ten to the 19: a limb has as many digits */

/* Writes a number before *end, with zeros in front up to so many digits. */
static inline void
put_part(uint64_t number, unsigned wanted, char **end)
{
    unsigned done = 0;
    char *p = *end;

    for (; number >= 100; number /= 100, done += 2) {
        unsigned two = (unsigned)(number % 100);

        *--p = (char)('0' + two % 10);
        *--p = (char)('0' + two / 10);
    }
    for (; number > 0 || done < wanted; number /= 10, done++)
        *--p = (char)('0' + number % 10);
    *end = p;
}

/* Writes the number before *end. */
static void
put_digits(uint64_t limbs[LIMBS], unsigned n, char **end)
{
    char *p = *end;

    do {
        uint64_t rest = 0;
        unsigned k = n, wanted;

        if (n == 1 && limbs[0] < PART) {
            rest = limbs[0];
            n = 0;
        }
        while (k > 0 && n > 0) {
            unsigned __int128 part = (unsigned __int128)rest << 64 | limbs[--k];

            limbs[k] = (uint64_t)(part / PART);
            rest = (uint64_t)part - limbs[k] * PART; /* a second division would be as slow */
        }
        while (n > 0 && limbs[n - 1] == 0)
            n--;
        wanted = n > 0 ? 19 : 1; /* zeros within the number count */
        put_part(rest, wanted, &p);
    } while (n > 0);
    *end = p;
}

/* Numbers of a sensible size go by way of their text "-123E-2". */
PyObject *
native_decimal_of(AvroCore *core, dk_avro_reader *r, const dk_avro_op *op, dk_slice s)
{
    char buf[TEXT_MAX], *p = buf + sizeof buf;
    unsigned scale = op->scale, n = 0;
    uint64_t limbs[LIMBS];
    PyObject *text, *out;

    while (s.n > 1 && ((s.p[0] == 0 && s.p[1] < 0x80) || (s.p[0] == 0xFF && s.p[1] >= 0x80))) {
        s.p++;
        s.n--;
    }
    if (s.n > 8u * LIMBS)
        return decimal_of_bytes(core, r, op, s);
    if (s.n > 0)
        n = limbs_of(s, limbs);
    if (scale > 0) {
        do {
            *--p = (char)('0' + scale % 10);
            scale /= 10;
        } while (scale > 0);
        *--p = '-';
        *--p = 'E';
    }
    put_digits(limbs, n, &p);
    if (s.n > 0 && s.p[0] >= 0x80)
        *--p = '-';
    text = PyUnicode_New(buf + sizeof buf - p, 127);
    if (text == NULL)
        return NULL;
    memcpy(PyUnicode_1BYTE_DATA(text), p, (size_t)(buf + sizeof buf - p));
    out = PyObject_CallOneArg(core->decimal, text);
    Py_DECREF(text);
    return out;
}

/* ---- to Avro ---- */

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
    if (zeros > ZEROS_MAX)
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
native_decimal_put(native_encoding *e, const dk_avro_op *op, PyObject *v)
{
    PyObject *text = PyObject_Str(v);
    const char *s = text == NULL ? NULL : PyUnicode_AsUTF8(text);
    bool ok = s != NULL && put_decimal_text(e, op, s);

    Py_XDECREF(text);
    return ok;
}
