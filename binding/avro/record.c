/* SPDX-License-Identifier: MIT
 *
 * AvroRecord: a read-only mapping over a record's bytes. A field is decoded when it is first read, and so is what is
 * wrong with it; the fields before it are passed over, once.
 */
#include "avro/native_avro.h"

/* The RECORD that the value at bytes is, through unions, and where it begins. NULL without an exception: no record.
 */
static const dk_avro_op *
find_record(AvroSchemaObject *self, dk_avro_reader *r)
{
    const dk_avro_op *op = &self->code->ops[self->code->root];

    for (;;) {
        switch ((dk_avro_opcode)op->code) {
        case DK_OP_RECORD:
            return op;
        case DK_OP_UNION:
        case DK_OP_OPTION:
            if (!dk_avro_read_branch(self->code, r, op, &op))
                return NULL;
            continue;
        case DK_OP_BRANCH:
            op = &self->code->ops[op->a];
            continue;
        default:
            return NULL;
        }
    }
}

PyObject *
native_avro_record(AvroSchemaObject *self, PyObject *data, dk_slice bytes)
{
    AvroRecordObject *view;
    const dk_avro_op *op;
    dk_avro_reader r;
    dk_error err = {.code = DK_OK};
    size_t fields, offsets;

    dk_avro_reader_init(&r, bytes, &self->limits, &err);
    op = find_record(self, &r);
    if (op == NULL || bytes.n > UINT32_MAX)
        return native_avro_decode(self, bytes); /* nothing to be lazy about */
    fields = self->code->records[op->ref].nfields;
    offsets = ((size_t)op->n + 2) / 2 * 2;
    view = PyObject_GC_NewVar(AvroRecordObject, self->core->record_type, (Py_ssize_t)(offsets / 2 + fields));
    if (view == NULL)
        return NULL;
    view->schema = (AvroSchemaObject *)Py_NewRef(self);
    view->data = Py_NewRef(data);
    view->op = op;
    view->bytes.p = bytes.p;
    view->bytes.n = bytes.n;
    view->values = (PyObject **)(void *)((uint8_t *)view->offsets + offsets * sizeof *view->offsets);
    memset(view->values, 0, fields * sizeof *view->values);
    view->known = 1;
    view->offsets[0] = (uint32_t)(r.p - r.start);
    PyObject_GC_Track(view);
    return (PyObject *)view;
}

static const dk_avro_record *
record_of(AvroRecordObject *self)
{
    return &self->schema->code->records[self->op->ref];
}

static PyObject *
decode_field(AvroRecordObject *self, uint32_t field)
{
    AvroSchemaObject *schema = self->schema;
    const dk_avro_record *rec = record_of(self);
    uint32_t step = rec->step_of[field];
    dk_avro_reader r;
    dk_error err = {.code = DK_OK};
    PyObject *v;

    if (step >= self->known && dk_avro_index(schema->code, self->op, self->bytes, &schema->limits, self->offsets,
                                             &self->known, step, &err) != DK_OK)
        return native_avro_raise_decode(schema->core, &err);
    dk_avro_reader_init(&r, self->bytes, &schema->limits, &err);
    r.p += self->offsets[step];
    r.depth--;
    v = native_avro_value(schema, &r, &schema->code->ops[self->op->a + step]);
    if (v == NULL) {
        dk_avro_path_field(&err, rec->fields[field].name);
        return native_avro_raise_decode(schema->core, &err);
    }
    return v;
}

/* A new reference to the value of a field. */
static PyObject *
value_of(AvroRecordObject *self, uint32_t field)
{
    PyObject *v;

    Py_BEGIN_CRITICAL_SECTION(self);
    if (self->values[field] == NULL)
        self->values[field] = decode_field(self, field);
    v = Py_XNewRef(self->values[field]);
    Py_END_CRITICAL_SECTION();
    return v;
}

