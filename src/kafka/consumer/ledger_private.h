/* SPDX-License-Identifier: MIT
 *
 * The inside of a ledger, for the files ledger*.c alone: what goes in and out, outcomes, commits.
 *
 * Invariants: every message read is waiting, in a batch, out as a ticket, or finished; `owed` counts those in batches
 * and tickets, and there is always room for that many to come back; the tracker knows each that was handed out.
 */
#ifndef DK_KAFKA_CONSUMER_LEDGER_PRIVATE_H
#define DK_KAFKA_CONSUMER_LEDGER_PRIVATE_H

#include "kafka/consumer/ledger.h"
#include "kafka/consumer/note.h"
#include "kafka/consumer/offsets.h"
#include "kafka/consumer/rewind.h"

#define DK__EPOCHS 4

typedef struct dk__ledger_published {
    atomic_llong position, committed, oldest_ticket_ms, commit_latency_ms;
    atomic_ullong handled, failed;
    atomic_uint waiting, tickets;
} dk__ledger_published;

struct dk__ledger {
    atomic_uint generation;
    const dk_alloc *alloc;
    dk__ledger_rules *rules;
    dk__back back;   /* came back */
    dk__stock stock; /* read, never handed out */
    dk__offsets offsets;
    dk__note note;
    int64_t due_ms; /* held back until then; 0: not */
    int64_t read;   /* offset of the last message read */
    dk__rewind rewind;
    bool relogged; /* another log began: librdkafka's position may be the old one's */
    uint32_t owed, tickets;
    dk__slip *oldest, *newest;
    struct {
        int64_t from;
        int32_t epoch;
    } epochs[DK__EPOCHS]; /* leaders of what was handed out, the newest first */
    int64_t reached;      /* the mark, if dk__ledger_reach() has set it */
    int32_t reached_epoch;
    dk__ledger_published counts; /* read without the lock */
};

#define PUBLISH(l, name, value) atomic_store_explicit(&(l)->counts.name, (value), memory_order_relaxed)
#define COUNT(l, name) atomic_store_explicit(&(l)->counts.name, (l)->counts.name + 1, memory_order_relaxed)

/* A message waits, or no longer does. */
static inline void
dk__ledger_spend(dk__ledger *l, const rd_kafka_message_t *msg)
{
    l->rules->budget.bytes += dk__message_weight(msg);
    l->rules->budget.messages++;
    PUBLISH(l, waiting, l->back.len + l->stock.len);
}

static inline void
dk__ledger_earn(dk__ledger *l, const rd_kafka_message_t *msg)
{
    l->rules->budget.bytes -= dk__message_weight(msg);
    l->rules->budget.messages--;
    PUBLISH(l, waiting, l->back.len + l->stock.len);
}

/* Nothing of it is in a batch, in a ticket, or came back. */
static inline bool
dk__ledger_is_quiet(const dk__ledger *l)
{
    return l->owed == 0 && l->back.len == 0;
}

static inline void
dk__ledger_publish_tickets(dk__ledger *l)
{
    PUBLISH(l, tickets, l->tickets);
    PUBLISH(l, oldest_ticket_ms, l->oldest != NULL ? l->oldest->since_ms : 0);
}

#endif
