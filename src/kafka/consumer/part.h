/* SPDX-License-Identifier: MIT
 *
 * The partitions that are or were assigned, and how their messages come from librdkafka.
 *
 * The queues of assigned partitions are forwarded to one queue of ours, so librdkafka counts what it has read ahead
 * for all of them together, as it documents queued.max.messages.kbytes. From there intake.c puts messages into
 * ledgers. A partition that has more than its share while others wait is set apart: its queue is not forwarded, and
 * librdkafka stops reading ahead for it after one response.
 */
#ifndef DK_KAFKA_CONSUMER_PART_H
#define DK_KAFKA_CONSUMER_PART_H

#include "kafka/consumer/ledger.h"

#define DK__GATE_PAUSED 1u   /* by dk_consumer_pause() */
#define DK__GATE_REVOKING 2u /* a rebalance waits for what is in hand */
#define DK__GATE_SEEKING 4u  /* what was read before the seek may still come */
#define DK__GATE_CLOSED 8u   /* assigned here, but not in librdkafka yet: what comes is of the last assignment */

/* Never freed before the consumer, so that entries of open batches can point here; a partition that comes back gets
 * its old struct with a new generation. */
typedef struct dk__part {
    const char *topic; /* the topic table's */
    uint32_t topic_id;
    int32_t partition;
    dk_consumer *c;
    dk__ledger *ledger;
    const atomic_uint *generation; /* the ledger's */
    atomic_uint gate;              /* DK__GATE_*, 0: open. Written with the lock held, read by walks */
    atomic_bool stray; /* its queue was not forwarded and is no longer empty. Written by librdkafka's threads */
    bool back;         /* in the open batch a message was kept back: those behind it must be too. The batch owner's */

    /* Guarded by the lock. */
    atomic_bool assigned;   /* also read under the table lock alone */
    bool apart;             /* set apart: its queue is not forwarded */
    int64_t damage_due_ms;  /* when a batch that could not be read is asked for again; 0: there is none */
    int64_t damage_at;      /* its offset, as librdkafka says; negative: unknown */
    bool damage_again;      /* nothing could be read since the last one */
    int64_t circle_ms;      /* when it was told last that its log is served in a circle; 0: never */
    uint64_t assignment;    /* number of this assignment */
    uint32_t seeks;         /* under way */
    int64_t stale_position; /* librdkafka's position before the assignment or seek: says nothing */
    rd_kafka_queue_t *queue;
    dk_batch *busy; /* the open batch that has messages of this partition */
} dk__part;

typedef struct dk__topic_parts {
    char *name;
    dk__part **parts; /* by number; NULL: never assigned */
    uint32_t n_parts;
} dk__topic_parts;

/* All with the lock held. */
dk__part *dk__part_find(const dk_consumer *c, const char *topic, int32_t partition);
/* dk__part_assign - it is ours, but shut until librdkafka has it too and dk__part_begin() says so. */
DK_MUST_CHECK dk_status dk__part_assign(dk_consumer *c, const char *topic, int32_t partition);
void dk__part_begin(dk__part *part);
void dk__part_revoke(dk__part *part); /* forget what waits, let the queue go */
/* dk__part_seek_begin, _end - what comes after the seek is not read before it has ended. */
void dk__part_seek_begin(dk__part *part);
/* moved: it goes on from offset; what was read and handed out before counts no longer. */
void dk__part_seek_end(dk__part *part, bool moved, int64_t offset);
void dk__part_shut(dk__part *part, unsigned gate);
void dk__part_unshut(dk__part *part, unsigned gate);
/* May it give messages to a new batch? */
bool dk__part_is_open(const dk__part *part, int64_t now_ms);
void dk__part_set_apart(dk__part *part, bool apart);
/* Messages that are in no ledger yet are not wanted any more. */
void dk__part_drop_popped(dk__part *part);
/* Forward the queues that librdkafka has unforwarded. */
void dk__parts_forward_strays(dk_consumer *c);
/* The same for all of them, and have the intake looked at, whether librdkafka has said something or not. */
void dk__parts_look_again(dk_consumer *c);
/* librdkafka's position, DK_OFFSET_INVALID if it has none; *epoch of its last record, -1: unknown. */
int64_t dk__part_position(const dk__part *part, int32_t *epoch);
/* What librdkafka's position is now says nothing of what was read for us; what it becomes does. */
void dk__part_distrust_position(dk__part *part);
void dk__parts_fini(dk_consumer *c);

#endif
