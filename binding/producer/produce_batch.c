/* SPDX-License-Identifier: MIT
 *
 * Producer.produce_batch(): records as dicts, as confluent_kafka takes them. Each goes through produce().
 */
#include "base/args.h"
#include "base/vocab.h"
#include "producer/producer.h"

static int
put(PyObject *kwargs, const char *name, PyObject *value)
{
    return value == NULL ? 0 : PyDict_SetItemString(kwargs, name, value);
}

/* What a message has of these; a partition and a callable of its own come before those of the call. */
static PyObject *
keywords_of(PyObject *message, PyObject *partition, PyObject *on_delivery)
{
    static const char *const names[] = {"value", "key", "partition", "timestamp", "callback"};
    PyObject *kwargs = PyDict_New();
    int rc = kwargs == NULL ? -1 : 0;

    if (rc == 0)
        rc = put(kwargs, "partition", partition) < 0 || put(kwargs, "callback", on_delivery) < 0 ? -1 : 0;
    for (size_t i = 0; rc == 0 && i < sizeof names / sizeof *names; i++) {
        PyObject *name = PyUnicode_InternFromString(names[i]), *value = NULL;

        rc = name == NULL || PyDict_GetItemRef(message, name, &value) < 0 ? -1 : 0;
        if (rc == 0)
            rc = put(kwargs, names[i], value);
        Py_XDECREF(name);
        Py_XDECREF(value);
    }
    if (rc < 0)
        Py_CLEAR(kwargs);
    return kwargs;
}

/* A record that Kafka's client refuses says so in its dict, and the others go on. 1 if it was. */
static int
note_refusal(native_state *state, PyObject *message)
{
    PyObject *cls = native_vocab(state, NATIVE_KafkaException), *exc, *args, *error;
    int rc;

    if (cls == NULL || !PyErr_ExceptionMatches(cls))
        return -1;
    exc = PyErr_GetRaisedException();
    args = PyObject_GetAttrString(exc, "args");
    error = args != NULL ? PySequence_GetItem(args, 0) : NULL;
    rc = error != NULL ? PyDict_SetItemString(message, "_error", error) : -1;
    Py_XDECREF(error);
    Py_XDECREF(args);
    Py_DECREF(exc);
    return rc < 0 ? -1 : 1;
}

/* 1 queued, 0 refused. */
static int
produce_one(ProducerObject *self, PyObject *method, PyObject *topic, PyObject *message, PyObject *partition,
            PyObject *on_delivery)
{
    PyObject *args = PyTuple_Pack(1, topic), *kwargs, *result = NULL;
    int rc = 1;

    kwargs = args != NULL ? keywords_of(message, partition, on_delivery) : NULL;
    if (kwargs != NULL)
        result = PyObject_Call(method, args, kwargs);
    if (result == NULL)
        rc = kwargs != NULL && note_refusal(self->state, message) > 0 ? 0 : -1;
    Py_XDECREF(args);
    Py_XDECREF(kwargs);
    Py_XDECREF(result);
    return rc;
}

static int
check_messages(PyObject *messages)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(messages); i++) {
        if (PyDict_Check(PyTuple_GET_ITEM(messages, i)))
            continue;
        PyErr_Format(PyExc_TypeError, "Message at index %zd must be a dict", i);
        return -1;
    }
    return 0;
}

PyObject *
producer_produce_batch(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {
        .func = "produce_batch", .required = 2, .names = {"topic", "messages", "partition", "on_delivery", NULL}};
    ProducerObject *self = (ProducerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS], *messages, *method;
    Py_ssize_t queued = 0;
    int rc = 0;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_producer_enter(self) < 0)
        return NULL;
    if (!PyList_Check(a[1])) {
        PyErr_SetString(PyExc_TypeError, "messages must be a list");
        return NULL;
    }
    messages = PyList_AsTuple(a[1]); /* a callable may change the list */
    method = messages != NULL && check_messages(messages) == 0 ? PyObject_GetAttrString(op, "produce") : NULL;
    for (Py_ssize_t i = 0; method != NULL && rc >= 0 && i < PyTuple_GET_SIZE(messages); i++) {
        rc = produce_one(self, method, a[0], PyTuple_GET_ITEM(messages, i), a[2], a[3]);
        queued += rc > 0;
    }
    Py_XDECREF(messages);
    if (method == NULL || rc < 0) {
        Py_XDECREF(method);
        return NULL;
    }
    Py_DECREF(method);
    return PyLong_FromSsize_t(queued);
}
