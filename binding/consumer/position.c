/* SPDX-License-Identifier: MIT
 *
 * Consumer: subscriptions, partitions, offsets, questions to the broker.
 */
#include "native.h"

/* Most methods go like this: lists in, one call of the engine, lists or an exception out. */
typedef dk_status (*list_call)(dk_consumer *c, dk_partitions *parts, int timeout_ms, dk_error *err);

typedef enum list_result { GIVE_NONE, GIVE_LIST } list_result;

static PyObject *
call_with_list(ConsumerObject *self, PyObject *seq, list_call call, int timeout_ms, list_result what)
{
    dk_partitions parts;
    dk_error err = {.code = DK_OK};
    dk_status st;
    PyObject *result = NULL;

    if (native_consumer_enter(self) < 0)
        return NULL;
    if (native_partitions_from(self->state, seq, &parts) == 0) {
        Py_BEGIN_ALLOW_THREADS
        st = call(self->c, &parts, timeout_ms, &err);
        Py_END_ALLOW_THREADS
        if (st != DK_OK)
            native_raise(self->state, st, &err);
        else
            result = what == GIVE_LIST ? native_partitions_list(self->state, &parts) : Py_NewRef(Py_None);
    }
    dk_partitions_fini(&parts);
    return result;
}

#define LIST_CALL(name)                                                                                              \
    static dk_status call_##name(dk_consumer *c, dk_partitions *parts, int timeout_ms, dk_error *err)                \
    {                                                                                                                \
        (void)timeout_ms;                                                                                            \
        return dk_consumer_##name(c, parts, err);                                                                    \
    }
LIST_CALL(assign)
LIST_CALL(incremental_assign)
LIST_CALL(incremental_unassign)
LIST_CALL(pause)
LIST_CALL(resume)
LIST_CALL(position)

/* A method whose one argument is `partitions`. */
static PyObject *
partitions_method(PyObject *op, const char *name, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
                  list_call call, list_result what)
{
    native_signature sig = {.func = name, .required = 1, .names = {"partitions", NULL}};
    PyObject *a[NATIVE_MAX_ARGS];

    if (native_args(&sig, args, nargs, kwnames, a) < 0)
        return NULL;
    if (a[0] == Py_None) {
        PyErr_SetString(PyExc_TypeError, "requires list of TopicPartition");
        return NULL;
    }
    return call_with_list((ConsumerObject *)op, a[0], call, -1, what);
}

#define PARTITIONS_METHOD(name, what)                                                                                \
    static PyObject *consumer_##name(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)       \
    {                                                                                                                \
        return partitions_method(op, #name, args, nargs, kwnames, call_##name, what);                                \
    }
PARTITIONS_METHOD(assign, GIVE_NONE)
PARTITIONS_METHOD(incremental_assign, GIVE_NONE)
PARTITIONS_METHOD(incremental_unassign, GIVE_NONE)
PARTITIONS_METHOD(pause, GIVE_NONE)
PARTITIONS_METHOD(resume, GIVE_NONE)
PARTITIONS_METHOD(position, GIVE_LIST)

/* ---- subscription ------------------------------------------------------------------------------------------------- */

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
}

static PyObject *
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

static PyObject *
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

static PyObject *
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

static PyObject *
consumer_unassign(PyObject *op, PyObject *ignored)
{
    (void)ignored;
    return call_with_list((ConsumerObject *)op, NULL, call_assign, -1, GIVE_NONE);
}

static dk_status
call_assignment(dk_consumer *c, dk_partitions *parts, int timeout_ms, dk_error *err)
{
    (void)timeout_ms;
    return dk_consumer_assignment(c, parts, err);
}

static PyObject *
consumer_assignment(PyObject *op, PyObject *ignored)
{
    (void)ignored;
    return call_with_list((ConsumerObject *)op, NULL, call_assignment, -1, GIVE_LIST);
}

static PyObject *
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

/* ---- position ----------------------------------------------------------------------------------------------------- */

#define SEEK_TIMEOUT_MS 60000

static dk_status
call_seek(dk_consumer *c, dk_partitions *parts, int timeout_ms, dk_error *err)
{
    dk_status st = dk_consumer_seek(c, parts, timeout_ms, err);

    if (st == DK_OK && parts->items[0].kafka_err != 0) {
        *err = (dk_error){.code = DK_EKAFKA, .kafka = parts->items[0].kafka_err};
        snprintf(err->text, sizeof err->text, "Failed to seek to offset %lld: %s", (long long)parts->items[0].offset,
                 dk_kafka_err_text(err->kafka));
        st = DK_EKAFKA;
    }
    return st;
}

