/* SPDX-License-Identifier: MIT
 *
 * Producer: making and ending it, waiting for reports, transactions. Records are in records.c.
 *
 * Nothing that was produced is lost silently: what is still queued when the interpreter ends is flushed, for a bounded
 * time, and a Producer that is dropped before hands its engine handle to the module until its records are delivered.
 */
#include <unistd.h>

#include "native.h"

/* ---- at exit ------------------------------------------------------------------------------------------------------ */

#define EXIT_FLUSH_MS 30000

static size_t
flush_slice(dk_producer *p, int64_t deadline)
{
    size_t left = 0;
    dk_error err;
    dk_status st;

    Py_BEGIN_ALLOW_THREADS
    st = dk_producer_flush(p, native_left_ms(deadline, NATIVE_SLICE_MS), &left, &err);
    Py_END_ALLOW_THREADS
    return st == DK_EFORKED ? 0 : left;
}

static void
events_at_exit(ProducerObject *self)
{
    int count = 0;

    while (native_producer_events(self, &count) < 0)
        PyErr_WriteUnraisable((PyObject *)self);
}

static size_t
flush_at_exit(ProducerObject *self, int64_t deadline)
{
    size_t left;

    if (self->p == NULL || self->pid != (long)getpid())
        return 0;
    self->users++;
    do {
        left = flush_slice(self->p, deadline);
        events_at_exit(self);
    } while (left > 0 && native_now_ms() < deadline && PyErr_CheckSignals() == 0);
    self->users--;
    if (PyErr_Occurred())
        PyErr_WriteUnraisable((PyObject *)self);
    return left;
}

static PyObject *
living_producers(native_state *state)
{
    PyObject *list = PyList_New(0);

    for (ProducerObject *p = state->producers; list != NULL && p != NULL; p = p->next)
        if (PyList_Append(list, (PyObject *)p) < 0)
            Py_CLEAR(list);
    return list;
}

PyObject *
native_flush_producers(PyObject *module, PyObject *ignored)
{
    native_state *state = PyModule_GetState(module);
    int64_t deadline = native_deadline(EXIT_FLUSH_MS);
    PyObject *list = living_producers(state);
    size_t left = 0;

    (void)ignored;
    if (list == NULL)
        return NULL;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++)
        left += flush_at_exit((ProducerObject *)PyList_GET_ITEM(list, i), deadline);
    for (size_t i = 0; i < state->n_orphans; i++) {
        size_t n;

        do
            n = flush_slice(state->orphans[i], deadline);
        while (n > 0 && native_now_ms() < deadline);
        left += n;
    }
    if (left > 0)
        native_log(state, NULL, 3,
                   "%zu messages were not delivered when the interpreter ended: the broker did not take them "
                   "within %d s",
                   left, EXIT_FLUSH_MS / 1000);
    Py_DECREF(list);
    Py_RETURN_NONE;
}

/* multiprocessing ends its children without running atexit; it has finalizers of its own. */
static int
register_with_multiprocessing(PyObject *hook)
{
    PyObject *modules = PyImport_GetModuleDict(), *util, *process, *parent, *done = NULL;

    util = PyDict_GetItemString(modules, "multiprocessing.util");
    process = PyDict_GetItemString(modules, "multiprocessing.process");
    if (util == NULL || process == NULL)
        return 0;
    parent = PyObject_CallMethod(process, "parent_process", NULL);
    if (parent == NULL)
        return -1;
    if (parent != Py_None) {
        PyObject *cls = PyObject_GetAttrString(util, "Finalize");
        PyObject *args = Py_BuildValue("(OO)", Py_None, hook), *kw = Py_BuildValue("{si}", "exitpriority", 0);

        if (cls != NULL && args != NULL && kw != NULL)
            done = PyObject_Call(cls, args, kw);
        Py_XDECREF(cls);
        Py_XDECREF(args);
        Py_XDECREF(kw);
    }
    Py_XDECREF(done);
    Py_DECREF(parent);
    return PyErr_Occurred() ? -1 : 0;
}

static PyMethodDef exit_hook = {"_flush_producers", native_flush_producers, METH_NOARGS, NULL};

