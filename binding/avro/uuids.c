/* SPDX-License-Identifier: MIT
 *
 * UUIDs: from their text, and back to that or to 16 bytes.
 */
#include "avro/decode.h"
#include "avro/encode.h"

/* ---- from Avro ---- */

static int
hex_of(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The usual form of 36 characters; false for any other, which is left to UUID itself. */
bool
native_uuid_parse(dk_slice s, uint8_t out[16])
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
PyObject *
native_uuid_of(AvroCore *core, const uint8_t b[16])
{
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

PyObject *
native_uuid_of_text(AvroCore *core, dk_avro_reader *r, PyObject *text, const uint8_t *at)
{
    PyObject *out = PyObject_CallOneArg(core->uuid, text);

    if (out == NULL && PyErr_ExceptionMatches(PyExc_ValueError)) {
        PyErr_Clear();
        dk_avro_reader_fail(r, at, "the string is not a UUID");
    }
    return out;
}

/* ---- to Avro ---- */

bool
native_uuid_put(native_encoding *e, const dk_avro_op *op, PyObject *v)
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
