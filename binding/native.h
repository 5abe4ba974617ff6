/* SPDX-License-Identifier: MIT
 *
 * What the files of the binding share: the module's state, its object structs, and helpers across files.
 *
 * The binding turns engine objects into Python objects and back and does nothing else. It sees include/dk only. The
 * engine never calls up: its events are taken from queues and their Python callables run here, on the caller's thread.
 */
#ifndef DK_BINDING_NATIVE_H
#define DK_BINDING_NATIVE_H

#include "shims.h"

#include "dk/dk.h"

/* ---- module.c: state --------------------------------------------------------------------------------------------- */

/* Classes of confluent_kafka, imported when one is first needed. */
#define NATIVE_VOCAB_MAP(XX)                                                                                         \
    XX(KafkaError, "confluent_kafka")                                                                                \
    XX(KafkaException, "confluent_kafka")                                                                            \
    XX(TopicPartition, "confluent_kafka")                                                                            \
    XX(ThrottleEvent, "confluent_kafka")                                                                             \
    XX(ClusterMetadata, "confluent_kafka.admin")                                                                     \
    XX(BrokerMetadata, "confluent_kafka.admin")                                                                      \
    XX(TopicMetadata, "confluent_kafka.admin")                                                                       \
    XX(PartitionMetadata, "confluent_kafka.admin")

typedef enum native_class {
#define XX(name, module) NATIVE_##name,
    NATIVE_VOCAB_MAP(XX)
#undef XX
        NATIVE_CLASSES
} native_class;

struct ProducerObject;
struct MessageObject;

typedef struct native_state {
    PyObject *module; /* borrowed: the state is part of it */
    PyTypeObject *message_type, *batch_type, *ticket_type, *consumer_type, *producer_type, *broker_type, *route_type;
    PyObject *config_error, *forked_error, *concurrent_use, *stopped;
    PyObject *kafka_config_error; /* ConfigError that is also a KafkaException; made when first raised */
    PyObject *vocab[NATIVE_CLASSES];
    PyObject *logger;                 /* of clients that were given none; made when first needed */
    PyObject *avro;                   /* AvroCore: what the codec needs of Python (native_avro.h) */
    struct ProducerObject *producers; /* all that are alive, for the flush at exit */
    dk_producer **orphans;            /* of producers that were dropped while records were on their way */
    size_t n_orphans;
    long exit_pid; /* process in which the exit hook is registered */
    bool cleared;
    unsigned n_free;
    struct MessageObject *free_messages[NATIVE_FREELIST + 1];
} native_state;

extern PyModuleDef native_def;

/* fn(arg) on a thread of its own, or here if there can be none. */
void native_free_later(void (*fn)(void *), void *arg);

native_state *native_state_of(PyTypeObject *type); /* of a type of ours, or of a subclass; NULL with an error */

/* ---- vocab.c: confluent_kafka's classes --------------------------------------------------------------------------- */

PyObject *native_vocab(native_state *state, native_class which); /* borrowed */
PyObject *native_kafka_error(native_state *state, int code, const char *text, bool fatal, bool retriable, bool abort);
PyObject *native_kafka_error_or_none(native_state *state, int code, const char *text);
/* A sequence of TopicPartition-like objects into an empty list (fini it also after an error). NULL or None: no items. */
int native_partitions_from(native_state *state, PyObject *seq, dk_partitions *out);
int native_partition_add(native_state *state, PyObject *obj, dk_partitions *out);
PyObject *native_partitions_list(native_state *state, const dk_partitions *parts);
PyObject *native_metadata(native_state *state, const dk_metadata *meta);

/* ---- errors.c ----------------------------------------------------------------------------------------------------- */

int native_add_exceptions(PyObject *module, native_state *state);
/* The one mapping of statuses to exceptions. Always returns NULL. err may be NULL. */
PyObject *native_raise(native_state *state, dk_status st, const dk_error *err);
PyObject *native_raise_config(native_state *state, PyObject *key, const char *fmt, ...);