/* Once per process: a forked child has dropped what its parent registered, or runs it for handles that are not its. */
static int
register_exit(native_state *state)
{
    PyObject *hook, *atexit, *done = NULL;
    int rc = -1;

    if (state->exit_pid == (long)getpid())
        return 0;
    hook = PyCFunction_New(&exit_hook, state->module);
    atexit = PyImport_ImportModule("atexit");
    if (hook != NULL && atexit != NULL)
        done = PyObject_CallMethod(atexit, "register", "O", hook);
    if (done != NULL && register_with_multiprocessing(hook) == 0) {
        state->exit_pid = (long)getpid();
        rc = 0;
    }
    Py_XDECREF(hook);
    Py_XDECREF(atexit);
    Py_XDECREF(done);
    return rc;
}

/* ---- orphans ------------------------------------------------------------------------------------------------------ */

static void
free_producer(void *p)
{
    dk_producer_free(p);
}

/* Are records on their way? Reports that wait do not count: nobody will ask for them any more. */
static bool
is_sending(dk_producer *p)
{
    size_t left = 0;
    dk_error err;

    return dk_producer_flush(p, 0, &left, &err) != DK_OK && left > 0;
}

/* Free those that are done. */
static void
sweep_orphans(native_state *state)
{
    size_t kept = 0;

    for (size_t i = 0; i < state->n_orphans; i++) {
        if (!is_sending(state->orphans[i]))
            native_free_later(free_producer, state->orphans[i]);
        else
            state->orphans[kept++] = state->orphans[i];
    }
    state->n_orphans = kept;
}

static void
adopt(native_state *state, dk_producer *p)
{
    dk_producer **grown = PyMem_Realloc(state->orphans, (state->n_orphans + 1) * sizeof *grown);

    if (grown == NULL) {
        native_free_later(free_producer, p);
        return;
    }
    state->orphans = grown;
    state->orphans[state->n_orphans++] = p;
}

void
native_orphans_free(native_state *state)
{
    for (size_t i = 0; i < state->n_orphans; i++)
        native_free_later(free_producer, state->orphans[i]);
    PyMem_Free(state->orphans);
    state->orphans = NULL;
    state->n_orphans = 0;
}

/* ---- making and ending -------------------------------------------------------------------------------------------- */

static PyObject *
producer_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    native_state *state = native_state_of(type);
    ProducerObject *self = state != NULL ? (ProducerObject *)type->tp_alloc(type, 0) : NULL;

    (void)args;
    (void)kwargs;
    if (self != NULL) {
        self->state = state;
        self->pid = (long)getpid();
    }
    return (PyObject *)self;
}

static void
link_producer(ProducerObject *self)
{
    self->next = self->state->producers;
    if (self->next != NULL)
        self->next->prev = self;
    self->state->producers = self;
    self->linked = true;
}

static void
unlink_producer(ProducerObject *self)
{
    if (!self->linked)
        return;
    if (self->prev != NULL)
        self->prev->next = self->next;
    else
        self->state->producers = self->next;
    if (self->next != NULL)
        self->next->prev = self->prev;
    self->linked = false;
}

/* May produce() take events, because no callable would run then that the user does not expect there? */
static bool
is_quiet(const native_callbacks *cbs)
{
    return cbs->oauth_cb != NULL ||
           (cbs->error_cb == NULL && cbs->stats_cb == NULL && cbs->throttle_cb == NULL && cbs->on_delivery == NULL);
}

static int
make_producer(ProducerObject *self, PyObject *dict, PyObject *logger)
{
    native_config conf;
    dk_error err = {.code = DK_OK};
    dk_status st;
    int rc = native_config_parse(self->state, dict, &self->cbs, &conf);

    if (rc == 0 && logger != NULL)
        rc = native_logger(logger, &self->cbs.logger);
    if (rc == 0)
        rc = register_exit(self->state);
    if (rc == 0) {
        self->only_errors = conf.only_errors;
        self->quiet = is_quiet(&self->cbs);
        st = dk_producer_new(NULL, conf.pairs, conf.n, &self->p, &err);
        if (st != DK_OK) {
            native_raise(self->state, st, &err);
            rc = -1;
        }
    }
    native_config_fini(&conf);
    if (rc == 0)
        link_producer(self);
    return rc;
}

