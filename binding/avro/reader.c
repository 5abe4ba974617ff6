/* SPDX-License-Identifier: MIT
 *
 * AvroReader: messages in Confluent's framing, of whatever schemas, become objects. It knows the schemas that were
 * added; to get the others is the caller's part, who is told which by a KeyError.
 */
#include "avro/native_avro.h"

#define RECENT 16 /* schemas of keys, of values, of a few topics: found without an object made for their id */

typedef struct AvroReaderObject {
    PyObject_HEAD AvroCore *core;
    PyObject *schemas; /* dict: id (int) or GUID (bytes) -> AvroSchema, or None for values that are bare bytes */
    AvroSchemaObject *recent[RECENT]; /* by id; borrowed from schemas, NULL: none */
    uint32_t recent_ids[RECENT];
    bool lazy;
} AvroReaderObject;

static PyObject *
reader_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"lazy", NULL};
    native_state *state = native_state_of(type);
    AvroReaderObject *self;
    int lazy = 0;

    if (state == NULL || !PyArg_ParseTupleAndKeywords(args, kwargs, "|p:AvroReader", keywords, &lazy))
        return NULL;
    self = (AvroReaderObject *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->core = (AvroCore *)Py_NewRef(state->avro);
    self->lazy = lazy;
    self->schemas = PyDict_New();
    if (self->schemas == NULL)
        Py_CLEAR(self);
    return (PyObject *)self;
}

#define SCHEMAS_MAX                                                                                                  \
    1000 /* some kilobytes each; a topic with more brings them in turns, or they are somebody's mischief */

/* Forgets the schema that was added first, if another one would be too many. */
static int
make_room(AvroReaderObject *self, PyObject *id)
{
    PyObject *first, *schema;
    Py_ssize_t pos = 0;
    int known = PyDict_Contains(self->schemas, id), rc;

    if (known != 0 || PyDict_GET_SIZE(self->schemas) < SCHEMAS_MAX ||
        !PyDict_Next(self->schemas, &pos, &first, &schema))
        return known < 0 ? -1 : 0;
    Py_INCREF(first);
    rc = PyDict_DelItem(self->schemas, first);
    Py_DECREF(first);
    return rc;
}

PyDoc_STRVAR(reader_add_doc,
             "add(id, schema)\n--\n\n"
             "Messages with this id (int) or GUID (16 bytes) are of this schema; None: they are bare bytes.");

static PyObject *
reader_add(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {"add", 2, {"id", "schema", NULL}};
    AvroReaderObject *self = (AvroReaderObject *)op;
    PyObject *in[2];
    int rc;

    if (native_args(&sig, args, nargs, kwnames, in) < 0)
        return NULL;
    if (in[1] != Py_None && !PyObject_TypeCheck(in[1], self->core->schema_type)) {
        PyErr_Format(PyExc_TypeError, "an AvroSchema or None is wanted, not %.100s", Py_TYPE(in[1])->tp_name);
        return NULL;
    }
    Py_BEGIN_CRITICAL_SECTION(self);
    memset(self->recent, 0, sizeof self->recent);
    rc = make_room(self, in[0]);
    if (rc == 0)
        rc = PyDict_SetItem(self->schemas, in[0], in[1]);
    Py_END_CRITICAL_SECTION();
    return rc < 0 ? NULL : Py_NewRef(Py_None);
}

/* The schema of a message, a new reference; NULL without an exception when it is not known. */
static PyObject *
find_schema(AvroReaderObject *self, const dk_wire *wire)
{
    PyObject *schema = NULL, *id = native_wire_identity(wire);

    if (id == NULL)
        return NULL;
    Py_BEGIN_CRITICAL_SECTION(self);
    schema = Py_XNewRef(PyDict_GetItemWithError(self->schemas, id));
    if (schema != NULL && schema != Py_None && !wire->has_guid) {
        self->recent[wire->id % RECENT] = (AvroSchemaObject *)schema;
        self->recent_ids[wire->id % RECENT] = wire->id;
    }
    Py_END_CRITICAL_SECTION();
    Py_DECREF(id);
    return schema;
}

/* One that was found lately: a new reference, or NULL. */
static inline AvroSchemaObject *
recent_schema(AvroReaderObject *self, uint32_t id)
{
    AvroSchemaObject *schema = NULL;

    Py_BEGIN_CRITICAL_SECTION(self);
    if (self->recent_ids[id % RECENT] == id)
        schema = (AvroSchemaObject *)Py_XNewRef(self->recent[id % RECENT]);
    Py_END_CRITICAL_SECTION();
    return schema;
}

static PyObject *
decode_payload(AvroReaderObject *self, PyObject *schema, PyObject *data, dk_slice payload)
{
    PyObject *copy, *v;

    if (schema == Py_None)
        return PyBytes_FromStringAndSize((const char *)payload.p, (Py_ssize_t)payload.n);
    if (!self->lazy)
        return native_avro_decode((AvroSchemaObject *)schema, payload);
    if (PyBytes_CheckExact(data))
        return native_avro_record((AvroSchemaObject *)schema, data, payload);
    copy = PyBytes_FromStringAndSize((const char *)payload.p, (Py_ssize_t)payload.n);
    if (copy == NULL)
        return NULL;
    v = native_avro_record((AvroSchemaObject *)schema, copy,
                           (dk_slice){(const uint8_t *)PyBytes_AS_STRING(copy), payload.n});
    Py_DECREF(copy);
    return v;
}

