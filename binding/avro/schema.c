/* SPDX-License-Identifier: MIT
 *
 * AvroSchema: a compiled schema, or a writer's and a reader's, as a Python object.
 */
#include "avro/native_avro.h"

static AvroCore *
core_of(PyTypeObject *type)
{
    native_state *state = native_state_of(type);

    return state == NULL ? NULL : (AvroCore *)state->avro;
}

/* Takes schema; the program is of it and, if reader is given, of that. */
static PyObject *
schema_wrap(PyTypeObject *type, AvroCore *core, dk_avro_schema *schema, dk_avro_schema *reader, uint32_t depth)
{
    AvroSchemaObject *self = (AvroSchemaObject *)type->tp_alloc(type, 0);
    dk_error err;
    dk_status st;

    if (self == NULL) {
        dk_avro_schema_unref(schema);
        return NULL;
    }
    self->core = (AvroCore *)Py_NewRef(core);
    self->schema = schema;
    self->limits = (dk_avro_limits){sizeof self->limits, depth, DK_AVRO_EMPTY};
    dk_buf_init(&self->spare, NULL);
    st = dk_avro_program_new(NULL, schema, reader, &self->program, &err);
    if (st != DK_OK) {
        native_avro_raise_schema(core, st, &err);
        Py_DECREF(self);
        return NULL;
    }
    self->code = dk_avro_program_code(self->program);
    if (native_plans_make(self) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

/* The dict of referred schemas as an array; *out is PyMem's. -1 with an exception. The texts live as long as dict
 * does. */
static int
named_from(PyObject *dict, dk_avro_named **out, size_t *n)
{
    PyObject *key, *value;
    Py_ssize_t pos = 0;
    size_t i = 0;

    *out = NULL;
    *n = 0;
    if (dict == NULL || dict == Py_None)
        return 0;
    if (!PyDict_Check(dict)) {
        PyErr_Format(PyExc_TypeError, "names has to be a dict of names to JSON texts, not %.100s",
                     Py_TYPE(dict)->tp_name);
        return -1;
    }
    *out = PyMem_Calloc((size_t)PyDict_GET_SIZE(dict) + 1, sizeof **out);
    if (*out == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    while (PyDict_Next(dict, &pos, &key, &value)) {
        Py_ssize_t n_key = 0, n_value = 0;
        const char *k = PyUnicode_Check(key) ? PyUnicode_AsUTF8AndSize(key, &n_key) : NULL;
        const char *v = PyUnicode_Check(value) ? PyUnicode_AsUTF8AndSize(value, &n_value) : NULL;

        if (k == NULL || v == NULL) {
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_TypeError, "names has to be a dict of names to JSON texts");
            return -1;
        }
        (*out)[i].name = (dk_slice){(const uint8_t *)k, (size_t)n_key};
        (*out)[i++].json = (dk_slice){(const uint8_t *)v, (size_t)n_value};
    }
    *n = i;
    return 0;
}

static PyObject *
schema_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"json", "names", "strict", "depth", NULL};
    AvroCore *core = core_of(type);
    dk_avro_schema_options options = {.size = sizeof options};
    dk_avro_schema *schema = NULL;
    dk_avro_named *named = NULL;
    PyObject *names = NULL;
    const char *json;
    Py_ssize_t n;
    int strict = 0, depth = DK_AVRO_DEPTH;
    dk_error err;
    dk_status st;

    if (core == NULL || !PyArg_ParseTupleAndKeywords(args, kwargs, "s#|O$pi:AvroSchema", keywords, &json, &n, &names,
                                                     &strict, &depth))
        return NULL;
    if (depth < 1 || depth > DK_AVRO_DEPTH_MAX) {
        PyErr_Format(PyExc_ValueError, "depth is between 1 and %d, not %d", DK_AVRO_DEPTH_MAX, depth);
        return NULL;
    }
    if (named_from(names, &named, &options.nnames) < 0) {
        PyMem_Free(named);
        return NULL;
    }
    options.names = named;
    options.strict = strict;
    st = dk_avro_schema_new(NULL, (dk_slice){(const uint8_t *)json, (size_t)n}, &options, &schema, &err);
    PyMem_Free(named);
    if (st != DK_OK) {
        native_avro_raise_schema(core, st, &err);
        return NULL;
    }
    return schema_wrap(type, core, schema, NULL, (uint32_t)depth);
}

PyDoc_STRVAR(schema_reader_doc, "reader(writer, reader)\n--\n\n"
                                "Values that were written with `writer` come out as `reader` has them.\n"
                                "Raises SchemaError when no value can.");

