/* SPDX-License-Identifier: MIT
 *
 * Python objects become Avro bytes: the source of dk/avro_encode.h. What fastavro takes is taken, but a value that
 * does not fit its type is refused, with the path of the field.
 *
 * Python code may run for any part of a value, and change what holds it: each part is held while it is written.
 */
#include "avro/encode.h"

typedef native_encoding dk_source_run;
typedef PyObject *dk_source_given;

typedef struct dk_source_cursor {
    PyObject *from; /* what is being read: borrowed, or `own` */
    PyObject *own;  /* a tuple or list made of it, or NULL */
    PyObject *key;  /* the last of a map, held for its path */
    Py_ssize_t pos;
    bool walk; /* a dict that is read in its own order */
} dk_source_cursor;

static bool
dk_source_refuse(native_encoding *e, const char *text)
{
    return native_unfit(e, "%s", text);
}

/* ---- numbers ---- */

static inline bool
dk_source_null(native_encoding *e, PyObject *v)
{
    return v == Py_None || native_unfit_type(e, "None", v);
}

static inline bool
dk_source_bool(native_encoding *e, PyObject *v)
{
    int64_t l = 0;
    int rc = v == Py_True || v == Py_False ? 1 : native_shape_index(v, &l);

    if (rc != 1 || l < 0 || l > 1)
        return rc != -2 && native_unfit_type(e, "a bool", v);
    dk_buf_put_byte(e->out, v == Py_True || l == 1);
    return true;
}

/* What may be given for an int or long, in a sentence. */
static const char *
wanted_number(const dk_avro_op *op)
{
    switch ((dk_avro_logical)op->logical) {
    case DK_LOGICAL_DATE:
        return "a date or an int";
    case DK_LOGICAL_TIME_MILLIS:
    case DK_LOGICAL_TIME_MICROS:
        return "a time or an int";
    default:
        return op->logical == DK_LOGICAL_NONE ? "an int" : "a datetime or an int";
    }
}

static inline bool
dk_source_long(native_encoding *e, const dk_avro_op *op, PyObject *v)
{
    int64_t l = 0;
    int rc = 0;

    if (op->logical != DK_LOGICAL_NONE && !PyLong_CheckExact(v)) {
        rc = native_date_number(e, op, v, &l);
        if (rc < 0)
            return false;
    }
    if (rc == 0)
        rc = native_shape_index(v, &l);
    if (rc == 0 || rc == -2)
        return rc == 0 && native_unfit_type(e, wanted_number(op), v);
    if (rc < 0 || !dk_avro_put_integer(e->out, op, l))
        return native_unfit(e, "the number does not fit into %s",
                            op->code == DK_OP_INT ? "an int of 32 bits" : "a long of 64 bits");
    return true;
}

static inline bool
dk_source_double(native_encoding *e, const dk_avro_op *op, PyObject *v)
{
    double f;

    if (PyFloat_CheckExact(v)) {
        dk_avro_put_real(e->out, op, PyFloat_AS_DOUBLE(v));
        return true;
    }
    /* "NaN", "inf": only a field's own value, as in fastavro; unions do not come here with one */
    if (PyUnicode_Check(v)) {
        PyObject *number = PyFloat_FromString(v);

        if (number == NULL)
            return native_unfit_raised(e, "a float", v);
        f = PyFloat_AS_DOUBLE(number);
        Py_DECREF(number);
    } else {
        f = PyFloat_AsDouble(v);
        if (f == -1.0 && PyErr_Occurred())
            return native_unfit_raised(e, "a float", v);
    }
    dk_avro_put_real(e->out, op, f);
    return true;
}

/* ---- texts and bytes ---- */

static inline bool
put_text(native_encoding *e, PyObject *v)
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
            return native_unfit(e, "the string holds a surrogate, which UTF-8 cannot have");
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

static inline bool
dk_source_text(native_encoding *e, const dk_avro_op *op, PyObject *v)
{
    if (PyUnicode_Check(v))
        return put_text(e, v);
    if (op->logical == DK_LOGICAL_UUID && PyObject_TypeCheck(v, (PyTypeObject *)e->core->uuid))
        return native_uuid_put(e, op, v);
    return native_unfit_type(e, op->logical == DK_LOGICAL_UUID ? "a UUID or str" : "a str", v);
}

static bool
put_raw(native_encoding *e, const dk_avro_op *op, const void *p, Py_ssize_t n)
{
    return dk_avro_put_raw(e->out, op, p, (size_t)n) || native_unfit(e, "%u bytes are wanted, not %zd", op->n, n);
}

