/* SPDX-License-Identifier: MIT
 *
 * The consumer's parts: what its files share.
 *
 * Locks. `lock` guards the partition table, trackers, held-back messages and the list of open batches. It is never held
 * while librdkafka may call back or wait for the network. Lock-free fields (atomics) are what the walk of a batch needs:
 * a partition's generation and gate, a batch's cursor.
 *
 * Partition queues. An assigned partition's librdkafka queue is not forwarded to the consumer's queue, so
 * rd_kafka_consumer_poll() on the engine thread serves membership and events only, and a partition that is held back is
 * simply not read: no pause, no seek, no second fetch.
 */
#ifndef DK_KAFKA_CONSUMER_INTERNAL_H
#define DK_KAFKA_CONSUMER_INTERNAL_H

#include "dk/consumer.h"
#include "kafka/client/internal.h"
#include "kafka/consumer/offsets.h"

#define DK__GATE_PAUSED 1u   /* by dk_consumer_pause() */
#define DK__GATE_REVOKING 2u /* a rebalance waits for the message in hand */
#define DK__GATE_SEEKING 4u  /* the queue still holds what was fetched before the seek */

#define DK__NOTE_WAIT_MS 30000 /* how long a message with a note waits for the broker to have it */

/* A fetched message that waits to be handed out (again). Its memory is its batch's. */
typedef struct dk__held_msg {
    rd_kafka_message_t *msg;
    dk_batch *owner; /* one reference; NULL: the message stands alone and is destroyed here */
} dk__held_msg;

/* Double-ended queue of held-back messages, by offset. */
typedef struct dk__held {
    dk__held_msg *ring;
    uint32_t cap, head, len;
} dk__held;

/* A partition that is or was assigned. Never freed before the consumer, so that entries of open batches can point here;
 * a partition that comes back gets its old struct with a new generation. */
typedef struct dk__part {
    const char *topic; /* the topic table's */
    uint32_t topic_id;
    int32_t partition;
    dk__wake *wake;
    atomic_uint generation; /* moves when what was handed out no longer counts: revocation, loss, seek */
    atomic_uint gate;       /* DK__GATE_*, 0: open */
    atomic_bool ready;      /* the queue may hold messages */
    bool back;              /* in the open batch a message was kept back: those behind it must be too (batch owner) */

    /* guarded by the lock */
    bool assigned;
    rd_kafka_queue_t *queue;
    dk__held held;
    int64_t due_ms; /* held back until then; 0: not */
    dk__offsets offsets;
    int64_t position;  /* offset behind the last message handed out */
    uint32_t deferred; /* tickets that are out */
    uint32_t owed;     /* messages in batches and tickets that may come back: `held` always has room for them */
    dk_batch *busy;    /* the open batch that has messages of this partition */
    rd_kafka_message_t *error; /* read from the queue, told when the messages before it have been walked */
    int64_t read;              /* offset of the last message read from the queue */
    /* Read from the queue, the first of a log that begins anew: nothing is handed out before the outcomes of the old one
     * are known. */
    rd_kafka_message_t *anew;
    char *note; /* commit metadata for as long as the mark is at note_offset */
    int64_t note_offset;
    bool note_dirty;   /* to be sent */
    bool note_pending; /* the broker does not have it yet: the message is not handed out */
    int64_t note_ms;   /* when it was made */
} dk__part;

enum { DK__NEW, DK__DONE, DK__KEPT, DK__STALE, DK__TAKEN, DK__DEFERRED };

typedef struct dk__entry {
    rd_kafka_message_t *msg;
    dk__part *part;
    dk_batch *owner;     /* whose memory msg is; one reference unless it is this batch */
    dk_batch *forwarded; /* the batch of this entry, while a copy of the message is on its way (forward.c) */
    uint32_t generation;
    uint8_t outcome; /* DK__*; final for entries below the batch's cursor */
} dk__entry;

struct dk_batch {
    dk_consumer *c; /* one reference */
    atomic_uint refs;
    uint32_t len, cap;
    dk__entry *entries;

    atomic_uint cursor; /* entries below have their outcome. Written by the owner */
    atomic_int hand;    /* index in hand, -1: none. Written by the owner */
    atomic_bool cut;    /* the walk ends early: other partitions have waited long enough */
    uint8_t outcome;    /* what moving on will write for the message in hand */
    bool closed;

    /* guarded by the consumer's lock */
    uint32_t settled;     /* entries below are known to the trackers */
    uint32_t seen_cursor; /* for the age of the message in hand */
    int64_t seen_ms, opened_ms;
    char note[256]; /* what dk_batch_note_of() lent */
    dk_batch *next; /* list of open batches, or of spare ones */
};

/* See member.c; the engine thread's. */
typedef struct dk__member {
    int32_t epoch;      /* as last seen */
    int32_t epoch_told; /* of the last assignment or revocation */
    int32_t epoch_at_loss;
    bool lost; /* a heartbeat timed out: the epoch is being looked at */
    int64_t lost_ms, changed_ms, quiet_ms;
} dk__member;

