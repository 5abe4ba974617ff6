/* SPDX-License-Identifier: MIT
 *
 * What the engine knows of a cluster, as confluent_kafka's ClusterMetadata and its parts.
 */
#include "base/metadata.h"

#include <string.h>

#include "base/vocab.h"

/* Sets an attribute to a new reference, which is taken. */
static int
set_new(PyObject *obj, const char *name, PyObject *value)
{
    int rc = value == NULL ? -1 : PyObject_SetAttrString(obj, name, value);

    Py_XDECREF(value);
    return rc;
}

static PyObject *
text_or_none(const char *s)
{
    if (s == NULL)
        Py_RETURN_NONE;
    return PyUnicode_DecodeUTF8(s, (Py_ssize_t)strlen(s), "replace");
}

static PyObject *
id_list(const int32_t *ids, size_t n)
{
    PyObject *list = PyList_New((Py_ssize_t)n);

    for (size_t i = 0; list != NULL && i < n; i++) {
        PyObject *id = PyLong_FromLong(ids[i]);

        if (id == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)i, id);
    }
    return list;
}

static PyObject *
make(native_state *state, native_class which)
{
    PyObject *cls = native_vocab(state, which);

    return cls == NULL ? NULL : PyObject_CallNoArgs(cls);
}

static PyObject *
broker_object(native_state *state, const dk_meta_broker *b)
{
    PyObject *obj = make(state, NATIVE_BrokerMetadata);

    if (obj != NULL &&
        (set_new(obj, "id", PyLong_FromLong(b->id)) < 0 || set_new(obj, "host", text_or_none(b->host)) < 0 ||
         set_new(obj, "port", PyLong_FromLong(b->port)) < 0))
        Py_CLEAR(obj);
    return obj;
}

static PyObject *
meta_partition_object(native_state *state, const dk_meta_partition *p)
{
    PyObject *obj = make(state, NATIVE_PartitionMetadata);

    if (obj != NULL &&
        (set_new(obj, "id", PyLong_FromLong(p->id)) < 0 || set_new(obj, "leader", PyLong_FromLong(p->leader)) < 0 ||
         set_new(obj, "replicas", id_list(p->replicas, p->n_replicas)) < 0 ||
         set_new(obj, "isrs", id_list(p->isrs, p->n_isrs)) < 0 ||
         set_new(obj, "error", native_kafka_error_or_none(state, p->kafka_err, NULL)) < 0))
        Py_CLEAR(obj);
    return obj;
}

/* dict[key] = value, both new references that are taken. */
static int
put_new(PyObject *dict, PyObject *key, PyObject *value)
{
    int rc = key == NULL || value == NULL ? -1 : PyDict_SetItem(dict, key, value);

    Py_XDECREF(key);
    Py_XDECREF(value);
    return rc;
}

static PyObject *
meta_topic_object(native_state *state, const dk_meta_topic *t)
{
    PyObject *parts = PyDict_New(), *obj;

    if (parts == NULL)
        return NULL;
    for (size_t i = 0; i < t->n_partitions; i++) {
        const dk_meta_partition *p = &t->partitions[i];

        if (put_new(parts, PyLong_FromLong(p->id), meta_partition_object(state, p)) < 0) {
            Py_DECREF(parts);
            return NULL;
        }
    }
    obj = make(state, NATIVE_TopicMetadata);
    if (obj != NULL &&
        (set_new(obj, "topic", text_or_none(t->name)) < 0 || PyObject_SetAttrString(obj, "partitions", parts) < 0 ||
         set_new(obj, "error", native_kafka_error_or_none(state, t->kafka_err, NULL)) < 0))
        Py_CLEAR(obj);
    Py_DECREF(parts);
    return obj;
}

static PyObject *
brokers_dict(native_state *state, const dk_metadata *meta)
{
    PyObject *dict = PyDict_New();

    for (size_t i = 0; dict != NULL && i < meta->n_brokers; i++)
        if (put_new(dict, PyLong_FromLong(meta->brokers[i].id), broker_object(state, &meta->brokers[i])) < 0)
            Py_CLEAR(dict);
    return dict;
}

static PyObject *
topics_dict(native_state *state, const dk_metadata *meta)
{
    PyObject *dict = PyDict_New();

    for (size_t i = 0; dict != NULL && i < meta->n_topics; i++)
        if (put_new(dict, text_or_none(meta->topics[i].name), meta_topic_object(state, &meta->topics[i])) < 0)
            Py_CLEAR(dict);
    return dict;
}

PyObject *
native_metadata(native_state *state, const dk_metadata *meta)
{
    PyObject *obj = make(state, NATIVE_ClusterMetadata);

    if (obj != NULL && (set_new(obj, "cluster_id", text_or_none(meta->cluster_id)) < 0 ||
                        set_new(obj, "controller_id", PyLong_FromLong(meta->controller_id)) < 0 ||
                        set_new(obj, "orig_broker_id", PyLong_FromLong(meta->orig_broker_id)) < 0 ||
                        set_new(obj, "orig_broker_name", text_or_none(meta->orig_broker_name)) < 0 ||
                        set_new(obj, "brokers", brokers_dict(state, meta)) < 0 ||
                        set_new(obj, "topics", topics_dict(state, meta)) < 0))
        Py_CLEAR(obj);
    return obj;
}