/* 1 with *out, NULL with an exception; 0 when the schema is not known, which *wire tells. */
static int
read_message(AvroReaderObject *self, PyObject *data, dk_slice whole, dk_slice header, dk_wire *wire, PyObject **out)
{
    PyObject *schema;
    dk_error err;

    *out = NULL;
    if (dk_wire_parse(whole, header, wire, &err) != DK_OK) {
        native_avro_raise(self->core->decode_error, &err);
        return 1;
    }
    schema = find_schema(self, wire);
    if (schema == NULL)
        return PyErr_Occurred() != NULL;
    *out = decode_payload(self, schema, data, wire->payload);
    Py_DECREF(schema);
    return 1;
}

/* What nearly all messages are: bytes of a schema that was read before. false: something else. */
static inline bool
read_recent(AvroReaderObject *self, PyObject *data, PyObject **out)
{
    AvroSchemaObject *schema;
    dk_slice bytes;
    uint32_t id;

    if (!PyBytes_CheckExact(data))
        return false;
    bytes = (dk_slice){(const uint8_t *)PyBytes_AS_STRING(data), (size_t)PyBytes_GET_SIZE(data)};
    if (!dk_wire_id(bytes, &id) || (schema = recent_schema(self, id)) == NULL)
        return false;
    bytes.p += DK_WIRE_PREFIX;
    bytes.n -= DK_WIRE_PREFIX;
    *out = self->lazy ? native_avro_record(schema, data, bytes) : native_avro_decode(schema, bytes);
    Py_DECREF(schema);
    return true;
}

int
native_avro_read(PyObject *op, PyObject *data, PyObject **out)
{
    AvroReaderObject *self = (AvroReaderObject *)op;
    Py_buffer view;
    dk_slice whole;
    dk_wire wire;
    int rc;

    if (read_recent(self, data, out))
        return 1;
    *out = NULL;
    if (data == Py_None) { /* a tombstone */
        *out = Py_NewRef(Py_None);
        return 1;
    }
    if (native_avro_bytes(data, NULL, &view, &whole) < 0)
        return 1;
    rc = read_message(self, data, whole, (dk_slice){NULL, 0}, &wire, out);
    PyBuffer_Release(&view);
    return rc;
}

PyDoc_STRVAR(reader_decode_doc,
             "decode(data, header=None)\n--\n\n"
             "The value in a message; header: that of the message which names its schema, if there is one.\n"
             "None stays None. Raises KeyError (of the id or GUID) when the schema was not added, and DecodeError.");

static PyObject *
reader_decode(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {"decode", 1, {"data", "header", NULL}};
    AvroReaderObject *self = (AvroReaderObject *)op;
    PyObject *in[2] = {NULL, NULL}, *v = NULL, *id;
    Py_buffer data, header = {.obj = NULL};
    dk_slice whole, head = {NULL, 0};
    dk_wire wire;

    if (kwnames == NULL && nargs == 1 && read_recent(self, args[0], &v))
        return v;
    if (native_args(&sig, args, nargs, kwnames, in) < 0)
        return NULL;
    if (in[0] == Py_None) /* a tombstone */
        return Py_NewRef(Py_None);
    if (native_avro_bytes(in[0], NULL, &data, &whole) < 0)
        return NULL;
    if (in[1] != NULL && in[1] != Py_None && native_avro_bytes(in[1], NULL, &header, &head) < 0) {
        PyBuffer_Release(&data);
        return NULL;
    }
    if (!read_message(self, in[0], whole, head, &wire, &v) && (id = native_wire_identity(&wire)) != NULL) {
        PyErr_SetObject(PyExc_KeyError, id);
        Py_DECREF(id);
    }
    if (header.obj != NULL)
        PyBuffer_Release(&header);
    if (data.obj != NULL)
        PyBuffer_Release(&data);
    return v;
}

static int
reader_traverse(PyObject *op, visitproc visit, void *arg)
{
    AvroReaderObject *self = (AvroReaderObject *)op;

    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->core);
    Py_VISIT(self->schemas);
    return 0;
}

static int
reader_clear(PyObject *op)
{
    AvroReaderObject *self = (AvroReaderObject *)op;

    memset(self->recent, 0, sizeof self->recent);
    Py_CLEAR(self->schemas);
    return 0;
}

static void
reader_dealloc(PyObject *op)
{
    AvroReaderObject *self = (AvroReaderObject *)op;
    PyTypeObject *type = Py_TYPE(op);

    PyObject_GC_UnTrack(op);
    (void)reader_clear(op);
    Py_XDECREF(self->core);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyMethodDef reader_methods[] = {
    {"add", NATIVE_METHOD(reader_add), NATIVE_FAST, reader_add_doc},
    {"decode", NATIVE_METHOD(reader_decode), NATIVE_FAST, reader_decode_doc},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(reader_doc,
             "AvroReader(lazy=False)\n--\n\nDecodes messages in Confluent's framing; lazy: records as AvroRecord.");

static PyType_Slot reader_slots[] = {
    {Py_tp_doc, (void *)reader_doc},
    {Py_tp_new, reader_new},
    {Py_tp_dealloc, reader_dealloc},
    {Py_tp_traverse, reader_traverse},
    {Py_tp_clear, reader_clear},
    {Py_tp_methods, reader_methods},
    {0, NULL},
};

PyType_Spec native_avro_reader_spec = {
    .name = "django_kafka._native.AvroReader",
    .basicsize = sizeof(AvroReaderObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = reader_slots,
};
