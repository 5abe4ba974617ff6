/* SPDX-License-Identifier: MIT
 *
 * The messages of a partition that wait to be handed out: those that came back, lowest offset first, and those that
 * were never handed out, as they were read. Part of a ledger, guarded by what guards it.
 */
#ifndef DK_KAFKA_CONSUMER_HELD_H
#define DK_KAFKA_CONSUMER_HELD_H

#include "kafka/consumer/batch.h"
#include "kafka/consumer/message.h"

/* What waits in all ledgers of a consumer, and how much may be read ahead. */
typedef struct dk__budget {
    size_t bytes, max_bytes;
    uint64_t messages, max_messages;
} dk__budget;

/* A message that came back. */
typedef struct dk__held {
    int64_t offset;
    rd_kafka_message_t *msg;
    dk_batch *home; /* whose message it is, one lend; NULL: it stands alone */
    uint32_t home_index;
} dk__held;

/* A heap by offset: whatever the order in which they come back, each costs log n. */
typedef struct dk__back {
    dk__held *items;
    uint32_t len, cap;
} dk__back;

DK_MUST_CHECK dk_status dk__back_reserve(dk__back *h, const dk_alloc *alloc, uint32_t room);
void dk__back_push(dk__back *h, dk__held item); /* room must be reserved */
dk__held dk__back_pop(dk__back *h);             /* the lowest; not of an empty one */

/* A queue of what was read: messages, errors, and marks where another log begins. */
typedef struct dk__stock {
    uintptr_t *ring; /* power of two; the lowest bit is the mark */
    uint32_t cap, head, len;
    size_t bytes;
} dk__stock;

DK_MUST_CHECK dk_status dk__stock_reserve(dk__stock *s, const dk_alloc *alloc, uint32_t room);
void dk__stock_push(dk__stock *s, rd_kafka_message_t *msg, bool begins_log);
rd_kafka_message_t *dk__stock_head(const dk__stock *s, bool *begins_log); /* NULL: empty */
rd_kafka_message_t *dk__stock_pop(dk__stock *s);
/* Put copies in place of librdkafka's messages, which keep whole responses in memory. Without memory some stay. */
void dk__stock_own(dk__stock *s, const dk_alloc *alloc);
void dk__back_own(dk__back *h, const dk_alloc *alloc);

#endif