static int
producer_init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"", "logger", "max_block", "on_refused", NULL};
    ProducerObject *self = (ProducerObject *)op;
    PyObject *dict, *logger = NULL, *max_block = NULL, *on_refused = NULL;

    if (self->p != NULL || self->closed) {
        PyErr_SetString(PyExc_RuntimeError, "Producer.__init__() was called twice");
        return -1;
    }
    if (PyTuple_GET_SIZE(args) == 0) {
        PyErr_SetString(PyExc_TypeError, "expected configuration dict");
        return -1;
    }
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|$OOO:Producer", names, &dict, &logger, &max_block, &on_refused))
        return -1;
    self->max_block_ms = 60000;
    if (max_block != NULL && native_timeout_ms(max_block, &self->max_block_ms) < 0)
        return -1;
    if (native_callable(on_refused, "on_refused", &on_refused) < 0)
        return -1;
    self->on_refused = Py_XNewRef(on_refused);
    sweep_orphans(self->state);
    return make_producer(self, dict, logger);
}

static int
producer_traverse(PyObject *op, visitproc visit, void *arg)
{
    ProducerObject *self = (ProducerObject *)op;

    Py_VISIT(Py_TYPE(op));
    for (native_report *r = self->reports; r != NULL; r = r->next)
        Py_VISIT(r->callback);
    Py_VISIT(self->on_refused);
    return native_callbacks_visit(&self->cbs, visit, arg);
}

static int
producer_clear(PyObject *op)
{
    native_callbacks_clear(&((ProducerObject *)op)->cbs);
    Py_CLEAR(((ProducerObject *)op)->on_refused);
    return 0; /* the reports' callables may still be asked for; dealloc drops them */
}

static void
free_reports(ProducerObject *self)
{
    while (self->reports != NULL)
        native_report_done(self, self->reports, self->reports->waiting);
    while (self->spare != NULL) {
        native_report *r = self->spare;

        self->spare = r->next;
        PyMem_Free(r);
    }
}

static void
producer_dealloc(PyObject *op)
{
    ProducerObject *self = (ProducerObject *)op;
    PyTypeObject *type = Py_TYPE(op);
    dk_producer *p = self->p;

    PyObject_GC_UnTrack(op);
    if (self->weakrefs != NULL)
        PyObject_ClearWeakRefs(op);
    unlink_producer(self);
    self->p = NULL;
    if (p != NULL && self->pid == (long)getpid()) {
        if (is_sending(p))
            adopt(self->state, p);
        else
            native_free_later(free_producer, p);
    }
    free_reports(self);
    producer_clear(op);
    type->tp_free(op);
    Py_DECREF(type);
}

/* ---- waiting ------------------------------------------------------------------------------------------------------ */

static PyObject *
producer_poll(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {.func = "poll", .names = {"timeout", NULL}};
    ProducerObject *self = (ProducerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS];
    int64_t deadline;
    int ms, count = 0;
    dk_status st;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_timeout_ms(a[0], &ms) < 0 ||
        native_producer_enter(self) < 0)
        return NULL;
    deadline = native_deadline(ms);
    for (;;) {
        if (native_producer_events(self, &count) < 0)
            return NULL;
        if (count > 0 || self->p == NULL || (deadline >= 0 && native_now_ms() >= deadline))
            return PyLong_FromLong(count);
        self->users++;
        Py_BEGIN_ALLOW_THREADS
        st = dk_producer_wait_event(self->p, native_left_ms(deadline, NATIVE_SLICE_MS));
        Py_END_ALLOW_THREADS
        self->users--;
        if (st != DK_OK && st != DK_ETIMEOUT)
            return native_raise(self->state, st, NULL);
        if (PyErr_CheckSignals() < 0)
            return NULL;
    }
}

