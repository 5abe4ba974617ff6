/* SPDX-License-Identifier: MIT
 *
 * AvroMethod: deserialize() of a topic, without a Python frame where nobody has overridden anything. Whatever it does
 * not do itself it leaves to the Python function that it stands for.
 */
#include "avro/native_avro.h"

/* What is known of keys, or of values. */
typedef struct method_part {
    PyObject *field;       /* MessageField */
    PyObject *name;        /* of the attribute that holds the topic's AvroReader */
    PyObject *header_name; /* of the header that names the schema, with some producers */
    PyObject *topic;       /* weak reference to the last topic that was asked; NULL: none */
    PyObject *reader;      /* what its attribute held */
} method_part;

typedef struct MethodObject {
    PyObject_HEAD vectorcallfunc call;
    AvroCore *core;
    PyObject *function;   /* deserialize(self, value, field, headers=None, **kwargs) */
    method_part parts[2]; /* keys, values */
    PyObject *dict, *weakrefs;
} MethodObject;

/* Whether the message's headers name the schema, as those of some producers do: 1, 0 (then its bytes do), -1 with an
 * exception. */
static int
schema_in_headers(PyObject *headers, PyObject *name)
{
    Py_ssize_t i;

    if (headers == Py_None)
        return 0;
    if (!PyList_CheckExact(headers))
        return 1; /* to be looked at in Python */
    for (i = 0; i < PyList_GET_SIZE(headers); i++) {
        PyObject *pair = PyList_GET_ITEM(headers, i), *first;
        int rc;

        if (!PyTuple_CheckExact(pair) || PyTuple_GET_SIZE(pair) != 2)
            return 1;
        first = PyTuple_GET_ITEM(pair, 0);
        if (!PyUnicode_CheckExact(first))
            return 1;
        rc = PyUnicode_Compare(first, name) == 0;
        if (rc != 0)
            return PyErr_Occurred() ? -1 : 1;
    }
    return 0;
}

static void
forget(method_part *part)
{
    Py_CLEAR(part->topic);
    Py_CLEAR(part->reader);
}

/* Keeps reader for the next call. A topic that nothing can refer to weakly is not remembered. */
static void
remember(method_part *part, PyObject *topic, PyObject *reader)
{
    PyObject *ref = PyWeakref_NewRef(topic, NULL);

    if (ref == NULL) {
        PyErr_Clear();
        return;
    }
    Py_XSETREF(part->topic, ref);
    Py_XSETREF(part->reader, Py_NewRef(reader));
}

/* The topic's AvroReader, a new reference; NULL with an exception, or without one when it has none. */
static PyObject *
find_reader(MethodObject *self, method_part *part, PyObject *topic)
{
    PyObject *reader = PyObject_GetAttr(topic, part->name);

    if (reader == NULL)
        return NULL;
    if (!Py_IS_TYPE(reader, self->core->reader_type)) {
        Py_DECREF(reader);
        return NULL;
    }
    Py_BEGIN_CRITICAL_SECTION(self);
    remember(part, topic, reader);
    Py_END_CRITICAL_SECTION();
    return reader;
}

static inline PyObject *
reader_of(MethodObject *self, method_part *part, PyObject *topic)
{
    PyObject *reader = NULL;

    Py_BEGIN_CRITICAL_SECTION(self);
    if (part->topic != NULL && native_weakref_is(part->topic, topic))
        reader = Py_NewRef(part->reader);
    Py_END_CRITICAL_SECTION();
    return reader != NULL ? reader : find_reader(self, part, topic);
}

/* 1: *out is the object, or NULL with an exception; 0: it is the Python function's turn. */
static int
try_reader(MethodObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject **out)
{
    method_part *part = &self->parts[args[2] == self->parts[1].field];
    PyObject *reader;
    int rc;

    if (args[2] != part->field)
        return 0;
    rc = nargs == 4 ? schema_in_headers(args[3], part->header_name) : 0;
    if (rc != 0)
        return rc > 0 ? 0 : 1;
    reader = reader_of(self, part, args[0]);
    if (reader == NULL)
        return PyErr_Occurred() != NULL;
    rc = native_avro_read(reader, args[1], out);
    Py_DECREF(reader);
    return rc;
}

static PyObject *
method_vectorcall(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    MethodObject *self = (MethodObject *)op;
    Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
    PyObject *out = NULL;

    if (kwnames == NULL && (nargs == 3 || nargs == 4) && try_reader(self, args, nargs, &out))
        return out;
    return PyObject_Vectorcall(self->function, args, nargsf, kwnames);
}

