/* SPDX-License-Identifier: MIT
 *
 * AvroSchema, the exceptions of the codec and Confluent's framing. Values are made in avro_decode.c and taken apart
 * in avro_encode.c.
 */
#include "avro/native_avro.h"

void
native_avro_raise(PyObject *type, const dk_error *err)
{
    PyObject *text, *path = PyUnicode_DecodeUTF8(err->path, (Py_ssize_t)strlen(err->path), "replace"), *pos,
                    *exc = NULL;

    text = PyUnicode_DecodeUTF8(err->text, (Py_ssize_t)strlen(err->text), "replace");
    pos = PyLong_FromSize_t(err->pos);
    if (text != NULL && path != NULL && pos != NULL) {
        if (err->path[0] != '\0')
            Py_SETREF(text, PyUnicode_FromFormat("%U: %U (byte %zu)", path, text, err->pos));
        else
            Py_SETREF(text, PyUnicode_FromFormat("%U (byte %zu)", text, err->pos));
        exc = text == NULL ? NULL : PyObject_CallOneArg(type, text);
    }
    if (exc != NULL && PyObject_SetAttrString(exc, "path", path) == 0 && PyObject_SetAttrString(exc, "pos", pos) == 0)
        PyErr_SetObject(type, exc);
    Py_XDECREF(exc);
    Py_XDECREF(text);
    Py_XDECREF(path);
    Py_XDECREF(pos);
}

static void
raise_status(AvroCore *core, dk_status st, const dk_error *err)
{
    if (st == DK_ENOMEM)
        PyErr_NoMemory();
    else
        native_avro_raise(core->schema_error, err);
}

/* ---- plans: Python's names for what a program delivers
 * ------------------------------------------------------------- */

static void
plans_free(AvroSchemaObject *self)
{
    uint32_t i, k;

    for (i = 0; self->plans != NULL && i < self->code->nrecords; i++) {
        avro_plan *plan = &self->plans[i];

        for (k = 0; plan->names != NULL && k < self->code->records[i].nfields; k++)
            Py_XDECREF(plan->names[k]);
        PyMem_Free(plan->names);
        native_form_fini(&plan->form);
        Py_XDECREF(plan->index);
    }
    for (i = 0; self->enums != NULL && i < self->code->nenums; i++) {
        for (k = 0; self->enums[i].symbols != NULL && k < self->code->enums[i].nsymbols; k++)
            Py_XDECREF(self->enums[i].symbols[k]);
        PyMem_Free(self->enums[i].symbols);
        Py_XDECREF(self->enums[i].index);
    }
    PyMem_Free(self->plans);
    PyMem_Free(self->enums);
    self->plans = NULL;
    self->enums = NULL;
}

static PyObject **
intern_names(uint32_t n)
{
    PyObject **names = PyMem_Calloc(n + 1u, sizeof *names);

    if (names == NULL)
        PyErr_NoMemory();
    return names;
}

static PyObject *
intern(const char *s)
{
    PyObject *name = PyUnicode_FromString(s);

    if (name != NULL)
        PyUnicode_InternInPlace(&name);
    return name;
}

/* The form of a record's dicts: its names in the order of its steps. */
static int
plan_form(avro_plan *plan, const dk_avro_code *code, const dk_avro_record *rec)
{
    PyObject **names = intern_names(rec->nsteps);
    Py_ssize_t n = 0;
    uint32_t i;
    int rc;

    if (names == NULL)
        return -1;
    for (i = 0; i < rec->nsteps; i++)
        if (code->ops[rec->first + i].slot != DK_AVRO_NONE)
            names[n++] = plan->names[code->ops[rec->first + i].slot];
    rc = native_form_init(&plan->form, names, n);
    PyMem_Free(names);
    return rc;
}

static int
plan_record(avro_plan *plan, const dk_avro_code *code, const dk_avro_record *rec)
{
    uint32_t i;

    plan->names = intern_names(rec->nfields);
    plan->index = PyDict_New();
    if (plan->names == NULL || plan->index == NULL)
        return -1;
    for (i = 0; i < rec->nfields; i++) {
        PyObject *number = PyLong_FromUnsignedLong(i);
        int rc = -1;

        plan->names[i] = intern(rec->fields[i].name);
        if (number != NULL && plan->names[i] != NULL)
            rc = PyDict_SetItem(plan->index, plan->names[i], number);
        Py_XDECREF(number);
        if (rc < 0)
            return -1;
    }
    return plan_form(plan, code, rec);
}

