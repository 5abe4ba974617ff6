/* SPDX-License-Identifier: MIT
 *
 * Consumer: offsets that the user stores and commits.
 */
#include "base/args.h"
#include "base/errors.h"
#include "base/partitions.h"
#include "base/vocab.h"
#include "consumer/consumer.h"

static int
int_of(PyObject *msg, const char *method, int64_t missing, int64_t *out)
{
    PyObject *v = PyObject_CallMethod(msg, method, NULL);

    if (v == NULL)
        return -1;
    *out = v == Py_None ? missing : PyLong_AsLongLong(v);
    Py_DECREF(v);
    return *out == -1 && PyErr_Occurred() ? -1 : 0;
}

static int
refuse_error_message(ConsumerObject *self, PyObject *msg)
{
    PyObject *error = PyObject_CallMethod(msg, "error", NULL), *cls;

    if (error == NULL)
        return -1;
    if (error != Py_None && (cls = native_vocab(self->state, NATIVE_KafkaException)) != NULL)
        PyErr_SetObject(cls, error);
    Py_DECREF(error);
    return PyErr_Occurred() ? -1 : 0;
}

/* The offset behind a message, as a list of one. */
static int
behind_message(ConsumerObject *self, PyObject *msg, dk_partitions *out)
{
    dk_partition p = {.leader_epoch = -1};
    int64_t partition, epoch;
    PyObject *topic;
    int rc = -1;

    if (!PyObject_HasAttrString(msg, "topic") || !PyObject_HasAttrString(msg, "offset")) {
        PyErr_Format(PyExc_TypeError, "message must be a Message, not %.100s", Py_TYPE(msg)->tp_name);
        return -1;
    }
    if (refuse_error_message(self, msg) < 0 || int_of(msg, "partition", -1, &partition) < 0 ||
        int_of(msg, "offset", -1, &p.offset) < 0 || int_of(msg, "leader_epoch", -1, &epoch) < 0)
        return -1;
    topic = PyObject_CallMethod(msg, "topic", NULL);
    if (topic == NULL)
        return -1;
    if (topic == Py_None || partition < 0 || p.offset < 0) {
        PyErr_SetString(PyExc_ValueError, "message has no topic, partition and offset: it was not consumed");
    } else if (native_str(topic, "the message's topic", &p.topic) == 0) {
        p.partition = (int32_t)partition;
        p.leader_epoch = (int32_t)epoch;
        p.offset++;
        rc = dk_partitions_add(out, &p) == DK_OK ? 0 : -1;
        if (rc < 0)
            PyErr_NoMemory();
    }
    Py_DECREF(topic);
    return rc;
}

/* `message` or `offsets`, which exclude each other. Fini *out in any case. */
static int
message_or_offsets(ConsumerObject *self, PyObject *msg, PyObject *offsets, dk_partitions *out)
{
    dk_partitions_init(out, NULL);
    if (msg == Py_None)
        msg = NULL;
    if (offsets == Py_None)
        offsets = NULL;
    if (msg != NULL && offsets != NULL) {
        PyErr_SetString(PyExc_ValueError, "message and offsets are mutually exclusive");
        return -1;
    }
    if (msg != NULL)
        return behind_message(self, msg, out);
    return native_partitions_from(offsets, out);
}

PyObject *
consumer_store_offsets(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {.func = "store_offsets", .names = {"message", "offsets", NULL}};
    ConsumerObject *self = (ConsumerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS];
    dk_partitions parts;
    dk_error err = {.code = DK_OK};
    dk_status st;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_consumer_enter(self) < 0)
        return NULL;
    if (message_or_offsets(self, a[0], a[1], &parts) == 0) {
        if (parts.len == 0 && (a[1] == NULL || a[1] == Py_None)) {
            PyErr_SetString(PyExc_ValueError, "expected either message or offsets");
        } else {
            st = dk_consumer_store(self->c, &parts, &err);
            if (st != DK_OK)
                native_raise(self->state, st, &err);
        }
    }
    dk_partitions_fini(&parts);
    return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

static PyObject *
commit_parts(ConsumerObject *self, dk_partitions *parts, bool asynchronous)
{
    dk_error err = {.code = DK_OK};
    dk_status st;

    Py_BEGIN_ALLOW_THREADS
    st = dk_consumer_commit(self->c, parts, !asynchronous, &err);
    Py_END_ALLOW_THREADS
    if (st != DK_OK)
        return native_raise(self->state, st, &err);
    return asynchronous ? Py_NewRef(Py_None) : native_partitions_list(self->state, parts);
}

PyObject *
consumer_commit(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {.func = "commit", .names = {"message", "offsets", "asynchronous", NULL}};
    ConsumerObject *self = (ConsumerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS], *result = NULL;
    dk_partitions parts;
    int asynchronous;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_consumer_enter(self) < 0)
        return NULL;
    asynchronous = a[2] != NULL ? PyObject_IsTrue(a[2]) : 1;
    if (asynchronous < 0)
        return NULL;
    if (message_or_offsets(self, a[0], a[1], &parts) == 0) {
        if (parts.len == 0)
            native_hand_finish(self);
        result = commit_parts(self, &parts, asynchronous);
    }
    dk_partitions_fini(&parts);
    return result;
}
