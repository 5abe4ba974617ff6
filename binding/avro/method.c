/* SPDX-License-Identifier: MIT
 *
 * AvroMethod: deserialize() of a topic, without a Python frame where nobody has overridden anything. Whatever it does
 * not do itself it leaves to the Python function that it stands for.
 */
#include "avro/native_avro.h"

typedef struct MethodObject {
    PyObject_HEAD vectorcallfunc call;
    AvroCore *core;
    PyObject *function; /* deserialize(self, value, field, headers=None, **kwargs) */
    PyObject *fields[2],
        *names[2]; /* of keys and values: MessageField, attribute that holds the topic's AvroReader */
    PyObject *header_names[2];
    PyObject *dict, *weakrefs;
} MethodObject;

/* Whether the message's headers name the schema, as those of some producers do: 1, 0 (then its bytes do), -1 with an
 * exception. */
static int
schema_in_headers(PyObject *headers, PyObject *name)
{
    Py_ssize_t i;

    if (headers == NULL || headers == Py_None)
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

/* 1: *out is the object, or NULL with an exception; 0: it is the Python function's turn. */
static int
try_reader(MethodObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject **out)
{
    int which = args[2] == self->fields[1], rc;
    PyObject *reader;

    if (!which && args[2] != self->fields[0])
        return 0;
    rc = schema_in_headers(nargs == 4 ? args[3] : NULL, self->header_names[which]);
    if (rc != 0)
        return rc > 0 ? 0 : 1;
    reader = PyObject_GetAttr(args[0], self->names[which]);
    if (reader == NULL)
        return 1;
    rc = 0;
    if (Py_IS_TYPE(reader, self->core->reader_type))
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
    static const char *const header_names[2] = {"__key_schema_id", "__value_schema_id"};
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
        self->fields[i] = Py_NewRef(fields[i]);
        self->names[i] = PyUnicode_InternFromString(names[i]);
        self->header_names[i] = PyUnicode_InternFromString(header_names[i]);
        if (self->names[i] == NULL || self->header_names[i] == NULL) {
            Py_DECREF(self);
            return NULL;
        }
    }
    return (PyObject *)self;
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

    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->core);
    Py_VISIT(self->function);
    Py_VISIT(self->fields[0]);
    Py_VISIT(self->fields[1]);
    Py_VISIT(self->dict);
    return 0;
}

static int
method_clear(PyObject *op)
{
    MethodObject *self = (MethodObject *)op;

    Py_CLEAR(self->function);
    Py_CLEAR(self->fields[0]);
    Py_CLEAR(self->fields[1]);
    Py_CLEAR(self->dict);
    return 0;
}

static void
method_dealloc(PyObject *op)
{
    MethodObject *self = (MethodObject *)op;
    PyTypeObject *type = Py_TYPE(op);
    int i;

    PyObject_GC_UnTrack(op);
    if (self->weakrefs != NULL)
        PyObject_ClearWeakRefs(op);
    (void)method_clear(op);
    for (i = 0; i < 2; i++) {
        Py_XDECREF(self->names[i]);
        Py_XDECREF(self->header_names[i]);
    }
    Py_XDECREF(self->core);
    type->tp_free(op);
    Py_DECREF(type);
}

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
    {Py_tp_new, method_new},         {Py_tp_dealloc, method_dealloc}, {Py_tp_traverse, method_traverse},
    {Py_tp_clear, method_clear},     {Py_tp_call, PyVectorcall_Call}, {Py_tp_descr_get, method_get},
    {Py_tp_members, method_members}, {Py_tp_getset, method_getset},   {0, NULL},
};

PyType_Spec native_avro_method_spec = {
    .name = "django_kafka._native.AvroMethod",
    .basicsize = sizeof(MethodObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_HAVE_VECTORCALL |
             Py_TPFLAGS_METHOD_DESCRIPTOR,
    .slots = method_slots,
};