/* Records that are left at the deadline, or -1 with an exception. */
static Py_ssize_t
flush(ProducerObject *self, int64_t deadline)
{
    size_t left = 0;
    int count = 0;

    for (;;) {
        dk_error err = {.code = DK_OK};
        dk_status st;

        self->users++;
        Py_BEGIN_ALLOW_THREADS
        st = dk_producer_flush(self->p, native_left_ms(deadline, NATIVE_SLICE_MS), &left, &err);
        Py_END_ALLOW_THREADS
        self->users--;
        if (st != DK_OK && st != DK_ETIMEOUT) {
            native_raise(self->state, st, &err);
            return -1;
        }
        if (native_producer_events(self, &count) < 0)
            return -1;
        if (self->p == NULL)
            return 0;
        left = dk_producer_len(self->p);
        if (left == 0 || (deadline >= 0 && native_now_ms() >= deadline))
            return (Py_ssize_t)left;
        if (PyErr_CheckSignals() < 0)
            return -1;
    }
}

static PyObject *
producer_flush(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {.func = "flush", .names = {"timeout", NULL}};
    ProducerObject *self = (ProducerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS];
    Py_ssize_t left;
    int ms;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_timeout_ms(a[0], &ms) < 0 ||
        native_producer_enter(self) < 0)
        return NULL;
    left = flush(self, native_deadline(ms));
    return left < 0 ? NULL : PyLong_FromSsize_t(left);
}

static PyObject *
producer_close(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {.func = "close", .names = {"timeout", NULL}};
    ProducerObject *self = (ProducerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS];
    Py_ssize_t left;
    int ms;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_timeout_ms(a[0], &ms) < 0)
        return NULL;
    if (self->p == NULL)
        return PyLong_FromLong(0);
    left = flush(self, native_deadline(ms));
    if (left < 0)
        return NULL;
    if (left == 0 && self->users == 0 && self->p != NULL) { /* else another thread is inside: dealloc frees it */
        dk_producer *p = self->p;

        self->p = NULL;
        unlink_producer(self);
        Py_BEGIN_ALLOW_THREADS
        dk_producer_free(p);
        Py_END_ALLOW_THREADS
    }
    self->closed = self->p == NULL;
    return PyLong_FromSsize_t(left);
}

static PyObject *
producer_purge(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {.func = "purge", .names = {"in_queue", "in_flight", "blocking", NULL}};
    ProducerObject *self = (ProducerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS];
    int flags[3];
    dk_error err = {.code = DK_OK};
    dk_status st;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_producer_enter(self) < 0)
        return NULL;
    for (int i = 0; i < 3; i++) {
        flags[i] = a[i] != NULL ? PyObject_IsTrue(a[i]) : 1;
        if (flags[i] < 0)
            return NULL;
    }
    self->users++;
    Py_BEGIN_ALLOW_THREADS
    st = dk_producer_purge(self->p, flags[0], flags[1], flags[2], &err);
    Py_END_ALLOW_THREADS
    self->users--;
    return st != DK_OK ? native_raise(self->state, st, &err) : Py_NewRef(Py_None);
}

/* ---- questions ---------------------------------------------------------------------------------------------------- */

static PyObject *
producer_list_topics(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {.func = "list_topics", .names = {"topic", "timeout", NULL}};
    ProducerObject *self = (ProducerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS], *result;
    const char *topic = NULL;
    dk_metadata *meta = NULL;
    dk_error err = {.code = DK_OK};
    dk_status st;
    int ms;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_timeout_ms(a[1], &ms) < 0 ||
        native_producer_enter(self) < 0)
        return NULL;
    if (a[0] != NULL && a[0] != Py_None && native_str(a[0], "topic", &topic) < 0)
        return NULL;
    self->users++;
    Py_BEGIN_ALLOW_THREADS
    st = dk_producer_metadata(self->p, topic, ms, &meta, &err);
    Py_END_ALLOW_THREADS
    self->users--;
    if (st != DK_OK)
        return native_raise(self->state, st, &err);
    result = native_metadata(self->state, meta);
    dk_metadata_free(meta);
    return result;
}

static PyObject *
producer_set_sasl_credentials(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {
        .func = "set_sasl_credentials", .required = 2, .names = {"username", "password", NULL}};
    ProducerObject *self = (ProducerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS];
    const char *username, *password;
    dk_error err = {.code = DK_OK};
    dk_status st;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_producer_enter(self) < 0 ||
        native_str(a[0], "username", &username) < 0 || native_str(a[1], "password", &password) < 0)
        return NULL;
    st = dk_producer_sasl_credentials(self->p, username, password, &err);
    return st != DK_OK ? native_raise(self->state, st, &err) : Py_NewRef(Py_None);
}

