/* SPDX-License-Identifier: MIT
 *
 * TopicPartition, to and from the engine's. Objects given to us are read by their attributes, so look-alikes do as
 * well.
 */
#include "base/partitions.h"

#include <string.h>

#include "base/args.h"
#include "base/vocab.h"

static int
int_attr(PyObject *obj, const char *name, int64_t missing, int64_t *out)
{
    PyObject *v;
    int found = PyObject_GetOptionalAttrString(obj, name, &v);

    *out = missing;
    if (found <= 0)
        return found;
    if (v != Py_None)
        *out = PyLong_AsLongLong(v);
    Py_DECREF(v);
    return *out == -1 && PyErr_Occurred() ? -1 : 0;
}

static int
expected_partition(PyObject *obj)
{
    PyErr_Format(PyExc_TypeError, "expected confluent_kafka.TopicPartition, not %.100s", Py_TYPE(obj)->tp_name);
    return -1;
}

/* The topic is kept alive by *keep. */
static int
read_topic(PyObject *obj, PyObject **keep, const char **out)
{
    if (PyObject_GetOptionalAttrString(obj, "topic", keep) <= 0)
        return PyErr_Occurred() ? -1 : expected_partition(obj);
    if (!PyUnicode_Check(*keep))
        return expected_partition(obj);
    return native_str(*keep, "TopicPartition.topic", out);
}

static int
read_metadata(PyObject *obj, PyObject **keep, const char **out)
{
    *out = NULL;
    if (PyObject_GetOptionalAttrString(obj, "metadata", keep) < 0)
        return -1;
    if (*keep == NULL || *keep == Py_None)
        return 0;
    return native_str(*keep, "TopicPartition.metadata", out);
}

static int
add_read(PyObject *obj, dk_partition *item, dk_partitions *out)
{
    int64_t partition, epoch;

    if (int_attr(obj, "partition", -1, &partition) < 0 ||
        int_attr(obj, "offset", DK_OFFSET_INVALID, &item->offset) < 0 ||
        int_attr(obj, "leader_epoch", -1, &epoch) < 0)
        return -1;
    if (partition < INT32_MIN || partition > INT32_MAX || epoch < INT32_MIN || epoch > INT32_MAX) {
        PyErr_SetString(PyExc_ValueError, "partition and leader_epoch of a TopicPartition are 32 bit numbers");
        return -1;
    }
    item->partition = (int32_t)partition;
    item->leader_epoch = (int32_t)epoch;
    if (dk_partitions_add(out, item) != DK_OK) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

int
native_partition_add(PyObject *obj, dk_partitions *out)
{
    PyObject *topic = NULL, *metadata = NULL;
    dk_partition item = {.topic = NULL};
    int rc = -1;

    if (read_topic(obj, &topic, &item.topic) == 0 && read_metadata(obj, &metadata, &item.metadata) == 0)
        rc = add_read(obj, &item, out);
    Py_XDECREF(topic);
    Py_XDECREF(metadata);
    return rc;
}

int
native_partitions_from(PyObject *seq, dk_partitions *out)
{
    PyObject *fast;
    int rc = 0;

    dk_partitions_init(out, NULL);
    if (seq == NULL || seq == Py_None)
        return 0;
    if (!PyList_Check(seq) && !PyTuple_Check(seq)) {
        PyErr_SetString(PyExc_TypeError, "requires list of TopicPartition");
        return -1;
    }
    fast = PySequence_Tuple(seq); /* reading attributes runs code that might change a list */
    if (fast == NULL)
        return -1;
    for (Py_ssize_t i = 0; rc == 0 && i < PyTuple_GET_SIZE(fast); i++)
        rc = native_partition_add(PyTuple_GET_ITEM(fast, i), out);
    Py_DECREF(fast);
    return rc;
}

/* confluent_kafka makes `error` read-only and has no argument for it, but describes where it lies, as all members of
 * extension types do. If a version ever differs, the error is left out. */
static int
set_error(native_state *state, PyObject *obj, int kafka_err)
{
    PyObject *member = PyObject_GetAttrString((PyObject *)Py_TYPE(obj), "error"), *error = NULL;
    int rc = -1;

    if (member != NULL)
        error = native_kafka_error_or_none(state, kafka_err, NULL);
    if (error != NULL) {
        rc = 0;
        if (Py_IS_TYPE(member, &PyMemberDescr_Type)) {
            PyMemberDef *def = ((PyMemberDescrObject *)member)->d_member;

            if (def->type == T_OBJECT || def->type == T_OBJECT_EX)
                Py_XSETREF(*(PyObject **)((char *)obj + def->offset), Py_NewRef(error));
        }
    }
    Py_XDECREF(member);
    Py_XDECREF(error);
    return rc;
}

/* Arguments that are left at their defaults must not be given: None is refused by some versions. */
static PyObject *
partition_keywords(const dk_partition *p)
{
    PyObject *kw = PyDict_New(), *value;
    int rc = 0;

    if (kw != NULL && p->metadata != NULL) {
        value = PyUnicode_DecodeUTF8(p->metadata, (Py_ssize_t)strlen(p->metadata), "replace");
        rc |= value == NULL ? -1 : PyDict_SetItemString(kw, "metadata", value);
        Py_XDECREF(value);
    }
    if (kw != NULL && p->leader_epoch >= 0) {
        value = PyLong_FromLong(p->leader_epoch);
        rc |= value == NULL ? -1 : PyDict_SetItemString(kw, "leader_epoch", value);
        Py_XDECREF(value);
    }
    if (rc < 0)
        Py_CLEAR(kw);
    return kw;
}

static PyObject *
partition_object(native_state *state, const dk_partition *p)
{
    PyObject *cls = native_vocab(state, NATIVE_TopicPartition), *args = NULL, *kw = NULL, *obj = NULL;

    if (cls != NULL)
        args = Py_BuildValue("(siL)", p->topic, (int)p->partition, (long long)p->offset);
    if (args != NULL)
        kw = partition_keywords(p);
    if (kw != NULL)
        obj = PyObject_Call(cls, args, kw);
    Py_XDECREF(args);
    Py_XDECREF(kw);
    if (obj != NULL && p->kafka_err != 0 && set_error(state, obj, p->kafka_err) < 0)
        Py_CLEAR(obj);
    return obj;
}

PyObject *
native_partitions_list(native_state *state, const dk_partitions *parts)
{
    size_t n = parts != NULL ? parts->len : 0;
    PyObject *list = PyList_New((Py_ssize_t)n);

    for (size_t i = 0; list != NULL && i < n; i++) {
        PyObject *obj = partition_object(state, &parts->items[i]);

        if (obj == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)i, obj);
    }
    return list;
}