static int
plan_enum(avro_enum_plan *plan, const dk_avro_enum *e)
{
    uint32_t i;

    plan->symbols = intern_names(e->nsymbols);
    plan->index = PyDict_New();
    if (plan->symbols == NULL || plan->index == NULL)
        return -1;
    for (i = 0; i < e->nsymbols; i++) {
        PyObject *number = PyLong_FromUnsignedLong(i);
        int rc = -1;

        plan->symbols[i] = intern(e->symbols[i]);
        if (number != NULL && plan->symbols[i] != NULL)
            rc = PyDict_SetItem(plan->index, plan->symbols[i], number);
        Py_XDECREF(number);
        if (rc < 0)
            return -1;
    }
    return 0;
}

static int
plans_make(AvroSchemaObject *self)
{
    const dk_avro_code *code = self->code;
    uint32_t i;

    self->plans = PyMem_Calloc(code->nrecords + 1u, sizeof *self->plans);
    self->enums = PyMem_Calloc(code->nenums + 1u, sizeof *self->enums);
    if (self->plans == NULL || self->enums == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (i = 0; i < code->nrecords; i++)
        if (plan_record(&self->plans[i], code, &code->records[i]) < 0)
            return -1;
    for (i = 0; i < code->nenums; i++)
        if (plan_enum(&self->enums[i], &code->enums[i]) < 0)
            return -1;
    return 0;
}

/* ---- AvroSchema ---------------------------------------------------------------------------------------------------
 */

static AvroCore *
core_of(PyTypeObject *type)
{
    native_state *state = native_state_of(type);

    return state == NULL ? NULL : (AvroCore *)state->avro;
}

/* Takes schema; the program is of it and, if reader is given, of that. */
static PyObject *
schema_wrap(PyTypeObject *type, AvroCore *core, dk_avro_schema *schema, dk_avro_schema *reader)
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
    self->limits = (dk_avro_limits){sizeof self->limits, DK_AVRO_DEPTH, DK_AVRO_EMPTY};
    dk_buf_init(&self->spare, NULL);
    st = dk_avro_program_new(NULL, schema, reader, &self->program, &err);
    if (st != DK_OK) {
        raise_status(core, st, &err);
        Py_DECREF(self);
        return NULL;
    }
    self->code = dk_avro_program_code(self->program);
    if (plans_make(self) < 0) {
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
    static char *keywords[] = {"json", "names", "strict", NULL};
    AvroCore *core = core_of(type);
    dk_avro_schema_options options = {.size = sizeof options};
    dk_avro_schema *schema = NULL;
    dk_avro_named *named = NULL;
    PyObject *names = NULL;
    const char *json;
    Py_ssize_t n;
    int strict = 0;
    dk_error err;
    dk_status st;

    if (core == NULL ||
        !PyArg_ParseTupleAndKeywords(args, kwargs, "s#|O$p:AvroSchema", keywords, &json, &n, &names, &strict))
        return NULL;
    if (named_from(names, &named, &options.nnames) < 0) {
        PyMem_Free(named);
        return NULL;
    }
    options.names = named;
    options.strict = strict;
    st = dk_avro_schema_new(NULL, (dk_slice){(const uint8_t *)json, (size_t)n}, &options, &schema, &err);
    PyMem_Free(named);
    if (st != DK_OK) {
        raise_status(core, st, &err);
        return NULL;
    }
    return schema_wrap(type, core, schema, NULL);
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
                       ((AvroSchemaObject *)in[1])->schema);
}

