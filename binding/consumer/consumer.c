/* SPDX-License-Identifier: MIT
 *
 * Consumer: making and ending it, and its type.
 */
#include <unistd.h>

#include "base/args.h"
#include "base/errors.h"
#include "base/later.h"
#include "base/times.h"
#include "base/tokens.h"
#include "consumer/consumer.h"

/* ---- making ---------------------------------------------------------------------------------------------------- */

static PyObject *
consumer_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    native_state *state = native_state_of(type);
    ConsumerObject *self = state != NULL ? (ConsumerObject *)type->tp_alloc(type, 0) : NULL;

    (void)args;
    (void)kwargs;
    if (self == NULL)
        return NULL;
    self->state = state;
    self->pid = (long)getpid();
    self->pending = -1;
    self->topics = native_topics_new();
    if (self->topics == NULL)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static int
read_commit_interval(PyObject *seconds, int *ms)
{
    double s;

    *ms = DK_COMMIT_CONF;
    if (seconds == NULL || seconds == Py_None)
        return 0;
    s = PyFloat_AsDouble(seconds);
    if (s == -1.0 && PyErr_Occurred())
        return -1;
    if (s < 0)
        *ms = DK_COMMIT_NEVER;
    else if (s > 1e6 || s != s) {
        PyErr_SetString(PyExc_ValueError, "commit_interval must be a number of seconds below 1000000");
        return -1;
    } else {
        *ms = (int)native_ms(s);
    }
    return 0;
}

static int
read_options(PyObject *interval, double drain, Py_ssize_t messages, Py_ssize_t bytes, dk_consumer_opts *opts)
{
    dk_consumer_opts_init(opts);
    if (read_commit_interval(interval, &opts->commit_interval_ms) < 0)
        return -1;
    if (!(drain >= 0 && drain < 1e6)) {
        PyErr_SetString(PyExc_ValueError, "drain_timeout must be a number of seconds from 0 on");
        return -1;
    }
    if (messages < 1 || messages > 1000000 || bytes < 1) {
        PyErr_SetString(PyExc_ValueError,
                        "batch_max_messages must be from 1 to 1000000 and batch_max_bytes at least 1");
        return -1;
    }
    opts->drain_ms = (int)native_ms(drain);
    opts->batch_max_messages = (uint32_t)messages;
    opts->batch_max_bytes = (size_t)bytes;
    return 0;
}

static native_client
client_of(PyObject *op)
{
    ConsumerObject *self = (ConsumerObject *)op;

    return (native_client){.state = self->state, .cbs = &self->cbs, .consumer = self->c, .tokens = self->tokens};
}

static void
free_consumer(void *c)
{
    dk_consumer_free(c);
}

/* A client without a token is none. */
static int
begin_tokens(ConsumerObject *self)
{
    self->tokens = dk_consumer_tokens(self->c);
    if (native_tokens_begin((PyObject *)self, client_of) == 0)
        return 0;
    native_free_later(free_consumer, self->c);
    self->c = NULL;
    return -1;
}

static int
make_consumer(ConsumerObject *self, PyObject *dict, PyObject *logger, const dk_consumer_opts *opts)
{
    native_config conf;
    dk_error err = {.code = DK_OK};
    dk_status st;
    int rc = native_config_parse(self->state, dict, &self->cbs, &conf);

    if (rc == 0 && logger != NULL)
        rc = native_logger(logger, &self->cbs.logger);
    if (rc == 0) {
        self->auto_store = conf.auto_store;
        st = dk_consumer_new(NULL, conf.pairs, conf.n, opts, &self->c, &err);
        if (st != DK_OK) {
            native_raise(self->state, st, &err);
            rc = -1;
        }
    }
    native_config_fini(&conf);
    return rc == 0 ? begin_tokens(self) : rc;
}

