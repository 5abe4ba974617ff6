/* SPDX-License-Identifier: MIT
 *
 * Message. Those of the engine borrow from their batch and make their parts when first asked, which is what makes a
 * handler that reads only the value cheap. The garbage collector is told of a message only once it holds an object of
 * somebody else's, or a list: until then it cannot be part of a cycle.
 */
#include "native.h"

/* ---- topics ------------------------------------------------------------------------------------------------------- */

native_topics *
native_topics_new(void)
{
    native_topics *t = PyMem_Calloc(1, sizeof *t);

    if (t == NULL)
        PyErr_NoMemory();
    else
        t->refs = 1;
    return t;
}

void
native_topics_unref(native_topics *t)
{
    if (t == NULL || !NATIVE_REFS_DEC(&t->refs))
        return;
    for (uint32_t i = 0; i < t->cap; i++)
        Py_XDECREF(t->names[i]);
    PyMem_Free(t->names);
    PyMem_Free(t);
}

static int
topics_reserve(native_topics *t, uint32_t id)
{
    uint32_t cap = t->cap != 0 ? t->cap : 8;
    PyObject **grown;

    while (cap <= id)
        cap *= 2;
    grown = PyMem_Realloc(t->names, cap * sizeof *grown);
    if (grown == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (uint32_t i = t->cap; i < cap; i++)
        grown[i] = NULL;
    t->names = grown;
    t->cap = cap;
    return 0;
}

/* ---- core --------------------------------------------------------------------------------------------------------- */

native_core *
native_core_new(native_state *state, dk_batch *b, native_topics *topics)
{
    native_core *core = PyMem_Malloc(sizeof *core);

    if (core == NULL) {
        dk_batch_free(b);
        PyErr_NoMemory();
        return NULL;
    }
    *core = (native_core){.refs = 1, .state = state, .b = b, .topics = topics};
    NATIVE_REFS_INC(&topics->refs);
    return core;
}

void
native_core_unref(native_core *core)
{
    if (core == NULL || !NATIVE_REFS_DEC(&core->refs))
        return;
    dk_batch_free(core->b);
    native_topics_unref(core->topics);
    PyMem_Free(core);
}

PyObject *
native_core_topic(native_core *core, uint32_t index)
{
    uint32_t id = dk_batch_topic_id(core->b, index);
    native_topics *t = core->topics;
    PyObject *name;

    if (id < t->cap && t->names[id] != NULL)
        return Py_NewRef(t->names[id]);
    name = PyUnicode_InternFromString(dk_batch_topic(core->b, index));
    if (name == NULL || (id >= t->cap && topics_reserve(t, id) < 0)) {
        Py_XDECREF(name);
        return NULL;
    }
    Py_XSETREF(t->names[id], Py_NewRef(name));
    return name;
}

/* ---- making and freeing ------------------------------------------------------------------------------------------- */

static MessageObject *
blank(native_state *state)
{
    MessageObject *msg;

    if (NATIVE_FREELIST > 0 && state->n_free > 0) {
        msg = state->free_messages[--state->n_free];
        PyObject_Init((PyObject *)msg, state->message_type);
        return msg;
    }
    msg = PyObject_GC_New(MessageObject, state->message_type);
    if (msg != NULL) {
        msg->core = NULL;
        msg->own = NULL;
        msg->topic = msg->key = msg->value = msg->headers = msg->error = NULL;
    }
    return msg;
}

PyObject *
native_message_borrow(native_core *core, uint32_t index)
{
    MessageObject *msg = blank(core->state);

    if (msg == NULL)
        return NULL;
    NATIVE_REFS_INC(&core->refs);
    msg->core = core;
    msg->index = index;
    return (PyObject *)msg;
}

static void
clear_parts(MessageObject *msg)
{
    Py_CLEAR(msg->topic);
    Py_CLEAR(msg->key);
    Py_CLEAR(msg->value);
    Py_CLEAR(msg->headers);
    Py_CLEAR(msg->error);
}

PyObject *
native_message_reuse(MessageObject *msg, native_core *core, uint32_t index)
{
#if NATIVE_FREELIST > 0
    if (msg != NULL && Py_REFCNT(msg) == 1 && msg->core == core && !PyObject_GC_IsTracked((PyObject *)msg)) {
        clear_parts(msg);
        msg->index = index;
        return (PyObject *)msg;
    }
#endif
    Py_XDECREF(msg);
    return native_message_borrow(core, index);
}

static void
own_free(native_own *own)
{
    if (own == NULL)
        return;
    Py_XDECREF(own->partition);
    Py_XDECREF(own->offset);
    Py_XDECREF(own->leader_epoch);
    Py_XDECREF(own->latency);
    PyMem_Free(own);
}

static int
message_clear(PyObject *op)
{
    MessageObject *msg = (MessageObject *)op;
    native_own *own = msg->own;

    msg->own = NULL;
    own_free(own);
    clear_parts(msg);
    return 0;
}

static void
message_dealloc(PyObject *op)
{
    MessageObject *msg = (MessageObject *)op;
    PyTypeObject *type = Py_TYPE(op);
    native_core *core = msg->core;

    PyObject_GC_UnTrack(op);
    message_clear(op);
    msg->core = NULL;
#if NATIVE_FREELIST > 0
    native_state *state = core != NULL ? core->state : NULL;

    if (state != NULL && type == state->message_type && state->n_free < NATIVE_FREELIST)
        state->free_messages[state->n_free++] = msg;
    else
#endif
        type->tp_free(op);
    native_core_unref(core);
    Py_DECREF(type);
}

void
native_messages_free(native_state *state)
{
    while (state->n_free > 0)
        PyObject_GC_Del(state->free_messages[--state->n_free]);
}

static int
message_traverse(PyObject *op, visitproc visit, void *arg)
{
    MessageObject *msg = (MessageObject *)op;

    Py_VISIT(Py_TYPE(op));
    Py_VISIT(msg->topic);
    Py_VISIT(msg->key);
    Py_VISIT(msg->value);
    Py_VISIT(msg->headers);
    Py_VISIT(msg->error);
    if (msg->own != NULL) {
        Py_VISIT(msg->own->partition);
        Py_VISIT(msg->own->offset);
        Py_VISIT(msg->own->leader_epoch);
        Py_VISIT(msg->own->latency);
    }
    return 0;
}

/* From now on the message may be part of a cycle. */
static void
track(PyObject *op)
{
    if (!PyObject_GC_IsTracked(op))
        PyObject_GC_Track(op);
}

/* ---- messages that stand alone ------------------------------------------------------------------------------------ */

static MessageObject *
stand_alone(PyTypeObject *type)
{
    MessageObject *msg = (MessageObject *)type->tp_alloc(type, 0);

    if (msg == NULL)
        return NULL;
    msg->own = PyMem_Calloc(1, sizeof *msg->own);
    if (msg->own == NULL) {
        Py_DECREF(msg);
        PyErr_NoMemory();
        return NULL;
    }
    return msg;
}

static PyObject *
bytes_or_null(dk_slice s)
{
    return s.p == NULL ? NULL : PyBytes_FromStringAndSize((const char *)s.p, (Py_ssize_t)s.n);
}

static int
fill_bytes(MessageObject *msg, const native_message_fields *f)
{
    if (f->key.p != NULL && (msg->key = bytes_or_null(f->key)) == NULL)
        return -1;
    if (f->value.p != NULL && (msg->value = bytes_or_null(f->value)) == NULL)
        return -1;
    if (f->topic != NULL && (msg->topic = PyUnicode_FromString(f->topic)) == NULL)
        return -1;
    return 0;
}

static int
fill_numbers(native_own *own, const native_message_fields *f)
{
    if (f->partition >= 0 && (own->partition = PyLong_FromLong(f->partition)) == NULL)
        return -1;
    if (f->offset >= 0 && (own->offset = PyLong_FromLongLong(f->offset)) == NULL)
        return -1;
    if (f->leader_epoch >= 0 && (own->leader_epoch = PyLong_FromLong(f->leader_epoch)) == NULL)
        return -1;
    if (f->latency >= 0 && (own->latency = PyFloat_FromDouble(f->latency)) == NULL)
        return -1;
    own->timestamp = f->timestamp;
    own->timestamp_type = f->timestamp_type;
    return 0;
}

PyObject *
native_message_new(native_state *state, const native_message_fields *fields)
{
    MessageObject *msg = stand_alone(state->message_type);

    if (msg == NULL)
        return NULL;
    msg->error = fields->error == Py_None ? NULL : Py_XNewRef(fields->error);
    if (fill_bytes(msg, fields) < 0 || fill_numbers(msg->own, fields) < 0)
        Py_CLEAR(msg);
    return (PyObject *)msg;
}

static PyObject *
given(PyObject *obj)
{
    return obj == NULL || obj == Py_None ? NULL : Py_NewRef(obj);
}

/* (type, milliseconds) */
static int
read_timestamp(PyObject *obj, native_own *own)
{
    if (obj == NULL || obj == Py_None)
        return 0;
    if (!PyTuple_Check(obj) || PyTuple_GET_SIZE(obj) != 2) {
        PyErr_SetString(PyExc_TypeError, "timestamp must be a tuple (type, milliseconds)");
        return -1;
    }
    own->timestamp_type = (int)PyLong_AsLong(PyTuple_GET_ITEM(obj, 0));
    own->timestamp = PyLong_AsLongLong(PyTuple_GET_ITEM(obj, 1));
    return PyErr_Occurred() ? -1 : 0;
}

static int
check_kind(PyObject *obj, PyTypeObject *type, const char *what)
{
    if (obj == NULL || obj == Py_None || PyObject_TypeCheck(obj, type))
        return 0;
    PyErr_Format(PyExc_TypeError, "%s must be %s or None, not %.100s", what, type->tp_name, Py_TYPE(obj)->tp_name);
    return -1;
}

static PyObject *
message_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"topic",  "value",     "key",     "headers",      "error", "partition",
                            "offset", "timestamp", "latency", "leader_epoch", NULL};
    PyObject *a[10] = {NULL};
    MessageObject *msg;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OOOOOOOOOO:Message", names, &a[0], &a[1], &a[2], &a[3], &a[4],
                                     &a[5], &a[6], &a[7], &a[8], &a[9]))
        return NULL;
    if (check_kind(a[0], &PyUnicode_Type, "topic") < 0 || check_kind(a[5], &PyLong_Type, "partition") < 0 ||
        check_kind(a[6], &PyLong_Type, "offset") < 0 || check_kind(a[9], &PyLong_Type, "leader_epoch") < 0)
        return NULL;
    msg = stand_alone(type);
    if (msg == NULL)
        return NULL;
    msg->topic = given(a[0]);
    msg->value = given(a[1]);
    msg->key = given(a[2]);
    msg->headers = given(a[3]);
    msg->error = given(a[4]);
    msg->own->partition = given(a[5]);
    msg->own->offset = given(a[6]);
    msg->own->latency = given(a[8]);
    msg->own->leader_epoch = given(a[9]);
    if (read_timestamp(a[7], msg->own) < 0)
        Py_CLEAR(msg);
    return (PyObject *)msg;
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

