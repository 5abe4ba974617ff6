/* SPDX-License-Identifier: MIT
 *
 * confluent_kafka's classes: what users import from there is what they get from here. Imported when first needed, which
 * is on cold paths only. Objects given to us are read by their attributes, so look-alikes do as well.
 */
#include "native.h"

static const struct {
    const char *module, *name;
} places[] = {
#define XX(name, module) {module, #name},
    NATIVE_VOCAB_MAP(XX)
#undef XX
};

PyObject *
native_vocab(native_state *state, native_class which)
{
    PyObject *module;

    if (state->vocab[which] != NULL)
        return state->vocab[which];
    module = PyImport_ImportModule(places[which].module);
    if (module == NULL)
        return NULL;
    /* Importing can let another thread in, which may have come here first. */
    PyObject *cls = PyObject_GetAttrString(module, places[which].name);
    Py_DECREF(module);
    if (cls != NULL)
        Py_XSETREF(state->vocab[which], cls);
    return cls;
}

/* ---- errors ------------------------------------------------------------------------------------------------------- */

PyObject *
native_kafka_error(native_state *state, int code, const char *text, bool fatal, bool retriable, bool abort)
{
    PyObject *cls = native_vocab(state, NATIVE_KafkaError);

    if (cls == NULL)
        return NULL;
    return PyObject_CallFunction(cls, "izOOO", code, text, fatal ? Py_True : Py_False, retriable ? Py_True : Py_False,
                                 abort ? Py_True : Py_False);
}

PyObject *
native_kafka_error_or_none(native_state *state, int code, const char *text)
{
    if (code == 0)
        Py_RETURN_NONE;
    return native_kafka_error(state, code, text != NULL && text[0] != '\0' ? text : dk_kafka_err_text(code), false,
                              false, false);
}

/* ---- topic partitions --------------------------------------------------------------------------------------------- */

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
native_partition_add(native_state *state, PyObject *obj, dk_partitions *out)
{
    PyObject *topic = NULL, *metadata = NULL;
    dk_partition item = {.topic = NULL};
    int rc = -1;

    (void)state;
    if (read_topic(obj, &topic, &item.topic) == 0 && read_metadata(obj, &metadata, &item.metadata) == 0)
        rc = add_read(obj, &item, out);
    Py_XDECREF(topic);
    Py_XDECREF(metadata);
    return rc;
}

int
native_partitions_from(native_state *state, PyObject *seq, dk_partitions *out)
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
        rc = native_partition_add(state, PyTuple_GET_ITEM(fast, i), out);
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

/* ---- cluster metadata --------------------------------------------------------------------------------------------- */

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
