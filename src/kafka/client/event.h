/* SPDX-License-Identifier: MIT
 *
 * The inside of an event, for those who make one, and of the queue.
 */
#ifndef DK_KAFKA_CLIENT_EVENT_H
#define DK_KAFKA_CLIENT_EVENT_H

#include "kafka/client/internal.h"

struct dk_event {
    const dk_alloc *alloc;
    dk_event *next; /* the queue's */
    dk_event_kind kind;
    int level;
    int kafka_err;
    bool fatal;
    bool droppable; /* the queue's */
    int32_t broker_id;
    int64_t value;
    const char *fac;  /* in the block of the event, as are all texts */
    const char *text; /* never NULL */
    size_t n_text;
    dk_partitions parts;
    void *load; /* what only its maker knows, and how that is freed; both may be NULL */
    void (*drop)(dk_event *ev);
    size_t n_wanted; /* DELIVERY: reports that somebody waits for */
    size_t n_failed; /* DELIVERY: reports of failures that nobody waits for */
};

struct dk__events {
    const dk_alloc *alloc;
    /* Guards what follows. Innermost: nothing is called with it held but the allocator. */
    pthread_mutex_t lock;
    dk_event *first, **last;
    dk_event *reserve; /* says "out of memory" when another event cannot be made */
    size_t droppable, droppable_bytes, failures;
    void (*notify)(void *ctx);
    void *notify_ctx;
    /* Read without the lock; written by whoever queues or takes, with it. */
    atomic_size_t len, reports;
    /* Counted by any thread. */
    atomic_ullong dropped;
    atomic_bool hushed; /* librdkafka's threads' */
};

/* An event with room for n more bytes behind it, at *tail. NULL: no memory. */
dk_event *dk__event_new(const dk_alloc *alloc, dk_event_kind kind, size_t n, char **tail);
/* One that has texts only. */
dk_event *dk__event_new_text(const dk_alloc *alloc, dk_event_kind kind, const char *fac, const char *text);
/* Copy n bytes to *tail and a NUL behind them, move *tail on. */
char *dk__event_put(char **tail, const void *bytes, size_t n);

#endif