struct dk_consumer {
    dk__events *events; /* first: librdkafka's callbacks find it through the opaque */
    const dk_alloc *alloc;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue; /* the consumer queue: membership and events */
    dk__conf_info info;
    dk_consumer_opts opts;
    unsigned fork_generation;
    atomic_uint refs;
    dk__wake wake;
    atomic_bool stopping, woken, fatal, fetching;
    atomic_bool draining; /* the engine thread waits for a batch to move on */
    atomic_bool rebalance_ack;
    atomic_llong last_poll_ms;

    pthread_t thread;
    bool thread_started, thread_joined;
    bool incremental; /* engine thread: the group rebalances cooperatively */
    bool leaving;     /* engine thread: rd_kafka_consumer_close() is under way */
    dk__member member;

    pthread_mutex_t lock;
    pthread_cond_t changed; /* a batch moved on while draining, a ticket came back, an ack, closed */
    dk__part **parts;
    size_t n_parts, cap_parts;
    size_t next_part; /* where the next fill begins */
    char **topics;
    uint32_t n_topics, cap_topics;
    dk_batch *open;
    bool closing, quit;
    atomic_bool closed;
    dk_error close_err;
    uint64_t acks_wanted, acks; /* rebalance callbacks: asked for, answered */
    int64_t next_commit_ms;
    int64_t next_note_ms; /* when notes that the broker does not have are sent again */
    dk_counters counters;

    pthread_mutex_t spare_lock; /* innermost: guards the batches that wait to be used again */
    dk_batch *spare;
    uint32_t n_spare;
};

/* consumer.c */
dk_status dk__consumer_enter(const dk_consumer *c, dk_error *err); /* forked, closed? */
void dk__consumer_ref(dk_consumer *c);
void dk__consumer_unref(dk_consumer *c);
void dk__consumer_yield(dk_consumer *c); /* make the engine thread look around */
/* Wait on `changed` until the deadline (-1: none); lock held. False: the time is up. */
bool dk__consumer_wait(dk_consumer *c, int64_t deadline_ms);

/* partition.c; all with the lock held unless said otherwise */
dk__part *dk__part_find(const dk_consumer *c, const char *topic, int32_t partition);
DK_MUST_CHECK dk_status dk__part_assign(dk_consumer *c, const char *topic, int32_t partition);
void dk__part_revoke(dk_consumer *c, dk__part *part); /* forget what is held, let the queue go */
void dk__part_reset(dk_consumer *c, dk__part *part);  /* a new generation: what was handed out no longer counts */
bool dk__part_open(const dk__part *part, int64_t now_ms);
bool dk__part_quiet(const dk__part *part); /* nothing of it is held, in a batch or in a ticket */
bool dk__part_awaits_note(const dk__part *part, int64_t offset,
                          int64_t now_ms); /* that message is not handed out yet */
/* NULL: none any more. What earlier owners have left is on the broker already, what is made here is not. */
void dk__part_note(dk_consumer *c, dk__part *part, char *taken, int64_t offset);
void dk__part_note_new(dk_consumer *c, dk__part *part, char *taken, int64_t offset);
void dk__part_seek(dk_consumer *c, dk__part *part, int64_t offset); /* as reset, but for the note of that message */
void dk__parts_fini(dk_consumer *c);
DK_MUST_CHECK dk_status dk__held_reserve(dk_consumer *c, dk__held *h, uint32_t room);
void dk__held_insert(dk__held *h, dk__held_msg m); /* by offset; room must be reserved */
bool dk__held_pop(dk__held *h, dk__held_msg *out);
void dk__held_release(dk__held_msg m); /* drop the message or its reference */

/* batch.c */
DK_MUST_CHECK dk_batch *dk__batch_get(dk_consumer *c, uint32_t cap); /* spare or new, empty; NULL: no memory */
void dk__batch_unref(dk_batch *b);                                   /* the consumer's lock may be held */
void dk__batches_settle(dk_consumer *c);                             /* lock held: tell the trackers what is known */
void dk__batches_free(dk_consumer *c);                               /* the spare ones */

/* fetch.c */
/* End the walk of batches that have kept other partitions waiting; lock held. False: no batch is open. */
bool dk__batches_cut(dk_consumer *c, int64_t now_ms);
void dk__message_error(dk_consumer *c, rd_kafka_message_t *msg); /* lock not needed; destroys msg */

/* member.c; on the engine thread */
void dk__member_check(dk_consumer *c, int64_t now_ms); /* may an assignment have been missed? then join anew */
void dk__member_told(dk_consumer *c);                  /* one is coming */
/* One look: the present epoch, and whether a heartbeat has timed out since the last one. True: join anew. */
bool dk__member_missed(dk__member *m, int32_t epoch, bool lost, int64_t now_ms);

/* rebalance.c */
/* Leave the group, on the engine thread: wait (bounded) for outstanding tickets, commit what is finished, say goodbye. */
rd_kafka_resp_err_t dk__leave_group(dk_consumer *c);
void dk__rebalance_cb(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *parts, void *opaque);

/* commit.c */
/* Commit what is finished: of all partitions, or of those in `only`. Lock not held. */
rd_kafka_resp_err_t dk__commit_finished(dk_consumer *c, const rd_kafka_topic_partition_list_t *only, bool sync);
bool dk__commits(const dk_consumer *c);       /* does the engine commit by itself? */
bool dk__notes_to_send(const dk_consumer *c); /* lock held */

#endif