/* ---- args.c ------------------------------------------------------------------------------------------------------- */

#define NATIVE_MAX_ARGS 12

typedef struct native_signature {
    const char *func;
    int required;
    const char *names[NATIVE_MAX_ARGS + 1]; /* ends with NULL */
} native_signature;

/* Arguments by position or name into out[] (borrowed, NULL where absent). -1 with TypeError. */
int native_args(const native_signature *sig, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
                PyObject **out);
/* Seconds to milliseconds; NULL, None and negative numbers are -1 (for ever). */
int native_timeout_ms(PyObject *seconds, int *ms);
int native_delay_ms(PyObject *seconds, const char *what, int64_t *ms); /* not negative, no None */
int native_callable(PyObject *obj, const char *what, PyObject **out);  /* borrowed; None and NULL give NULL */
int native_str(PyObject *obj, const char *what, const char **out);     /* no embedded NUL */
int64_t native_now_ms(void);
int64_t native_deadline(int timeout_ms);            /* -1 for ever */
int native_left_ms(int64_t deadline, int slice_ms); /* what is left, at most a slice */

#define NATIVE_SLICE_MS 100

/* ---- config.c ----------------------------------------------------------------------------------------------------- */

#define NATIVE_CALLBACK_MAP(XX)                                                                                      \
    XX(error_cb)                                                                                                     \
    XX(stats_cb)                                                                                                     \
    XX(throttle_cb)                                                                                                  \
    XX(oauth_cb)                                                                                                     \
    XX(on_commit)                                                                                                    \
    XX(on_delivery)

typedef struct native_callbacks {
#define XX(name) PyObject *name;
    NATIVE_CALLBACK_MAP(XX)
#undef XX
    PyObject *logger;
} native_callbacks;

int native_callbacks_visit(native_callbacks *cbs, visitproc visit, void *arg);
void native_callbacks_clear(native_callbacks *cbs);

int native_logger(PyObject *value, PyObject **slot); /* keep a logger; None leaves the slot alone */

typedef struct native_config {
    dk_pair *pairs;
    size_t n;
    bool only_errors; /* delivery.report.only.error */
    PyObject *keep;   /* list that owns the strings of the pairs */
    bool auto_store;
} native_config;

/* A configuration dict into pairs and callables. -1 with ConfigError or TypeError; native_config_fini() in any case. */
int native_config_parse(native_state *state, PyObject *dict, native_callbacks *cbs, native_config *out);
void native_config_fini(native_config *conf);

/* ---- events.c ----------------------------------------------------------------------------------------------------- */

/* Who an event belongs to; oauth answers go back to one of the two. */
typedef struct native_client {
    native_state *state;
    native_callbacks *cbs;
    dk_consumer *consumer;
    dk_producer *producer;
} native_client;

/* Run the callable of an event that both clients have (not assignments, deliveries). -1 with the callable's exception. */
int native_event_run(native_client *client, const dk_event *ev);
/* Log a line; errors of the logger are reported as unraisable. */
void native_log(native_state *state, PyObject *logger, int level, const char *fmt, ...);

/* ---- message.c ---------------------------------------------------------------------------------------------------- */

/* Interned topic names of a consumer, by the engine's topic id; shared by the consumer and its batches. */
typedef struct native_topics {
    native_refs refs;
    uint32_t cap;
    PyObject **names;
} native_topics;

native_topics *native_topics_new(void);
void native_topics_unref(native_topics *t);

/* A dk_batch with a count: the Batch, the messages read from it and tickets share it, without reference cycles. */
typedef struct native_core {
    native_refs refs;
    native_state *state;
    dk_batch *b;
    native_topics *topics;
} native_core;

native_core *native_core_new(native_state *state, dk_batch *b,
                             native_topics *topics); /* takes b; NULL with MemoryError */
void native_core_unref(native_core *core);
PyObject *native_core_topic(native_core *core, uint32_t index); /* new reference */