static inline PyObject *
or_none(PyObject *obj)
{
    return Py_NewRef(obj != NULL ? obj : Py_None);
}

/* None is kept in the field, too, so that it is looked up once. */
static PyObject *
bytes_or_none(dk_slice s)
{
    if (s.p == NULL)
        Py_RETURN_NONE;
    return PyBytes_FromStringAndSize((const char *)s.p, (Py_ssize_t)s.n);
}

static PyObject *
value_lock_held(MessageObject *msg)
{
    if (msg->value == NULL && msg->core != NULL)
        msg->value = bytes_or_none(dk_batch_value(msg->core->b, msg->index));
    if (msg->value == NULL && msg->core != NULL)
        return NULL;
    return or_none(msg->value);
}

static PyObject *
key_lock_held(MessageObject *msg)
{
    if (msg->key == NULL && msg->core != NULL)
        msg->key = bytes_or_none(dk_batch_key(msg->core->b, msg->index));
    if (msg->key == NULL && msg->core != NULL)
        return NULL;
    return or_none(msg->key);
}

static PyObject *
topic_lock_held(MessageObject *msg)
{
    if (msg->topic == NULL && msg->core != NULL)
        msg->topic = native_core_topic(msg->core, msg->index);
    if (msg->topic == NULL && msg->core != NULL)
        return NULL;
    return or_none(msg->topic);
}

