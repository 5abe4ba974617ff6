/* SPDX-License-Identifier: MIT
 *
 * Producer.create_topic() and describe_topic().
 */
#include "base/args.h"
#include "base/errors.h"
#include "base/times.h"
#include "producer/producer.h"

#include "dk/topics.h"

static int
number_of(PyObject *obj, const char *what, long most, long *out)
{
    *out = -1;
    if (obj == NULL || obj == Py_None)
        return 0;
    *out = PyLong_AsLong(obj);
    if (*out == -1 && PyErr_Occurred())
        return -1;
    if (*out > most || *out < -1) {
        PyErr_Format(PyExc_ValueError, "%s must be from 1 to %ld, or -1 for the broker's default", what, most);
        return -1;
    }
    return 0;
}

/* The items of a dict of texts; the slices borrow from it. PyMem_Free() *out in any case. */
static int
pairs_of(PyObject *dict, dk_pair **out, size_t *n)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;

    *n = 0;
    *out = NULL;
    if (dict == NULL || dict == Py_None)
        return 0;
    if (!PyDict_Check(dict)) {
        PyErr_Format(PyExc_TypeError, "config must be a dict, not %.100s", Py_TYPE(dict)->tp_name);
        return -1;
    }
    *out = PyMem_Calloc((size_t)PyDict_Size(dict) + 1, sizeof **out);
    if (*out == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    while (PyDict_Next(dict, &at, &key, &value)) {
        if (native_str(key, "the name of a setting", &(*out)[*n].key) < 0 ||
            native_str(value, "a setting of a topic", &(*out)[*n].value) < 0)
            return -1;
        ++*n;
    }
    return 0;
}

static PyObject *
create(ProducerObject *self, const dk_topic_spec *spec, int timeout_ms)
{
    dk_error err = {.code = DK_OK};
    bool created = false;
    dk_status st;

    self->users++;
    Py_BEGIN_ALLOW_THREADS
    st = dk_producer_create_topic(self->p, spec, timeout_ms, &created, &err);
    Py_END_ALLOW_THREADS
    self->users--;
    return st != DK_OK ? native_raise(self->state, st, &err) : PyBool_FromLong(created);
}

PyObject *
producer_create_topic(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {.func = "create_topic",
                                         .required = 1,
                                         .names = {"name", "partitions", "replication", "config", "timeout", NULL}};
    ProducerObject *self = (ProducerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS], *result = NULL, *config;
    dk_topic_spec spec = {.name = NULL};
    long partitions, replication;
    dk_pair *pairs = NULL;
    int ms;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_timeout_ms(a[4], &ms) < 0 ||
        native_str(a[0], "name", &spec.name) < 0 || number_of(a[1], "partitions", INT32_MAX, &partitions) < 0 ||
        number_of(a[2], "replication", INT16_MAX, &replication) < 0 || native_producer_enter(self) < 0)
        return NULL;
    spec.partitions = (int32_t)partitions;
    spec.replication = (int16_t)replication;
    config = a[3] != NULL && PyDict_Check(a[3]) ? PyDict_Copy(a[3]) : Py_XNewRef(a[3]);
    if (!PyErr_Occurred() && pairs_of(config, &pairs, &spec.n_config) == 0) {
        spec.config = pairs;
        result = create(self, &spec, ms);
    }
    PyMem_Free(pairs);
    Py_XDECREF(config);
    return result;
}

PyObject *
producer_describe_topic(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {.func = "describe_topic", .required = 1, .names = {"name", "timeout", NULL}};
    ProducerObject *self = (ProducerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS];
    dk_topic_info info = {.exists = false};
    dk_error err = {.code = DK_OK};
    const char *name;
    dk_status st;
    int ms;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_timeout_ms(a[1], &ms) < 0 ||
        native_str(a[0], "name", &name) < 0 || native_producer_enter(self) < 0)
        return NULL;
    self->users++;
    Py_BEGIN_ALLOW_THREADS
    st = dk_producer_describe_topic(self->p, name, ms, &info, &err);
    Py_END_ALLOW_THREADS
    self->users--;
    if (st != DK_OK)
        return native_raise(self->state, st, &err);
    if (!info.exists)
        Py_RETURN_NONE;
    return Py_BuildValue("(ii)", (int)info.partitions, (int)info.replication);
}
