/* SPDX-License-Identifier: MIT
 *
 * Consumer: making and ending it, the callables of its events. Getting messages is in consume.c, partitions and offsets
 * in position.c.
 */
#include <unistd.h>

#include "native.h"

int
native_consumer_enter(ConsumerObject *self)
{
    if (self->c == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "Consumer.__init__() was not called");
        return -1;
    }
    if (self->closed) {
        PyErr_SetString(PyExc_RuntimeError, "Consumer closed");
        return -1;
    }
    return 0;
}

/* ---- events ------------------------------------------------------------------------------------------------------- */

static int
run_assignment(ConsumerObject *self, PyObject *cb, const dk_event *ev)
{
    PyObject *parts, *result = NULL;

    if (cb == NULL)
        return 0;
    parts = native_partitions_list(self->state, dk_event_partitions(ev));
    if (parts != NULL) {
        Py_INCREF(cb);
        result = PyObject_CallFunctionObjArgs(cb, (PyObject *)self, parts, NULL);
        Py_DECREF(cb);
        Py_DECREF(parts);
    }
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

/* The engine gives the partitions back once the callable has returned, or raised. */
static int
run_revocation(ConsumerObject *self, const dk_event *ev)
{
    bool lost = dk_event_kind_of(ev) == DK_EVENT_LOST;
    int rc = run_assignment(self, lost && self->on_lost != NULL ? self->on_lost : self->on_revoke, ev);

    dk_consumer_rebalance_ack(self->c);
    return rc;
}

static PyObject *
error_message(ConsumerObject *self, const dk_event *ev)
{
    const dk_partitions *parts = dk_event_partitions(ev);
    const char *text = dk_event_text(ev);
    native_message_fields f = {.partition = -1, .offset = -1, .leader_epoch = -1, .latency = -1, .timestamp = -1};
    PyObject *msg = NULL;

    if (parts != NULL && parts->len > 0) {
        f.topic = parts->items[0].topic;
        f.partition = parts->items[0].partition;
        f.offset = parts->items[0].offset;
    }
    if (text != NULL)
        f.value = (dk_slice){.p = (const uint8_t *)text, .n = strlen(text)};
    f.error = native_kafka_error(self->state, dk_event_kafka_err(ev), text, dk_event_fatal(ev),
                                 dk_event_retriable(ev), false);
    if (f.error != NULL)
        msg = native_message_new(self->state, &f);
    Py_XDECREF(f.error);
    return msg;
}

static int
run_event(ConsumerObject *self, const dk_event *ev, PyObject **message)
{
    native_client client = {.state = self->state, .cbs = &self->cbs, .consumer = self->c};

    switch (dk_event_kind_of(ev)) {
    case DK_EVENT_ASSIGN:
        return run_assignment(self, self->on_assign, ev);
    case DK_EVENT_REVOKE:
    case DK_EVENT_LOST:
        return run_revocation(self, ev);
    case DK_EVENT_MESSAGE:
        if (message == NULL)
            return native_event_run(&client, ev);
        *message = error_message(self, ev);
        return *message == NULL ? -1 : 0;
    default:
        return native_event_run(&client, ev);
    }
}

int
native_consumer_events(ConsumerObject *self, PyObject **message)
{
    dk_event *ev;
    int rc = 0;

    while (rc == 0 && (message == NULL || *message == NULL) && (ev = dk_consumer_event(self->c)) != NULL) {
        rc = run_event(self, ev, message);
        dk_event_free(ev);
    }
    return rc;
}

/* ---- making ------------------------------------------------------------------------------------------------------- */

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
        *ms = s > 0 && s < 0.001 ? 1 : (int)(s * 1000.0);
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
    opts->drain_ms = (int)(drain * 1000.0);
    opts->batch_max_messages = (uint32_t)messages;
    opts->batch_max_bytes = (size_t)bytes;
    return 0;
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
    return rc;
}

static int
consumer_init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {
        "", "logger", "commit_interval", "drain_timeout", "batch_max_messages", "batch_max_bytes", NULL};
    ConsumerObject *self = (ConsumerObject *)op;
    PyObject *dict, *logger = NULL, *interval = NULL;
    double drain = 30.0;
    Py_ssize_t messages = 1000, bytes = 8388608;
    dk_consumer_opts opts;

    if (self->c != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "Consumer.__init__() was called twice");
        return -1;
    }
    if (PyTuple_GET_SIZE(args) == 0) {
        PyErr_SetString(PyExc_TypeError, "expected configuration dict");
        return -1;
    }
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|$OOdnn:Consumer", names, &dict, &logger, &interval, &drain,
                                     &messages, &bytes))
        return -1;
    if (read_options(interval, drain, messages, bytes, &opts) < 0)
        return -1;
    return make_consumer(self, dict, logger, &opts);
}