static PyObject *
consumer_seek(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {.func = "seek", .required = 1, .names = {"partition", NULL}};
    PyObject *a[NATIVE_MAX_ARGS], *list, *result;

    if (native_args(&sig, args, nargs, kwnames, a) < 0)
        return NULL;
    list = PyTuple_Pack(1, a[0]);
    if (list == NULL)
        return NULL;
    result = call_with_list((ConsumerObject *)op, list, call_seek, SEEK_TIMEOUT_MS, GIVE_NONE);
    Py_DECREF(list);
    return result;
}

/* A method of partitions and a timeout. */
static PyObject *
timed_method(PyObject *op, const char *name, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
             list_call call)
{
    native_signature sig = {.func = name, .required = 1, .names = {"partitions", "timeout", NULL}};
    PyObject *a[NATIVE_MAX_ARGS];
    int ms;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_timeout_ms(a[1], &ms) < 0)
        return NULL;
    return call_with_list((ConsumerObject *)op, a[0], call, ms, GIVE_LIST);
}

static PyObject *
consumer_committed(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return timed_method(op, "committed", args, nargs, kwnames, dk_consumer_committed);
}

static PyObject *
consumer_offsets_for_times(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return timed_method(op, "offsets_for_times", args, nargs, kwnames, dk_consumer_offsets_for_times);
}

static PyObject *
consumer_get_watermark_offsets(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {
        .func = "get_watermark_offsets", .required = 1, .names = {"partition", "timeout", "cached", NULL}};
    ConsumerObject *self = (ConsumerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS], *result = NULL;
    dk_partitions parts;
    dk_error err = {.code = DK_OK};
    int64_t low = 0, high = 0;
    int ms, cached;
    dk_status st;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_timeout_ms(a[1], &ms) < 0 ||
        native_consumer_enter(self) < 0)
        return NULL;
    cached = a[2] != NULL ? PyObject_IsTrue(a[2]) : 0;
    dk_partitions_init(&parts, NULL);
    if (cached >= 0 && native_partition_add(self->state, a[0], &parts) == 0) {
        Py_BEGIN_ALLOW_THREADS
        st = dk_consumer_watermarks(self->c, parts.items[0].topic, parts.items[0].partition, cached, ms, &low, &high,
                                    &err);
        Py_END_ALLOW_THREADS
        result = st != DK_OK ? native_raise(self->state, st, &err)
                             : Py_BuildValue("(LL)", (long long)low, (long long)high);
    }
    dk_partitions_fini(&parts);
    return result;
}

/* ---- offsets ------------------------------------------------------------------------------------------------------ */

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
    return native_partitions_from(self->state, offsets, out);
}

static PyObject *
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

static PyObject *
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

/* ---- the rest ----------------------------------------------------------------------------------------------------- */

static PyObject *
consumer_list_topics(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {.func = "list_topics", .names = {"topic", "timeout", NULL}};
    ConsumerObject *self = (ConsumerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS], *result;
    const char *topic = NULL;
    dk_metadata *meta = NULL;
    dk_error err = {.code = DK_OK};
    dk_status st;
    int ms;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_timeout_ms(a[1], &ms) < 0 ||
        native_consumer_enter(self) < 0)
        return NULL;
    if (a[0] != NULL && a[0] != Py_None && native_str(a[0], "topic", &topic) < 0)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    st = dk_consumer_metadata(self->c, topic, ms, &meta, &err);
    Py_END_ALLOW_THREADS
    if (st != DK_OK)
        return native_raise(self->state, st, &err);
    result = native_metadata(self->state, meta);
    dk_metadata_free(meta);
    return result;
}

static PyObject *
consumer_set_sasl_credentials(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {
        .func = "set_sasl_credentials", .required = 2, .names = {"username", "password", NULL}};
    ConsumerObject *self = (ConsumerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS];
    const char *username, *password;
    dk_error err = {.code = DK_OK};
    dk_status st;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_consumer_enter(self) < 0 ||
        native_str(a[0], "username", &username) < 0 || native_str(a[1], "password", &password) < 0)
        return NULL;
    st = dk_consumer_sasl_credentials(self->c, username, password, &err);
    return st != DK_OK ? native_raise(self->state, st, &err) : Py_NewRef(Py_None);
}

static PyObject *
consumer_stop(PyObject *op, PyObject *ignored)
{
    ConsumerObject *self = (ConsumerObject *)op;

    (void)ignored;
    if (self->c != NULL)
        dk_consumer_stop(self->c);
    Py_RETURN_NONE;
}

static PyObject *
consumer_wake(PyObject *op, PyObject *ignored)
{
    ConsumerObject *self = (ConsumerObject *)op;

    (void)ignored;
    if (self->c != NULL) {
        self->woken = true;
        dk_consumer_wake(self->c);
    }
    Py_RETURN_NONE;
}

