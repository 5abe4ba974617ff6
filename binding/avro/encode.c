/* SPDX-License-Identifier: MIT
 *
 * Python objects become Avro bytes: what fastavro takes is taken, but a value that does not fit its type is refused,
 * with the path of the field.
 */
#include "avro/encode.h"

static bool encode(native_encoding *e, const dk_avro_op *op, PyObject *v);

/* ---- numbers ---- */

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

static bool
encode_integer(native_encoding *e, const dk_avro_op *op, PyObject *v)
{
    int64_t l = 0;
    int rc = native_shape_index(v, &l);

    if (rc == 0)
        return native_unfit_type(e, wanted_number(op), v);
    if (rc < 0 || (op->code == DK_OP_INT && (l < INT32_MIN || l > INT32_MAX)))
        return native_unfit(e, "the number does not fit into %s",
                            op->code == DK_OP_INT ? "an int of 32 bits" : "a long of 64 bits");
    dk_buf_put_long(e->out, l);
    return true;
}

static void
put_real(native_encoding *e, const dk_avro_op *op, double f)
{
    if (op->code == DK_OP_FLOAT)
        dk_buf_put_float(e->out, (float)f);
    else
        dk_buf_put_double(e->out, f);
}

static bool
encode_real(native_encoding *e, const dk_avro_op *op, PyObject *v)
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
            return native_unfit_raised(e, "a float", v);
        f = PyFloat_AS_DOUBLE(number);
        Py_DECREF(number);
    } else {
        f = PyFloat_AsDouble(v);
        if (f == -1.0 && PyErr_Occurred())
            return native_unfit_raised(e, "a float", v);
    }
    put_real(e, op, f);
    return true;
}

static bool
encode_bool(native_encoding *e, PyObject *v)
{
    int64_t l = 0;

    if (v != Py_True && v != Py_False && (native_shape_index(v, &l) != 1 || l < 0 || l > 1))
        return native_unfit_type(e, "a bool", v);
    dk_buf_put_byte(e->out, v == Py_True || l == 1);
    return true;
}

/* ---- texts and bytes ---- */

static bool
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

static bool
encode_text(native_encoding *e, const dk_avro_op *op, PyObject *v)
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
    if (op->code == DK_OP_FIXED && (size_t)n != op->n)
        return native_unfit(e, "%u bytes are wanted, not %zd", op->n, n);
    if (op->code == DK_OP_BYTES)
        dk_buf_put_long(e->out, n);
    dk_buf_put(e->out, p, (size_t)n);
    return true;
}

static bool
encode_bytes(native_encoding *e, const dk_avro_op *op, PyObject *v)
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
encode_enum(native_encoding *e, const dk_avro_op *op, PyObject *v)
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

/* A list may be changed by Python code that runs for one of its items: each is held, and the end is looked at each
 * time. */
static bool
encode_list(native_encoding *e, const dk_avro_op *item, PyObject *v)
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
encode_array(native_encoding *e, const dk_avro_op *op, PyObject *v)
{
    PyObject *seq;
    bool ok;

    if (PyList_CheckExact(v) || PyTuple_CheckExact(v))
        return encode_list(e, &e->c->ops[op->a], v);
    if (PyUnicode_Check(v) || PyBytes_Check(v) || PyByteArray_Check(v) || PyDict_Check(v))
        return native_unfit_type(e, "a list", v);
    seq = PySequence_Tuple(v);
    if (seq == NULL)
        return native_unfit_raised(e, "a list", v);
    ok = encode_list(e, &e->c->ops[op->a], seq);
    Py_DECREF(seq);
    return ok;
}

static void
path_key(native_encoding *e, PyObject *key)
{
    Py_ssize_t n;
    const char *s = PyUnicode_AsUTF8AndSize(key, &n);

    if (s == NULL)
        PyErr_Clear();
    else
        dk_avro_path_key(&e->err, (dk_slice){(const uint8_t *)s, (size_t)n});
}

static bool
encode_pair(native_encoding *e, const dk_avro_op *op, PyObject *key, PyObject *value)
{
    bool ok;

    if (!PyUnicode_Check(key))
        return native_unfit_type(e, "a str as key", key);
    ok = put_text(e, key) && encode(e, &e->c->ops[op->a], value);
    if (!ok && !PyErr_Occurred())
        path_key(e, key);
    return ok;
}