static PyObject *
producer_counters(PyObject *op, PyObject *ignored)
{
    ProducerObject *self = (ProducerObject *)op;
    dk_producer_counters n = {0};

    (void)ignored;
    if (self->p != NULL)
        dk_producer_counters_get(self->p, &n);
    return Py_BuildValue("{sKsKsKsK}", "produced", (unsigned long long)n.produced, "delivered",
                         (unsigned long long)n.delivered, "failed", (unsigned long long)n.failed, "events_dropped",
                         (unsigned long long)n.events_dropped);
}

static Py_ssize_t
producer_len(PyObject *op)
{
    ProducerObject *self = (ProducerObject *)op;

    return self->p != NULL ? (Py_ssize_t)dk_producer_len(self->p) : 0;
}

static int
producer_bool(PyObject *op)
{
    (void)op;
    return 1; /* not its length: an idle producer is a producer */
}

/* ---- transactions ------------------------------------------------------------------------------------------------- */

typedef dk_status (*transaction_call)(dk_producer *p, int timeout_ms, dk_error *err);

static PyObject *
transaction(PyObject *op, const char *name, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
            transaction_call call)
{
    native_signature sig = {.func = name, .names = {"timeout", NULL}};
    ProducerObject *self = (ProducerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS];
    dk_error err = {.code = DK_OK};
    dk_status st;
    int ms, count = 0;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_timeout_ms(a[0], &ms) < 0 ||
        native_producer_enter(self) < 0)
        return NULL;
    self->users++;
    Py_BEGIN_ALLOW_THREADS
    st = call(self->p, ms, &err);
    Py_END_ALLOW_THREADS
    self->users--;
    if (st != DK_OK)
        return native_raise(self->state, st, &err);
    return native_producer_events(self, &count) < 0 ? NULL : Py_NewRef(Py_None);
}