static bool
dk_source_bytes(native_encoding *e, const dk_avro_op *op, PyObject *v)
{
    Py_buffer view;
    bool ok;

    if (PyBytes_Check(v))
        return put_raw(e, op, PyBytes_AS_STRING(v), PyBytes_GET_SIZE(v));
    if (op->logical == DK_LOGICAL_DECIMAL && PyObject_TypeCheck(v, (PyTypeObject *)e->core->decimal))
        return native_decimal_put(e, op, v);
    if (op->logical == DK_LOGICAL_UUID && PyObject_TypeCheck(v, (PyTypeObject *)e->core->uuid))
        return native_uuid_put(e, op, v);
    if (!PyObject_CheckBuffer(v))
        return native_unfit_type(e, op->logical == DK_LOGICAL_DECIMAL ? "a Decimal" : "bytes", v);
    if (PyObject_GetBuffer(v, &view, PyBUF_SIMPLE) < 0)
        return native_unfit_raised(e, "bytes", v);
    ok = put_raw(e, op, view.buf, view.len);
    PyBuffer_Release(&view);
    return ok;
}

static bool
dk_source_enum(native_encoding *e, const dk_avro_op *op, PyObject *v)
{
    PyObject *index = PyUnicode_Check(v) ? PyDict_GetItemWithError(e->self->enums[op->ref].index, v) : NULL;

    if (index == NULL) {
        if (PyErr_Occurred())
            return false;
        if (!PyUnicode_Check(v))
            return native_unfit_type(e, "a symbol (str)", v);
        return native_unfit(e, "\"%.100s\" is no symbol of enum %.100s",
                            PyUnicode_AsUTF8(v) == NULL ? (PyErr_Clear(), "?") : PyUnicode_AsUTF8(v),
                            e->c->enums[op->ref].name);
    }
    dk_buf_put_long(e->out, PyLong_AsLong(index));
    return true;
}

/* ---- containers ---- */

static bool
changed(native_encoding *e)
{
    return native_unfit(e, "the container changed while it was being encoded");
}

static inline void
dk_source_release(native_encoding *e, PyObject *v)
{
    Py_DECREF(v);
}

static inline void
dk_source_drop(native_encoding *e, dk_source_cursor *cursor)
{
    Py_XDECREF(cursor->own);
    Py_XDECREF(cursor->key);
}

static bool
dk_source_array_begin(native_encoding *e, const dk_avro_op *op, PyObject *v, dk_source_cursor *cursor, size_t *n)
{
    *cursor = (dk_source_cursor){.from = v};
    if (!PyList_CheckExact(v) && !PyTuple_CheckExact(v)) {
        if (PyUnicode_Check(v) || PyBytes_Check(v) || PyByteArray_Check(v) || PyDict_Check(v))
            return native_unfit_type(e, "a list", v);
        cursor->from = cursor->own = PySequence_Tuple(v);
        if (cursor->own == NULL)
            return native_unfit_raised(e, "a list", v);
    }
    *n = (size_t)PySequence_Fast_GET_SIZE(cursor->from);
    return true;
}

static inline bool
dk_source_array_next(native_encoding *e, size_t i, dk_source_cursor *cursor, PyObject **item)
{
    if ((Py_ssize_t)i >= PySequence_Fast_GET_SIZE(cursor->from))
        return changed(e);
    *item = Py_NewRef(PySequence_Fast_GET_ITEM(cursor->from, (Py_ssize_t)i));
    return true;
}

static inline bool
dk_source_array_end(native_encoding *e, dk_source_cursor *cursor)
{
    dk_source_drop(e, cursor);
    return true;
}

static bool
dk_source_map_begin(native_encoding *e, const dk_avro_op *op, PyObject *v, dk_source_cursor *cursor, size_t *n)
{
    int rc;

    *cursor = (dk_source_cursor){.from = v, .walk = PyDict_CheckExact(v)};
    if (cursor->walk) {
        *n = (size_t)PyDict_GET_SIZE(v);
        return true;
    }
    rc = native_shape_is_mapping(e, v);
    if (rc <= 0)
        return rc == 0 && native_unfit_type(e, "a dict", v);
    cursor->own = PyMapping_Items(v);
    if (cursor->own == NULL)
        return native_unfit_raised(e, "a dict", v);
    *n = (size_t)PyList_GET_SIZE(cursor->own);
    return true;
}