static bool
encode_dict(native_encoding *e, const dk_avro_op *op, PyObject *v)
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
encode_map(native_encoding *e, const dk_avro_op *op, PyObject *v)
{
    PyObject *items, *pair;
    Py_ssize_t i, n;
    bool ok = true;

    if (PyDict_CheckExact(v))
        return encode_dict(e, op, v);
    if (!native_shape_is_mapping(e, v))
        return native_unfit_type(e, "a dict", v);
    items = PyMapping_Items(v);
    if (items == NULL)
        return native_unfit_raised(e, "a dict", v);
    n = PyList_GET_SIZE(items);
    if (n > 0)
        dk_buf_put_long(e->out, n);
    for (i = 0; i < n && ok; i++) {
        pair = PyList_GET_ITEM(items, i);
        if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2)
            ok = native_unfit_type(e, "a mapping with pairs as items", v);
        else
            ok = encode_pair(e, op, PyTuple_GET_ITEM(pair, 0), PyTuple_GET_ITEM(pair, 1));
    }
    Py_DECREF(items);
    dk_buf_put_byte(e->out, 0);
    return ok;
}

static bool
encode_field(native_encoding *e, const dk_avro_op *step, const dk_avro_field *field, PyObject *v, int found)
{
    if (found == 0) {
        if (field->absent.p == NULL)
            return native_unfit(e, "the value is missing, and the schema has no default for it");
        dk_buf_put(e->out, field->absent.p, field->absent.n);
        return true;
    }
    return encode(e, step, v);
}

static bool
encode_record(native_encoding *e, const dk_avro_op *op, PyObject *v)
{
    const avro_plan *plan = &e->self->plans[op->ref];
    const dk_avro_record *rec = &e->c->records[op->ref];
    bool dict = PyDict_CheckExact(v), walk = dict;
    Py_ssize_t pos = 0;
    uint32_t i;

    if (!dict && !native_shape_is_mapping(e, v))
        return native_unfit_type(e, "a dict", v);
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
            found = native_shape_field(v, plan->names[i], &item);
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

/* ---- unions ---- */

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
encode_union(native_encoding *e, const dk_avro_op *op, PyObject *v)
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
            return native_unfit(e, "a value of type %.100s is none of the union's types", Py_TYPE(v)->tp_name);
        if (other->code == DK_OP_RECORD && PyDict_Check(v))
            rc = native_union_hint_fits(e, &e->c->records[other->ref], v);
        if (rc != 1)
            return rc == 0 ? native_unfit(e, "\"-type\" names no type of the union") : false;
        dk_buf_put_byte(e->out, (uint8_t)((1 - op->ref) << 1));
        return encode(e, other, v);
    }
    if (PyTuple_Check(v)) {
        if (native_union_choose_named(e, op, v, &branch) < 0)
            return false;
        dk_buf_put_long(e->out, branch);
        return encode(e, &e->c->ops[op->a + branch], PyTuple_GET_ITEM(v, 1));
    }
    if (native_union_choose(e, op, v, &branch) < 0)
        return false;
    dk_buf_put_long(e->out, branch);
    return encode(e, &e->c->ops[op->a + branch], v);
}

/* ---- one value ---- */

static bool
encode_nested(native_encoding *e, const dk_avro_op *op, PyObject *v)
{
    bool ok;

    if (e->depth == 0)
        return native_unfit(e, "nested too deeply");
    e->depth--;
    ok = op->code == DK_OP_RECORD  ? encode_record(e, op, v)
         : op->code == DK_OP_ARRAY ? encode_array(e, op, v)
                                   : encode_map(e, op, v);
    e->depth++;
    return ok;
}

static bool
encode(native_encoding *e, const dk_avro_op *op, PyObject *v)
{
    int64_t l;
    int rc;

    switch ((dk_avro_opcode)op->code) {
    case DK_OP_NIL:
        return v == Py_None || native_unfit_type(e, "None", v);
    case DK_OP_BOOL:
        return encode_bool(e, v);
    case DK_OP_INT:
    case DK_OP_LONG:
        if (op->logical != DK_LOGICAL_NONE && !PyLong_CheckExact(v)) {
            rc = native_date_number(e, op, v, &l);
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
        return native_unfit(e, "a schema made for a reader cannot encode");
    }
}

int
native_avro_encode(AvroSchemaObject *self, PyObject *value, const avro_place *place, dk_buf *out)
{
    native_encoding e;

    e.self = self;
    e.core = self->core;
    e.c = self->code;
    e.out = out;
    e.start = out->n;
    e.depth = self->limits.depth;
    e.err.path[0] = '\0';
    e.err.text[0] = '\0';
    if (encode(&e, &e.c->ops[e.c->root], value) && out->st == DK_OK)
        return 0;
    if (out->st != DK_OK && !PyErr_Occurred())
        PyErr_NoMemory();
    if (PyErr_Occurred())
        return -1;
    if (place != NULL) {
        dk_avro_path_index(&e.err, place->index);
        if (place->list != NULL)
            dk_avro_path_field(&e.err, place->list);
    }
    native_avro_raise(self->core->encode_error, &e.err);
    return -1;
}