/* What a message that does not borrow knows by itself. */
typedef struct native_own {
    PyObject *partition, *offset, *leader_epoch, *latency; /* objects or NULL for None */
    int64_t timestamp;
    int timestamp_type;
} native_own;

typedef struct MessageObject {
    PyObject_HEAD native_core *core; /* NULL: stands alone */
    native_own *own;                 /* NULL: borrows */
    uint32_t index;
    PyObject *topic, *key, *value, *headers, *error; /* NULL: not made yet, or None when it stands alone */
} MessageObject;

PyObject *native_message_borrow(native_core *core, uint32_t index);
/* Make msg the message at index, if nobody else holds it; else a new one. Takes the reference msg (may be NULL). */
PyObject *native_message_reuse(MessageObject *msg, native_core *core, uint32_t index);

typedef struct native_message_fields {
    const char *topic;
    int32_t partition;
    int64_t offset;
    dk_slice key, value;
    int64_t timestamp;
    int timestamp_type;
    double latency; /* negative: None */
    int32_t leader_epoch;
    PyObject *error; /* borrowed, NULL for None */
} native_message_fields;

PyObject *native_message_new(native_state *state, const native_message_fields *fields);
void native_messages_free(native_state *state);                   /* the free list */
PyObject *native_header_list(const dk_header *headers, size_t n); /* list of pairs */

/* ---- batch.c ------------------------------------------------------------------------------------------------------ */

PyObject *native_batch_new(native_core *core);                       /* takes core */
int native_batch_defer(PyObject *batch, dk_ticket *out);             /* -1 with RuntimeError: no message is in hand */
PyObject *native_ticket_new(native_state *state, dk_ticket *ticket); /* takes the ticket; NULL: it is rejected */
dk_ticket *native_ticket_of(PyObject *ticket);

/* ---- consumer.c --------------------------------------------------------------------------------------------------- */

typedef struct ConsumerObject {
    PyObject_HEAD native_state *state;
    dk_consumer *c;
    long pid; /* of the process that made it */
    native_topics *topics;
    native_callbacks cbs;
    PyObject *on_assign, *on_revoke, *on_lost;
    bool auto_store, closed;
    bool busy;  /* a thread is inside fetch, poll, consume or close */
    bool woken; /* wake() was called */

    /* What poll() and consume() handed out and walk through. */
    native_core *hand;
    int32_t pending;    /* taken from hand but not handed out yet, -1: none */
    uint32_t listed;    /* hand's messages below were handed out by consume() */
    dk_ticket *tickets; /* of messages that consume() handed out of batches before hand */
    size_t n_tickets, cap_tickets;
    PyObject *stash; /* list of messages that consume() could not hand out, NULL: none */
    PyObject *weakrefs;
} ConsumerObject;

int native_consumer_enter(ConsumerObject *self); /* -1 with RuntimeError when closed */
/* Run the callables of the events that wait. If message is not NULL, an error of a partition ends it and becomes
 * *message. -1 with an exception. */
int native_consumer_events(ConsumerObject *self, PyObject **message);