static PyObject *
schema_reader(PyObject *cls, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {"reader", 2, {"writer", "reader", NULL}};
    AvroCore *core = core_of((PyTypeObject *)cls);
    PyObject *in[2];

    if (core == NULL || native_args(&sig, args, nargs, kwnames, in) < 0)
        return NULL;
    if (!PyObject_TypeCheck(in[0], core->schema_type) || !PyObject_TypeCheck(in[1], core->schema_type)) {
        PyErr_SetString(PyExc_TypeError, "reader() takes two AvroSchema");
        return NULL;
    }
    return schema_wrap((PyTypeObject *)cls, core, dk_avro_schema_ref(((AvroSchemaObject *)in[0])->schema),
                       ((AvroSchemaObject *)in[1])->schema, ((AvroSchemaObject *)in[0])->limits.depth);
}

PyDoc_STRVAR(schema_decode_doc,
             "decode(data, start=0, lazy=False)\n--\n\n"
             "The value in data[start:], as fastavro gives it; a record as a view that decodes a field when it\n"
             "is read, if lazy. Raises DecodeError.");

static PyObject *
schema_decode(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {"decode", 1, {"data", "start", "lazy", NULL}};
    AvroSchemaObject *self = (AvroSchemaObject *)op;
    PyObject *in[3] = {NULL, NULL, NULL}, *v, *data;
    Py_buffer view;
    dk_slice bytes;
    int lazy = 0;

    if (kwnames == NULL && nargs == 1) {
        in[0] = args[0];
    } else if (native_args(&sig, args, nargs, kwnames, in) < 0) {
        return NULL;
    }
    if (in[2] != NULL && (lazy = PyObject_IsTrue(in[2])) < 0)
        return NULL;
    if (native_avro_bytes(in[0], in[1], &view, &bytes) < 0)
        return NULL;
    if (!lazy) {
        v = native_avro_decode(self, bytes);
    } else if (PyBytes_CheckExact(in[0])) {
        v = native_avro_record(self, in[0], bytes);
    } else {
        data = PyBytes_FromStringAndSize((const char *)bytes.p, (Py_ssize_t)bytes.n);
        v = data == NULL
                ? NULL
                : native_avro_record(self, data, (dk_slice){(const uint8_t *)PyBytes_AS_STRING(data), bytes.n});
        Py_XDECREF(data);
    }
    PyBuffer_Release(&view);
    return v;
}

static PyObject *
encode_one(AvroSchemaObject *self, PyObject *value, const avro_place *place, const void *prefix, size_t n_prefix,
           dk_buf *b)
{
    b->n = 0;
    dk_buf_put(b, prefix, n_prefix);
    if (native_avro_encode(self, value, place, b) < 0)
        return NULL;
    return PyBytes_FromStringAndSize((const char *)b->p, (Py_ssize_t)b->n);
}

/* The bytes that go in front: prefix of in[1], which may be absent. */
static int
prefix_from(PyObject *prefix, const char **p, Py_ssize_t *n)
{
    *p = NULL;
    *n = 0;
    if (prefix == NULL)
        return 0;
    return PyBytes_AsStringAndSize(prefix, (char **)(uintptr_t)p, n);
}

PyDoc_STRVAR(schema_encode_doc, "encode(value, prefix=b'')\n--\n\n"
                                "prefix and the value's bytes. Takes what fastavro takes; raises EncodeError.");

static PyObject *
schema_encode(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {"encode", 1, {"value", "prefix", NULL}};
    AvroSchemaObject *self = (AvroSchemaObject *)op;
    PyObject *in[2] = {NULL, NULL}, *out;
    const char *prefix;
    Py_ssize_t n;
    dk_buf b;

    if (native_args(&sig, args, nargs, kwnames, in) < 0 || prefix_from(in[1], &prefix, &n) < 0)
        return NULL;
    b = native_avro_take_spare(self);
    out = encode_one(self, in[0], NULL, prefix, (size_t)n, &b);
    native_avro_give_spare(self, &b);
    return out;
}

PyDoc_STRVAR(schema_encode_many_doc, "encode_many(values, prefix=b'')\n--\n\n"
                                     "A list of what encode() gives for each value; None stays None.");

static PyObject *
schema_encode_many(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {"encode_many", 1, {"values", "prefix", NULL}};
    AvroSchemaObject *self = (AvroSchemaObject *)op;
    PyObject *in[2] = {NULL, NULL}, *seq, *out;
    const char *prefix;
    Py_ssize_t n, i;
    dk_buf b;

    if (native_args(&sig, args, nargs, kwnames, in) < 0 || prefix_from(in[1], &prefix, &n) < 0)
        return NULL;
    seq = PySequence_Tuple(in[0]);
    if (seq == NULL)
        return NULL;
    out = PyList_New(PyTuple_GET_SIZE(seq));
    b = native_avro_take_spare(self);
    for (i = 0; out != NULL && i < PyTuple_GET_SIZE(seq); i++) {
        PyObject *value = PyTuple_GET_ITEM(seq, i), *bytes;
        avro_place place = {.index = (uint64_t)i};

        bytes = value == Py_None ? Py_NewRef(Py_None) : encode_one(self, value, &place, prefix, (size_t)n, &b);

        if (bytes == NULL)
            Py_CLEAR(out);
        else
            PyList_SET_ITEM(out, i, bytes);
    }
    native_avro_give_spare(self, &b);
    Py_DECREF(seq);
    return out;
}