static int
put_number(PyObject *dict, const char *name, PyObject *number)
{
    int rc = number == NULL ? -1 : PyDict_SetItemString(dict, name, number);

    Py_XDECREF(number);
    return rc;
}

static PyObject *
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
consumer_enter(PyObject *op, PyObject *ignored)
{
    (void)ignored;
    return native_consumer_enter((ConsumerObject *)op) < 0 ? NULL : Py_NewRef(op);
}

static PyObject *
consumer_exit(PyObject *op, PyObject *const *args, Py_ssize_t nargs)
{
    (void)args;
    (void)nargs;
    return consumer_close(op, NULL, 0, NULL);
}

/* clang-format off */
#define FAST(name, text) {#name, NATIVE_METHOD(consumer_##name), NATIVE_FAST, PyDoc_STR(text)}
#define NOARGS(name, text) {#name, consumer_##name, METH_NOARGS, PyDoc_STR(#name "($self, /)\n--\n\n" text)}
/* clang-format on */

PyMethodDef consumer_methods[] = {
    FAST(fetch,
         "fetch($self, /, timeout=None, max_messages=0)\n--\n\nThe next batch, or None when nothing came within\n"
         "timeout. Callables of waiting events run first. Raises Stopped."),
    FAST(poll,
         "poll($self, /, timeout=None)\n--\n\nThe next message, or None when nothing came within timeout. The one\n"
         "before it is finished by this."),
    FAST(consume,
         "consume($self, /, num_messages=1, timeout=-1)\n--\n\nUp to num_messages messages; waits until timeout for\n"
         "all of them. Those of the last call are finished by this."),
    NOARGS(stop, "Ask to end: waiting calls raise Stopped, a batch ends after the message in hand."),
    NOARGS(wake, "Make a waiting call return with nothing."),
    FAST(subscribe,
         "subscribe($self, /, topics, on_assign=None, on_revoke=None, on_lost=None)\n--\n\nJoin the group for these\n"
         "topics; a name that begins with ^ is a regular expression."),
    NOARGS(unsubscribe, "Leave the subscription."),
    NOARGS(subscription, "Topics that are subscribed."),
    FAST(assign, "assign($self, /, partitions)\n--\n\nSet the partitions by hand."),
    NOARGS(unassign, "Let all partitions go."),
    FAST(incremental_assign, "incremental_assign($self, /, partitions)\n--\n\nAdd to the assignment."),
    FAST(incremental_unassign, "incremental_unassign($self, /, partitions)\n--\n\nTake from the assignment."),
    NOARGS(assignment, "Partitions that are assigned."),
    FAST(pause, "pause($self, /, partitions)\n--\n\nHold partitions back."),
    FAST(resume, "resume($self, /, partitions)\n--\n\nLet partitions go on."),
    FAST(seek, "seek($self, /, partition)\n--\n\nGo on from the offset of this TopicPartition."),
    FAST(position, "position($self, /, partitions)\n--\n\nOffsets of the next messages."),
    FAST(committed, "committed($self, /, partitions, timeout=None)\n--\n\nCommitted offsets, asked from the broker."),
    FAST(store_offsets,
         "store_offsets($self, /, message=None, offsets=None)\n--\n\nSay how far partitions are done."),
    FAST(commit,
         "commit($self, /, message=None, offsets=None, asynchronous=True)\n--\n\nCommit what is finished, or these\n"
         "offsets. Without arguments, what poll() and consume() have handed out counts as finished."),
    FAST(get_watermark_offsets,
         "get_watermark_offsets($self, /, partition, timeout=None, cached=False)\n--\n\n(low, high)."),
    FAST(offsets_for_times,
         "offsets_for_times($self, /, partitions, timeout=None)\n--\n\nOffsets at times: each partition's\n"
         "offset is milliseconds since the epoch."),
    FAST(list_topics, "list_topics($self, /, topic=None, timeout=-1)\n--\n\nClusterMetadata."),
    NOARGS(memberid, "Member id in the group, None before it was joined."),
    FAST(set_sasl_credentials,
         "set_sasl_credentials($self, /, username, password)\n--\n\nFor connections made from now on."),
    NOARGS(counters, "What the engine counted."),
    FAST(
        close,
        "close($self, /, timeout=None)\n--\n\nCommit what is finished and leave the group. What poll() or consume()\n"
        "handed out last is not finished by this: commit() first if it is."),
    {"__enter__", consumer_enter, METH_NOARGS, NULL},
    {"__exit__", NATIVE_METHOD(consumer_exit), METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};
