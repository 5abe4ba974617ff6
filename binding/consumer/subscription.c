/* SPDX-License-Identifier: MIT
 *
 * Consumer: the topics that it is subscribed to, and its membership in the group.
 */
#include "base/args.h"
#include "base/errors.h"
#include "consumer/consumer.h"

/* Borrowed UTF-8 of the tuple's strings. PyMem_Free() it. */
static const char **
topic_names(PyObject *tuple)
{
    Py_ssize_t n = PyTuple_GET_SIZE(tuple);
    const char **names = PyMem_Calloc((size_t)n + 1, sizeof *names);

    if (names == NULL)
        PyErr_NoMemory();
    for (Py_ssize_t i = 0; names != NULL && i < n; i++) {
        if (!PyUnicode_Check(PyTuple_GET_ITEM(tuple, i)))
            PyErr_SetString(PyExc_TypeError, "expected list of topic unicode strings");
        else if (native_str(PyTuple_GET_ITEM(tuple, i), "a topic's name", &names[i]) == 0)
            continue;
        PyMem_Free(names);
        return NULL;
    }
    return names;
}

static int
subscribe_topics(ConsumerObject *self, PyObject *tuple)
{
    const char **names = topic_names(tuple);
    dk_error err = {.code = DK_OK};
    dk_status st;

    if (names == NULL)
        return -1;
    Py_BEGIN_ALLOW_THREADS
    st = dk_consumer_subscribe(self->c, names, (size_t)PyTuple_GET_SIZE(tuple), &err);
    Py_END_ALLOW_THREADS
    PyMem_Free(names);
    if (st == DK_OK)
        return 0;
    native_raise(self->state, st, &err);
    return -1;
}

static void
keep_assignment_callables(ConsumerObject *self, PyObject *on_assign, PyObject *on_revoke, PyObject *on_lost)
{
    Py_XSETREF(self->on_assign, Py_XNewRef(on_assign));
    Py_XSETREF(self->on_revoke, Py_XNewRef(on_revoke));
    Py_XSETREF(self->on_lost, Py_XNewRef(on_lost));
    dk_consumer_set_rebalance_ack(self->c, on_revoke != NULL || on_lost != NULL);
    dk_consumer_set_assign_ack(self->c, on_assign != NULL);
}

PyObject *
consumer_subscribe(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {
        .func = "subscribe", .required = 1, .names = {"topics", "on_assign", "on_revoke", "on_lost", NULL}};
    ConsumerObject *self = (ConsumerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS], *on_assign, *on_revoke, *on_lost, *tuple;
    int rc;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_consumer_enter(self) < 0)
        return NULL;
    if (!PyList_Check(a[0]) && !PyTuple_Check(a[0])) {
        PyErr_SetString(PyExc_TypeError, "expected list of topic unicode strings");
        return NULL;
    }
    if (native_callable(a[1], "on_assign", &on_assign) < 0 || native_callable(a[2], "on_revoke", &on_revoke) < 0 ||
        native_callable(a[3], "on_lost", &on_lost) < 0)
        return NULL;
    tuple = PySequence_Tuple(a[0]);
    if (tuple == NULL)
        return NULL;
    keep_assignment_callables(self, on_assign, on_revoke, on_lost);
    rc = subscribe_topics(self, tuple);
    Py_DECREF(tuple);
    return rc < 0 ? NULL : Py_NewRef(Py_None);
}

PyObject *
consumer_unsubscribe(PyObject *op, PyObject *ignored)
{
    ConsumerObject *self = (ConsumerObject *)op;
    dk_error err = {.code = DK_OK};
    dk_status st;

    (void)ignored;
    if (native_consumer_enter(self) < 0)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    st = dk_consumer_unsubscribe(self->c, &err);
    Py_END_ALLOW_THREADS
    return st != DK_OK ? native_raise(self->state, st, &err) : Py_NewRef(Py_None);
}

static PyObject *
topic_list(const dk_partitions *parts)
{
    PyObject *list = PyList_New((Py_ssize_t)parts->len);

    for (size_t i = 0; list != NULL && i < parts->len; i++) {
        PyObject *name = PyUnicode_FromString(parts->items[i].topic);

        if (name == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)i, name);
    }
    return list;
}

PyObject *
consumer_subscription(PyObject *op, PyObject *ignored)
{
    ConsumerObject *self = (ConsumerObject *)op;
    dk_partitions parts;
    dk_error err = {.code = DK_OK};
    dk_status st;
    PyObject *list;

    (void)ignored;
    if (native_consumer_enter(self) < 0)
        return NULL;
    dk_partitions_init(&parts, NULL);
    st = dk_consumer_subscription(self->c, &parts, &err);
    list = st != DK_OK ? native_raise(self->state, st, &err) : topic_list(&parts);
    dk_partitions_fini(&parts);
    return list;
}

PyObject *
consumer_memberid(PyObject *op, PyObject *ignored)
{
    ConsumerObject *self = (ConsumerObject *)op;
    char id[512];
    size_t n;

    (void)ignored;
    if (native_consumer_enter(self) < 0)
        return NULL;
    n = dk_consumer_member_id(self->c, id, sizeof id);
    if (n == 0)
        Py_RETURN_NONE;
    return PyUnicode_DecodeUTF8(id, (Py_ssize_t)(n < sizeof id ? n : sizeof id - 1), "replace");
}