static PyObject *
header_pair(const dk_header *h)
{
    PyObject *pair = PyTuple_New(2), *name, *value;

    if (pair == NULL)
        return NULL;
    name = PyUnicode_DecodeUTF8(h->name, (Py_ssize_t)strlen(h->name), "replace");
    value = bytes_or_none(h->value);
    if (name == NULL || value == NULL) {
        Py_XDECREF(name);
        Py_XDECREF(value);
        Py_DECREF(pair);
        return NULL;
    }
    PyTuple_SET_ITEM(pair, 0, name);
    PyTuple_SET_ITEM(pair, 1, value);
    return pair;
}

PyObject *
native_header_list(const dk_header *headers, size_t n)
{
    PyObject *list = PyList_New((Py_ssize_t)n);

    for (size_t k = 0; list != NULL && k < n; k++) {
        PyObject *pair = header_pair(&headers[k]);

        if (pair == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)k, pair);
    }
    return list;
}

static PyObject *
make_headers(native_core *core, uint32_t index)
{
    size_t n = dk_batch_headers(core->b, index);
    PyObject *list;
    dk_header h;

    if (n == 0)
        Py_RETURN_NONE;
    list = PyList_New(0);
    for (size_t k = 0; list != NULL && k < n && dk_batch_header(core->b, index, k, &h); k++) {
        PyObject *pair = header_pair(&h);

        if (pair == NULL || PyList_Append(list, pair) < 0)
            Py_CLEAR(list);
        Py_XDECREF(pair);
    }
    return list;
}