/* consume.c: fetch, poll, consume */
PyObject *consumer_fetch(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *consumer_poll(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *consumer_consume(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
void native_hand_finish(ConsumerObject *self); /* commit(): what poll() and consume() handed out counts as finished */
void native_hand_drop(ConsumerObject *self);   /* give back what is in hand */

/* position.c: everything that asks for or changes partitions and offsets */
extern PyMethodDef consumer_methods[];

PyObject *consumer_close(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);

/* ---- producer.c --------------------------------------------------------------------------------------------------- */

/* A delivery callable and how many reports it still waits for; the opaque of its records. */
typedef struct native_report {
    struct native_report *prev, *next;
    PyObject *callback;
    size_t waiting;
} native_report;

typedef struct ProducerObject {
    PyObject_HEAD native_state *state;
    dk_producer *p;
    native_callbacks cbs;
    native_report *reports;             /* outstanding */
    native_report *spare;               /* singly linked by next */
    struct ProducerObject *prev, *next; /* list of all producers */
    int max_block_ms;
    bool closed, linked, only_errors;
    PyObject *on_refused; /* of copies; NULL: none */
    bool quiet;           /* produce() may take events: no callable of the user's would run unexpectedly */
    long pid;             /* of the process that made it */
    unsigned users;       /* threads that are inside the engine without the GIL */
    PyObject *weakrefs;
} ProducerObject;

PyObject *native_flush_producers(PyObject *module, PyObject *ignored); /* at exit */
void native_orphans_free(native_state *state);

/* records.c: produce and produce_many */
PyObject *producer_produce(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *producer_write(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *producer_produce_many(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
int native_producer_events(ProducerObject *self, int *count); /* run callables; -1 with an exception */
int native_producer_enter(ProducerObject *self);              /* -1 with RuntimeError when closed */
void native_report_done(ProducerObject *self, native_report *r, size_t n);
/* 0: try again; -1 with BufferError at the deadline, or with what a callable or a signal handler raised. *deadline is
 * 0 at first. */
int native_wait_for_room(ProducerObject *self, int64_t *deadline);

int native_slice(PyObject *obj, const char *what, dk_slice *out); /* of bytes, str or None, borrowed */

#define NATIVE_FEW_HEADERS 16

typedef struct native_headers {
    PyObject *keep; /* tuple of pairs that the slices point into */
    dk_header few[NATIVE_FEW_HEADERS], *items;
    size_t n;
} native_headers;

/* Pairs or a dict as headers. native_headers_fini() it in any case. */
int native_headers_of(PyObject *obj, native_headers *h);
void native_headers_fini(native_headers *h);

/* forward.c: copies that answer tickets */
PyObject *producer_forward(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
int native_refused(ProducerObject *self, const dk_event *ev, size_t i, dk_ticket *ticket); /* takes the ticket */

/* topics.c */
PyObject *producer_create_topic(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *producer_describe_topic(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);

/* ---- dict_form.c -------------------------------------------------------------------------------------------------- */

/* Dicts with the same keys in the same order. */
typedef struct native_form {
    PyObject *template; /* dict of the keys, values None */
    uint32_t *places;   /* of each key's value in the table of a copy; NULL: not known */
    Py_ssize_t n;
} native_form;

int native_form_init(native_form *form, PyObject *const *names, Py_ssize_t n); /* -1 with an exception; fini anyway */
void native_form_fini(native_form *form);

/* A dict for native_form_put() of each key, if there are places, else for PyDict_SetItem(). */
static inline PyObject *
native_form_dict(const native_form *form)
{
    return form->places != NULL ? PyDict_Copy(form->template) : native_dict_like(form->template, form->n);
}

/* Takes value. The dict is one that native_form_dict() has just made, with places. */
static inline void
native_form_put(const native_form *form, PyObject *dict, uint32_t i, PyObject *value)
{
    PyObject **at = (PyObject **)(void *)((char *)((PyDictObject *)dict)->ma_keys + form->places[i]), *old = *at;

    *at = value;
    Py_DECREF(old);
    if (PyType_IS_GC(Py_TYPE(value)) && !PyObject_GC_IsTracked(dict))
        PyObject_GC_Track(dict);
}

/* ---- avro.c ------------------------------------------------------------------------------------------------------ */

int native_avro_exec(PyObject *module); /* the codec's part of the module; -1 with an exception */

/* ---- types -------------------------------------------------------------------------------------------------------- */

extern PyType_Spec native_message_spec, native_batch_spec, native_ticket_spec, native_consumer_spec,
    native_producer_spec, native_broker_spec, native_route_spec;

#define NATIVE_FAST (METH_FASTCALL | METH_KEYWORDS)
#define NATIVE_METHOD(f) ((PyCFunction)(void (*)(void))(f))

#endif
