/* SPDX-License-Identifier: MIT
 *
 * The consumer's handle: what its files share.
 *
 * Locks, outermost first: `lock`, then `table_lock`, `spare_lock`, the locks of the event queue and of librdkafka's
 * queues. `lock` guards everything that has no other owner in its comment. It is never held while librdkafka may call
 * back or wait for the network. `table_lock` guards the growth of the table of partitions, for those who read numbers
 * without `lock`.
 */
#ifndef DK_KAFKA_CONSUMER_HANDLE_H
#define DK_KAFKA_CONSUMER_HANDLE_H

#include "kafka/consumer/part.h"

#define DK__POP_MAX 512 /* messages that are taken from librdkafka at a time */

/* See member.c. */
typedef struct dk__member {
    atomic_bool
        plain; /* librdkafka sends no full requests: one was answered, and no connection broken since. Its threads' */
    atomic_bool missed; /* an answer to a heartbeat was lost; the same */
    atomic_bool leaves; /* the group is being left; set by the engine thread */
} dk__member;

struct dk_consumer {
    dk__events *events; /* first: librdkafka's callbacks find it through the opaque */
    const dk_alloc *alloc;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;  /* the consumer queue: membership and events */
    rd_kafka_queue_t *intake; /* what was fetched, of all partitions */
    dk__conf_info info;
    dk_tokens *tokens;     /* NULL: it needs none */
    dk_consumer_opts opts; /* constant once the thread runs */
    unsigned fork_generation;
    void (*destroy)(dk_consumer *c);
    atomic_uint refs;
    dk__wake wake;
    atomic_bool stopping, woken, fatal, fetching;
    atomic_bool readable; /* the intake may hold messages. Raised by librdkafka's threads */
    atomic_bool strays;   /* a partition's queue has to be forwarded. The same */
    atomic_bool draining; /* the engine thread waits for a batch to move on */
    atomic_bool rebalance_ack, assign_ack;
    atomic_bool commits_held; /* by dk_consumer_hold_commits() */
    atomic_llong last_poll_ms;

    pthread_t thread;
    bool thread_started, thread_joined;
    bool told_of_leaving;    /* engine thread: the application knows that all partitions go */
    atomic_bool incremental; /* the group rebalances cooperatively; written by the engine thread */
    dk__member member;

    pthread_mutex_t lock;
    pthread_cond_t changed; /* a batch moved on while draining, a ticket came back, an ack, closed */
    dk__ledger_rules rules;
    dk__part **parts; /* in the order of their first assignment */
    size_t n_parts, cap_parts;
    size_t next_part; /* where the next fill begins */
    dk__topic_parts *topics;
    uint32_t n_topics, cap_topics;
    uint64_t assignments;
    dk_batch *open;
    rd_kafka_message_t *popped[DK__POP_MAX]; /* taken from librdkafka, in no ledger yet */
    uint32_t n_popped, at_popped;
    bool closing, quit;
    bool closed_blindly; /* by dk_consumer_close(), whose caller takes no events meanwhile */
    atomic_bool closed;
    int64_t close_by_ms; /* when the time of dk_consumer_close() is up; -1: never */
    dk_error close_err;
    uint64_t told, taken, acked;                  /* rebalance events: queued, taken, answered */
    bool assigning;                               /* an ASSIGN waits for its answer */
    const rd_kafka_topic_partition_list_t *asked; /* its partitions; the engine thread's list */
    rd_kafka_topic_partition_list_t *answer;      /* that the application gave to it; NULL: none yet */
    int64_t next_commit_ms;
    int64_t next_look_ms; /* when the queues are looked at again; the engine thread's */
    int64_t next_note_ms; /* when notes that the broker does not have are sent again */
    int64_t relog_told_ms, relog_untold;
    dk_counters counters;

    pthread_mutex_t table_lock;

    pthread_mutex_t spare_lock; /* the batches that wait to be used again */
    dk_batch *spare;
    uint32_t n_spare;
};

/* handle.c */
dk_status dk__consumer_enter(const dk_consumer *c, dk_error *err); /* forked, closed? */
void dk__consumer_ref(dk_consumer *c);
void dk__consumer_unref(dk_consumer *c); /* lock not held, or somebody else has a reference */
void dk__consumer_yield(dk_consumer *c); /* make the engine thread look around */
/* Wait on `changed` until the deadline (-1: none); lock held. False: the time is up. */
bool dk__consumer_wait(dk_consumer *c, int64_t deadline_ms);
bool dk__consumer_ends(const dk_consumer *c); /* closed or freed: lock held */

/* intake.c; lock held */
/* Put what librdkafka has read into the ledgers: as much as the budget allows. With `wanted` for a batch: at least so
 * many messages should wait, and no partition goes without because others have all of the budget. DK_ENOMEM: what
 * could not be put waits for the next call. */