static PyObject *
headers_lock_held(MessageObject *msg)
{
    if (msg->headers == NULL && msg->core != NULL) {
        msg->headers = make_headers(msg->core, msg->index);
        if (msg->headers == NULL)
            return NULL;
        if (msg->headers != Py_None)
            track((PyObject *)msg); /* the list is the user's to fill */
    }
    return or_none(msg->headers);
}

static PyObject *
partition_lock_held(MessageObject *msg)
{
    if (msg->core != NULL)
        return PyLong_FromLong(dk_batch_partition(msg->core->b, msg->index));
    return or_none(msg->own != NULL ? msg->own->partition : NULL);
}

static PyObject *
offset_lock_held(MessageObject *msg)
{
    if (msg->core != NULL)
        return PyLong_FromLongLong(dk_batch_offset(msg->core->b, msg->index));
    return or_none(msg->own != NULL ? msg->own->offset : NULL);
}

static PyObject *
leader_epoch_lock_held(MessageObject *msg)
{
    if (msg->core != NULL) {
        int32_t epoch = dk_batch_leader_epoch(msg->core->b, msg->index);

        return epoch < 0 ? Py_NewRef(Py_None) : PyLong_FromLong(epoch);
    }
    return or_none(msg->own != NULL ? msg->own->leader_epoch : NULL);
}

static PyObject *
timestamp_lock_held(MessageObject *msg)
{
    int type = 0;
    int64_t ms = 0;

    if (msg->core != NULL) {
        ms = dk_batch_timestamp(msg->core->b, msg->index, &type);
    } else if (msg->own != NULL) {
        ms = msg->own->timestamp;
        type = msg->own->timestamp_type;
    }
    return Py_BuildValue("(iL)", type, (long long)ms);
}

