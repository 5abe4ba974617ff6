/* SPDX-License-Identifier: MIT
 *
 * Producer: making and ending it, and its type.
 */
#include <unistd.h>

#include "base/args.h"
#include "base/errors.h"
#include "base/times.h"
#include "base/tokens.h"
#include "producer/producer.h"

#include "dk/forward.h"

/* ---- making and ending ----------------------------------------------------------------------------------------- */

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
    return cbs->error_cb == NULL && cbs->stats_cb == NULL && cbs->throttle_cb == NULL && cbs->on_delivery == NULL;
}

static native_client
client_of(PyObject *op)
{
    ProducerObject *self = (ProducerObject *)op;

    return (native_client){.state = self->state, .cbs = &self->cbs, .producer = self->p, .tokens = self->tokens};
}

static void
free_now(ProducerObject *self)
{
    dk_producer *p = self->p;

    self->p = NULL;
    Py_BEGIN_ALLOW_THREADS
    dk_producer_free(p);
    Py_END_ALLOW_THREADS
}

/* A client without a token is none. */
static int
begin_tokens(ProducerObject *self)
{
    PyObject *exc;

    self->tokens = dk_producer_tokens(self->p);
    if (native_tokens_begin((PyObject *)self, client_of) == 0)
        return 0;
    exc = PyErr_GetRaisedException();
    free_now(self);
    PyErr_SetRaisedException(exc);
    return -1;
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
        rc = native_exit_register(self->state);
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
        rc = begin_tokens(self);
    if (rc == 0)
        link_producer(self);
    return rc;
}

static int
begin(ProducerObject *self, PyObject *dict, PyObject *logger, PyObject *max_block, PyObject *on_refused)
{
    self->max_block_ms = 60000;
    if (max_block != NULL && native_timeout_ms(max_block, &self->max_block_ms) < 0)
        return -1;
    if (native_callable(on_refused, "on_refused", &on_refused) < 0)
        return -1;
    self->on_refused = Py_XNewRef(on_refused);
    native_orphans_sweep(self->state);
    return make_producer(self, dict, logger);
}

static int
producer_init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"", "logger", "max_block", "on_refused", NULL};
    ProducerObject *self = (ProducerObject *)op;
    PyObject *dict, *options, *one, *logger = NULL, *max_block = NULL, *on_refused = NULL;
    int rc = -1;

    if (self->p != NULL || self->closed) {
        PyErr_SetString(PyExc_RuntimeError, "Producer.__init__() was called twice");
        return -1;
    }
    one = native_config_args(args, kwargs, (const char *const *)&names[1], &options);
    if (one == NULL)
        return -1;
    if (PyArg_ParseTupleAndKeywords(one, options, "O|$OOO:Producer", names, &dict, &logger, &max_block, &on_refused))
        rc = begin(self, dict, logger, max_block, on_refused);
    Py_DECREF(options);
    Py_DECREF(one);
    return rc;
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
    dk_tokens_stop(self->tokens);
    dk_tokens_unref(self->tokens);
    if (p != NULL && self->pid == (long)getpid())
        native_orphan_adopt(self->state, p);
    native_reports_free(self);
    producer_clear(op);
    type->tp_free(op);
    Py_DECREF(type);
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
        Py_RETURN_TRUE;
    left = native_producer_flush(self, native_deadline(ms));
    if (left < 0)
        return NULL;
    if (left == 0 && self->users == 0 && self->p != NULL) { /* else another thread is inside: dealloc frees it */
        unlink_producer(self);
        free_now(self);
    }
    self->closed = self->p == NULL;
    return PyBool_FromLong(left == 0);
}

/* ---- questions ------------------------------------------------------------------------------------------------- */

static PyObject *
producer_list_topics(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    ProducerObject *self = (ProducerObject *)op;
    native_client client = client_of(op);
    const char *topic;
    PyObject *result;
    int ms;

    if (native_metadata_args(args, nargs, kwnames, &topic, &ms) < 0 || native_producer_enter(self) < 0)
        return NULL;
    self->users++;
    result = native_client_metadata(&client, topic, ms);
    self->users--;
    return result;
}

static PyObject *
producer_cluster_id(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    ProducerObject *self = (ProducerObject *)op;
    native_client client = client_of(op);
    PyObject *result;
    int ms;

    if (native_cluster_id_args(args, nargs, kwnames, &ms) < 0 || native_producer_enter(self) < 0)
        return NULL;
    self->users++;
    result = native_client_cluster_id(&client, ms);
    self->users--;
    return result;
}

static PyObject *
producer_set_sasl_credentials(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    ProducerObject *self = (ProducerObject *)op;
    native_client client = client_of(op);
    const char *pair[2];

    if (native_sasl_args(args, nargs, kwnames, pair) < 0 || native_producer_enter(self) < 0)
        return NULL;
    return native_client_sasl(&client, pair);
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

/* ---- type ------------------------------------------------------------------------------------------------------ */

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
    FAST(produce_batch, "produce_batch($self, /, topic, messages, partition=-1, on_delivery=None)\n--\n\n"
                        "produce() for each dict of a list. One that is refused gets an `_error`.\n"
                        "Returns how many were queued."),
    FAST(cluster_id, "cluster_id($self, /, timeout=-1)\n--\n\nThe cluster's id."),
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
    {"limit_exit_flush", native_limit_exit_flush, METH_O | METH_CLASS,
     PyDoc_STR("limit_exit_flush($type, seconds, /)\n--\n\nHow long the end of this process waits for deliveries.")},
    FAST(close,
         "close($self, /, timeout=None)\n--\n\nFlush, then end, unless records are left: then it returns False."),
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