int
native_avro_bytes(PyObject *data, PyObject *start, Py_buffer *view, dk_slice *out)
{
    Py_ssize_t from = start == NULL ? 0 : PyNumber_AsSsize_t(start, PyExc_OverflowError);

    if (from == -1 && PyErr_Occurred())
        return -1;
    view->obj = NULL;
    if (PyBytes_CheckExact(data)) { /* whoever called holds it */
        view->buf = PyBytes_AS_STRING(data);
        view->len = PyBytes_GET_SIZE(data);
    } else if (PyObject_GetBuffer(data, view, PyBUF_SIMPLE) < 0) {
        return -1;
    }
    if (from < 0 || from > view->len) {
        PyErr_Format(PyExc_ValueError, "start is %zd, but there are %zd bytes", from, view->len);
        PyBuffer_Release(view);
        return -1;
    }
    out->p = (const uint8_t *)view->buf + from;
    out->n = (size_t)(view->len - from);
    return 0;
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

dk_buf
native_avro_take_spare(AvroSchemaObject *self)
{
    dk_buf b;

    Py_BEGIN_CRITICAL_SECTION(self);
    b = self->spare;
    dk_buf_init(&self->spare, NULL);
    Py_END_CRITICAL_SECTION();
    b.n = 0;
    return b;
}

#define SPARE_MAX 65536

void
native_avro_give_spare(AvroSchemaObject *self, dk_buf *b)
{
    dk_buf old;

    if (b->cap > SPARE_MAX || b->st != DK_OK) {
        dk_buf_fini(b);
        return;
    }
    Py_BEGIN_CRITICAL_SECTION(self);
    old = self->spare;
    self->spare = *b;
    Py_END_CRITICAL_SECTION();
    dk_buf_fini(&old);
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
        plans_free(self);
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

static PyType_Spec schema_spec = {
    .name = "django_kafka._native.AvroSchema",
    .basicsize = sizeof(AvroSchemaObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = schema_slots,
};

/* ---- framing ------------------------------------------------------------------------------------------------------
 */

PyObject *
native_avro_identity(const dk_wire *wire)
{
    return wire->has_guid ? PyBytes_FromStringAndSize((const char *)wire->guid, 16)
                          : PyLong_FromUnsignedLong(wire->id);
}

PyDoc_STRVAR(wire_parse_doc, "wire_parse(value, header=None)\n--\n\n"
                             "(id or 16 bytes of a GUID, where the payload begins). Raises DecodeError.");

static PyObject *
wire_parse(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {"wire_parse", 1, {"value", "header", NULL}};
    native_state *state = PyModule_GetState(module);
    PyObject *in[2] = {NULL, NULL}, *id = NULL;
    Py_buffer value, header = {.buf = NULL};
    dk_slice head = {NULL, 0}, whole;
    dk_wire wire;
    dk_error err;

    if (native_args(&sig, args, nargs, kwnames, in) < 0 || native_avro_bytes(in[0], NULL, &value, &whole) < 0)
        return NULL;
    if (in[1] != NULL && in[1] != Py_None && native_avro_bytes(in[1], NULL, &header, &head) < 0) {
        PyBuffer_Release(&value);
        return NULL;
    }
    if (dk_wire_parse(whole, head, &wire, &err) != DK_OK)
        native_avro_raise(((AvroCore *)state->avro)->decode_error, &err);
    else
        id = native_avro_identity(&wire);
    if (header.buf != NULL)
        PyBuffer_Release(&header);
    PyBuffer_Release(&value);
    return id == NULL ? NULL : Py_BuildValue("Nn", id, (Py_ssize_t)(wire.payload.p - whole.p));
}

PyDoc_STRVAR(wire_prefix_doc, "wire_prefix(schema)\n--\n\n"
                              "The bytes that say which schema: of an id (int) 5, of a GUID (16 bytes) 17.");

static PyObject *
wire_prefix(PyObject *module, PyObject *schema)
{
    uint8_t guid[DK_WIRE_GUID_SIZE], prefix[DK_WIRE_PREFIX];
    unsigned long id;

    if (PyBytes_Check(schema) && PyBytes_GET_SIZE(schema) == 16) {
        dk_wire_write_guid(guid, (const uint8_t *)PyBytes_AS_STRING(schema));
        return PyBytes_FromStringAndSize((const char *)guid, sizeof guid);
    }
    if (!PyLong_Check(schema)) {
        PyErr_SetString(PyExc_TypeError, "wire_prefix() takes a schema id (int) or a GUID (16 bytes)");
        return NULL;
    }
    id = PyLong_AsUnsignedLong(schema);
    if (id == (unsigned long)-1 && PyErr_Occurred())
        return NULL;
    if (id > UINT32_MAX) {
        PyErr_SetString(PyExc_OverflowError, "a schema id has 32 bits");
        return NULL;
    }
    dk_wire_write_id(prefix, (uint32_t)id);
    return PyBytes_FromStringAndSize((const char *)prefix, sizeof prefix);
}

static PyMethodDef avro_functions[] = {
    {"wire_parse", NATIVE_METHOD(wire_parse), NATIVE_FAST, wire_parse_doc},
    {"wire_prefix", wire_prefix, METH_O, wire_prefix_doc},
    {NULL, NULL, 0, NULL},
};

/* ---- AvroCore -----------------------------------------------------------------------------------------------------
 */

#define CORE_OBJECTS(XX)                                                                                             \
    XX(decode_error)                                                                                                 \
    XX(encode_error)                                                                                                 \
    XX(schema_error)                                                                                                 \
    XX(decimal)                                                                                                      \
    XX(decimal_context)                                                                                              \
    XX(uuid)                                                                                                         \
    XX(uuid_unsafe)                                                                                                  \
    XX(mapping)                                                                                                      \
    XX(sequence)                                                                                                     \
    XX(real)                                                                                                         \
    XX(keys_view)                                                                                                    \
    XX(values_view)                                                                                                  \
    XX(items_view)                                                                                                   \
    XX(epoch)                                                                                                        \
    XX(s_int)                                                                                                        \
    XX(s_is_safe)                                                                                                    \
    XX(s_to_bytes)                                                                                                   \
    XX(s_from_bytes)                                                                                                 \
    XX(s_big)                                                                                                        \
    XX(s_type_hint)                                                                                                  \
    XX(s_create_decimal)                                                                                             \
    XX(s_scaleb)                                                                                                     \
    XX(s_prec)                                                                                                       \
    XX(s_fromisoformat)                                                                                              \
    XX(signed_kw)                                                                                                    \
    XX(empty_args)                                                                                                   \
    XX(schema_type)                                                                                                  \
    XX(record_type)                                                                                                  \
    XX(reader_type)

static int
core_traverse(PyObject *op, visitproc visit, void *arg)
{
    AvroCore *self = (AvroCore *)op;

    Py_VISIT(Py_TYPE(op));
#define XX(name) Py_VISIT(self->name);
    CORE_OBJECTS(XX)
#undef XX
    return 0;
}

static int
core_clear(PyObject *op)
{
    AvroCore *self = (AvroCore *)op;

#define XX(name) Py_CLEAR(self->name);
    CORE_OBJECTS(XX)
#undef XX
    return 0;
}

static void
core_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);

    PyObject_GC_UnTrack(op);
    (void)core_clear(op);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyType_Slot core_slots[] = {
    {Py_tp_traverse, core_traverse},
    {Py_tp_clear, core_clear},
    {Py_tp_dealloc, core_dealloc},
    {0, NULL},
};

static PyType_Spec core_spec = {
    .name = "django_kafka._native.AvroCore",
    .basicsize = sizeof(AvroCore),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = core_slots,
};

static int
core_import(const char *module, const char *name, PyObject **out)
{
    PyObject *m = PyImport_ImportModule(module);

    *out = m == NULL ? NULL : PyObject_GetAttrString(m, name);
    Py_XDECREF(m);
    return *out == NULL ? -1 : 0;
}

static int
core_classes(AvroCore *core)
{
    PyObject *safe;

    core->dt = PyCapsule_Import(PyDateTime_CAPSULE_NAME, 0);
    if (core->dt == NULL || core_import("decimal", "Decimal", &core->decimal) < 0 ||
        core_import("decimal", "Context", &core->decimal_context) < 0 ||
        core_import("uuid", "UUID", &core->uuid) < 0 ||
        core_import("collections.abc", "Mapping", &core->mapping) < 0 ||
        core_import("collections.abc", "Sequence", &core->sequence) < 0 ||
        core_import("collections.abc", "KeysView", &core->keys_view) < 0 ||
        core_import("collections.abc", "ValuesView", &core->values_view) < 0 ||
        core_import("collections.abc", "ItemsView", &core->items_view) < 0 ||
        core_import("numbers", "Real", &core->real) < 0 || core_import("uuid", "SafeUUID", &safe) < 0)
        return -1;
    core->uuid_unsafe = PyObject_GetAttrString(safe, "unknown");
    Py_DECREF(safe);
    core->epoch =
        core->dt->DateTime_FromDateAndTime(1970, 1, 1, 0, 0, 0, 0, core->dt->TimeZone_UTC, core->dt->DateTimeType);
    return core->uuid_unsafe == NULL || core->epoch == NULL ? -1 : 0;
}

static int
core_names(AvroCore *core)
{
    core->s_int = intern("int");
    core->s_is_safe = intern("is_safe");
    core->s_to_bytes = intern("to_bytes");
    core->s_from_bytes = intern("from_bytes");
    core->s_big = intern("big");
    core->s_type_hint = intern("-type");
    core->s_create_decimal = intern("create_decimal");
    core->s_scaleb = intern("scaleb");
    core->s_prec = intern("prec");
    core->s_fromisoformat = intern("fromisoformat");
    core->signed_kw = Py_BuildValue("(s)", "signed");
    core->empty_args = PyTuple_New(0);
    return PyErr_Occurred() ? -1 : 0;
}

static int
add_error(PyObject *module, const char *name, const char *doc, PyObject **out)
{
    PyObject *defaults = Py_BuildValue("{s:s,s:i}", "path", "", "pos", 0);

    *out = defaults == NULL ? NULL : PyErr_NewExceptionWithDoc(name, doc, PyExc_ValueError, defaults);
    Py_XDECREF(defaults);
    return *out == NULL ? -1 : PyModule_AddObjectRef(module, strrchr(name, '.') + 1, *out);
}

static PyTypeObject *
add_type(PyObject *module, PyType_Spec *spec)
{
    PyTypeObject *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);

    if (type != NULL && PyModule_AddType(module, type) < 0)
        Py_CLEAR(type);
    return type;
}

static int
add_types(PyObject *module, AvroCore *core)
{
    PyTypeObject *method;
    PyObject *registered;

    core->schema_type = add_type(module, &schema_spec);
    core->record_type = add_type(module, &native_avro_record_spec);
    core->reader_type = add_type(module, &native_avro_reader_spec);
    if (core->schema_type == NULL || core->record_type == NULL || core->reader_type == NULL)
        return -1;
    method = add_type(module, &native_avro_method_spec);
    if (method == NULL)
        return -1;
    Py_DECREF(method);
    registered = PyObject_CallMethod(core->mapping, "register", "O", core->record_type);
    Py_XDECREF(registered);
    return registered == NULL ? -1 : 0;
}

/* Adds the codec to the module. -1 with an exception; what was made is the state's and cleared with it. */
int
native_avro_exec(PyObject *module)
{
    native_state *state = PyModule_GetState(module);
    PyTypeObject *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &core_spec, NULL);
    AvroCore *core;

    if (type == NULL)
        return -1;
    core = (AvroCore *)type->tp_alloc(type, 0);
    Py_DECREF(type);
    if (core == NULL)
        return -1;
    state->avro = (PyObject *)core;
    if (core_classes(core) < 0 || core_names(core) < 0)
        return -1;
    if (add_error(module, "django_kafka._native.DecodeError",
                  "Bytes that are not a value of the schema: pos is the byte, path the field.",
                  &core->decode_error) < 0 ||
        add_error(module, "django_kafka._native.EncodeError",
                  "A value that does not fit the schema: path is the field.", &core->encode_error) < 0 ||
        add_error(module, "django_kafka._native.SchemaError",
                  "A schema that is invalid, or two that do not go together: path is the field.",
                  &core->schema_error) < 0)
        return -1;
    return add_types(module, core) < 0 ? -1 : PyModule_AddFunctions(module, avro_functions);
}