static bool
dk_source_map_next(native_encoding *e, size_t i, dk_source_cursor *cursor, PyObject **item)
{
    PyObject *key, *pair, *value;

    if (cursor->walk) {
        if (!PyDict_Next(cursor->from, &cursor->pos, &key, &value))
            return changed(e);
    } else {
        if ((Py_ssize_t)i >= PyList_GET_SIZE(cursor->own)) /* the garbage collector shows it to whoever asks */
            return changed(e);
        pair = PyList_GET_ITEM(cursor->own, (Py_ssize_t)i);
        if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2)
            return native_unfit_type(e, "a mapping with pairs as items", cursor->from);
        key = PyTuple_GET_ITEM(pair, 0);
        value = PyTuple_GET_ITEM(pair, 1);
    }
    if (!PyUnicode_Check(key))
        return native_unfit_type(e, "a str as key", key);
    if (!put_text(e, key))
        return false;
    Py_XSETREF(cursor->key, Py_NewRef(key));
    *item = Py_NewRef(value);
    return true;
}

static bool
dk_source_map_end(native_encoding *e, dk_source_cursor *cursor)
{
    PyObject *key, *value;

    bool more = cursor->walk && PyDict_Next(cursor->from, &cursor->pos, &key, &value);

    dk_source_drop(e, cursor);
    return !more || changed(e);
}

static void
dk_source_map_path(native_encoding *e, dk_source_cursor *cursor)
{
    Py_ssize_t n;
    const char *s = PyErr_Occurred() ? NULL : PyUnicode_AsUTF8AndSize(cursor->key, &n);

    if (s != NULL)
        dk_avro_path_key(e->err, (dk_slice){(const uint8_t *)s, (size_t)n});
}

static inline bool
dk_source_record_begin(native_encoding *e, const dk_avro_op *op, PyObject *v, dk_source_cursor *cursor)
{
    int rc;

    *cursor = (dk_source_cursor){.from = v, .walk = PyDict_CheckExact(v)};
    rc = cursor->walk ? 1 : native_shape_is_mapping(e, v);
    return rc > 0 || (rc == 0 && native_unfit_type(e, "a dict", v));
}

/* A dict that has its keys in the order of the fields is walked through, which is faster than looking them up. */
static inline int
dk_source_record_next(native_encoding *e, const dk_avro_op *op, uint32_t i, dk_source_cursor *cursor, PyObject **item)
{
    PyObject *name = e->self->plans[op->ref].names[i], *key;

    cursor->walk =
        cursor->walk && PyDict_Next(cursor->from, &cursor->pos, &key, item) && native_shape_same(key, name);
    if (cursor->walk) {
        Py_INCREF(*item);
        return 1;
    }
    return native_shape_field(e, cursor->from, name, item);
}

/* ---- unions ---- */

/* Values that only a field's own type takes, not a union's. */
static inline bool
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

/* null and one more type, of a value that says nothing itself about which it is */
static inline bool
choose_option(native_encoding *e, const dk_avro_op *op, PyObject *v, uint32_t *branch)
{
    const dk_avro_op *other = &e->c->ops[op->a + 1 - op->ref];
    int rc = 1;

    *branch = op->ref;
    if (v == Py_None)
        return true;
    *branch = 1 - op->ref;
    if (is_doubtful(other, v))
        return native_unfit(e, "a value of type %.100s is none of the union's types", Py_TYPE(v)->tp_name);
    if (other->code == DK_OP_RECORD && PyDict_Check(v))
        rc = native_union_hint_fits(e, &e->c->records[other->ref], v);
    return rc > 0 || (rc == 0 && native_unfit(e, "\"-type\" names no type of the union"));
}

static inline bool
dk_source_branch(native_encoding *e, const dk_avro_op *op, PyObject **v, uint32_t *branch)
{
    if (PyTuple_Check(*v)) {
        if (native_union_choose_named(e, op, *v, branch) < 0)
            return false;
        *v = PyTuple_GET_ITEM(*v, 1); /* the tuple is held, and cannot change */
        return true;
    }
    if (op->code == DK_OP_OPTION)
        return choose_option(e, op, *v, branch);
    return native_union_choose(e, op, *v, branch) == 0;
}

#include "dk/avro_encode.h"

int
native_avro_encode(AvroSchemaObject *self, PyObject *value, const avro_place *place, dk_buf *out)
{
    dk_error err;
    native_encoding e = {.c = self->code,
                         .out = out,
                         .err = &err,
                         .depth = self->limits.depth,
                         .empty = self->limits.empty,
                         .self = self,
                         .core = self->core,
                         .start = out->n};

    err.path[0] = '\0';
    err.text[0] = '\0';
    if (dk_avro_encode(&e, &e.c->ops[e.c->root], value) && out->st == DK_OK)
        return 0;
    if (out->st != DK_OK && !PyErr_Occurred())
        PyErr_NoMemory();
    if (PyErr_Occurred())
        return -1;
    if (place != NULL) {
        dk_avro_path_index(&err, place->index);
        if (place->list != NULL)
            dk_avro_path_field(&err, place->list);
    }
    native_avro_raise(self->core->encode_error, &err);
    return -1;
}