static PyObject *
latency_lock_held(MessageObject *msg)
{
    return or_none(msg->own != NULL ? msg->own->latency : NULL);
}

static PyObject *
error_lock_held(MessageObject *msg)
{
    return or_none(msg->error);
}

#define GETTER(field)                                                                                                \
    static PyObject *message_##field(PyObject *op, PyObject *ignored)                                                \
    {                                                                                                                \
        PyObject *result;                                                                                            \
                                                                                                                     \
        (void)ignored;                                                                                               \
        Py_BEGIN_CRITICAL_SECTION(op);                                                                               \
        result = field##_lock_held((MessageObject *)op);                                                             \
        Py_END_CRITICAL_SECTION();                                                                                   \
        return result;                                                                                               \
    }
GETTER(topic)
GETTER(partition)
GETTER(offset)
GETTER(key)
GETTER(value)
GETTER(headers)
GETTER(timestamp)
GETTER(error)
GETTER(latency)
GETTER(leader_epoch)

static Py_ssize_t
message_len(PyObject *op)
{
    PyObject *value = message_value(op, NULL);
    Py_ssize_t n = 0;

    if (value == NULL)
        return -1;
    if (value != Py_None)
        n = PyObject_Size(value);
    Py_DECREF(value);
    return n;
}

/* ---- changing ----------------------------------------------------------------------------------------------------- */

#define SETTER(field)                                                                                                \
    static PyObject *message_set_##field(PyObject *op, PyObject *arg)                                                \
    {                                                                                                                \
        MessageObject *msg = (MessageObject *)op;                                                                    \
        PyObject *old;                                                                                               \
                                                                                                                     \
        Py_BEGIN_CRITICAL_SECTION(op);                                                                               \
        old = msg->field;                                                                                            \
        msg->field = Py_NewRef(arg);                                                                                 \
        track(op);                                                                                                   \
        Py_END_CRITICAL_SECTION();                                                                                   \
        Py_XDECREF(old);                                                                                             \
        Py_RETURN_NONE;                                                                                              \
    }
SETTER(value)
SETTER(key)
SETTER(headers)
SETTER(error)
SETTER(topic)

static PyObject *
message_set_topic_checked(PyObject *op, PyObject *arg)
{
    if (check_kind(arg, &PyUnicode_Type, "topic") < 0)
        return NULL;
    return message_set_topic(op, arg);
}

/* ---- detach ------------------------------------------------------------------------------------------------------- */

static int
detach_numbers(MessageObject *msg, native_own *own)
{
    own->partition = partition_lock_held(msg);
    own->offset = offset_lock_held(msg);
    own->leader_epoch = leader_epoch_lock_held(msg);
    own->timestamp = dk_batch_timestamp(msg->core->b, msg->index, &own->timestamp_type);
    return own->partition == NULL || own->offset == NULL || own->leader_epoch == NULL ? -1 : 0;
}

/* Make everything that is still borrowed, then let the batch go. */
static int
detach_lock_held(MessageObject *msg)
{
    native_own *own;
    PyObject *made[4];
    int rc = 0;

    if (msg->core == NULL)
        return 0;
    made[0] = value_lock_held(msg);
    made[1] = key_lock_held(msg);
    made[2] = topic_lock_held(msg);
    made[3] = headers_lock_held(msg);
    for (int i = 0; i < 4; i++) {
        if (made[i] == NULL)
            rc = -1;
        Py_XDECREF(made[i]);
    }
    own = PyMem_Calloc(1, sizeof *own);
    if (own == NULL)
        PyErr_NoMemory();
    if (rc < 0 || own == NULL || detach_numbers(msg, own) < 0) {
        own_free(own);
        return -1;
    }
    msg->own = own;
    return 0;
}

