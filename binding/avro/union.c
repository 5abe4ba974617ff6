/* SPDX-License-Identifier: MIT
 *
 * Which branch of a union a value is of: the one that its name tells, else as fastavro chooses.
 */
#include "avro/encode.h"

static int fits(native_encoding *e, const dk_avro_op *op, PyObject *v);

/* Whether v could be a value of op: 1, 0, or -1 refused or raised. As fastavro validates. */
static int
fits_logical(native_encoding *e, const dk_avro_op *op, PyObject *v, bool *known)
{
    size_t mark = e->out->n;
    int64_t l;
    int rc;

    *known = true;
    if (op->code == DK_OP_INT || op->code == DK_OP_LONG) {
        rc = op->logical == DK_LOGICAL_DATE && PyUnicode_Check(v) ? 1 : 0; /* a text that may be a date */
        rc = rc || PyObject_TypeCheck(v, e->core->dt->DateType) || PyObject_TypeCheck(v, e->core->dt->TimeType);
        if (rc)
            rc = native_date_number(e, op, v, &l) == 1;
        else
            *known = false;
        return PyErr_Occurred() ? -1 : rc;
    }
    if (op->logical == DK_LOGICAL_DECIMAL && PyObject_TypeCheck(v, (PyTypeObject *)e->core->decimal)) {
        rc = native_decimal_put(e, op, v);
        e->out->n = mark;
        return PyErr_Occurred() ? -1 : rc;
    }
    if (op->logical == DK_LOGICAL_UUID && PyObject_TypeCheck(v, (PyTypeObject *)e->core->uuid))
        return 1;
    *known = false;
    return 0;
}

static int
fits_array(native_encoding *e, const dk_avro_op *op, PyObject *v)
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
fits_map(native_encoding *e, const dk_avro_op *op, PyObject *v)
{
    PyObject *items, *pair;
    Py_ssize_t i;
    int rc = native_shape_is_mapping(e, v);

    if (rc <= 0)
        return rc;
    items = PyMapping_Items(v);
    if (items == NULL)
        return -1;
    for (i = 0; i < PyList_GET_SIZE(items) && rc == 1; i++) {
        pair = Py_NewRef(PyList_GET_ITEM(items, i));
        rc = PyTuple_Check(pair) && PyTuple_GET_SIZE(pair) == 2 && PyUnicode_Check(PyTuple_GET_ITEM(pair, 0));
        if (rc == 1)
            rc = fits(e, &e->c->ops[op->a], PyTuple_GET_ITEM(pair, 1));
        Py_DECREF(pair);
    }
    Py_DECREF(items);
    return rc;
}

int
native_union_hint_fits(native_encoding *e, const dk_avro_record *rec, PyObject *v)
{
    PyObject *hint;
    int rc = native_shape_field(e, v, e->core->s_type_hint, &hint);

    if (rc <= 0)
        return rc < 0 ? -1 : 1;
    rc = PyUnicode_Check(hint) && PyUnicode_CompareWithASCIIString(hint, rec->name) == 0;
    Py_DECREF(hint);
    return rc;
}

static int
fits_record(native_encoding *e, const dk_avro_op *op, PyObject *v)
{
    const dk_avro_record *rec = &e->c->records[op->ref];
    uint32_t i;
    int rc = native_shape_is_mapping(e, v);

    if (rc <= 0)
        return rc;
    rc = native_union_hint_fits(e, rec, v);
    for (i = 0; i < op->n && rc == 1; i++) {
        PyObject *item;
        int found = native_shape_field(e, v, e->self->plans[op->ref].names[i], &item);

        if (found < 0)
            return -1;
        rc = found ? fits(e, &e->c->ops[op->a + i], item) : rec->fields[i].absent.p != NULL;
        Py_XDECREF(item);
    }
    return rc;
}

static int
fits_union(native_encoding *e, const dk_avro_op *op, PyObject *v)
{
    uint32_t i;
    int rc = 0;

    if (PyTuple_Check(v)) {
        if (native_union_choose_named(e, op, v, &i) < 0)
            return PyErr_Occurred() ? -1 : 0;
        return fits(e, &e->c->ops[op->a + i], PyTuple_GET_ITEM(v, 1));
    }
    for (i = 0; i < op->n && rc == 0; i++)
        rc = fits(e, &e->c->ops[op->a + i], v);
    return rc;
}

static int
fits_nested(native_encoding *e, const dk_avro_op *op, PyObject *v)
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

#define ASK_EVERY 65536
#define TRIED_MAX (1u << 25) /* some seconds */

/* Unions of records within one another can fit in more ways than can be tried. */
static bool
may_go_on(native_encoding *e)
{
    if (PyErr_CheckSignals() < 0)
        return false;
    if (e->tried < TRIED_MAX)
        return true;
    (void)native_unfit(e,
                       "the value can be one of the union's types in too many ways; give (name of the type, value)");
    return false;
}

static int
fits(native_encoding *e, const dk_avro_op *op, PyObject *v)
{
    int64_t l;
    int rc;

    if (++e->tried % ASK_EVERY == 0 && !may_go_on(e))
        return -1;
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
    case DK_OP_LONG:
        rc = PyBool_Check(v) ? 0 : native_shape_index(v, &l);
        if (rc != 1)
            return rc == -2 ? -1 : 0;
        return op->code == DK_OP_LONG || (l >= INT32_MIN && l <= INT32_MAX);
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

int
native_union_choose_named(native_encoding *e, const dk_avro_op *op, PyObject *pair, uint32_t *branch)
{
    PyObject *name = PyTuple_GET_SIZE(pair) == 2 ? PyTuple_GET_ITEM(pair, 0) : NULL;
    const char *s;
    uint32_t i;

    if (name == NULL || !PyUnicode_Check(name)) {
        (void)native_unfit(e, "a tuple given for a union has to be (name of the type, value)");
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
    (void)native_unfit(e, "the union has no type named \"%.200s\"", s);
    return -1;
}

static int
count_known_fields(native_encoding *e, const dk_avro_op *op, PyObject *v)
{
    int known = 0, rc;
    uint32_t i;

    for (i = 0; i < op->n; i++) {
        rc = PySequence_Contains(v, e->self->plans[op->ref].names[i]);
        if (rc < 0)
            return -1;
        known += rc;
    }
    return known;
}

int
native_union_choose(native_encoding *e, const dk_avro_op *op, PyObject *v, uint32_t *branch)
{
    int most = -1, rc, known;
    bool single = false;
    uint32_t i;

    *branch = DK_AVRO_NONE;
    e->tried = 0;
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
            if (known < 0)
                return -1;
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
    (void)native_unfit(e, "a value of type %.100s is none of the union's types", Py_TYPE(v)->tp_name);
    return -1;
}
