/* SPDX-License-Identifier: MIT
 *
 * Consumer: the object, and its methods by file.
 */
#ifndef DK_BINDING_CONSUMER_CONSUMER_H
#define DK_BINDING_CONSUMER_CONSUMER_H

#include <stdbool.h>

#include "base/client.h"
#include "consumer/core.h"

typedef struct ConsumerObject {
    PyObject_HEAD native_state *state;
    dk_consumer *c;
    dk_tokens *tokens; /* NULL: it needs none */
    long pid;          /* of the process that made it */
    native_topics *topics;
    native_callbacks cbs;
    PyObject *on_assign, *on_revoke, *on_lost;
    PyObject *on_rebalance;       /* an attribute: who sets it is told, and nothing waits for it */
    PyObject *on_partition_error; /* an attribute: gets what fetch() and close() have no message for */
    bool auto_store, closed;
    bool busy;  /* a thread is inside fetch, poll, consume or close */
    bool woken; /* wake() was called */

    /* What poll() and consume() handed out and walk through. */
    native_core *hand;
    int32_t pending;    /* taken from hand but not handed out yet, -1: none */
    bool listed;        /* consume() has claimed what is left of hand */
    dk_ticket *tickets; /* of messages that consume() handed out of batches before hand */
    size_t n_tickets, cap_tickets;
    PyObject *given_message, *given_lists[2]; /* what was given away last; see given.c */
    PyObject *stash;                          /* list of messages that consume() could not hand out, NULL: none */
    PyObject *weakrefs;
} ConsumerObject;

extern PyType_Spec native_consumer_spec;

/* ---- events.c -------------------------------------------------------------------------------------------------- */

int native_consumer_enter(ConsumerObject *self); /* -1 with RuntimeError when closed */
/* Run the callables of the events that wait. If message is not NULL, an error of a partition ends it and becomes
 * *message. -1 with an exception. */
int native_consumer_events(ConsumerObject *self, PyObject **message);

/* ---- hand.c: what poll() and consume() handed out -------------------------------------------------------------- */

int native_hand_take(ConsumerObject *self, dk_batch *b); /* takes b; -1 with MemoryError */
int32_t native_hand_next(ConsumerObject *self);          /* index of the next message of `hand`, -1 at its end */
/* What was handed out is finished. Afterwards `pending` is the next message in hand, or hand is NULL. */
void native_hand_move_on(ConsumerObject *self);
void native_hand_finish(ConsumerObject *self); /* commit(): what poll() and consume() handed out counts as finished */
void native_hand_drop(ConsumerObject *self);   /* give back what is in hand */

/* ---- given.c --------------------------------------------------------------------------------------------------- */

/* At the beginning of a call: what was given away before, and is kept, stands alone from now on. */
void native_given_look(ConsumerObject *self);
PyObject *native_given(ConsumerObject *self, PyObject *result); /* remember a result; returns it */

/* ---- methods --------------------------------------------------------------------------------------------------- */

#define XX(name) PyObject *consumer_##name(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
/* consume.c */
XX(fetch)
XX(poll)
XX(consume)
/* subscription.c */
XX(subscribe)
/* position.c */
XX(assign)
XX(incremental_assign)
XX(incremental_unassign)
XX(pause)
XX(resume)
XX(seek)
XX(position)
XX(committed)
XX(offsets_for_times)
XX(get_watermark_offsets)
/* commit.c */
XX(store_offsets)
XX(commit)
/* close.c */
XX(close)
#undef XX

#define XX(name) PyObject *consumer_##name(PyObject *op, PyObject *ignored);
/* subscription.c */
XX(unsubscribe)
XX(subscription)
XX(memberid)
/* position.c */
XX(unassign)
XX(assignment)
/* counters.c */
XX(counters)
XX(partition_counters)
#undef XX

#endif
