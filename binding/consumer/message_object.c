/* SPDX-License-Identifier: MIT
 *
 * Message as an object among others: compared, copied and pickled as confluent_kafka's.
 */
#include "base/vocab.h"
#include "consumer/message.h"

/* What two messages are compared by, and what a copy is made of. As confluent's: of the time without its type,
 * without latency. */
typedef struct message_part {
    const char *name; /* of the constructor's argument */
    PyObject *(*get)(PyObject *, PyObject *);
    bool compared;
} message_part;

static PyObject *
milliseconds_of(PyObject *op, PyObject *ignored)
{
    PyObject *timestamp = message_timestamp(op, ignored);
    PyObject *ms = timestamp == NULL ? NULL : Py_NewRef(PyTuple_GET_ITEM(timestamp, 1));

    Py_XDECREF(timestamp);
    return ms;
}

static const message_part parts[] = {
    {"topic", message_topic, true},      {"partition", message_partition, true},
    {"offset", message_offset, true},    {"key", message_key, true},
    {"value", message_value, true},      {"headers", message_headers, true},
    {"error", message_error, true},      {"timestamp", message_timestamp, true},
    {"latency", message_latency, false}, {"leader_epoch", message_leader_epoch, true},
};

#define PARTS (sizeof parts / sizeof parts[0])

/* 1, 0, -1 with an exception. */
static int
same_part(const message_part *part, PyObject *a, PyObject *b)
{
    PyObject *(*get)(PyObject *, PyObject *) = part->get == message_timestamp ? milliseconds_of : part->get;
    PyObject *x = get(a, NULL), *y = x == NULL ? NULL : get(b, NULL);
    int same = y == NULL ? -1 : PyObject_RichCompareBool(x, y, Py_EQ);

    Py_XDECREF(x);
    Py_XDECREF(y);
    return same;
}

PyObject *
native_message_compare(PyObject *op, PyObject *other, int how)
{
    native_state *state = native_state_of(Py_TYPE(op));
    int same = 1;

    if (state == NULL)
        return NULL;
    if ((how != Py_EQ && how != Py_NE) || !PyObject_TypeCheck(other, state->message_type))
        Py_RETURN_NOTIMPLEMENTED;
    if (Py_EnterRecursiveCall(" in comparison of messages"))
        return NULL;
    for (size_t i = 0; i < PARTS && same > 0 && op != other; i++)
        if (parts[i].compared)
            same = same_part(&parts[i], op, other);
    Py_LeaveRecursiveCall();
    return same < 0 ? NULL : PyBool_FromLong((same == 1) == (how == Py_EQ));
}

/* The parts as the constructor's arguments; a new dict. */
static PyObject *
arguments_of(PyObject *op)
{
    PyObject *kwargs = PyDict_New();

    for (size_t i = 0; kwargs != NULL && i < PARTS; i++) {
        PyObject *v = parts[i].get(op, NULL);

        if (v == NULL || (v != Py_None && PyDict_SetItemString(kwargs, parts[i].name, v) < 0))
            Py_CLEAR(kwargs);
        Py_XDECREF(v);
    }
    return kwargs;
}

/* Made anew by its class without __init__, whatever a subclass makes of that; then it gets its attributes. */
PyObject *
message_reduce(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    PyObject *copyreg = PyImport_ImportModule("copyreg"), *func, *kwargs, *dict;

    if (copyreg == NULL)
        return NULL;
    func = PyObject_GetAttrString(copyreg, "__newobj_ex__");
    Py_DECREF(copyreg);
    kwargs = func == NULL ? NULL : arguments_of(op);
    dict = kwargs == NULL ? NULL : PyObject_GetAttrString(op, "__dict__");
    if (kwargs != NULL && dict == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError)) {
            Py_DECREF(func);
            Py_DECREF(kwargs);
            return NULL;
        }
        PyErr_Clear();
        dict = Py_NewRef(Py_None);
    }
    if (kwargs == NULL) {
        Py_XDECREF(func);
        return NULL;
    }
    return Py_BuildValue("N(O()N)N", func, (PyObject *)Py_TYPE(op), kwargs, dict);
}

PyObject *
message_delivery_count(PyObject *op, PyObject *ignored)
{
    Py_RETURN_NONE;
}

/* Whether the installed confluent_kafka takes (topic, partition, offset, …), as since 2.16, and not (topic, value,
 * …). It is asked itself, with a call that both understand. */
static int
partition_is_second(void)
{
    PyObject *module = PyImport_ImportModule("confluent_kafka"), *msg, *partition = NULL;
    int yes;

    if (module == NULL)
        return -1;
    msg = PyObject_CallMethod(module, "Message", "si", "", 7);
    Py_DECREF(module);
    if (msg != NULL)
        partition = PyObject_CallMethod(msg, "partition", NULL);
    Py_XDECREF(msg);
    if (partition == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_Exception))
            return -1;
        PyErr_Clear();
        return 0;
    }
    yes = PyLong_Check(partition);
    Py_DECREF(partition);
    return yes;
}

/* The arguments of the constructor, in the order of `parts`; borrowed. Positional ones are in the order of the
 * confluent_kafka that is installed. */
int
native_message_arguments(PyObject *args, PyObject *kwargs, PyObject **a)
{
    static char *now[] = {"topic", "partition", "offset",  "key",          "value",          "headers",
                          "error", "timestamp", "latency", "leader_epoch", "delivery_count", NULL};
    static char *before[] = {"topic",  "value",     "key",     "headers",      "error",          "partition",
                             "offset", "timestamp", "latency", "leader_epoch", "delivery_count", NULL};
    PyObject *count = NULL;
    int second = PyTuple_GET_SIZE(args) < 2 ? 1 : partition_is_second();

    if (second < 0)
        return -1;
    if (second)
        return PyArg_ParseTupleAndKeywords(args, kwargs, "|OOOOOOOOOOO:Message", now, &a[0], &a[1], &a[2], &a[3],
                                           &a[4], &a[5], &a[6], &a[7], &a[8], &a[9], &count)
                   ? 0
                   : -1;
    return PyArg_ParseTupleAndKeywords(args, kwargs, "|OOOOOOOOOOO:Message", before, &a[0], &a[4], &a[3], &a[5],
                                       &a[6], &a[1], &a[2], &a[7], &a[8], &a[9], &count)
               ? 0
               : -1;
}