static PyObject *
method_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"function", "key", "value", NULL};
    static const char *const names[2] = {"_key_reader", "_value_reader"};
    static const char *const header_names[2] = {DK_WIRE_KEY_HEADER, DK_WIRE_VALUE_HEADER};
    native_state *state = native_state_of(type);
    PyObject *function, *fields[2];
    MethodObject *self;
    int i;

    if (state == NULL ||
        !PyArg_ParseTupleAndKeywords(args, kwargs, "OOO:AvroMethod", keywords, &function, &fields[0], &fields[1]))
        return NULL;
    self = (MethodObject *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->call = method_vectorcall;
    self->core = (AvroCore *)Py_NewRef(state->avro);
    self->function = Py_NewRef(function);
    for (i = 0; i < 2; i++) {
        method_part *part = &self->parts[i];

        part->field = Py_NewRef(fields[i]);
        part->name = PyUnicode_InternFromString(names[i]);
        part->header_name = PyUnicode_InternFromString(header_names[i]);
        if (part->name == NULL || part->header_name == NULL) {
            Py_DECREF(self);
            return NULL;
        }
    }
    return (PyObject *)self;
}

PyDoc_STRVAR(
    method_forget_doc,
    "forget()\n--\n\nLook at the topic's attributes again: those of the topic that was last asked are kept.");

static PyObject *
method_forget(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    MethodObject *self = (MethodObject *)op;

    Py_BEGIN_CRITICAL_SECTION(self);
    forget(&self->parts[0]);
    forget(&self->parts[1]);
    Py_END_CRITICAL_SECTION();
    Py_RETURN_NONE;
}

static PyObject *
method_get(PyObject *op, PyObject *obj, PyObject *Py_UNUSED(type))
{
    return obj == NULL || obj == Py_None ? Py_NewRef(op) : PyMethod_New(op, obj);
}

static int
method_traverse(PyObject *op, visitproc visit, void *arg)
{
    MethodObject *self = (MethodObject *)op;
    int i;

    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->core);
    Py_VISIT(self->function);
    Py_VISIT(self->dict);
    for (i = 0; i < 2; i++) {
        Py_VISIT(self->parts[i].field);
        Py_VISIT(self->parts[i].topic);
        Py_VISIT(self->parts[i].reader);
    }
    return 0;
}

static int
method_clear(PyObject *op)
{
    MethodObject *self = (MethodObject *)op;
    int i;

    Py_CLEAR(self->function);
    Py_CLEAR(self->dict);
    for (i = 0; i < 2; i++) {
        Py_CLEAR(self->parts[i].field);
        forget(&self->parts[i]);
    }
    return 0;
}

static void
method_dealloc(PyObject *op)
{
    MethodObject *self = (MethodObject *)op;
    PyTypeObject *type = Py_TYPE(op);
    int i;

    PyObject_GC_UnTrack(op);
    Py_TRASHCAN_BEGIN(op, method_dealloc) /* the function may be another one, and so on */
        if (self->weakrefs != NULL) PyObject_ClearWeakRefs(op);
    (void)method_clear(op);
    for (i = 0; i < 2; i++) {
        Py_XDECREF(self->parts[i].name);
        Py_XDECREF(self->parts[i].header_name);
    }
    Py_XDECREF(self->core);
    type->tp_free(op);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

static PyMethodDef method_methods[] = {
    {"forget", method_forget, METH_NOARGS, method_forget_doc},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef method_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(MethodObject, call), READONLY, NULL},
    {"__dictoffset__", T_PYSSIZET, offsetof(MethodObject, dict), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(MethodObject, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef method_getset[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot method_slots[] = {
    {Py_tp_new, method_new},           {Py_tp_dealloc, method_dealloc},
    {Py_tp_traverse, method_traverse}, {Py_tp_clear, method_clear},
    {Py_tp_call, PyVectorcall_Call},   {Py_tp_descr_get, method_get},
    {Py_tp_members, method_members},   {Py_tp_getset, method_getset},
    {Py_tp_methods, method_methods},   {0, NULL},
};

PyType_Spec native_avro_method_spec = {
    .name = "django_kafka._native.AvroMethod",
    .basicsize = sizeof(MethodObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_HAVE_VECTORCALL |
             Py_TPFLAGS_METHOD_DESCRIPTOR,
    .slots = method_slots,
};
