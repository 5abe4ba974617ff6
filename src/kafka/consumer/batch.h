/* SPDX-License-Identifier: MIT
 *
 * A batch and its entries: the messages of one fetch, and what is known of each.
 *
 * Who owns a message: the batch that fetched it (its home) until its reader is gone. Whoever needs it longer, or at
 * the same time (a ticket, the messages held back, the next batch that hands it out again), has a lend of it. So what
 * stays in memory is what somebody waits for, not the whole batch around it.
 */
#ifndef DK_KAFKA_CONSUMER_BATCH_H
#define DK_KAFKA_CONSUMER_BATCH_H

#include <pthread.h>
#include <stdatomic.h>

#include "dk/consumer.h"
#include "kafka/client/internal.h"

/* What is known of an entry. The walk writes QUEUED -> HANDED -> DONE or TAKEN, and QUEUED -> STALE or HELD where it
 * passes over; its ledger does the others (ledger.h). Everything else is refused. */
typedef enum dk__state {
    DK__QUEUED,   /* in the batch, not handed out yet */
    DK__HANDED,   /* in hand */
    DK__DONE,     /* handled */
    DK__TAKEN,    /* handed out for good: finished by dk_consumer_store() */
    DK__HELD,     /* not handled: given back when the batch is closed */
    DK__BACK,     /* was given back: handed out again later, from another entry */
    DK__TICKETED, /* its outcome is told by a ticket */
    DK__ANSWERED, /* and was */
    DK__STALE,    /* its partition was taken away: no outcome counts */
} dk__state;

/* A ticket that is out, in its ledger's list, the oldest first. */
typedef struct dk__slip {
    struct dk__slip *prev, *next;
    int64_t since_ms;
} dk__slip;

typedef struct dk__entry {
    rd_kafka_message_t *msg;
    struct dk__part *part;
    dk_batch *home;      /* whose message it is; NULL: this batch's own */
    dk_batch *forwarded; /* the batch of this entry, while a copy of the message is on its way (ticket.c) */
    uint32_t home_index;
    uint32_t generation;
    uint16_t lends;
    bool own; /* the reader that leaves frees the message */
    _Atomic uint8_t state;
} dk__entry;

struct dk_batch {
    dk_consumer *c;     /* one reference while in use */
    atomic_uint serial; /* of this use of the struct: a ticket of an earlier one is recognised */
    uint32_t len, cap;
    dk__entry *entries;
    dk__slip *slips; /* cap of them, NULL before the first ticket */

    /* Written by the owner, read by whoever has the lock. */
    atomic_uint cursor;   /* entries below have their state */
    atomic_int hand;      /* index in hand, -1: none */
    atomic_uint hand_end; /* those from hand to here are in hand */
    atomic_bool cut; /* the walk ends early: other partitions have waited long enough. Written by the engine thread */
    uint8_t then;    /* what moving on makes of what is in hand */
    bool claimed;    /* in hand is a claim */
    bool closed;
    bool full; /* of messages or bytes: there may be more; written before it is handed out */

    /* Guarded by the consumer's lock. */
    uint32_t refs;        /* the reader's, and one for each lend */
    bool unread;          /* the reader is gone */
    uint32_t settled;     /* entries below are known to the ledgers */
    uint32_t seen_cursor; /* for the age of the message in hand */
    int64_t seen_ms, opened_ms;
    dk_batch *next; /* list of open batches, or of spare ones */

    char *note; /* what dk_batch_note_of() lent; the owner's */
};

static inline dk__state
dk__entry_state(const dk__entry *e)
{
    return (dk__state)atomic_load_explicit(&e->state, memory_order_acquire);
}

static inline void
dk__entry_set(dk__entry *e, dk__state state)
{
    atomic_store_explicit(&e->state, (uint8_t)state, memory_order_release);
}

/* dk__ticket_forward - until dk__ticket_return() only the producer answers it, no copy of it. The entry that stands
 * for it; NULL: it was answered, or forwarded already. */
dk__entry *dk__ticket_forward(const dk_ticket *ticket);
dk_ticket dk__ticket_return(dk__entry *e);

/* dk__batch_get - a spare or new batch with room for cap entries; the caller is its reader. NULL: no memory. */
DK_MUST_CHECK dk_batch *dk__batch_get(dk_consumer *c, uint32_t cap);
/* dk__batch_slips - make room for tickets. The owner's. */
DK_MUST_CHECK dk_status dk__batch_slips(dk_batch *b);
/* dk__batch_drop - the reader is gone. Lock not held. */
void dk__batch_drop(dk_batch *b);
void dk__batches_free(dk_consumer *c); /* the spare ones */

/* dk__lend, dk__lend_end - somebody besides the reader needs the message of entry i. Lock held; the caller has a
 * reference to the consumer of its own. */
void dk__lend(dk_batch *b, uint32_t i);
void dk__lend_end(dk_batch *b, uint32_t i);

#endif
