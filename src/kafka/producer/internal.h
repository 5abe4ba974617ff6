/* SPDX-License-Identifier: MIT
 *
 * The producer's parts: what its files share.
 *
 * Callers hand records straight to librdkafka; a thread of the producer's own serves the main queue, counts delivery
 * reports and queues those that somebody waits for, so nothing piles up when nobody polls.
 *
 * Locks. There are two, and producing to a known topic takes neither. `topics.lock` is held while a topic is added;
 * librdkafka may log meanwhile, so the lock of the event queue comes after it and is the innermost. None is held when
 * the thread answers a ticket, which takes the consumer's lock.
 */
#ifndef DK_KAFKA_PRODUCER_INTERNAL_H
#define DK_KAFKA_PRODUCER_INTERNAL_H

#include "dk/forward.h"
#include "dk/producer.h"
#include "kafka/client/internal.h"

/* ---- topic_table.c: the topics that were written to ------------------------------------------------------------ */

#define DK__TOPIC_BUCKETS 64

typedef struct dk__topic {
    struct dk__topic *next;
    rd_kafka_topic_t *rkt;
    char name[];
} dk__topic;

/* A table that only grows: finding takes no lock. */
typedef struct dk__topic_table {
    const dk_alloc *alloc;
    pthread_mutex_t lock;                            /* for adding; before the lock of the event queue */
    _Atomic(dk__topic *) last;                       /* the one that was found last; written by every caller */
    _Atomic(dk__topic *) buckets[DK__TOPIC_BUCKETS]; /* written with the lock, read without */
} dk__topic_table;

void dk__topics_init(dk__topic_table *table, const dk_alloc *alloc);
void dk__topics_fini(dk__topic_table *table);
DK_MUST_CHECK dk_status dk__topics_get(dk__topic_table *table, rd_kafka_t *rk, const char *name,
                                       const dk__topic **out, dk_error *err);

/* ---- the handle ------------------------------------------------------------------------------------------------ */

struct dk_producer {
    /* Written before the handle is given out, and not again. */
    dk__events *events; /* first: librdkafka's callbacks find it through the opaque */
    const dk_alloc *alloc;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    dk__conf_info info;
    dk_tokens *tokens; /* NULL: it needs none */
    unsigned fork_generation;
    bool room_wake_made, event_wake_made;
    pthread_t thread;

    bool thread_started; /* by dk__service_start() and _stop() */
    atomic_bool quit;    /* by dk__service_stop() */
    dk__wake room_wake, event_wake;
    atomic_uint room_waiters; /* by callers that wait for room */
    atomic_ullong full_at;    /* what `settled` was when the queue was found full; by callers that produce */

    dk__topic_table topics;

    char pad1[64];          /* what callers write and what the service thread writes are on different cache lines */
    atomic_ullong produced; /* by callers that produce: in librdkafka's queue, or about to be */
    char pad2[64];
    /* By the service thread. */
    atomic_ullong delivered, failed;
    atomic_ullong reported; /* of those, the ones whose report is queued if somebody waits for it */
    atomic_ullong settled;  /* of those, the ones whose memory librdkafka has back */
    atomic_size_t copies;   /* forwarded, not reported; counted up by dk_producer_forward() */
};

/* ---- copies.c: what librdkafka carries for a copy that answers a ticket ---------------------------------------- */

void *dk__copy_opaque(const dk_ticket *ticket);
bool dk__is_copy(const void *opaque);
dk_ticket dk__copy_ticket(void *opaque);
void dk__copy_confirmed(void *opaque);

/* ---- reports.c ------------------------------------------------------------------------------------------------- */

/* DELIVERY: a copy of those of the n reports (at most DK__MAX_REPORTS) that have an opaque or failed. Failed ones
 * without an opaque are dropped (and counted) when many wait already, and carry no value. Returns false if there was
 * no memory: nothing was queued then, try again later. Delivered ones without an opaque cost nothing here. */
#define DK__MAX_REPORTS 256
DK_MUST_CHECK bool dk__reports_push(dk__events *q, const rd_kafka_message_t *const *msgs, size_t n);

/* ---- service.c ------------------------------------------------------------------------------------------------- */

DK_MUST_CHECK dk_status dk__service_start(dk_producer *p, dk_error *err);
void dk__service_stop(dk_producer *p);
/* After the stop: have librdkafka report the copies that are on their way as failed, so that their tickets come back.
 */
void dk__service_give_up_copies(dk_producer *p);

/* ---- producer.c ------------------------------------------------------------------------------------------------ */

/* DK_EINVAL for NULL, DK_EFORKED in a child; *err is left alone when it is fine. */
dk_status dk__producer_enter(const dk_producer *p, dk_error *err);

/* ---- send.c ---------------------------------------------------------------------------------------------------- */

/* Reports that nobody takes must not grow without bound; librdkafka no longer counts their messages. */
bool dk__reports_full(const dk_producer *p);
/* Checks a record, whose opaque may be a copy's, and finds its topic; then one goes into librdkafka's queue. */
DK_MUST_CHECK dk_status dk__send_begin(dk_producer *p, const dk_record *rec, const dk__topic **t, dk_error *err);
DK_MUST_CHECK dk_status dk__send_one(dk_producer *p, const dk__topic *t, const dk_record *rec, dk_error *err);

#endif
