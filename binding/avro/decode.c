/* SPDX-License-Identifier: MIT
 *
 * Avro bytes become Python objects, the same that fastavro makes: the sink of dk/avro_decode.h.
 *
 * The values of a record, array or map wait on a stack until all are there; then the container is made of them at
 * once. So nobody, a callback of the garbage collector's neither, ever sees one that is half made.
 */
#include "avro/decode.h"

#define FEW 64             /* values on the C stack, enough for most messages */
#define ANNOUNCED_MAX 4096 /* items that get room before they are there */

typedef struct dk_sink_run {
    const dk_avro_code *c;
    dk_avro_reader r;
    AvroSchemaObject *self;
    AvroCore *core;
    PyObject **values; /* the stack */
    size_t n, cap;
    PyObject *few[FEW];
} dk_sink_run;

typedef PyObject *dk_sink_value;
typedef size_t dk_sink_frame; /* where on the stack its values begin */

/* ---- the stack ---- */

static bool
grow(dk_sink_run *d, size_t more)
{
    size_t cap = d->cap * 2 < d->n + more ? d->n + more : d->cap * 2;
    PyObject **values = PyMem_New(PyObject *, cap);

    if (values == NULL) {
        PyErr_NoMemory();
        return false;
    }
    memcpy(values, d->values, d->n * sizeof *values);
    if (d->values != d->few)
        PyMem_Free(d->values);
    d->values = values;
    d->cap = cap;
    return true;
}

static inline bool
reserve(dk_sink_run *d, size_t more)
{
    return d->cap - d->n >= more || grow(d, more);
}

static inline bool
push(dk_sink_run *d, PyObject *v)
{
    if (!reserve(d, 1)) {
        Py_DECREF(v);
        return false;
    }
    d->values[d->n++] = v;
    return true;
}

static void
dk_sink_drop(dk_sink_run *d, dk_sink_frame *frame)
{
    while (d->n > *frame)
        Py_DECREF(d->values[--d->n]);
}

static void
dk_sink_discard(dk_sink_run *d, PyObject *v)
{
    Py_DECREF(v);
}

/* ---- texts ---- */

static inline uint64_t
word_at(const uint8_t *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof word);
    return word;
}

#define HIGH_BITS 0x8080808080808080u

/* Words of 8 bytes, the last one overlapping the one before; of long texts four at a time. */
static inline bool
is_ascii(const uint8_t *p, size_t n)
{
    uint64_t any = 0;
    size_t i = 0;

    if (n < 8) {
        for (i = 0; i < n; i++)
            any |= p[i];
        return (any & 0x80) == 0;
    }
    for (; n - i > 32; i += 32)
        if (((word_at(p + i) | word_at(p + i + 8) | word_at(p + i + 16) | word_at(p + i + 24)) & HIGH_BITS) != 0)
            return false;
    for (; i < n - 8; i += 8)
        any |= word_at(p + i);
    return ((any | word_at(p + n - 8)) & HIGH_BITS) == 0;
}

static PyObject *
text_of(dk_sink_run *d, dk_slice s, const uint8_t *at)
{
    PyObject *text;

    if (s.n > 1 && is_ascii(s.p, s.n)) {
        text = PyUnicode_New((Py_ssize_t)s.n, 127);
        if (text != NULL)
            memcpy(PyUnicode_1BYTE_DATA(text), s.p, s.n);
        return text;
    }
    text = native_text_of(d->core, s);
    if (text == NULL && !PyErr_Occurred())
        dk_avro_reader_fail(&d->r, at, "the string is not valid UTF-8");
    return text;
}

static PyObject *
uuid_of(dk_sink_run *d, dk_slice s, const uint8_t *at)
{
    PyObject *text, *out;
    uint8_t b[16];

    if (native_uuid_parse(s, b))
        return native_uuid_of(d->core, b);
    text = text_of(d, s, at);
    if (text == NULL)
        return NULL;
    out = native_uuid_of_text(d->core, &d->r, text, at);
    Py_DECREF(text);
    return out;
}

/* ---- values ---- */

static inline PyObject *
dk_sink_null(dk_sink_run *d)
{
    return Py_NewRef(Py_None);
}

static inline PyObject *
dk_sink_bool(dk_sink_run *d, bool v)
{
    return Py_NewRef(v ? Py_True : Py_False);
}

static inline PyObject *
dk_sink_long(dk_sink_run *d, const dk_avro_op *op, int64_t v, const uint8_t *at)
{
    return op->logical == DK_LOGICAL_NONE ? PyLong_FromLongLong(v) : native_date_of(d->core, &d->r, op, v, at);
}

static inline PyObject *
dk_sink_double(dk_sink_run *d, const dk_avro_op *op, double v)
{
    return PyFloat_FromDouble(v);
}