/* ---- ending ------------------------------------------------------------------------------------------------------- */

/* One more slice of closing: 1 done, 0 not yet, -1 with an exception. */
static int
close_slice(ConsumerObject *self, int64_t deadline)
{
    dk_error err = {.code = DK_OK};
    dk_status st;

    Py_BEGIN_ALLOW_THREADS
    st = dk_consumer_close(self->c, native_left_ms(deadline, NATIVE_SLICE_MS), &err);
    Py_END_ALLOW_THREADS
    if (st == DK_OK || st == DK_ECLOSED)
        return 1;
    if (st != DK_ETIMEOUT) {
        native_raise(self->state, st, &err);
        return -1;
    }
    if (PyErr_CheckSignals() < 0)
        return -1;
    return 0;
}

/* Callables that raise do not keep the consumer from leaving; what the first one raised comes in the end. */
static void
close_events(ConsumerObject *self, PyObject **first)
{
    while (native_consumer_events(self, NULL) < 0) {
        PyObject *exc = PyErr_GetRaisedException();

        if (*first == NULL)
            *first = exc;
        else
            Py_XDECREF(exc);
    }
}

static PyObject *
close_consumer(ConsumerObject *self, int timeout_ms)
{
    int64_t deadline = native_deadline(timeout_ms);
    PyObject *first = NULL;
    int done;

    native_hand_drop(self);
    do {
        close_events(self, &first);
        done = close_slice(self, deadline);
    } while (done == 0 && (deadline < 0 || native_now_ms() < deadline));
    if (done > 0) {
        close_events(self, &first);
        self->closed = true;
    } else if (done == 0) {
        dk_error err = {.kafka = -185,
                        .text = "the consumer could not leave its group in time; it goes on in the background"};

        native_raise(self->state, DK_ETIMEOUT, &err);
    }
    if (first != NULL && !PyErr_Occurred())
        PyErr_SetRaisedException(first);
    else
        Py_XDECREF(first);
    return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

PyObject *
consumer_close(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {.func = "close", .names = {"timeout", NULL}};
    ConsumerObject *self = (ConsumerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS], *result;
    int ms;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_timeout_ms(a[0], &ms) < 0)
        return NULL;
    if (self->c == NULL || self->closed)
        Py_RETURN_NONE;
    if (self->busy)
        return native_raise(self->state, DK_EBUSY, NULL);
    self->busy = true;
    result = close_consumer(self, ms);
    self->busy = false;
    return result;
}

static int
consumer_traverse(PyObject *op, visitproc visit, void *arg)
{
    ConsumerObject *self = (ConsumerObject *)op;

    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->on_assign);
    Py_VISIT(self->on_revoke);
    Py_VISIT(self->on_lost);
    Py_VISIT(self->stash);
    return native_callbacks_visit(&self->cbs, visit, arg);
}

static int
consumer_clear(PyObject *op)
{
    ConsumerObject *self = (ConsumerObject *)op;

    Py_CLEAR(self->on_assign);
    Py_CLEAR(self->on_revoke);
    Py_CLEAR(self->on_lost);
    Py_CLEAR(self->stash);
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
free_consumer(void *c)
{
    dk_consumer_free(c);
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
    if (self->c != NULL && self->closed)
        dk_consumer_free(self->c);
    else if (self->c != NULL && self->pid == (long)getpid())
        native_free_later(free_consumer, self->c);
    native_topics_unref(self->topics);
    consumer_clear(op);
    type->tp_free(op);
    Py_DECREF(type);
}

/* ---- type --------------------------------------------------------------------------------------------------------- */

PyDoc_STRVAR(
    consumer_doc,
    "Consumer(config, /, *, logger=None, commit_interval=None, drain_timeout=30.0, batch_max_messages=1000, "
    "batch_max_bytes=8388608)\n--\n\n"
    "confluent_kafka's Consumer, with batches. config may hold its callables: error_cb, stats_cb, throttle_cb,\n"
    "oauth_cb, on_commit, logger. They run on the thread that is inside poll(), consume(), fetch() or close().");

static PyMemberDef consumer_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(ConsumerObject, weakrefs), READONLY, NULL},
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
