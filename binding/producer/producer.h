/* SPDX-License-Identifier: MIT
 *
 * Producer: the object, and its methods by file.
 */
#ifndef DK_BINDING_PRODUCER_PRODUCER_H
#define DK_BINDING_PRODUCER_PRODUCER_H

#include <stdbool.h>

#include "base/client.h"

/* A delivery callable and how many reports it still waits for; the opaque of its records. */
typedef struct native_report {
    struct native_report *prev, *next;
    PyObject *callback;
    size_t waiting;
} native_report;

/* Written by whoever holds the GIL. */
typedef struct ProducerObject {
    PyObject_HEAD native_state *state;
    dk_producer *p;
    dk_tokens *tokens; /* NULL: it needs none */
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

extern PyType_Spec native_producer_spec;

/* ---- deliveries.c ---------------------------------------------------------------------------------------------- */

int native_producer_enter(ProducerObject *self); /* -1 with RuntimeError when closed */
/* A report that waits for n deliveries; NULL without an exception when there is no callable. */
int native_report_new(ProducerObject *self, PyObject *callback, size_t n, native_report **out);
void native_report_done(ProducerObject *self, native_report *r, size_t n);
void native_reports_free(ProducerObject *self);
int native_producer_events(ProducerObject *self, int *count); /* run callables; -1 with an exception */

/* ---- wait.c ---------------------------------------------------------------------------------------------------- */

/* What comes of a call that queues and returned st: 0 it is queued; 1 there is room again, or perhaps; -1 with an
 * exception: BufferError at the deadline, what a callable or a signal handler raised, or the call's error. *deadline
 * is 0 at first. */
int native_queued(ProducerObject *self, dk_status st, const dk_error *err, int64_t *deadline);
Py_ssize_t native_producer_flush(ProducerObject *self, int64_t deadline); /* what is left, -1 with an exception */

/* ---- produce.c: what produce() and produce_many() have in common ----------------------------------------------- */

int native_record_of(PyObject *topic, PyObject *partition, PyObject *timestamp, dk_record *rec);
int native_callback_of(ProducerObject *self, PyObject *callback, PyObject *on_delivery, PyObject **out);

/* ---- at_exit.c ------------------------------------------------------------------------------------------------- */

PyObject *native_limit_exit_flush(PyObject *cls, PyObject *seconds);
int native_exit_register(native_state *state); /* once per process; -1 with an exception */
void native_orphan_adopt(native_state *state,
                         dk_producer *p);       /* takes p, and frees it when its records are delivered */
void native_orphans_sweep(native_state *state); /* free those that are done */

/* ---- methods --------------------------------------------------------------------------------------------------- */

#define XX(name) PyObject *producer_##name(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
/* produce.c, produce_many.c, produce_batch.c, forward.c */
XX(produce)
XX(write)
XX(produce_many)
XX(produce_batch)
XX(forward)
/* wait.c */
XX(poll)
XX(flush)
XX(purge)
/* topics.c */
XX(create_topic)
XX(describe_topic)
/* transactions.c */
XX(init_transactions)
XX(commit_transaction)
XX(abort_transaction)
#undef XX
PyObject *producer_begin_transaction(PyObject *op, PyObject *ignored);

#endif
