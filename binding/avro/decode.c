/* SPDX-License-Identifier: MIT
 *
 * Avro bytes become Python objects, the same that fastavro makes: one switch over the ops of a program.
 */
#include "avro/decode.h"

typedef struct run {
    AvroSchemaObject *self;
    AvroCore *core;
    const dk_avro_code *c;
    dk_avro_reader r;
} run;

static PyObject *value_of(run *d, const dk_avro_op *op);
static PyObject *record_of(run *d, const dk_avro_op *op);

/* ---- texts ---- */

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

static PyObject *
uuid_of(run *d, dk_slice s, const uint8_t *at)
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

/* ---- containers ---- */

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

/* ---- one value ---- */

static PyObject *
fixed_of(run *d, const dk_avro_op *op, dk_slice s)
{
    if (op->logical == DK_LOGICAL_DECIMAL)
        return native_decimal_of(d->core, &d->r, op, s);
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
        return op->logical == DK_LOGICAL_NONE ? PyLong_FromLongLong(l) : native_date_of(d->core, &d->r, op, l, at);
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