static int
consumer_init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {
        "", "logger", "commit_interval", "drain_timeout", "batch_max_messages", "batch_max_bytes", NULL};
    ConsumerObject *self = (ConsumerObject *)op;
    PyObject *dict, *options, *one, *logger = NULL, *interval = NULL;
    int rc = -1;
    double drain = 30.0;
    Py_ssize_t messages = 1000, bytes = 8388608;
    dk_consumer_opts opts;

    if (self->c != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "Consumer.__init__() was called twice");
        return -1;
    }
    one = native_config_args(args, kwargs, (const char *const *)&names[1], &options);
    if (one == NULL)
        return -1;
    if (PyArg_ParseTupleAndKeywords(one, options, "O|$OOdnn:Consumer", names, &dict, &logger, &interval, &drain,
                                    &messages, &bytes) &&
        read_options(interval, drain, messages, bytes, &opts) == 0)
        rc = make_consumer(self, dict, logger, &opts);
    Py_DECREF(options);
    Py_DECREF(one);
    return rc;
}

/* ---- ending ---------------------------------------------------------------------------------------------------- */

static int
consumer_traverse(PyObject *op, visitproc visit, void *arg)
{
    ConsumerObject *self = (ConsumerObject *)op;

    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->on_assign);
    Py_VISIT(self->on_revoke);
    Py_VISIT(self->on_lost);
    Py_VISIT(self->on_rebalance);
    Py_VISIT(self->on_partition_error);
    Py_VISIT(self->stash);
    Py_VISIT(self->given_message);
    Py_VISIT(self->given_lists[0]);
    Py_VISIT(self->given_lists[1]);
    return native_callbacks_visit(&self->cbs, visit, arg);
}

static int
consumer_clear(PyObject *op)
{
    ConsumerObject *self = (ConsumerObject *)op;

    Py_CLEAR(self->on_assign);
    Py_CLEAR(self->on_revoke);
    Py_CLEAR(self->on_lost);
    Py_CLEAR(self->on_rebalance);
    Py_CLEAR(self->on_partition_error);
    Py_CLEAR(self->stash);
    Py_CLEAR(self->given_message);
    Py_CLEAR(self->given_lists[0]);
    Py_CLEAR(self->given_lists[1]);
    native_callbacks_clear(&self->cbs);
    return 0;
}

static void
consumer_finalize(PyObject *op)
{
    ConsumerObject *self = (ConsumerObject *)op;
    PyObject *saved;

    if (self->c == NULL || self->closed || self->pid != (long)getpid()) /* after a fork it is the parent's to close */
        return;
    saved = PyErr_GetRaisedException();
    if (PyErr_ResourceWarning(op, 1,
                              "Consumer %p was not closed: it did not leave its group, and others wait for "
                              "session.timeout.ms before they get its partitions",
                              op) < 0)
        PyErr_WriteUnraisable(op);
    if (saved != NULL)
        PyErr_SetRaisedException(saved);
}

static void
consumer_dealloc(PyObject *op)
{
    ConsumerObject *self = (ConsumerObject *)op;
    PyTypeObject *type = Py_TYPE(op);

    if (PyObject_CallFinalizerFromDealloc(op) < 0)
        return;
    PyObject_GC_UnTrack(op);
    if (self->weakrefs != NULL)
        PyObject_ClearWeakRefs(op);
    native_hand_drop(self);
    PyMem_Free(self->tickets);
    dk_tokens_stop(self->tokens);
    dk_tokens_unref(self->tokens);
    if (self->c != NULL && self->closed)
        dk_consumer_free(self->c);
    else if (self->c != NULL && self->pid == (long)getpid())
        native_free_later(free_consumer, self->c);
    native_topics_unref(self->topics);
    consumer_clear(op);
    type->tp_free(op);
    Py_DECREF(type);
}

/* ---- asking and telling ---------------------------------------------------------------------------------------- */

static PyObject *
consumer_list_topics(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    ConsumerObject *self = (ConsumerObject *)op;
    native_client client = client_of(op);
    const char *topic;
    int ms;

    if (native_metadata_args(args, nargs, kwnames, &topic, &ms) < 0 || native_consumer_enter(self) < 0)
        return NULL;
    return native_client_metadata(&client, topic, ms);
}

static PyObject *
consumer_cluster_id(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    native_client client = client_of(op);
    int ms;

    if (native_cluster_id_args(args, nargs, kwnames, &ms) < 0 || native_consumer_enter((ConsumerObject *)op) < 0)
        return NULL;
    return native_client_cluster_id(&client, ms);
}