/* The number of a field; -1 without an exception when there is none of that name, -2 with one. */
static int64_t
field_of(AvroRecordObject *self, PyObject *name)
{
    PyObject *index = PyDict_GetItemWithError(self->schema->plans[self->op->ref].index, name);

    if (index == NULL)
        return PyErr_Occurred() ? -2 : -1;
    return PyLong_AsLong(index);
}

static PyObject *
record_subscript(PyObject *op, PyObject *name)
{
    AvroRecordObject *self = (AvroRecordObject *)op;
    int64_t field = field_of(self, name);

    if (field >= 0)
        return value_of(self, (uint32_t)field);
    if (field == -1)
        PyErr_SetObject(PyExc_KeyError, name);
    return NULL;
}

static Py_ssize_t
record_length(PyObject *op)
{
    return (Py_ssize_t)record_of((AvroRecordObject *)op)->nfields;
}

static int
record_contains(PyObject *op, PyObject *name)
{
    int64_t field = field_of((AvroRecordObject *)op, name);

    return field == -2 ? -1 : field >= 0;
}

static PyObject *
record_iter(PyObject *op)
{
    AvroRecordObject *self = (AvroRecordObject *)op;

    return PyObject_GetIter(self->schema->plans[self->op->ref].form.template);
}

static PyObject *
record_get(PyObject *op, PyObject *const *args, Py_ssize_t nargs)
{
    AvroRecordObject *self = (AvroRecordObject *)op;
    int64_t field;

    if (nargs < 1 || nargs > 2) {
        PyErr_Format(PyExc_TypeError, "get() takes 1 or 2 arguments, %zd given", nargs);
        return NULL;
    }
    field = field_of(self, args[0]);
    if (field >= 0)
        return value_of(self, (uint32_t)field);
    return field == -2 ? NULL : Py_NewRef(nargs == 2 ? args[1] : Py_None);
}

/* The bytes have to end with the record. -1 with an exception. */
static int
check_end(AvroRecordObject *self)
{
    AvroSchemaObject *schema = self->schema;
    dk_error err = {.code = DK_OK};
    dk_status st = DK_OK;
    dk_avro_reader r;
    size_t end;

    Py_BEGIN_CRITICAL_SECTION(self);
    if (self->known <= self->op->n)
        st = dk_avro_index(schema->code, self->op, self->bytes, &schema->limits, self->offsets, &self->known,
                           self->op->n, &err);
    end = self->offsets[self->op->n];
    Py_END_CRITICAL_SECTION();
    if (st == DK_OK && end == self->bytes.n)
        return 0;
    if (st == DK_OK) {
        dk_avro_reader_init(&r, self->bytes, &schema->limits, &err);
        dk_avro_reader_fail(&r, r.p + end, "%zu bytes are left over after the value", self->bytes.n - end);
    }
    native_avro_raise_decode(schema->core, &err);
    return -1;
}