static inline PyObject *
dk_sink_bytes(dk_sink_run *d, const dk_avro_op *op, dk_slice s)
{
    if (op->logical == DK_LOGICAL_DECIMAL)
        return native_decimal_of(d->core, &d->r, op, s);
    return PyBytes_FromStringAndSize((const char *)s.p, (Py_ssize_t)s.n);
}

static inline PyObject *
dk_sink_text(dk_sink_run *d, const dk_avro_op *op, dk_slice s, const uint8_t *at)
{
    return op->logical == DK_LOGICAL_UUID ? uuid_of(d, s, at) : text_of(d, s, at);
}

static inline PyObject *
dk_sink_enum(dk_sink_run *d, const dk_avro_op *op, uint32_t symbol)
{
    return Py_NewRef(d->self->enums[op->ref].symbols[symbol]);
}

static inline bool
dk_sink_branch(dk_sink_run *d, uint32_t branch)
{
    return true;
}

/* ---- containers ---- */

static inline bool
dk_sink_record_begin(dk_sink_run *d, const dk_avro_op *op, dk_sink_frame *frame)
{
    *frame = d->n;
    return reserve(d, op->n);
}

static inline bool
dk_sink_record_field(dk_sink_run *d, const dk_avro_op *op, const dk_avro_op *step)
{
    return true;
}

static inline bool
dk_sink_record_put(dk_sink_run *d, dk_sink_frame *frame, const dk_avro_op *step, PyObject *v)
{
    d->values[d->n++] = v;
    return true;
}

static inline PyObject *
dk_sink_record_end(dk_sink_run *d, const dk_avro_op *op, dk_sink_frame *frame)
{
    d->n = *frame;
    return native_form_make(&d->self->plans[op->ref].form, d->values + d->n);
}

static inline bool
dk_sink_items_begin(dk_sink_run *d, const dk_avro_op *op, dk_sink_frame *frame)
{
    *frame = d->n;
    return true;
}

static inline bool
dk_sink_items_more(dk_sink_run *d, dk_sink_frame *frame, uint64_t n)
{
    return reserve(d, n < ANNOUNCED_MAX ? (size_t)n : ANNOUNCED_MAX);
}

static inline bool
dk_sink_array_put(dk_sink_run *d, dk_sink_frame *frame, PyObject *v)
{
    return push(d, v);
}

static PyObject *
dk_sink_array_end(dk_sink_run *d, dk_sink_frame *frame)
{
    PyObject *list = PyList_New((Py_ssize_t)(d->n - *frame));

    if (list == NULL) {
        dk_sink_drop(d, frame);
        return NULL;
    }
    for (size_t i = *frame; i < d->n; i++)
        PyList_SET_ITEM(list, (Py_ssize_t)(i - *frame), d->values[i]);
    d->n = *frame;
    return list;
}

static inline bool
dk_sink_map_key(dk_sink_run *d, dk_sink_frame *frame, dk_slice s, const uint8_t *at)
{
    PyObject *key = text_of(d, s, at);

    return key != NULL && push(d, key);
}

static inline bool
dk_sink_map_put(dk_sink_run *d, dk_sink_frame *frame, PyObject *v)
{
    return push(d, v);
}

static PyObject *
dk_sink_map_end(dk_sink_run *d, dk_sink_frame *frame)
{
    PyObject *dict = native_dict_sized((Py_ssize_t)(d->n - *frame) / 2);

    for (size_t i = *frame; dict != NULL && i < d->n; i += 2)
        if (PyDict_SetItem(dict, d->values[i], d->values[i + 1]) < 0)
            Py_CLEAR(dict);
    dk_sink_drop(d, frame);
    return dict;
}

#include "dk/avro_decode.h"

static void
begin(dk_sink_run *d, AvroSchemaObject *self)
{
    d->self = self;
    d->core = self->core;
    d->c = self->code;
    d->values = d->few;
    d->n = 0;
    d->cap = FEW;
}

static void
end(dk_sink_run *d)
{
    if (d->values != d->few)
        PyMem_Free(d->values);
}

PyObject *
native_avro_value(AvroSchemaObject *self, dk_avro_reader *r, const dk_avro_op *op)
{
    dk_sink_run d;
    PyObject *v;

    begin(&d, self);
    d.r = *r;
    v = dk_avro_decode(&d, op);
    *r = d.r;
    end(&d);
    return v;
}

PyObject *
native_avro_decode(AvroSchemaObject *self, dk_slice bytes)
{
    dk_sink_run d;
    dk_error err;
    PyObject *v;

    begin(&d, self);
    err.path[0] = '\0';
    dk_avro_reader_init(&d.r, bytes, &self->limits, &err);
    v = dk_avro_decode_whole(&d);
    end(&d);
    return v != NULL ? v : native_avro_raise_decode(self->core, &err);
}
