/* SPDX-License-Identifier: MIT
 *
 * Message: its constructor and its type.
 */
#include "consumer/message.h"

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
    PyObject *a[10] = {NULL};
    MessageObject *msg;

    if (native_message_arguments(args, kwargs, a) < 0)
        return NULL;
    if (check_kind(a[0], &PyUnicode_Type, "topic") < 0 || check_kind(a[1], &PyLong_Type, "partition") < 0 ||
        check_kind(a[2], &PyLong_Type, "offset") < 0 || check_kind(a[9], &PyLong_Type, "leader_epoch") < 0)
        return NULL;
    msg = native_message_alone(type);
    if (msg == NULL)
        return NULL;
    msg->topic = given(a[0]);
    msg->key = given(a[3]);
    msg->value = given(a[4]);
    msg->headers = given(a[5]);
    msg->error = given(a[6]);
    msg->own->partition = given(a[1]);
    msg->own->offset = given(a[2]);
    msg->own->latency = given(a[8]);
    msg->own->leader_epoch = given(a[9]);
    if (read_timestamp(a[7], msg->own) < 0)
        Py_CLEAR(msg);
    return (PyObject *)msg;
}

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

static PyObject *
message_set_topic_checked(PyObject *op, PyObject *arg)
{
    if (check_kind(arg, &PyUnicode_Type, "topic") < 0)
        return NULL;
    return message_set_topic(op, arg);
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

/* ---- type ------------------------------------------------------------------------------------------------------ */

PyDoc_STRVAR(
    message_doc,
    "Message(topic=None, partition=None, offset=None, key=None, value=None, headers=None, error=None, "
    "timestamp=None, latency=None, leader_epoch=None, delivery_count=None)\n--\n\n"
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
    {"deserialized_key", message_key, METH_NOARGS, "deserialized_key($self, /)\n--\n\nThe same as key()."},
    {"deserialized_value", message_value, METH_NOARGS, "deserialized_value($self, /)\n--\n\nThe same as value()."},
    {"delivery_count", message_delivery_count, METH_NOARGS,
     "delivery_count($self, /)\n--\n\nNone: only share consumers count deliveries."},
    {"__reduce__", message_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot message_slots[] = {
    {Py_tp_doc, (void *)message_doc},
    {Py_tp_hash, PyObject_HashNotImplemented},
    {Py_tp_richcompare, native_message_compare},
    {Py_tp_new, message_new},
    {Py_tp_dealloc, native_message_dealloc},
    {Py_tp_traverse, message_traverse},
    {Py_tp_clear, native_message_clear},
    {Py_tp_methods, message_methods},
    {Py_sq_length, message_len},
    {0, NULL},
};

PyType_Spec native_message_spec = {
    .name = "django_kafka._native.Message",
    .basicsize = sizeof(MessageObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = message_slots,
};