DK_MUST_CHECK dk_status dk__intake(dk_consumer *c, uint64_t wanted);
/* Is the budget spent, while a partition that could go on has nothing? A call with `wanted` makes room for it. */
bool dk__intake_is_short(const dk_consumer *c);
DK_MUST_CHECK dk_status dk__intake_message(dk_consumer *c, rd_kafka_message_t *msg); /* takes msg on DK_OK */
void dk__intake_drop(dk_consumer *c);

/* fetch.c; lock held */
/* End the walk of batches that have kept other partitions waiting. False: no batch is open. */
bool dk__batches_cut(dk_consumer *c, int64_t now_ms);

/* tell.c: errors of partitions, as events */
void dk__tell_error(dk_consumer *c, rd_kafka_message_t *msg); /* lock not needed; destroys msg */

/* settle.c; lock held */
void dk__settle_open(dk_consumer *c); /* tell the ledgers what the walks have left behind */
void dk__settle(dk_batch *b);

/* commit.c; lock not held */
typedef struct dk__commit_how {
    const rd_kafka_topic_partition_list_t *only; /* NULL: all partitions */
    bool sync;
    int64_t by_ms; /* sync: when to give up; -1: never */
} dk__commit_how;

/* What is finished. A result comes as an event, but for a sync one with *result (may be NULL), which is then the
 * caller's. _NO_OFFSET: nothing to commit. */
rd_kafka_resp_err_t dk__commit_finished(dk_consumer *c, dk__commit_how how, rd_kafka_topic_partition_list_t **result);
rd_kafka_resp_err_t dk__commit_list(dk_consumer *c, rd_kafka_topic_partition_list_t *list, dk__commit_how how,
                                    rd_kafka_topic_partition_list_t **result);
bool dk__commits(const dk_consumer *c);       /* does the engine commit by itself? */
bool dk__notes_to_send(const dk_consumer *c); /* lock held */

/* coordinator.c; lock not held */
bool dk__coordinator_moves(rd_kafka_resp_err_t rkerr); /* the group's coordinator will answer a moment later */
/* Wait a moment if it does. True: ask again; false: another error, the time is up (by_ms; -1: never), or all ends. */
bool dk__coordinator_wait(dk_consumer *c, rd_kafka_resp_err_t rkerr, int64_t by_ms);

/* member.c */
void dk__member_watch(dk_consumer *c, rd_kafka_conf_t *conf);       /* before the client is made */
bool dk__member_breaks(const dk__member *m);                        /* a heartbeat was sent: break its connection? */
void dk__member_answered(dk__member *m, rd_kafka_resp_err_t rkerr); /* how a heartbeat ended */

/* position.c: do act to each assigned partition of the list; the others get an error of their own. Lock not held. */
dk_status dk__each_part(dk_consumer *c, dk_partitions *parts, void (*act)(dk_consumer *, dk__part *, dk_partition *),
                        dk_error *err);

/* drain.c; lock held */
void dk__drain(dk_consumer *c,
               int64_t deadline_ms); /* wait for what is in hand of the partitions whose gate is closed */

/* assign.c */
/* Ours, but shut; open, once librdkafka has them; forgotten. Lock not held, but for the last. */
DK_MUST_CHECK dk_status dk__assign_give(dk_consumer *c, const rd_kafka_topic_partition_list_t *parts);
void dk__assign_begin(dk_consumer *c, const rd_kafka_topic_partition_list_t *parts);
void dk__assign_forget(dk_consumer *c, const rd_kafka_topic_partition_list_t *parts);

/* rebalance.c */
void dk__rebalance_cb(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *parts, void *opaque);
/* Wait for the application's answer to the event that was told last: at most until by_ms (-1: no limit), and not when
 * nobody can answer any more. Lock held. */
void dk__rebalance_await(dk_consumer *c, int64_t by_ms);
bool dk__rebalance_answers(const dk_consumer *c);           /* will it answer a revocation? Lock held */
void dk__tell_circle(dk_consumer *c, const dk__part *part); /* lock held */
void dk__tell_rebalance(dk_consumer *c, dk_event_kind kind,
                        const rd_kafka_topic_partition_list_t *parts); /* unlocked */
void dk__report(dk_consumer *c, rd_kafka_resp_err_t rkerr, rd_kafka_error_t *rderr, const char *what);

/* damage.c; lock held */
bool dk__damage_is(rd_kafka_resp_err_t err);
void dk__damage_stop(dk__part *part, int64_t offset); /* after an error at this offset */
void dk__damage_retry(dk_consumer *c, int64_t now_ms);

/* leave.c: on the engine thread */
void dk__leave_group(dk_consumer *c);

/* engine.c */
DK_MUST_CHECK dk_status dk__engine_start(dk_consumer *c, dk_error *err);
void dk__engine_join(dk_consumer *c);

#endif