static PyObject *
schema_dump(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    AvroSchemaObject *self = (AvroSchemaObject *)op;
    PyObject *text = NULL;
    dk_error err;
    dk_buf b;

    dk_buf_init(&b, NULL);
    if (dk_avro_program_dump(self->program, &b, &err) == DK_OK)
        text = PyUnicode_DecodeUTF8((const char *)b.p, (Py_ssize_t)b.n, "replace");
    else
        PyErr_NoMemory();
    dk_buf_fini(&b);
    return text;
}

static PyObject *
schema_canonical(PyObject *op, void *Py_UNUSED(closure))
{
    AvroSchemaObject *self = (AvroSchemaObject *)op;
    PyObject *text = NULL;
    dk_error err;
    dk_buf b;

    dk_buf_init(&b, NULL);
    if (dk_avro_schema_canonical(self->schema, &b, &err) == DK_OK)
        text = PyUnicode_DecodeUTF8((const char *)b.p, (Py_ssize_t)b.n, "strict");
    else
        PyErr_NoMemory();
    dk_buf_fini(&b);
    return text;
}

static PyObject *
schema_fingerprint(PyObject *op, void *Py_UNUSED(closure))
{
    dk_error err;
    uint64_t fp;

    if (dk_avro_schema_fingerprint(((AvroSchemaObject *)op)->schema, &fp, &err) != DK_OK)
        return PyErr_NoMemory();
    return PyLong_FromUnsignedLongLong(fp);
}

static PyObject *
schema_name(PyObject *op, void *Py_UNUSED(closure))
{
    return PyUnicode_FromString(dk_avro_schema_name(((AvroSchemaObject *)op)->schema));
}

static PyObject *
schema_repr(PyObject *op)
{
    AvroSchemaObject *self = (AvroSchemaObject *)op;

    return PyUnicode_FromFormat("<AvroSchema %s%s>", dk_avro_schema_name(self->schema),
                                self->code->resolved ? " for a reader" : "");
}

static int
schema_traverse(PyObject *op, visitproc visit, void *arg)
{
    AvroSchemaObject *self = (AvroSchemaObject *)op;

    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->core);
    return 0;
}

static void
schema_dealloc(PyObject *op)
{
    AvroSchemaObject *self = (AvroSchemaObject *)op;
    PyTypeObject *type = Py_TYPE(op);

    PyObject_GC_UnTrack(op);
    if (self->code != NULL)
        native_plans_free(self);
    dk_buf_fini(&self->spare);
    dk_avro_program_unref(self->program);
    dk_avro_schema_unref(self->schema);
    Py_XDECREF(self->core);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyMethodDef schema_methods[] = {
    {"reader", NATIVE_METHOD(schema_reader), NATIVE_FAST | METH_CLASS, schema_reader_doc},
    {"decode", NATIVE_METHOD(schema_decode), NATIVE_FAST, schema_decode_doc},
    {"encode", NATIVE_METHOD(schema_encode), NATIVE_FAST, schema_encode_doc},
    {"encode_many", NATIVE_METHOD(schema_encode_many), NATIVE_FAST, schema_encode_many_doc},
    {"dump", schema_dump, METH_NOARGS, "dump()\n--\n\nThe compiled program, for people."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef schema_getset[] = {
    {"name", schema_name, NULL, "Full name of a named type, else the type.", NULL},
    {"canonical", schema_canonical, NULL, "The parsing canonical form.", NULL},
    {"fingerprint", schema_fingerprint, NULL, "CRC-64-AVRO of the canonical form.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(schema_doc, "AvroSchema(json, names=None, *, strict=False)\n--\n\n"
                         "A compiled Avro schema. names: schemas that it refers to, by full name, as JSON texts.\n"
                         "strict also refuses what readers usually put up with. Raises SchemaError.");

static PyType_Slot schema_slots[] = {
    {Py_tp_doc, (void *)schema_doc}, {Py_tp_new, schema_new},
    {Py_tp_dealloc, schema_dealloc}, {Py_tp_traverse, schema_traverse},
    {Py_tp_repr, schema_repr},       {Py_tp_methods, schema_methods},
    {Py_tp_getset, schema_getset},   {0, NULL},
};

PyType_Spec native_avro_schema_spec = {
    .name = "django_kafka._native.AvroSchema",
    .basicsize = sizeof(AvroSchemaObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = schema_slots,
};
