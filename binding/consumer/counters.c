/* SPDX-License-Identifier: MIT
 *
 * counters() and partition_counters(): what the engine has counted, as dicts.
 */
#include "consumer/consumer.h"

static int
put_number(PyObject *dict, const char *name, PyObject *number)
{
    int rc = number == NULL ? -1 : PyDict_SetItemString(dict, name, number);

    Py_XDECREF(number);
    return rc;
}

PyObject *
consumer_counters(PyObject *op, PyObject *ignored)
{
    ConsumerObject *self = (ConsumerObject *)op;
    PyObject *dict;
    dk_counters n = {.in_hand_ms = -1};
    bool in_hand;
    int rc = 0;

    (void)ignored;
    if (self->c == NULL && native_consumer_enter(self) < 0)
        return NULL;
    dict = PyDict_New();
    if (dict == NULL)
        return NULL;
    dk_consumer_counters(self->c, &n);
#define XX(name) rc |= put_number(dict, #name, PyLong_FromUnsignedLongLong(n.name));
    DK_COUNTER_MAP(XX)
#undef XX
    in_hand = n.in_hand_ms >= 0;
    rc |= put_number(dict, "last_poll_ms", PyLong_FromLongLong(n.last_poll_ms));
    rc |= put_number(dict, "in_hand_ms", PyLong_FromLongLong(n.in_hand_ms));
    rc |= put_number(dict, "in_hand_topic", in_hand ? PyUnicode_FromString(n.in_hand_topic) : Py_NewRef(Py_None));
    rc |= put_number(dict, "in_hand_partition", in_hand ? PyLong_FromLong(n.in_hand_partition) : Py_NewRef(Py_None));
    rc |= put_number(dict, "in_hand_offset", in_hand ? PyLong_FromLongLong(n.in_hand_offset) : Py_NewRef(Py_None));
    if (rc < 0)
        Py_CLEAR(dict);
    return dict;
}

static PyObject *
offset_or_none(int64_t offset)
{
    return offset >= 0 ? PyLong_FromLongLong(offset) : Py_NewRef(Py_None);
}

static PyObject *
partition_numbers(const dk_partition_counters *n)
{
    PyObject *dict = PyDict_New();
    int rc = 0;

    if (dict == NULL)
        return NULL;
    rc |= put_number(dict, "topic", PyUnicode_FromString(n->topic));
    rc |= put_number(dict, "partition", PyLong_FromLong(n->partition));
    rc |= put_number(dict, "position", offset_or_none(n->position));
    rc |= put_number(dict, "committed", offset_or_none(n->committed));
    rc |= put_number(dict, "end", offset_or_none(n->end));
    rc |= put_number(dict, "held", PyLong_FromUnsignedLong(n->held));
    rc |= put_number(dict, "outstanding", PyLong_FromUnsignedLong(n->outstanding));
    rc |= put_number(dict, "paused", PyBool_FromLong(n->paused));
    rc |= put_number(dict, "handled", PyLong_FromUnsignedLongLong(n->handled));
    rc |= put_number(dict, "failed", PyLong_FromUnsignedLongLong(n->failed));
    if (rc < 0)
        Py_CLEAR(dict);
    return dict;
}

PyObject *
consumer_partition_counters(PyObject *op, PyObject *ignored)
{
    ConsumerObject *self = (ConsumerObject *)op;
    dk_partition_counters *numbers;
    PyObject *list, *item;
    size_t cap, n;

    (void)ignored;
    if (native_consumer_enter(self) < 0)
        return NULL;
    cap = dk_consumer_partition_counters(self->c, NULL, 0);
    numbers = PyMem_Calloc(cap + 1, sizeof *numbers);
    if (numbers == NULL)
        return PyErr_NoMemory();
    n = dk_consumer_partition_counters(self->c, numbers, cap);
    if (n > cap)
        n = cap; /* more were assigned meanwhile: the next call has them */
    list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < n; i++) {
        item = partition_numbers(&numbers[i]);
        if (item == NULL || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    PyMem_Free(numbers);
    return list;
}