static PyObject *
record_dict(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    AvroRecordObject *self = (AvroRecordObject *)op;
    const dk_avro_record *rec = record_of(self);
    const avro_plan *plan = &self->schema->plans[self->op->ref];
    PyObject *dict = PyDict_Copy(plan->form.template);
    uint32_t i;

    for (i = 0; dict != NULL && i < rec->nfields; i++) {
        PyObject *v = value_of(self, i);

        if (v == NULL || PyDict_SetItem(dict, plan->names[i], v) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(v);
    }
    if (dict != NULL && check_end(self) < 0)
        Py_CLEAR(dict);
    return dict;
}

static PyObject *
record_keys(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return PyObject_CallOneArg(((AvroRecordObject *)op)->schema->core->keys_view, op);
}

static PyObject *
record_values(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return PyObject_CallOneArg(((AvroRecordObject *)op)->schema->core->values_view, op);
}

static PyObject *
record_items(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return PyObject_CallOneArg(((AvroRecordObject *)op)->schema->core->items_view, op);
}

/* Pickled and copied as the dict that it stands for. */
static PyObject *
record_reduce(PyObject *op, PyObject *ignored)
{
    PyObject *dict = record_dict(op, ignored);

    return dict == NULL ? NULL : Py_BuildValue("O(N)", &PyDict_Type, dict);
}

static PyObject *
record_repr(PyObject *op)
{
    PyObject *dict = record_dict(op, NULL), *text;

    if (dict == NULL)
        return NULL;
    text = PyUnicode_FromFormat("AvroRecord(%R)", dict);
    Py_DECREF(dict);
    return text;
}

static PyObject *
record_richcompare(PyObject *op, PyObject *other, int how)
{
    AvroCore *core = ((AvroRecordObject *)op)->schema->core;
    PyObject *mine, *theirs = NULL, *out = NULL;
    int mapping = PyDict_Check(other) ? 1 : PyObject_IsInstance(other, core->mapping);

    if (mapping < 0)
        return NULL;
    if (mapping == 0 || (how != Py_EQ && how != Py_NE))
        Py_RETURN_NOTIMPLEMENTED;
    mine = record_dict(op, NULL);
    if (mine != NULL)
        theirs = PyDict_Check(other) ? Py_NewRef(other) : PyObject_CallOneArg((PyObject *)&PyDict_Type, other);
    if (theirs != NULL)
        out = PyObject_RichCompare(mine, theirs, how);
    Py_XDECREF(mine);
    Py_XDECREF(theirs);
    return out;
}

static int
record_traverse(PyObject *op, visitproc visit, void *arg)
{
    AvroRecordObject *self = (AvroRecordObject *)op;
    uint32_t i;

    Py_VISIT(Py_TYPE(op));
    for (i = 0; i < record_of(self)->nfields; i++)
        Py_VISIT(self->values[i]);
    Py_VISIT(self->schema);
    return 0;
}

static int
record_clear(PyObject *op)
{
    AvroRecordObject *self = (AvroRecordObject *)op;
    uint32_t i;

    for (i = 0; i < record_of(self)->nfields; i++)
        Py_CLEAR(self->values[i]);
    return 0;
}

static void
record_dealloc(PyObject *op)
{
    AvroRecordObject *self = (AvroRecordObject *)op;
    PyTypeObject *type = Py_TYPE(op);

    PyObject_GC_UnTrack(op);
    (void)record_clear(op);
    Py_DECREF(self->data);
    Py_DECREF(self->schema);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyMethodDef record_methods[] = {
    {"get", NATIVE_METHOD(record_get), METH_FASTCALL,
     "get(name, default=None, /)\n--\n\nThe field's value, or default."},
    {"keys", record_keys, METH_NOARGS, "keys()\n--\n\nThe names of the fields."},
    {"values", record_values, METH_NOARGS, "values()\n--\n\nThe values of the fields."},
    {"items", record_items, METH_NOARGS, "items()\n--\n\nNames and values of the fields."},
    {"to_dict", record_dict, METH_NOARGS, "to_dict()\n--\n\nEverything, decoded."},
    {"__reduce__", record_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(
    record_doc,
    "A read-only view of an Avro record that decodes a field when it is read (AvroSchema.decode(lazy=True)).");

static PyType_Slot record_slots[] = {
    {Py_tp_doc, (void *)record_doc},
    {Py_tp_dealloc, record_dealloc},
    {Py_tp_traverse, record_traverse},
    {Py_tp_clear, record_clear},
    {Py_tp_repr, record_repr},
    {Py_tp_hash, PyObject_HashNotImplemented},
    {Py_tp_richcompare, record_richcompare},
    {Py_tp_iter, record_iter},
    {Py_tp_methods, record_methods},
    {Py_mp_subscript, record_subscript},
    {Py_mp_length, record_length},
    {Py_sq_contains, record_contains},
    {0, NULL},
};

PyType_Spec native_avro_record_spec = {
    .name = "django_kafka._native.AvroRecord",
    .basicsize = offsetof(AvroRecordObject, offsets),
    .itemsize = sizeof(PyObject *),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION |
             Py_TPFLAGS_MAPPING,
    .slots = record_slots,
};
