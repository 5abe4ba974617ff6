/* SPDX-License-Identifier: MIT
 *
 * A consumer without a broker or a thread: partitions with their ledgers, filled by hand, and batches of what they
 * hand out. Everything that needs no librdkafka works on it: the walk, tickets, notes, claims, store, pause.
 */
#ifndef DK_TEST_BROKERLESS_H
#define DK_TEST_BROKERLESS_H

#include "dk_test.h"
#include "kafka/consumer/handle.h"

#define BL_PARTS_MAX 8

typedef struct brokerless {
    dk_consumer c;
    dk__part parts[BL_PARTS_MAX]; /* of topic "t" */
    dk__part *table[BL_PARTS_MAX];
    dk__topic_parts topic;
    dk_alloc messages;    /* where messages come from, to count them */
    atomic_size_t living; /* messages that are not freed */
    bool destroyed;
} brokerless;

/* Its memory is dk_test_alloc()'s. False without memory; nothing is left then. Batches, partitions and messages
 * must be back when it is closed. */
bool bl_open(brokerless *x, int parts);
void bl_close(brokerless *x);

/* A message whose value is its offset as text, or an error (-1: the one of a partition that goes on later) put into a
 * partition's ledger. */
rd_kafka_message_t *bl_message(brokerless *x, int64_t offset, int32_t epoch, dk_slice value);
rd_kafka_message_t *bl_error(brokerless *x, int64_t offset);
void bl_receive(brokerless *x, int part, int64_t offset);
void bl_receive_run(brokerless *x, int part, int64_t from, int n);

/* The next batch of what may be handed out at now_ms, linked into the open ones; NULL: nothing. Errors on the way
 * are dropped. */
dk_batch *bl_fetch(brokerless *x, uint32_t max, int64_t now_ms);
/* The same now, and it has n messages. */
dk_batch *bl_must_fetch(brokerless *x, uint32_t max, uint32_t n);
/* A batch into which the caller hands out by itself, and what to do before it is used or dropped. */
dk_batch *bl_batch(brokerless *x, uint32_t cap);
void bl_batch_open(brokerless *x, dk_batch *b);

void bl_start_over(brokerless *x, int part);
void bl_seek(brokerless *x, int part, int64_t offset);
void bl_pause(brokerless *x, int part, bool on);
void bl_settle(brokerless *x);
/* Settled first; DK_OFFSET_INVALID: nothing to commit. */
int64_t bl_mark(brokerless *x, int part);

#endif