static PyObject *
consumer_set_sasl_credentials(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    ConsumerObject *self = (ConsumerObject *)op;
    native_client client = client_of(op);
    const char *pair[2];

    if (native_sasl_args(args, nargs, kwnames, pair) < 0 || native_consumer_enter(self) < 0)
        return NULL;
    return native_client_sasl(&client, pair);
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
consumer_hold_commits(PyObject *op, PyObject *held)
{
    ConsumerObject *self = (ConsumerObject *)op;
    int truth = PyObject_IsTrue(held);

    if (truth < 0)
        return NULL;
    if (self->c != NULL)
        dk_consumer_hold_commits(self->c, truth > 0);
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

/* ---- type ------------------------------------------------------------------------------------------------------ */

PyDoc_STRVAR(
    consumer_doc,
    "Consumer(config, /, *, logger=None, commit_interval=None, drain_timeout=30.0, batch_max_messages=1000, "
    "batch_max_bytes=8388608)\n--\n\n"
    "confluent_kafka's Consumer, with batches. config may hold its callables: error_cb, stats_cb, throttle_cb,\n"
    "oauth_cb, on_commit, logger. They run on the thread that is inside poll(), consume(), fetch() or close().");

/* clang-format off */
#define FAST(name, text) {#name, NATIVE_METHOD(consumer_##name), NATIVE_FAST, PyDoc_STR(text)}
#define NOARGS(name, text) {#name, consumer_##name, METH_NOARGS, PyDoc_STR(#name "($self, /)\n--\n\n" text)}
/* clang-format on */

static PyMethodDef consumer_methods[] = {
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
    {"hold_commits", consumer_hold_commits, METH_O,
     PyDoc_STR("hold_commits($self, held, /)\n--\n\nWhether nothing is committed but by commit().")},
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
         "offsets_for_times($self, /, partitions, timeout=None)\n--\n\nOffsets at times in milliseconds."),
    FAST(list_topics, "list_topics($self, /, topic=None, timeout=-1)\n--\n\nClusterMetadata."),
    NOARGS(memberid, "Member id in the group, None before it was joined."),
    FAST(cluster_id, "cluster_id($self, /, timeout=-1)\n--\n\nThe cluster's id."),
    FAST(set_sasl_credentials,
         "set_sasl_credentials($self, /, username, password)\n--\n\nFor connections made from now on."),
    NOARGS(counters, "What the engine counted."),
    NOARGS(partition_counters, "What it counted of each partition that is assigned."),
    FAST(
        close,
        "close($self, /, timeout=None)\n--\n\nCommit what is finished and leave the group. What poll() or consume()\n"
        "handed out last is not finished by this: commit() first if it is."),
    {"__enter__", consumer_enter, METH_NOARGS, NULL},
    {"__exit__", NATIVE_METHOD(consumer_exit), METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef consumer_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(ConsumerObject, weakrefs), READONLY, NULL},
    {"on_rebalance", T_OBJECT, offsetof(ConsumerObject, on_rebalance), 0, "See the stub."},
    {"on_partition_error", T_OBJECT, offsetof(ConsumerObject, on_partition_error), 0, "See the stub."},
    {NULL, 0, 0, 0, NULL},
};

static PyObject *
consumer_stopping(PyObject *op, void *closure)
{
    ConsumerObject *self = (ConsumerObject *)op;

    (void)closure;
    return PyBool_FromLong(self->c != NULL && dk_consumer_stopping(self->c));
}

static PyGetSetDef consumer_getset[] = {
    {"stopping", consumer_stopping, NULL, "Whether stop() was called.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot consumer_slots[] = {
    {Py_tp_doc, (void *)consumer_doc},
    {Py_tp_new, consumer_new},
    {Py_tp_init, consumer_init},
    {Py_tp_dealloc, consumer_dealloc},
    {Py_tp_finalize, consumer_finalize},
    {Py_tp_traverse, consumer_traverse},
    {Py_tp_clear, consumer_clear},
    {Py_tp_methods, consumer_methods},
    {Py_tp_members, consumer_members},
    {Py_tp_getset, consumer_getset},
    {0, NULL},
};

PyType_Spec native_consumer_spec = {
    .name = "django_kafka._native.Consumer",
    .basicsize = sizeof(ConsumerObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = consumer_slots,
};