static PyObject *
message_detach(PyObject *op, PyObject *ignored)
{
    MessageObject *msg = (MessageObject *)op;
    native_core *core = NULL;
    int rc;

    (void)ignored;
    Py_BEGIN_CRITICAL_SECTION(op);
    rc = detach_lock_held(msg);
    if (rc == 0) {
        core = msg->core;
        msg->core = NULL;
    }
    Py_END_CRITICAL_SECTION();
    native_core_unref(core);
    return rc < 0 ? NULL : Py_NewRef(op);
}

static PyObject *
message_received(PyObject *op, PyObject *ignored)
{
    MessageObject *msg = (MessageObject *)op;
    PyObject *result;

    (void)ignored;
    Py_BEGIN_CRITICAL_SECTION(op);
    result = msg->core != NULL ? native_message_borrow(msg->core, msg->index) : Py_NewRef(op);
    Py_END_CRITICAL_SECTION();
    return result;
}

/* ---- type --------------------------------------------------------------------------------------------------------- */

PyDoc_STRVAR(
    message_doc,
    "Message(topic=None, value=None, key=None, headers=None, error=None, partition=None, offset=None, "
    "timestamp=None, latency=None, leader_epoch=None)\n--\n\n"
    "A message as confluent_kafka's Message. Those made by the engine borrow from their batch and make key, value\n"
    "and headers when first asked; detach() copies them so that the batch can go.");

static PyMethodDef message_methods[] = {
    {"topic", message_topic, METH_NOARGS, "topic($self, /)\n--\n\nTopic name."},
    {"partition", message_partition, METH_NOARGS, "partition($self, /)\n--\n\nPartition number."},
    {"offset", message_offset, METH_NOARGS, "offset($self, /)\n--\n\nOffset in the partition."},
    {"key", message_key, METH_NOARGS, "key($self, /)\n--\n\nKey, None if there is none."},
    {"value", message_value, METH_NOARGS, "value($self, /)\n--\n\nValue, None for a tombstone."},
    {"headers", message_headers, METH_NOARGS,
     "headers($self, /)\n--\n\nList of (name, value), None if there are none. Names can repeat."},
    {"timestamp", message_timestamp, METH_NOARGS,
     "timestamp($self, /)\n--\n\n(type, milliseconds since the epoch); type is one of the TIMESTAMP_ constants."},
    {"error", message_error, METH_NOARGS, "error($self, /)\n--\n\nKafkaError, or None for a proper message."},
    {"latency", message_latency, METH_NOARGS,
     "latency($self, /)\n--\n\nSeconds from produce() to the broker's answer, on delivery reports."},
    {"leader_epoch", message_leader_epoch, METH_NOARGS,
     "leader_epoch($self, /)\n--\n\nLeader epoch, None if unknown."},
    {"set_key", message_set_key, METH_O, "set_key($self, key, /)\n--\n\nReplace the key, by any object."},
    {"set_value", message_set_value, METH_O, "set_value($self, value, /)\n--\n\nReplace the value, by any object."},
    {"set_headers", message_set_headers, METH_O, "set_headers($self, headers, /)\n--\n\nReplace the headers."},
    {"set_topic", message_set_topic_checked, METH_O, "set_topic($self, topic, /)\n--\n\nReplace the topic name."},
    {"set_error", message_set_error, METH_O, "set_error($self, error, /)\n--\n\nReplace the error."},
    {"detach", message_detach, METH_NOARGS,
     "detach($self, /)\n--\n\nCopy what is borrowed, so that the batch can go. Returns the message itself."},
    {"received", message_received, METH_NOARGS,
     "received($self, /)\n--\n\nThe message as it came, without what was set on it since; itself if it was made by "
     "hand\nor is detached."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot message_slots[] = {
    {Py_tp_doc, (void *)message_doc}, {Py_tp_new, message_new},
    {Py_tp_dealloc, message_dealloc}, {Py_tp_traverse, message_traverse},
    {Py_tp_clear, message_clear},     {Py_tp_methods, message_methods},
    {Py_sq_length, message_len},      {0, NULL},
};

PyType_Spec native_message_spec = {
    .name = "django_kafka._native.Message",
    .basicsize = sizeof(MessageObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = message_slots,
};