#define TRANSACTION(name)                                                                                            \
    static PyObject *producer_##name(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)       \
    {                                                                                                                \
        return transaction(op, #name, args, nargs, kwnames, dk_producer_##name);                                     \
    }
TRANSACTION(init_transactions)
TRANSACTION(commit_transaction)
TRANSACTION(abort_transaction)

static PyObject *
producer_begin_transaction(PyObject *op, PyObject *ignored)
{
    ProducerObject *self = (ProducerObject *)op;
    dk_error err = {.code = DK_OK};
    dk_status st;

    (void)ignored;
    if (native_producer_enter(self) < 0)
        return NULL;
    st = dk_producer_begin_transaction(self->p, &err);
    return st != DK_OK ? native_raise(self->state, st, &err) : Py_NewRef(Py_None);
}

static PyObject *
producer_enter(PyObject *op, PyObject *ignored)
{
    (void)ignored;
    return native_producer_enter((ProducerObject *)op) < 0 ? NULL : Py_NewRef(op);
}

static PyObject *
producer_exit(PyObject *op, PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *left;

    (void)args;
    (void)nargs;
    left = producer_close(op, NULL, 0, NULL);
    if (left == NULL)
        return NULL;
    Py_DECREF(left);
    Py_RETURN_NONE;
}

/* ---- type --------------------------------------------------------------------------------------------------------- */

PyDoc_STRVAR(
    producer_doc,
    "Producer(config, /, *, logger=None, max_block=60.0, on_refused=None)\n--\n\n"
    "confluent_kafka's Producer. config may hold error_cb, stats_cb, throttle_cb, oauth_cb, on_delivery, logger;\n"
    "callbacks run on the thread that is inside poll(), flush() or a produce() that waits for room.\n"
    "max_block: how long produce() waits for room in a full queue before it raises BufferError.\n"
    "on_refused: called with (ticket, error, topic, headers) for a copy of forward() that was not delivered.");

/* clang-format off */
#define FAST(name, text) {#name, NATIVE_METHOD(producer_##name), NATIVE_FAST, PyDoc_STR(text)}
#define NOARGS(name, text) {#name, producer_##name, METH_NOARGS, PyDoc_STR(#name "($self, /)\n--\n\n" text)}
/* clang-format on */

static PyMethodDef producer_methods[] = {
    FAST(produce,
         "produce($self, /, topic, value=None, key=None, partition=-1, callback=None, on_delivery=None, timestamp=0, "
         "headers=None)\n--\n\nQueue one record. Waits for room in a full queue, then raises BufferError."),
    FAST(produce_many, "produce_many($self, /, topic, values, keys=None, *, partition=-1, timestamp=0, headers=None, "
                       "on_delivery=None, value_encoder=None, key_encoder=None)\n--\n\n"
                       "Queue many records of one topic. Returns how many."),
    FAST(write,
         "write($self, /, topic, value, encoder=None, key=None, key_encoder=None)\n--\n\nproduce() and poll(0) of a "
         "value and a key alone, of which their\nencoders, (AvroSchema, prefix), make bytes."),
    FAST(forward, "forward($self, /, source, topic, headers=None, timestamp=0)\n--\n\nQueue a copy of the message in "
                  "hand of a Batch, or of a Ticket's, which is\n"
                  "finished when the broker has confirmed the copy."),
    FAST(poll, "poll($self, /, timeout=None)\n--\n\nRun the callables of events that wait, or of the first that "
               "comes within\n"
               "timeout. Returns how many events there were."),
    FAST(flush,
         "flush($self, /, timeout=None)\n--\n\nWait until everything is delivered or has failed, running callables.\n"
         "Returns how many records are left."),
    FAST(purge,
         "purge($self, /, in_queue=True, in_flight=True, blocking=True)\n--\n\nGive up what is not delivered yet."),
    FAST(list_topics, "list_topics($self, /, topic=None, timeout=-1)\n--\n\nClusterMetadata."),
    FAST(
        create_topic,
        "create_topic($self, /, name, partitions=-1, replication=-1, config=None, timeout=None)\n--\n\nMake a topic. "
        "Returns False if it was there."),
    FAST(describe_topic, "describe_topic($self, /, name, timeout=None)\n--\n\nPartitions and replication factor of a "
                         "topic, None if there is none."),
    FAST(set_sasl_credentials,
         "set_sasl_credentials($self, /, username, password)\n--\n\nFor connections made from now on."),
    FAST(init_transactions, "init_transactions($self, /, timeout=None)\n--\n\nGet ready for transactions."),
    NOARGS(begin_transaction, "Begin a transaction."),
    FAST(commit_transaction, "commit_transaction($self, /, timeout=None)\n--\n\nFlush and commit."),
    FAST(abort_transaction, "abort_transaction($self, /, timeout=None)\n--\n\nPurge and abort."),
    NOARGS(counters, "What the engine counted."),
    FAST(close,
         "close($self, /, timeout=None)\n--\n\nFlush, then end, unless records are left. Returns how many are."),
    {"__enter__", producer_enter, METH_NOARGS, NULL},
    {"__exit__", NATIVE_METHOD(producer_exit), METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyObject *
producer_copies(PyObject *op, void *closure)
{
    ProducerObject *self = (ProducerObject *)op;

    (void)closure;
    return PyLong_FromSize_t(self->p != NULL ? dk_producer_copies(self->p) : 0);
}

static PyGetSetDef producer_getset[] = {
    {"copies", producer_copies, NULL, "Copies that are not confirmed, or were refused and not dealt with.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef producer_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(ProducerObject, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot producer_slots[] = {
    {Py_tp_doc, (void *)producer_doc}, {Py_tp_new, producer_new},           {Py_tp_init, producer_init},
    {Py_tp_dealloc, producer_dealloc}, {Py_tp_traverse, producer_traverse}, {Py_tp_clear, producer_clear},
    {Py_tp_methods, producer_methods}, {Py_tp_members, producer_members},   {Py_tp_getset, producer_getset},
    {Py_sq_length, producer_len},      {Py_nb_bool, producer_bool},         {0, NULL},
};

PyType_Spec native_producer_spec = {
    .name = "django_kafka._native.Producer",
    .basicsize = sizeof(ProducerObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = producer_slots,
};
